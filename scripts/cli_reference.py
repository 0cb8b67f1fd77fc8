"""Write docs/reference/cli.md from the commands' own ``--help``; with ``--check`` only say whether it is current."""

from __future__ import annotations

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "reference" / "cli.md"
WIDTH = "100"

HEAD = """\
# The command line

This page is made by `python scripts/cli_reference.py` from `--help`; do not edit it.

Standard output carries data only; notes and errors go to standard error. `--json` gives one document, except for
`rollout record`, which answers line by line; times in it are UTC with milliseconds. Nothing of a thread can act on
a terminal: control characters, escape sequences and bidirectional controls are shown, not sent.
"""


def page() -> str:
    """The page as it must be."""
    os.environ["COLUMNS"] = WIDTH
    from rollout.cli.commands import COMMANDS  # noqa: PLC0415 - after the path and the width are set
    from rollout.cli.options import command_parser, top_help  # noqa: PLC0415 - the same

    parts = [HEAD, _section("rollout", top_help())]
    parts += [_section(f"rollout {name}", command_parser(name)[1].format_help()) for name in COMMANDS]
    return "\n".join(parts)


def _section(title: str, text: str) -> str:
    return f"## {title}\n\n```text\n{text.rstrip()}\n```\n"


def main() -> int:
    """Write the page, or compare it."""
    sys.path.insert(0, str(ROOT / "src"))
    made = page()
    if "--check" in sys.argv[1:]:
        current = PAGE.exists() and PAGE.read_text() == made
        if not current:
            sys.stderr.write(f"{PAGE} is not current: run python scripts/cli_reference.py\n")
        return 0 if current else 1
    PAGE.write_text(made)
    return 0


if __name__ == "__main__":
    sys.exit(main())
