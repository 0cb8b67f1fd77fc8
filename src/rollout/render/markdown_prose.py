"""Markdown that somebody else wrote, taken apart: code blocks, code spans, and prose.

The exports write their own Markdown or HTML around these parts, so that nothing in a message can end a block,
begin one, fetch an image or run. What is no part that we know is prose, and prose is escaped.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})[ \t]*([^`\s]{0,40})[^`]*$")
_RUN = re.compile(r"`+")
_LINKS = re.compile(r"\]\((?!https?://[^\s()<>]*\)|mailto:[^\s()<>]*\)|#)")
_INSIDE = r"(?:[ \t]*(?:>|[-+*](?=\s)|\d{1,9}[.)](?=\s)))*[ \t]*"  # quotations and lists may hold what a line may
_DEFINITION = re.compile(rf"^({_INSIDE}\[[^\]]*\]):")
_HEADING = re.compile(rf"^({_INSIDE})(#{{1,6}})(?=\s|$)")
_RULE = re.compile(rf"^({_INSIDE})([-=_*])(?=[-=_*\s]*$)")
_LANGUAGE = re.compile(r"[^A-Za-z0-9_+.#-]")


class Part(NamedTuple):
    """A stretch of a message: a block of code with its language, or prose."""

    text: str
    code: bool = False
    language: str = ""


def parts(message: str) -> Iterator[Part]:
    """Code blocks and the prose between them, in order; a block that nobody ended goes to the end."""
    lines: list[str] = []
    fence = language = ""
    for line in message.split("\n"):
        found = _FENCE.match(line)
        if fence:
            if found and found[1].startswith(fence) and line.strip() == found[1]:
                yield Part("\n".join(lines), code=True, language=language)
                lines, fence = [], ""
                continue
        elif found:
            if lines:
                yield Part("\n".join(lines))
            lines, fence, language = [], found[1], _LANGUAGE.sub("", found[2])
            continue
        lines.append(line)
    if lines or fence:
        yield Part("\n".join(lines), code=bool(fence), language=language if fence else "")


def spans(line: str) -> Iterator[tuple[str, bool]]:
    """The text of a line of prose in pieces, each with whether it is a code span (its backticks left off)."""
    at = 0
    runs = list(_RUN.finditer(line))
    number = 0
    while number < len(runs):
        length = len(runs[number][0])
        closing = next((later for later in range(number + 1, len(runs)) if len(runs[later][0]) == length), None)
        if closing is None:
            number += 1
            continue
        if runs[number].start() > at:
            yield line[at : runs[number].start()], False
        yield line[runs[number].end() : runs[closing].start()], True
        at, number = runs[closing].end(), closing + 1
    if at < len(line):
        yield line[at:], False


def fenced(text: str, language: str = "") -> str:
    """A code block whose fence is longer than any run of backticks inside (and so cannot be ended by it)."""
    longest = max((len(run) for run in _RUN.findall(text)), default=0)
    fence = "`" * max(3, longest + 1)
    body = text if text.endswith("\n") or not text else text + "\n"
    return f"{fence}{language}\n{body}{fence}\n"


def code_span(text: str) -> str:
    """Text on one line as a code span, whatever it holds."""
    if not text.strip():
        return "` `"
    longest = max((len(run) for run in _RUN.findall(text)), default=0)
    ticks = "`" * (longest + 1)
    padding = " " if text[0] in "` " or text[-1] in "` " else ""
    return f"{ticks}{padding}{text}{padding}{ticks}"


def tame(prose: str) -> str:
    """Prose that stays prose: emphasis, lists and web links work; HTML, images, references, headings do not.

    Every backtick that is not part of a code span on its line is escaped, and so is every backslash: what a reader
    of Markdown takes for code is exactly what is taken for code here.
    """
    return "\n".join(map(_tame_line, prose.split("\n")))


def _tame_line(line: str) -> str:
    told = "".join(code_span(text) if is_code else _escape(text) for text, is_code in spans(line))
    told = _HEADING.sub(r"\1\\\2", told)
    told = _DEFINITION.sub(r"\1\\:", told)
    return _RULE.sub(r"\1\\\2", told)


def _escape(text: str) -> str:
    text = text.replace("\\", "\\\\").replace("`", "\\`").replace("&", "&amp;").replace("<", "&lt;")
    return _LINKS.sub(r"]\\(", text.replace("![", "!\\["))
