"""A thread as one HTML file: an iterator of what the reader found goes in, pieces of the page come out.

The page needs nothing but itself: no script, no image, no font, no address is fetched, and its content security
policy forbids all of that to anything that a thread may hold. Text is escaped here and nowhere trusted. Constant
memory, but for the list of turns.
"""

from __future__ import annotations

import re
from base64 import b64encode
from hashlib import sha256
from html import escape
from typing import TYPE_CHECKING

from rollout.render.html_style import STYLE
from rollout.render.markdown_prose import parts, spans
from rollout.render.safe import safe, safe_line
from rollout.render.sharing import counted, endings
from rollout.times import parse_ms, to_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from rollout.lines import Found
    from rollout.render.sharing import About, Item, Sharing
    from rollout.render.shown import Entry

_HASH = b64encode(sha256(STYLE.encode()).digest()).decode()
POLICY = f"default-src 'none'; style-src 'sha256-{_HASH}'; base-uri 'none'; form-action 'none'"
_TITLE = 120
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


def html(about: About, sharing: Sharing, found: Iterable[Found]) -> Iterator[str]:
    """The page in pieces."""
    title = _short(safe_line(sharing.clean(about.title, count=False)), _TITLE) or "Thread"
    yield from _head(title)
    yield f"<header><h1>{_text(title)}</h1>\n<dl>{_fact('Thread', about.thread_id)}"
    yield from (
        f"{_fact('From', _clock(about.created_at))}{_fact('To', _clock(about.active_at))}" if about.created_at else "",
    )
    yield "</dl></header>\n<main>\n<section>\n"
    page = _Page()
    for item in sharing.items(found):
        yield from page.item(item)
    yield "</section>\n</main>\n"
    yield from page.turns()
    told = " ".join(endings(sharing))
    yield f"<footer><p>Exported by {_text(about.made_by)}. {counted(sharing.turns, 'turn')}. {_text(told)}</p></footer>\n"
    yield "</body></html>\n"


def html_index(entries: Iterable[tuple[str, str, str]]) -> Iterator[str]:
    """An index page: for each thread its file beside the page, its title and when it was active last."""
    yield from _head("Threads")
    yield "<header><h1>Threads</h1></header>\n<main><table><thead><tr><th>Thread</th><th>Active last</th></tr></thead><tbody>\n"
    for file, title, active_at in entries:
        told = _short(safe_line(title), _TITLE) or file
        yield f'<tr><td><a href="./{escape(file)}">{_text(told)}</a></td><td class="when">{_text(_clock(active_at))}</td></tr>\n'
    yield "</tbody></table></main>\n</body></html>\n"


def _head(title: str) -> Iterator[str]:
    yield '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">\n'
    yield f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
    yield '<meta name="referrer" content="no-referrer"><meta name="color-scheme" content="light dark">\n'
    yield '<meta name="viewport" content="width=device-width,initial-scale=1"><meta name="generator" content="rollout">\n'
    yield f"<title>{_text(title)}</title>\n<style>{STYLE}</style></head>\n<body>\n"


