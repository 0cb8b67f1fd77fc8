"""A thread as a person reads it on a terminal or in a pager.

An iterator of what the reader of a rollout found goes in, pieces of safe text come out, in constant memory.
What is folded says how much, and damage stands where it was met.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from typing import TYPE_CHECKING, NamedTuple

from rollout.lines import Damage
from rollout.render.entries import Reader
from rollout.render.safe import fit, safe, safe_line, width
from rollout.times import parse_ms, to_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from rollout.lines import Found
    from rollout.render.entries import Stretch
    from rollout.render.shown import Entry

_CODES = {"dim": "2", "bold": "1", "user": "1;36", "call": "33", "error": "31", "patch": "35"}
_LONGEST = 400
_REMEMBERED = 256
_CALLS = frozenset({"call", "patch", "plan"})
_QUIET = frozenset({"context", "note", "other"})


class Style(NamedTuple):
    """How a transcript looks: with colour or without, how wide, and how much of an output is shown.

    ``fold`` is the number of lines of an output, a patch or a context that are shown; None shows all.
    """

    colour: bool = False
    width: int = 80
    fold: int | None = 8

    def paint(self, name: str, text: str) -> str:
        """The text in a colour, when there are colours."""
        return f"\x1b[{_CODES[name]}m{text}\x1b[0m" if self.colour and text else text


PLAIN = Style()


class Transcript:
    """Renders the lines of one thread in their order.

    ``dropped`` are the stretches that rollbacks took back (``dropped_stretches``): they are marked.
    ``unseen`` counts, by type, the lines that have nothing to read.
    """

    def __init__(self, style: Style = PLAIN, dropped: Sequence[Stretch] = (), *, numbered: bool = True) -> None:
        """Start at the beginning of a thread; ``numbered`` is False where the turns before are not known."""
        self._style, self._numbered = style, numbered
        self._dropped = deque(dropped)
        self._reader = Reader()
        self._turn = 0
        self._gutter = ""
        self._last_call = ""
        self._calls: OrderedDict[str, str] = OrderedDict()
        self._last_kind = ""
        self.unseen = self._reader.unseen

    def render(self, found: Iterable[Found]) -> Iterator[str]:
        """The text of each thing found, ending in a newline; may be called again with what follows."""
        for thing in found:
            if isinstance(thing, Damage):
                yield self._framed(self._style.paint("error", damage_text(thing)))
                continue
            for entry in self._reader.read(thing):
                yield self.entry(entry)

    def entry(self, entry: Entry) -> str:
        """The text of one entry, ending in a newline."""
        self._gutter = "┊ " if self._is_dropped(entry) else ""
        if entry.kind == "user":
            return self._begin_turn(entry)
        text = _RENDERERS.get(entry.kind, _note)(entry, self._style)
        if self._follows(entry):
            return self._framed(text)
        if entry.kind == "output":
            text = self._style.paint("dim", self._whose(entry)) + "\n" + text
        return self._framed("") + self._framed(text)

    def _whose(self, entry: Entry) -> str:
        """Which call an output belongs to that does not stand directly below it."""
        return fit(f"↳ {self._calls.get(entry.call_id, 'output')}", self._style.width - len(self._gutter))

    def _is_dropped(self, entry: Entry) -> bool:
        while self._dropped and self._dropped[0].end <= entry.position:
            self._dropped.popleft()
        return bool(self._dropped) and self._dropped[0].start <= entry.position

    def _follows(self, entry: Entry) -> bool:
        """Whether the entry belongs to the one before, without a blank line between them."""
        called, kind = self._last_call, self._last_kind
        self._last_call = entry.call_id if entry.kind in _CALLS else ""
        self._last_kind = entry.kind
        if self._last_call:
            self._calls[entry.call_id] = safe_line(entry.title[:_LONGEST]) or entry.kind
            if len(self._calls) > _REMEMBERED:
                self._calls.popitem(last=False)
        if entry.kind == "output":
            return bool(entry.call_id) and entry.call_id == called
        return not kind or (entry.kind in _QUIET and kind in _QUIET)

    def _begin_turn(self, entry: Entry) -> str:
        self._turn += 1
        self._last_kind = "user"
        told = [f"turn {self._turn}" if self._numbered else "turn", _clock(entry.timestamp)]
        told.append("rolled back: the model no longer sees it" if self._gutter else "")
        head = " · ".join(filter(None, told))
        rule = fit(
            f"── {head} " + "─" * max(0, self._style.width - len(head) - 4 - len(self._gutter)), self._style.width
        )
        body = "\n".join(
            self._style.paint("user", f"> {line}" if line else ">") for line in safe(entry.text).split("\n")
        )
        return self._framed("") + self._framed(self._style.paint("dim", rule)) + self._framed(body)

    def _framed(self, text: str) -> str:
        if not self._gutter:
            return f"{text}\n"
        return "".join(f"{self._gutter}{line}".rstrip() + "\n" for line in text.split("\n"))


def damage_text(damage: Damage) -> str:
    """One line about a skipped stretch."""
    return f"⚠ {damage.length} bytes at offset {damage.position.offset} are no record and were skipped: {damage.reason}"


def fold(text: str, keep: int | None, indent: str) -> str:
    """The first lines of a text, indented; what is left out is counted, and a very long line is cut."""
    lines = safe(text).rstrip("\n").split("\n")
    shown = lines if keep is None or len(lines) <= keep + 1 else lines[:keep]
    cut = [indent + (line if keep is None else _cut(line)) for line in shown]
    if len(shown) < len(lines):
        cut.append(f"{indent}… {len(lines) - len(shown):,} more lines (--full)")
    return "\n".join(cut)


def _cut(line: str) -> str:
    return (
        line if len(line) <= _LONGEST + 40 else f"{line[:_LONGEST]}… {len(line) - _LONGEST:,} more characters (--full)"
    )


def _clock(timestamp: str) -> str:
    unix_ms = parse_ms(timestamp)
    return safe_line(timestamp) if unix_ms is None else to_text(unix_ms, millis=False).replace("T", " ")


def _header(entry: Entry, style: Style) -> str:
    return style.paint("bold", f"thread {safe_line(entry.title)}") + "\n" + style.paint("dim", safe_line(entry.text))


def _agent(entry: Entry, _style: Style) -> str:
    return safe(entry.text)


def _reasoning(entry: Entry, style: Style) -> str:
    return style.paint("dim", "\n".join(f"  {line}".rstrip() for line in safe(entry.text).split("\n")))


def _context(entry: Entry, style: Style) -> str:
    """What the program told the model: one line, unless everything is asked for."""
    title = safe_line(entry.title)
    if style.fold is None:
        return style.paint("dim", f"· {title}\n{fold(entry.text, None, '  ')}")
    start = safe_line(entry.text[: 4 * style.width])
    size = f" ({len(entry.text):,} characters: --full)"
    whole = width(start) + len(title) + 4 <= style.width and len(entry.text) <= 4 * style.width
    room = max(20, style.width - len(title) - len(size) - 4)
    return style.paint("dim", f"· {title}: {start if whole else fit(start, room) + size}")


def _call(entry: Entry, style: Style) -> str:
    head = style.paint("call", "$ " + fold(entry.title, style.fold, "  ").removeprefix("  "))
    return f"{head}\n{fold(entry.text, style.fold, '  ')}" if entry.text else head


def _output(entry: Entry, style: Style) -> str:
    parts = [
        fold(entry.text, style.fold, "  ") if entry.text.strip() else "",
        f"  {entry.title}" if entry.title else "",
    ]
    return style.paint("dim", "\n".join(filter(None, parts)) or "  (no output)")


def _patch(entry: Entry, style: Style) -> str:
    return style.paint("patch", "± patch") + "\n" + fold(entry.text, style.fold, "  ")


def _plan(entry: Entry, style: Style) -> str:
    return style.paint("bold", "plan") + "\n" + fold(entry.text, None, "  ")


def _compaction(entry: Entry, style: Style) -> str:
    head = style.paint("bold", "═══ context compacted: the model goes on with a summary ═══")
    told = entry.text or entry.title
    return f"{head}\n{style.paint('dim', fold(told, style.fold, '  '))}" if told else head


def _rollback(entry: Entry, style: Style) -> str:
    turns = "1 turn" if entry.turns == 1 else f"{entry.turns} turns"
    return style.paint("bold", f"↶ rolled back: the last {turns} before this line no longer count")


def _abort(entry: Entry, style: Style) -> str:
    return style.paint("error", f"■ turn aborted: {safe_line(entry.text) or 'no reason given'}")


def _error(entry: Entry, style: Style) -> str:
    return style.paint(
        "error", "✗ " + fold(entry.text or "error without a message", style.fold, "  ").removeprefix("  ")
    )


def _review(entry: Entry, style: Style) -> str:
    return style.paint("bold", safe_line(entry.title)) + ("\n" + fold(entry.text, None, "  ") if entry.text else "")


def _note(entry: Entry, style: Style) -> str:
    body = f"\n{fold(entry.text, style.fold, '  ')}" if entry.text else ""
    return style.paint("dim", f"· {safe_line(entry.title)}{body}")


_RENDERERS: dict[str, Callable[[Entry, Style], str]] = {
    "header": _header,
    "agent": _agent,
    "reasoning": _reasoning,
    "context": _context,
    "call": _call,
    "output": _output,
    "patch": _patch,
    "plan": _plan,
    "compaction": _compaction,
    "rollback": _rollback,
    "abort": _abort,
    "error": _error,
    "review": _review,
}
