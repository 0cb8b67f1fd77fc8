"""``rollout export`` writes threads for people and programs, and changes nothing in the home."""

from __future__ import annotations

import gzip
import json
import stat
from typing import TYPE_CHECKING

import pytest

from cli.homes import Home, thread_id, turn

if TYPE_CHECKING:
    from pathlib import Path

    from cli.conftest import Rollout

SECRET = "ghp_" + "a1B2" * 9
CONTEXT = ("response_item", {
    "type": "message", "role": "user",
    "content": [{"type": "input_text", "text": "# AGENTS.md instructions for /work\n\nobey the zebra"}],
})  # fmt: skip


@pytest.fixture(autouse=True)
def _threads(home: Home) -> None:
    home.add(1, [CONTEXT, *turn(f"use {SECRET}", "**done** <script>")])
    home.add(2)


@pytest.mark.parametrize("kind", ["md", "html", "json", "jsonl", "openai", "otlp"])
def test_every_format_goes_to_a_file_or_to_standard_output(
    rollout: Rollout, home: Home, tmp_path: Path, kind: str
) -> None:
    """Both have the same bytes; the file is private; its name is what standard output has; the home is untouched."""
    before, target = home.state(), tmp_path / "out.file"
    printed = rollout("export", thread_id(1), "--format", kind)
    written = rollout("export", thread_id(1), "--format", kind, "-o", str(target))

    assert (printed.status, written.status) == (0, 0)
    assert printed.out == target.read_text()
    assert written.out == f"{target}\n"
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert before == home.state()


@pytest.mark.parametrize(
    "name", ["a.md", "a.html", "a.jsonl", "a.json", "a.openai.json", "a.otlp.json", "a.txt", "a.html.gz"]
)
def test_the_name_of_the_file_tells_the_format(rollout: Rollout, tmp_path: Path, name: str) -> None:
    """Without --format the name's end decides, and Markdown is what is left."""
    rollout("export", thread_id(2), "-o", str(tmp_path / name))
    data = (tmp_path / name).read_bytes()
    begins = {"a.md": "# ", "a.html": "<!DOC", "a.jsonl": '{"timestamp', "a.json": '{"schema":"rollout.bundle', "a.openai.json": "[",
              "a.otlp.json": '{"resourceSpans"', "a.txt": "# ", "a.html.gz": "<!DOC"}  # fmt: skip

    text = (gzip.decompress(data) if name.endswith(".gz") else data).decode()
    assert text.startswith(begins[name])


@pytest.mark.parametrize("kind", ["md", "html"])
def test_secrets_and_context_stay_at_home_by_default(rollout: Rollout, kind: str) -> None:
    """What looks like a secret goes, and its kind is counted; context is left out; options bring both back."""
    run = rollout("export", thread_id(1), "--format", kind)
    whole = rollout("export", thread_id(1), "--format", kind, "--full", "--no-redact")

    assert SECRET not in run.out
    assert "Redacted (github token: 1)" in run.err
    assert "zebra" not in run.out
    assert "--full shows them" in run.out
    assert SECRET in whole.out.replace("\\", "")
    assert "zebra" in whole.out


def test_exact_formats_say_that_they_hide_nothing(rollout: Rollout) -> None:
    """A bundle is exact; messages and spans are, unless --redact is given."""
    assert "Nothing is redacted" in rollout("export", thread_id(1), "--format", "json").err
    assert SECRET in rollout("export", thread_id(1), "--format", "openai").out
    for kind in ("openai", "otlp"):
        run = rollout("export", thread_id(1), "--format", kind, "--redact")
        assert SECRET not in run.out
        assert "github token" in run.err


def test_many_threads_go_into_a_folder_with_an_index(rollout: Rollout, tmp_path: Path) -> None:
    """A file for each thread and a page that links them."""
    run = rollout("export", thread_id(1), thread_id(2), "--format", "html", "-o", f"{tmp_path}/out/")
    index = (tmp_path / "out" / "index.html").read_text()

    assert run.status == 0
    assert [f"{thread_id(number)}.html" for number in (1, 2)] == sorted(path.name for path in tmp_path.rglob("0*.html"))
    assert all(f'href="./{thread_id(number)}.html"' in index for number in (1, 2))
    assert SECRET not in index
    assert stat.S_IMODE((tmp_path / "out").stat().st_mode) == 0o700


def test_many_threads_fit_into_one_bundle(rollout: Rollout, tmp_path: Path) -> None:
    """A bundle holds as many threads as are named."""
    rollout("export", thread_id(1), thread_id(2), "-o", str(tmp_path / "two.json"))

    elements = json.loads((tmp_path / "two.json").read_text())["stream"]
    assert elements[0]["bundle"]["threads"] == [thread_id(1), thread_id(2)]


def test_nothing_is_replaced(rollout: Rollout, tmp_path: Path) -> None:
    """A file or an index that stands there stops the export."""
    (tmp_path / "a.md").write_text("mine")
    (tmp_path / "index.md").write_text("mine")
    run = rollout("export", thread_id(1), "-o", str(tmp_path / "a.md"))
    folder = rollout("export", thread_id(1), "-o", str(tmp_path))

    assert (run.status, folder.status) == (5, 5)
    assert "exists already" in run.err
    assert "exists already" in folder.err
    assert {"a.md", "index.md", "home"} == {path.name for path in tmp_path.iterdir()}


@pytest.mark.parametrize(
    "options",
    [
        [thread_id(2), "--format", "md"],
        ["--format", "json", "--redact"],
        ["--format", "jsonl", "--redact"],
        ["--format", "openai", "--full"],
        ["--format", "md", "--json"],
    ],
)
def test_wrong_usage_is_told(rollout: Rollout, options: list[str]) -> None:
    """What cannot be done is said, and nothing is printed."""
    run = rollout("export", thread_id(1), *options)

    assert (run.status, run.out) == (2, "")


def test_json_tells_what_was_written(rollout: Rollout, tmp_path: Path) -> None:
    """Each file with what was taken out of it and left out."""
    run = rollout("export", thread_id(1), "-o", str(tmp_path / "a.md"), "--json")
    file = run.document["files"][0]

    assert run.document["schema"] == "rollout.export/1"
    assert file["path"] == str(tmp_path / "a.md")
    assert file["redacted"] == {"github token": file["redacted"]["github token"]}
    assert file["hiddenContext"] == 1


def test_damage_is_marked_told_and_a_finding(rollout: Rollout, home: Home) -> None:
    """A damaged thread gives its good lines, says where it is damaged, and the status is 1."""
    path = home.add(3)
    path.write_bytes(path.read_bytes() + b"{torn\n")
    run = rollout("export", thread_id(3))

    assert run.status == 1
    assert "**Damage:** 6 bytes" in run.out
    assert "1 damaged stretch" in run.err


@pytest.mark.slow
def test_a_terminal_is_safe(terminal: Rollout, home: Home) -> None:
    """Nothing that a thread holds acts on a terminal, in any format."""
    home.add(4, turn("\x1b]0;x\x07\x1b[2J\u202e", "\x9b31m"))
    for kind in ("md", "html", "jsonl", "openai", "otlp", "json"):
        run = terminal("export", thread_id(4), "--format", kind)
        assert not set("\x1b\x07\u202e\x9b") & set(run.out), kind
