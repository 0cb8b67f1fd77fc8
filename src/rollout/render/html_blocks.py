"""Things of a thread as pieces of HTML: what an exported page and the web pages have in common.

Text is escaped here and nowhere trusted; the tags are ours alone. What a page around this may load, its content
security policy says. Constant memory, but for the list of turns.
"""

from __future__ import annotations

import re
from html import escape
from typing import TYPE_CHECKING

from rollout.render.images import inline
from rollout.render.markdown_prose import parts, spans
from rollout.render.outcome import outcome, verdict
from rollout.render.safe import safe, safe_line
from rollout.render.sharing import counted
from rollout.times import parse_ms, to_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rollout.render.sharing import Item
    from rollout.render.shown import Entry

_OPEN_LINES = 14
_OPEN_CHARACTERS = 2_000
_SUMMARY = 160
_PIECE = 1 << 20
_MOST_TURNS = 10_000
_BOLD = re.compile(r"\*\*(?=\S)([^*\n]{1,200}?)(?<=\S)\*\*")
_HEADING = re.compile(r"^#{1,6}[ \t]+(.*?)[ \t#]*$")
_BLANKS = re.compile(r"\n\s*\n")
_RUN_FACTS = re.compile(
    r"(?:(?:Chunk ID|Exit code|Wall time|Process exited|Original token count|Total output lines)[^\n]{0,80}\n)+Output:\n"
)
_DIFF_START = re.compile(r"(?m)^(?:diff --git |--- .*\n\+\+\+ |\*\*\* Begin Patch|@@ -\d)")
_MARKS = (("+++", "f"), ("---", "f"), ("***", "f"), ("diff ", "f"), ("add ", "f"), ("update ", "f"), ("delete ", "f"),
          ("@@", "h"), ("+", "a"), ("-", "d"))  # fmt: skip


