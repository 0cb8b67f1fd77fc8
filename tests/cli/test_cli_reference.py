"""The reference page of the command line."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.skipif(sys.version_info >= (3, 13), reason="argparse spells options otherwise from Python 3.13 on")
def test_the_page_is_what_help_says() -> None:
    """docs/reference/cli.md is made from --help and current."""
    script = ROOT / "scripts" / "cli_reference.py"

    done = subprocess.run([sys.executable, str(script), "--check"], capture_output=True, text=True, check=False)

    assert (0, "") == (done.returncode, done.stderr)
