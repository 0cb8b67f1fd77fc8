"""The command line on homes that the real codex binaries wrote, and on damaged files."""

from __future__ import annotations

import json
import re

import pytest

from rollout.cli.main import main
from support import shared_path

pytestmark = [pytest.mark.corpus, pytest.mark.slow]

HOMES = ["codex-0.100.0", "codex-0.169.0", "mutants/home", "extras/v0.169.0-compressed"]
ACTING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


@pytest.mark.parametrize("name", HOMES)
def test_every_thread_can_be_shown(name: str, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    """Every thread that is listed is shown as safe text and as one document, with status 0, or 1 and one line."""
    home = str(shared_path("corpus", name))
    assert main(["list", "--all", "--json", "--home", home]) == 0
    listed = json.loads(capfdbinary.readouterr().out)["threads"]

    assert listed
    for thread in listed:
        for form in ([], ["--json"], ["--tail", "2"]):
            status = main(["show", thread["id"], "--home", home, *form])
            out, err = capfdbinary.readouterr()
            assert status in (0, 1), (thread["path"], err)
            assert status == err.count(b"\n"), (thread["path"], err)
            text = out.decode()
            assert not (form != ["--json"] and ACTING.search(text)), thread["path"]
            if form == ["--json"]:
                assert json.loads(text)["schema"] == "rollout.show/1"
