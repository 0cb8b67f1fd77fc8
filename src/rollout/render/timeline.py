"""The turns of a thread at a glance: when each began, how long it took, its tokens, its calls and what failed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rollout.lines import Damage
from rollout.render.entries import DroppedTurns, Reader
from rollout.render.outcome import outcome
from rollout.render.safe import safe_line
from rollout.times import parse_ms
from rollout.usage import UseReader

if TYPE_CHECKING:
    from rollout.lines import Found, Line, Position
    from rollout.render.entries import Stretch
    from rollout.render.shown import Entry

_TEXT = 80
_CALLS = frozenset({"call", "patch"})
_FAILURES = frozenset({"error", "abort"})


class TurnFacts:
    """One turn: its number from 1 on, the line it begins with and where that stands, what was asked, and what it took."""

    __slots__ = ("_latest", "_seconds", "began", "calls", "failed", "n", "number", "position", "text", "tokens")

    def __init__(self, number: int, entry: Entry) -> None:
        """It begins with what a person asked."""
        self.number, self.n, self.position = number, entry.n, entry.position
        self.text = safe_line(entry.text[: 4 * _TEXT])[:_TEXT]
        self.began = self._latest = entry.timestamp
        self.tokens = self.calls = self.failed = 0
        self._seconds: float | None = None

    def reach(self, timestamp: str) -> None:
        """A line of the turn was written then; times are told in one form, in which the later text is the later time."""
        self._latest = max(self._latest, timestamp)

    @property
    def seconds(self) -> float:
        """The time from the question to the last line of the turn."""
        if self._seconds is None:
            began, ended = parse_ms(self.began), parse_ms(self._latest)
            return 0.0 if began is None or ended is None else max(0.0, (ended - began) / 1000)
        return self._seconds

    def end(self) -> None:
        """No line follows: its time is reckoned once."""
        self._seconds = self.seconds


class Timeline:
    """Folds the lines of one thread in their order; holds a few hundred bytes a turn."""

    def __init__(self) -> None:
        """Nothing was read."""
        self.turns: list[TurnFacts] = []
        self.next_n = 0
        self.place: Position | None = None
        self.damaged = 0
        self.model = ""
        self._reader = Reader()
        self._uses = UseReader()
        self._dropped = DroppedTurns()

    @property
    def dropped(self) -> tuple[Stretch, ...]:
        """What rollbacks took back."""
        return self._dropped.stretches()

    @property
    def tokens(self) -> int:
        """All tokens of the turns."""
        return sum(turn.tokens for turn in self.turns)

    def take(self, found: Found) -> None:
        """The next line, or damage."""
        self.next_n, self.place = found.n + 1, found.position
        if isinstance(found, Damage):
            self.damaged += 1
            return
        self._dropped.take(found)
        for entry in self._reader.read(found):
            self._entry(entry)
        self._count(found)

    def _entry(self, entry: Entry) -> None:
        if entry.kind == "user":
            if self.turns:
                self.turns[-1].end()
            self.turns.append(TurnFacts(len(self.turns) + 1, entry))
        elif entry.kind == "note" and entry.title.startswith("model "):
            self.model = entry.title.removeprefix("model ")
        elif self.turns:
            last = self.turns[-1]
            last.calls += entry.kind in _CALLS
            last.failed += entry.kind in _FAILURES or (entry.kind == "output" and _failed(entry))

    def _count(self, line: Line) -> None:
        """What the line took; those before the first turn tell whose requests are the thread's own."""
        try:
            use = self._uses.take(line.record)
        except (ValueError, RecursionError):
            use = None
        if not self.turns:
            return
        last = self.turns[-1]
        last.reach(line.record.timestamp)
        if use is not None:
            last.tokens += use.tokens.total


def _failed(output: Entry) -> bool:
    """Whether a call ended with a status that is not 0."""
    return outcome(output).exit_code not in (None, 0)
