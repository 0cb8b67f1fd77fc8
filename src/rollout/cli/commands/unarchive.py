"""``rollout unarchive``: bring archived threads back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rollout.cli.commands.archive import move
from rollout.cli.lifecycle import add_codex_index, add_threads

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from rollout.cli.output import Output

DESCRIPTION = """
Move archived threads back, with all their files: the same bytes under the same names, in the folder of the date that
stands in the name. Their file times stay as they are.

On a thread that is not archived this changes nothing in the home, and tells Codex's database where the thread is: do
that when another command could not.
"""


def options(parser: ArgumentParser) -> None:
    """The options of ``rollout unarchive``."""
    add_threads(parser)
    add_codex_index(parser)


def run(args: Namespace, out: Output) -> int:
    """Unarchive."""
    return move(args, out, archived=False)
