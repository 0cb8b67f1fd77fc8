"""A thread as a person reads it on a terminal or in a pager.

An iterator of what the reader of a rollout found goes in, pieces of safe text come out, in constant memory.
What is folded says how much, and damage stands where it was met.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from typing import TYPE_CHECKING, NamedTuple

from rollout.lines import Damage
from rollout.render.entries import Reader
from rollout.render.outcome import outcome, verdict
from rollout.render.safe import fit, safe, safe_line, width
from rollout.render.selection import ALL, Chooser, Selection
from rollout.times import parse_ms, to_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from rollout.lines import Found
    from rollout.render.entries import Stretch
    from rollout.render.shown import Entry

_CODES = {
    "dim": "2", "bold": "1", "user": "1;36", "call": "33", "error": "31", "patch": "35",
    "good": "32", "added": "32", "removed": "31", "place": "36",
}  # fmt: skip
_LONGEST = 400
_REMEMBERED = 256
_CALLS = frozenset({"call", "patch", "plan"})
_QUIET = frozenset({"context", "note", "other"})


class Style(NamedTuple):
    """How a transcript looks: with colour or without, how wide, and how much of an output is shown.

    ``fold`` is the number of lines of an output, a patch or a context that are shown; None shows all. ``markdown``
    lays out what agents say (``rollout.render.rich_markdown``); None leaves it as it was written. ``unfold`` is what a
    person does to see the rest.
    """

    colour: bool = False
    width: int = 80
    fold: int | None = 8
    markdown: Callable[[str], str] | None = None
    unfold: str = "--full"

    def paint(self, name: str, text: str) -> str:
        """The text in a colour, line by line, when there are colours."""
        if not self.colour or not text:
            return text
        return "\n".join(f"\x1b[{_CODES[name]}m{line}\x1b[0m" if line else "" for line in text.split("\n"))

    @property
    def unfolded(self) -> Style:
        """The same with everything shown."""
        return self._replace(fold=None)

    @property
    def faded(self) -> Style:
        """The same without colours, for what is dimmed as a whole."""
        return self._replace(colour=False, markdown=None)


PLAIN = Style()


class Transcript:
    """Renders the lines of one thread in their order.

    ``dropped`` are the stretches that rollbacks took back (``dropped_stretches``): they are marked, or left out when
    the selection says so. ``unseen`` counts, by type, the lines that have nothing to read; ``turn`` is the number of
    the newest turn that was read.
    """

    def __init__(
        self,
        style: Style = PLAIN,
        dropped: Sequence[Stretch] = (),
        *,
        numbered: bool = True,
        selection: Selection = ALL,
    ) -> None:
        """Start at the beginning of a thread; ``numbered`` is False where the turns before are not known."""
        self._style, self._whole_style, self._numbered = style, style, numbered
        self._chooser = Chooser(selection)
        self._left_out = 0
        self._dropped = deque(dropped)
        self._reader = Reader()
        self.turn = 0
        self._gutter = ""
        self._last_call = ""
        self._calls: OrderedDict[str, str] = OrderedDict()
        self._last_kind = ""
        self.unseen = self._reader.unseen

    @property
    def chosen(self) -> int:
        """How many entries were shown, the heading not among them."""
        return self._chooser.chosen

    def render(self, found: Iterable[Found]) -> Iterator[str]:
        """The text of each thing found, ending in a newline; may be called again with what follows.

        Reads no further than the last turn that is wanted.
        """
        last = self._chooser.selection.turn
        for thing in found:
            if isinstance(thing, Damage):
                yield self._framed(self._style.paint("error", damage_text(thing)))
                continue
            for entry in self._reader.read(thing):
                if text := self.entry(entry):
                    yield text
            if last and self.turn > last:
                return

    def entry(self, entry: Entry, *, full: bool = False) -> str:
        """The text of one entry, ending in a newline; "" for one that is not wanted. ``full``: fold nothing of it."""
        self._gutter = "┊ " if self._is_dropped(entry) else ""
        self._style = self._whole_style.faded if self._gutter else self._whole_style
        if full:
            self._style = self._style._replace(fold=None)
        self.turn += entry.kind == "user"
        if self._gutter and not self._chooser.selection.rolled_back:
            self._left_out += entry.kind == "user"
            return ""
        return self._text(entry) if self._chooser.wants(entry, self.turn) else ""

    def _text(self, entry: Entry) -> str:
        if entry.kind == "user":
            return self._begin_turn(entry)
        if entry.kind == "rollback" and self._left_out:
            entry = entry._replace(title=f"{_turns(self._left_out)} left out here, rolled back: --rolled-back shows them")
            self._left_out = 0
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
        self._last_kind = "user"
        told = [f"turn {self.turn}" if self._numbered else "turn", _clock(entry.timestamp)]
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
        lines = (f"{self._gutter}{line}".rstrip() for line in text.split("\n"))
        return "".join(self._whole_style.paint("dim", line) + "\n" for line in lines)


def damage_text(damage: Damage) -> str:
    """One line about a skipped stretch."""
    return f"⚠ {damage.length} bytes at offset {damage.position.offset} are no record and were skipped: {damage.reason}"


def fold(text: str, style: Style, indent: str) -> str:
    """The first lines of a text, indented; what is left out is counted, and a very long line is cut."""
    text, keep = text.rstrip("\n"), style.fold
    count = text.count("\n") + 1
    if keep is None:
        return "\n".join(indent + line for line in safe(text).split("\n"))
    head = text.split("\n", keep + 1)[: keep + 1]
    shown = head if count <= keep + 1 else head[:keep]
    cut = [indent + _cut(line, style) for line in shown]
    if len(shown) < count:
        cut.append(f"{indent}… {len(shown):,} of {count:,} lines ({style.unfold} shows all)")
    return "\n".join(cut)


def _cut(line: str, style: Style) -> str:
    """A line, cut when it is very long: before it is made safe, so that its length costs nothing."""
    if len(line) <= _LONGEST + 40:
        return safe(line).rstrip("\n")
    return f"{safe(line[:_LONGEST])}… {len(line) - _LONGEST:,} more characters ({style.unfold})"


def _clock(timestamp: str) -> str:
    unix_ms = parse_ms(timestamp)
    return safe_line(timestamp) if unix_ms is None else to_text(unix_ms, millis=False).replace("T", " ")


def _header(entry: Entry, style: Style) -> str:
    return style.paint("bold", f"thread {safe_line(entry.title)}") + "\n" + style.paint("dim", safe_line(entry.text))


def _agent(entry: Entry, style: Style) -> str:
    return style.markdown(entry.text) if style.markdown else safe(entry.text)


def _reasoning(entry: Entry, style: Style) -> str:
    return style.paint("dim", "\n".join(f"  {line}".rstrip() for line in safe(entry.text).split("\n")))


def _context(entry: Entry, style: Style) -> str:
    """What the program told the model: one line, unless everything is asked for."""
    title = safe_line(entry.title)
    if style.fold is None:
        return style.paint("dim", f"· {title}\n{fold(entry.text, style.unfolded, '  ')}")
    start = safe_line(entry.text[: 4 * style.width])
    size = f" ({len(entry.text):,} characters: {style.unfold})"
    whole = width(start) + len(title) + 4 <= style.width and len(entry.text) <= 4 * style.width
    room = max(20, style.width - len(title) - len(size) - 4)
    return style.paint("dim", f"· {title}: {start if whole else fit(start, room) + size}")


def _call(entry: Entry, style: Style) -> str:
    head = style.paint("call", "$ " + fold(entry.title, style, "  ").removeprefix("  "))
    return f"{head}\n{fold(entry.text, style, '  ')}" if entry.text else head


def _output(entry: Entry, style: Style) -> str:
    found = outcome(entry)
    ended = verdict(found)
    body = fold(found.text, style, "  ") if found.text.strip() else ""
    parts = [style.paint("dim", body), style.paint("error" if found.exit_code else "good", ended and f"  {ended}")]
    return "\n".join(filter(None, parts)) or style.paint("dim", "  (no output)")


def _patch(entry: Entry, style: Style) -> str:
    body = fold(entry.text, style, "  ").split("\n")
    return style.paint("patch", "± patch") + "\n" + "\n".join(style.paint(_diff_colour(line), line) for line in body)


def _diff_colour(line: str) -> str:
    """What a line of a patch is, whether in the form for tools or in that of events."""
    told = line[2:]
    if told.startswith("+"):
        return "added"
    if told.startswith("-"):
        return "removed"
    return "place" if told.startswith("@@") else "bold" if told[:1] not in (" ", "") else "dim"


def _plan(entry: Entry, style: Style) -> str:
    return style.paint("bold", "plan") + "\n" + fold(entry.text, style.unfolded, "  ")


def _compaction(entry: Entry, style: Style) -> str:
    head = style.paint("bold", "═══ context compacted: the model goes on with a summary ═══")
    told = entry.text or entry.title
    return f"{head}\n{style.paint('dim', fold(told, style, '  '))}" if told else head


def _rollback(entry: Entry, style: Style) -> str:
    told = entry.title or f"rolled back: the last {_turns(entry.turns)} before this line no longer count"
    return style.paint("bold", f"↶ {told}")


def _turns(count: int) -> str:
    return "1 turn" if count == 1 else f"{count} turns"


def _abort(entry: Entry, style: Style) -> str:
    return style.paint("error", f"■ turn aborted: {safe_line(entry.text) or 'no reason given'}")


def _error(entry: Entry, style: Style) -> str:
    return style.paint(
        "error", "✗ " + fold(entry.text or "error without a message", style, "  ").removeprefix("  ")
    )


def _review(entry: Entry, style: Style) -> str:
    return style.paint("bold", safe_line(entry.title)) + ("\n" + fold(entry.text, style.unfolded, "  ") if entry.text else "")


def _note(entry: Entry, style: Style) -> str:
    body = f"\n{fold(entry.text, style, '  ')}" if entry.text else ""
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
