"""Markdown in colour, by rich: what a terminal gets of an answer.

rich lays out; what it lays out is made safe once more afterwards, since Markdown can spell any character as an
entity. Nothing but text and colours comes out: no links, no controls.
"""

from __future__ import annotations

from io import StringIO
from typing import TYPE_CHECKING

from markdown_it import MarkdownIt
from rich.color import ColorSystem
from rich.console import Console
from rich.markdown import Markdown
from rich.segment import Segment

from rollout.render.safe import safe

if TYPE_CHECKING:
    from collections.abc import Iterable

_LONGEST = 40_000


class MarkdownPainter:
    """Lays out Markdown for a terminal of some columns; call it with a text."""

    def __init__(self, width: int) -> None:
        """Make the console that lays out; nothing is written to it."""
        self._console = Console(
            file=StringIO(), width=width, force_terminal=True, color_system="standard", emoji=False, highlight=False
        )
        self._markdown = Markdown("", hyperlinks=False, code_theme="ansi_dark", inline_code_theme="ansi_dark")
        self._parser = MarkdownIt().enable("strikethrough").enable("table")  # what rich makes anew for each text

    def __call__(self, text: str) -> str:
        """The text laid out, without a newline at its end; a very long one only made safe."""
        if len(text) > _LONGEST:
            return safe(text)
        self._markdown.parsed = self._parser.parse(safe(text))
        laid_out = self._console.render(self._markdown)
        lines = map(_line, Segment.split_lines(segment for segment in laid_out if not segment.control))
        return "\n".join(lines).strip("\n")


def _line(segments: Iterable[Segment]) -> str:
    kept = list(segments)
    while kept and not kept[-1].text.strip() and not (kept[-1].style and kept[-1].style.bgcolor):
        kept.pop()
    if kept and not (kept[-1].style and kept[-1].style.bgcolor):
        kept[-1] = kept[-1]._replace(text=kept[-1].text.rstrip())
    return "".join(map(_painted, kept))


def _painted(segment: Segment) -> str:
    text = safe(segment.text)
    if segment.style is None:
        return text
    return segment.style.update_link(None).render(text, color_system=ColorSystem.STANDARD)
