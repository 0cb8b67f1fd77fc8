"""From lines to what a person reads: one entry for each thing that was said or done.

Codex writes most things twice, as the model's item and as an event for clients, and which of the two a file
has depends on its era. The reader gives whichever comes first and drops the twin. It remembers a bounded
number of recent things, so a thread of any size is read in constant memory.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from typing import TYPE_CHECKING, NamedTuple

from rollout.codec import payload_tag, to_object
from rollout.lines import Position
from rollout.render.events import event_entries
from rollout.render.responses import response_entries
from rollout.render.shown import Entry, Json, text_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from rollout.lines import Line
    from rollout.store.base import ThreadStore

_REMEMBERED = 256
_TWINNED = frozenset({"user", "agent", "reasoning", "call", "patch", "output", "review"})
_SILENT_EVENTS = frozenset({"token_count", "task_started", "turn_started", "thread_settings_applied"})
_ROLLED_BACK = b"rolled_back"
_TURN_MARKS = (b"user", b"UserMessage", _ROLLED_BACK)  # cheap to look for in bytes


class Stretch(NamedTuple):
    """A part of a thread: from a position up to, not including, another."""

    start: Position
    end: Position


class Reader:
    """Reads the lines of one thread in their order; ``unseen`` counts, by type, the lines that gave no entry."""

    def __init__(self) -> None:
        """Nothing has been read."""
        self.unseen: Counter[str] = Counter()
        self._recent: OrderedDict[tuple[str, str], str] = OrderedDict()
        self._asked = ("", "")
        self._line_before: frozenset[tuple[str, str]] = frozenset()
        self._this_line: set[tuple[str, str]] = set()
        self._settings = ""
        self._thread_id = ""

    def read(self, line: Line) -> Iterator[Entry]:
        """The entries of one line; none for bookkeeping and for twins of what was given before."""
        record = line.record
        given = twins = 0
        self._line_before, self._this_line = frozenset(self._this_line), set()
        for entry in self._entries(line):
            if self._is_twin(entry):
                twins += 1
                continue
            given += 1
            yield entry._replace(n=line.n, timestamp=record.timestamp, position=line.position)
        if not given and not twins:
            self.unseen[_label(line)] += 1

    def _entries(self, line: Line) -> Iterator[Entry]:
        kind = line.record.type
        if kind == "event_msg" and payload_tag(line.record.payload) in _SILENT_EVENTS:
            return
        if kind not in _READ:
            if kind not in _SILENT_TYPES:
                yield Entry("other", title=kind or "a line without a type")
            return
        payload = to_object(line.record.payload) if line.record.has_payload else None
        if not isinstance(payload, dict):
            yield Entry("other", title=f"{kind} without a payload")
        elif kind == "response_item":
            yield from (entry._replace(carrier="item") for entry in response_entries(payload))
        elif kind == "event_msg":
            yield from (entry._replace(carrier="event") for entry in event_entries(payload))
        elif kind == "compacted":
            yield Entry("compaction", text_in(payload, "message"))
        else:
            yield from self._settings_change(payload) if kind == "turn_context" else self._meta(payload)

    def _meta(self, meta: dict[str, Json]) -> Iterator[Entry]:
        """The first one heads the thread; one with another id begins lines copied by a fork (spec 7.3)."""
        identity = text_in(meta, "id")
        if not self._thread_id:
            self._thread_id = identity
            program = " ".join(filter(None, [text_in(meta, "originator"), text_in(meta, "cli_version")]))
            told = [text_in(meta, "cwd"), program, text_in(meta, "model_provider")]
            yield Entry("header", " · ".join(filter(None, told)), title=identity)
        elif identity != self._thread_id:
            yield Entry("note", title=f"copied from thread {identity}")

    def _settings_change(self, context: dict[str, Json]) -> Iterator[Entry]:
        """A turn context says the same for every request: only a change is worth a line."""
        effort = text_in(context, "effort")
        settings = text_in(context, "model") + (f", effort {effort}" if effort else "")
        if settings and settings != self._settings:
            self._settings = settings
            yield Entry("note", title=f"model {settings}")

    def _is_twin(self, entry: Entry) -> bool:
        if entry.kind not in _TWINNED:
            return False
        if not (entry.text or entry.title or entry.call_id):
            return True
        kind = "call" if entry.kind == "patch" else entry.kind
        key = kind, entry.call_id or f"{entry.title}\n{entry.text}".strip()
        self._this_line.add(key)
        if kind == "user":
            return self._is_asked_again(entry) or key in self._line_before
        self._asked = ("", "")
        return self._is_known(key, entry) or (key in self._line_before and not entry.call_id)

    def _is_known(self, key: tuple[str, str], entry: Entry) -> bool:
        """Whether the other carrier has told this already; remembers it if not."""
        known = self._recent.get(key)
        if known is not None and known != entry.carrier:
            if not entry.call_id:
                del self._recent[key]
            return True
        self._recent[key] = entry.carrier
        if len(self._recent) > _REMEMBERED:
            self._recent.popitem(last=False)
        return False

    def _is_asked_again(self, entry: Entry) -> bool:
        """What the model got and what the person typed differ by labels and notes about images."""
        carrier, before = self._asked
        spoken = "\n".join(line for line in entry.text.split("\n") if not (line[:1] == "[" and line[-1:] == "]"))
        if carrier and carrier != entry.carrier and (spoken in before or before in spoken):
            self._asked = ("", "")
            return True
        self._asked = (entry.carrier, spoken)
        return False


_READ = frozenset({"session_meta", "response_item", "event_msg", "compacted", "turn_context"})
_SILENT_TYPES = frozenset({
    "world_state", "token_usage_record", "security_risk_score", "retained_context",
    "inter_agent_communication_metadata",
})  # fmt: skip


def _label(line: Line) -> str:
    tag = payload_tag(line.record.payload) if line.record.type in ("response_item", "event_msg") else ""
    return tag or line.record.type or "no type"


def dropped_stretches(lines: Iterable[Line]) -> tuple[Stretch, ...]:
    """The stretches of a thread that rollbacks took back, in order: each from where its first turn begins to its marker.

    Counts turns as the model's history does (spec 7.4): by the user's items, or by events where a thread has
    no items. Keeps one position for each turn in memory.
    """
    taken = DroppedTurns()
    for line in lines:
        taken.take(line)
    return taken.stretches()


def dropped_in_thread(store: ThreadStore, thread_id: str, stop: Callable[[], bool] = lambda: False) -> tuple[Stretch, ...] | None:
    """The same of a whole thread of any size, in which most lines are not taken apart; None when it was stopped.

    A thread without a rollback is only looked through for one. Raises as ``ThreadStore.sift`` does.
    """
    found = store.sift(thread_id, may_roll_back)
    while (thing := next(found, None)) is None or isinstance(thing, Position):
        if thing is None:
            return ()
        if stop():
            return None
    taken = DroppedTurns()
    for thing in store.sift(thread_id, _may_count):
        if isinstance(thing, Position):
            if stop():
                return None
        else:
            taken.take(thing)
    return taken.stretches()


def may_roll_back(data: bytes) -> bool:
    """Whether the bytes of a line, or of many, allow that it takes turns back."""
    return _ROLLED_BACK in data


def _may_count(data: bytes) -> bool:
    return any(mark in data for mark in _TURN_MARKS)


class DroppedTurns:
    """The same for lines that come one by one."""

    def __init__(self) -> None:
        """No line was seen."""
        self._by_items, self._by_events = _Turns(), _Turns()

    def take(self, line: Line) -> None:
        """The next line of the thread."""
        if _may_count(line.data):
            _count_turns(line, self._by_items, self._by_events)

    def stretches(self) -> tuple[Stretch, ...]:
        """What was taken back by the lines so far."""
        return (self._by_items if self._by_items.any else self._by_events).dropped()


def _count_turns(line: Line, by_items: _Turns, by_events: _Turns) -> None:
    kind = line.record.type
    payload = to_object(line.record.payload) if kind in ("response_item", "event_msg") else None
    if not isinstance(payload, dict):
        return
    for entry in response_entries(payload) if kind == "response_item" else event_entries(payload):
        if entry.kind == "user":
            (by_items if kind == "response_item" else by_events).begin(line.position)
        elif entry.kind == "rollback":
            by_items.roll_back(entry.turns, line.position)
            by_events.roll_back(entry.turns, line.position)


class _Turns:
    """Where turns begin that still count, and what was dropped; a later rollback swallows earlier ones."""

    def __init__(self) -> None:
        self.any = False
        self._begun: list[Position] = []
        self._dropped: list[Stretch] = []

    def begin(self, position: Position) -> None:
        self.any = True
        self._begun.append(position)

    def roll_back(self, count: int, marker: Position) -> None:
        if count < 1 or not self._begun:
            return
        start = self._begun[-count:][0]
        del self._begun[-count:]
        while self._dropped and self._dropped[-1].start >= start:
            self._dropped.pop()
        self._dropped.append(Stretch(start, marker))

    def dropped(self) -> tuple[Stretch, ...]:
        return tuple(self._dropped)