class Transcript:
    """The state between two items: which turn is open, and which turns there were. A turn 0 has no number.

    ``address`` gives the place of an image, "" where it is not to be shown: by default the image itself, in the page.
    """

    def __init__(self, address: Callable[[Entry, int], str] = inline) -> None:
        """No turn has begun."""
        self._address = address
        self.pictures = 0
        self._turns: list[tuple[int, str]] = []
        self._after_tool = False

    def item(self, item: Item) -> Iterator[str]:
        """One thing of the thread; a turn that begins closes the section before it and opens its own."""
        entry = item.entry
        if entry.kind == "user":
            yield from self._begin_turn(item)
        elif entry.kind == "output":
            yield from _output(item, alone=bool(item.whose) or not self._after_tool)
        else:
            block = "".join(_BLOCKS.get(entry.kind, _other)(entry))
            yield f'<div class="dropped">{block}</div>\n' if item.dropped else block
        yield from self._pictures(entry)
        self._after_tool = entry.kind in ("call", "patch", "plan") and not item.dropped

    def _begin_turn(self, item: Item) -> Iterator[str]:
        if item.turn and len(self._turns) < _MOST_TURNS:
            self._turns.append((item.turn, short(safe_line(item.entry.text[: 4 * _SUMMARY]), _SUMMARY // 2)))
        label = " · rolled back: the model no longer sees it" if item.dropped else ""
        anchor, name = (f"turn-{item.turn}", f"Turn {item.turn}") if item.turn else (f"asked-{item.entry.n}", "Turn")
        yield f'</section>\n<section class="turn" id="{anchor}"><h2><a href="#{anchor}">{name}</a>'
        yield f"{_time(item.entry.timestamp)}{label}</h2>\n"
        yield f'<div class="user{" dropped" if item.dropped else ""}">{_prose(item.entry.text)}</div>\n'

    def _pictures(self, entry: Entry) -> Iterator[str]:
        for number in range(len(entry.images)):
            if address := self._address(entry, number):
                self.pictures += 1
                yield f'<img class="picture" loading="lazy" alt="image {number + 1} of this message" src="{escape(address)}">\n'

    def turns(self) -> Iterator[str]:
        """The list of turns; it stands at the end of the file, since only then all are known."""
        if len(self._turns) < 2:
            return
        yield '<nav class="turns" aria-label="Turns"><h2>Turns</h2><ol>\n'
        for number, told in self._turns:
            yield f'<li value="{number}"><a href="#turn-{number}">{text_html(told) or "(empty)"}</a></li>\n'
        yield "</ol></nav>\n"


def text_html(text: str) -> str:
    """Text that is text wherever it stands in the page."""
    return escape(safe(text))


def short(text: str, length: int) -> str:
    """At most so many characters, and an ellipsis where more were."""
    return text if len(text) <= length else text[:length].rstrip() + "…"


def clock(timestamp: str) -> str:
    """A time for people, in UTC; what is no time as it stands."""
    unix_ms = parse_ms(timestamp)
    return (
        safe_line(timestamp)
        if unix_ms is None
        else to_text(unix_ms, millis=False).replace("T", " ").removesuffix("Z") + " UTC"
    )


def _time(timestamp: str) -> str:
    if parse_ms(timestamp) is None:
        return ""
    return f' <time datetime="{escape(timestamp)}">{text_html(clock(timestamp))}</time>'


def _prose(text: str) -> str:
    """A message: its code blocks, code spans, bold words and headings shown as such, everything else as it stands."""
    told: list[str] = []
    for part in parts(safe(text)):
        if part.code:
            inner = _diff(part.text) if part.language == "diff" else escape(part.text)
            told.append(f"<pre>{inner}</pre>")
        elif part.text.strip():
            told.append("\n".join(map(_line, part.text.strip("\n").split("\n"))))
    return f'<div class="text">{"".join(told)}</div>'


def _line(line: str) -> str:
    heading = _HEADING.match(line)
    told = "".join(
        f"<code>{escape(text)}</code>" if is_code else _BOLD.sub(r"<b>\1</b>", escape(text))
        for text, is_code in spans(heading[1] if heading else line)
    )
    return f'<b class="head">{told}</b>' if heading else told


def _diff(text: str) -> str:
    """Lines of a change, each with what it is; the text must be safe, not yet escaped."""
    return "".join(map(_diff_line, text.rstrip("\n").split("\n")))


def _diff_line(line: str) -> str:
    mark = next((name for start, name in _MARKS if line.startswith(start)), "c")
    return f'<span class="{mark}">{escape(line) or " "}</span>'


def _body(text: str) -> Iterator[str]:
    """Text for a ``pre`` in pieces, so that a line of 50 MB is not held many times over."""
    if len(text) < _PIECE and _DIFF_START.search(text[:4096]):
        yield _diff(safe(text))
        return
    yield from (text_html(text[at : at + _PIECE]) for at in range(0, len(text), _PIECE))


def _is_short(text: str) -> bool:
    return len(text) <= _OPEN_CHARACTERS and text.count("\n") <= _OPEN_LINES


def _fold(summary: str, text: str) -> Iterator[str]:
    """A ``pre`` that is open when it is short, else folded behind its first line and its size."""
    if _is_short(text):
        yield "<pre>"
        yield from _body(text.rstrip("\n"))
        yield "</pre>"
        return
    lines = counted(text.count("\n") + 1, "line")
    first = short(safe_line(text.lstrip()[: 4 * _SUMMARY]), _SUMMARY // 2)
    yield f"<details><summary>{summary or text_html(first)} <small>({lines}, {len(text):,} characters)</small></summary><pre>"
    yield from _body(text)
    yield "</pre></details>"


def _output(item: Item, *, alone: bool) -> Iterator[str]:
    entry = item.entry
    dropped = " dropped" if item.dropped else ""
    yield f'<div class="out{" alone" if alone else ""}{dropped}">'
    if item.whose:
        yield f'<div class="note">output of <code>{text_html(safe_line(item.whose))}</code></div>'
    facts, found = _RUN_FACTS.match(entry.text), outcome(entry)
    ended = verdict(found)
    how = "facts" if found.exit_code in (None, 0) else "facts exit"
    told = entry.text[facts.end() :] if facts else entry.text
    if facts:
        yield f'<div class="{how}">{text_html(" · ".join(facts[0].splitlines()[:-1]))}</div>'
    elif ended:
        yield f'<div class="{how}">{ended}</div>'
    if told.strip():
        yield from _fold("", told)
    elif not entry.title and not facts and not ended:
        yield "no output"
    if entry.title and not ended:
        yield f'<div class="exit">{text_html(safe_line(entry.title))}</div>'
    yield "</div>\n"


def _header(entry: Entry) -> Iterator[str]:
    yield f'<p class="note">{text_html(safe_line(entry.text))}</p>\n'


def _agent(entry: Entry) -> Iterator[str]:
    yield f'<div class="agent">{_prose(entry.text)}</div>\n'


def _reasoning(entry: Entry) -> Iterator[str]:
    text = _BLANKS.sub("\n", entry.text.strip())
    if _is_short(text):
        yield f'<div class="thought">{_prose(text)}</div>\n'
        return
    first = text_html(short(safe_line(entry.text[: 4 * _SUMMARY]), _SUMMARY))
    yield f'<details class="thought"><summary>Thought: {first}</summary>{_prose(entry.text)}</details>\n'


def _context(entry: Entry) -> Iterator[str]:
    title = text_html(safe_line(entry.title)) or "context"
    yield f'<details class="note"><summary>{title}, from the program to the model ({len(entry.text):,} characters)</summary><pre>'
    yield from _body(entry.text)
    yield "</pre></details>\n"


def _call(entry: Entry) -> Iterator[str]:
    title = safe(entry.title).strip("\n")
    first, more, _ = title.partition("\n")
    prompt = "" if entry.text else '<span class="prompt">$ </span>'
    yield '<div class="tool">'
    if (not more and len(title) <= _OPEN_CHARACTERS) or _is_short(title):
        yield f"{prompt}<code>{escape(title)}</code>"
    else:
        yield f"<details><summary>{prompt}<code>{escape(short(first, _SUMMARY))}</code></summary><pre>{escape(title)}</pre></details>"
    if entry.text:
        yield from _fold("arguments", entry.text)
    yield "</div>\n"


def _patch(entry: Entry) -> Iterator[str]:
    text = safe(entry.text)
    yield '<div class="tool">'
    if text.count("\n") <= 4 * _OPEN_LINES and len(text) <= 4 * _OPEN_CHARACTERS:
        yield f"<details open><summary>patch</summary><pre>{_diff(text)}</pre></details>"
    else:
        yield f"<details><summary>patch <small>({counted(text.count(chr(10)) + 1, 'line')})</small></summary><pre>{_diff(text)}</pre></details>"
    yield "</div>\n"


def _plan(entry: Entry) -> Iterator[str]:
    steps = "".join(f"<li>{text_html(line)}</li>" for line in entry.text.split("\n") if line.strip())
    yield f'<div class="tool plan"><b>Plan</b><ul>{steps}</ul></div>\n'


def _compaction(entry: Entry) -> Iterator[str]:
    told = entry.text or entry.title
    yield '<div class="mark">Context compacted: the model goes on with a summary.'
    if told:
        yield f"<details><summary>the summary</summary>{_prose(told)}</details>"
    yield "</div>\n"


def _rollback(entry: Entry) -> Iterator[str]:
    yield f'<div class="mark">Rolled back: the last {counted(entry.turns, "turn")} before this line no longer count.</div>\n'


def _abort(entry: Entry) -> Iterator[str]:
    yield f'<div class="mark">Turn aborted: {text_html(safe_line(entry.text)) or "no reason given"}</div>\n'


def _error(entry: Entry) -> Iterator[str]:
    yield f'<div class="mark bad">Error: {_prose(entry.text or "without a message")}</div>\n'


def _damage(entry: Entry) -> Iterator[str]:
    yield f'<div class="mark bad">Damage: {text_html(safe_line(entry.title))}</div>\n'


def _review(entry: Entry) -> Iterator[str]:
    yield f'<div class="mark">{text_html(safe_line(entry.title))}{_prose(entry.text) if entry.text else ""}</div>\n'


def _other(entry: Entry) -> Iterator[str]:
    yield f'<div class="note">{text_html(safe_line(entry.title) or entry.kind)}'
    if entry.text:
        yield from _fold("", entry.text)
    yield "</div>\n"


_BLOCKS: dict[str, Callable[[Entry], Iterator[str]]] = {
    "header": _header,
    "agent": _agent,
    "reasoning": _reasoning,
    "context": _context,
    "call": _call,
    "patch": _patch,
    "plan": _plan,
    "compaction": _compaction,
    "rollback": _rollback,
    "abort": _abort,
    "error": _error,
    "review": _review,
    "damage": _damage,
}