class _Page:
    """The state between two items: which turn is open, and which turns there were."""

    def __init__(self) -> None:
        self._turns: list[tuple[int, str]] = []
        self._after_tool = False

    def item(self, item: Item) -> Iterator[str]:
        entry = item.entry
        if entry.kind == "user":
            yield from self._begin_turn(item)
        elif entry.kind == "output":
            yield from _output(item, alone=bool(item.whose) or not self._after_tool)
        else:
            block = "".join(_BLOCKS.get(entry.kind, _other)(entry))
            yield f'<div class="dropped">{block}</div>\n' if item.dropped else block
        self._after_tool = entry.kind in ("call", "patch", "plan") and not item.dropped

    def _begin_turn(self, item: Item) -> Iterator[str]:
        if len(self._turns) < _MOST_TURNS:
            self._turns.append((item.turn, _short(safe_line(item.entry.text[: 4 * _SUMMARY]), _SUMMARY // 2)))
        label = " · rolled back: the model no longer sees it" if item.dropped else ""
        yield f'</section>\n<section class="turn" id="turn-{item.turn}"><h2><a href="#turn-{item.turn}">Turn {item.turn}</a>'
        yield f"{_time(item.entry.timestamp)}{label}</h2>\n"
        yield f'<div class="user{" dropped" if item.dropped else ""}">{_prose(item.entry.text)}</div>\n'

    def turns(self) -> Iterator[str]:
        """The list of turns; it stands at the end of the file, since only then all are known."""
        if len(self._turns) < 2:
            return
        yield '<nav class="turns" aria-label="Turns"><h2>Turns</h2><ol>\n'
        for number, told in self._turns:
            yield f'<li value="{number}"><a href="#turn-{number}">{_text(told) or "(empty)"}</a></li>\n'
        yield "</ol></nav>\n"


def _text(text: str) -> str:
    """Text that is text wherever it stands in the page."""
    return escape(safe(text))


def _short(text: str, length: int) -> str:
    return text if len(text) <= length else text[:length].rstrip() + "…"


def _fact(name: str, value: str) -> str:
    return f"<dt>{name}</dt><dd>{_text(value)}</dd>" if value else ""


def _clock(timestamp: str) -> str:
    unix_ms = parse_ms(timestamp)
    return (
        safe_line(timestamp)
        if unix_ms is None
        else to_text(unix_ms, millis=False).replace("T", " ").removesuffix("Z") + " UTC"
    )


def _time(timestamp: str) -> str:
    if parse_ms(timestamp) is None:
        return ""
    return f' <time datetime="{escape(timestamp)}">{_text(_clock(timestamp))}</time>'


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
    yield from (_text(text[at : at + _PIECE]) for at in range(0, len(text), _PIECE))


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
    first = _short(safe_line(text.lstrip()[: 4 * _SUMMARY]), _SUMMARY // 2)
    yield f"<details><summary>{summary or _text(first)} <small>({lines}, {len(text):,} characters)</small></summary><pre>"
    yield from _body(text)
    yield "</pre></details>"


def _output(item: Item, *, alone: bool) -> Iterator[str]:
    entry = item.entry
    dropped = " dropped" if item.dropped else ""
    yield f'<div class="out{" alone" if alone else ""}{dropped}">'
    if item.whose:
        yield f'<div class="note">output of <code>{_text(safe_line(item.whose))}</code></div>'
    facts = _RUN_FACTS.match(entry.text)
    told = entry.text[facts.end() :] if facts else entry.text
    if facts:
        yield f'<div class="facts">{_text(" · ".join(facts[0].splitlines()[:-1]))}</div>'
    if told.strip():
        yield from _fold("", told)
    elif not entry.title and not facts:
        yield "no output"
    if entry.title:
        yield f'<div class="exit">{_text(safe_line(entry.title))}</div>'
    yield "</div>\n"


def _header(entry: Entry) -> Iterator[str]:
    yield f'<p class="note">{_text(safe_line(entry.text))}</p>\n'


def _agent(entry: Entry) -> Iterator[str]:
    yield f'<div class="agent">{_prose(entry.text)}</div>\n'


def _reasoning(entry: Entry) -> Iterator[str]:
    text = _BLANKS.sub("\n", entry.text.strip())
    if _is_short(text):
        yield f'<div class="thought">{_prose(text)}</div>\n'
        return
    first = _text(_short(safe_line(entry.text[: 4 * _SUMMARY]), _SUMMARY))
    yield f'<details class="thought"><summary>Thought: {first}</summary>{_prose(entry.text)}</details>\n'


def _context(entry: Entry) -> Iterator[str]:
    title = _text(safe_line(entry.title)) or "context"
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
        yield f"<details><summary>{prompt}<code>{escape(_short(first, _SUMMARY))}</code></summary><pre>{escape(title)}</pre></details>"
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
    steps = "".join(f"<li>{_text(line)}</li>" for line in entry.text.split("\n") if line.strip())
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
    yield f'<div class="mark">Turn aborted: {_text(safe_line(entry.text)) or "no reason given"}</div>\n'


def _error(entry: Entry) -> Iterator[str]:
    yield f'<div class="mark bad">Error: {_prose(entry.text or "without a message")}</div>\n'


def _damage(entry: Entry) -> Iterator[str]:
    yield f'<div class="mark bad">Damage: {_text(safe_line(entry.title))}</div>\n'


def _review(entry: Entry) -> Iterator[str]:
    yield f'<div class="mark">{_text(safe_line(entry.title))}{_prose(entry.text) if entry.text else ""}</div>\n'


def _other(entry: Entry) -> Iterator[str]:
    yield f'<div class="note">{_text(safe_line(entry.title) or entry.kind)}'
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
