"""The turns of a thread at a glance: when each began, how long it took, its tokens, its calls and what failed."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from rollout.lines import Damage
from rollout.render.entries import DroppedTurns, Reader
from rollout.render.outcome import outcome
from rollout.render.safe import safe_line
from rollout.times import parse_ms
from rollout.usage import UseReader

if TYPE_CHECKING:
    from rollout.lines import Found, Line
    from rollout.render.entries import Stretch
    from rollout.render.shown import Entry

_TEXT = 80
_CALLS = frozenset({"call", "patch"})
_FAILURES = frozenset({"error", "abort"})


class TurnFacts(NamedTuple):
    """One turn: its number from 1 on, the line it begins with, what was asked, and what it took.

    ``seconds`` is the time from the question to the last line of the turn.
    """

    number: int
    n: int
    text: str
    began: str
    seconds: float = 0.0
    tokens: int = 0
    calls: int = 0
    failed: int = 0


class Timeline:
    """Folds the lines of one thread in their order; holds a few hundred bytes a turn."""

    def __init__(self) -> None:
        """Nothing was read."""
        self.turns: list[TurnFacts] = []
        self.next_n = 0
        self.damaged = 0
        self.model = ""
        self._reader = Reader()
        self._uses = UseReader()
        self._dropped = DroppedTurns()
        self._began_ms: int | None = None

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
        self.next_n = found.n + 1
        if isinstance(found, Damage):
            self.damaged += 1
            return
        self._dropped.take(found)
        for entry in self._reader.read(found):
            self._entry(entry)
        if self.turns:
            self._count(found)

    def _entry(self, entry: Entry) -> None:
        if entry.kind == "user":
            text = safe_line(entry.text[: 4 * _TEXT])[:_TEXT]
            self.turns.append(TurnFacts(len(self.turns) + 1, entry.n, text, entry.timestamp))
            self._began_ms = parse_ms(entry.timestamp)
        elif entry.kind == "note" and entry.title.startswith("model "):
            self.model = entry.title.removeprefix("model ")
        elif self.turns:
            last = self.turns[-1]
            failed = entry.kind in _FAILURES or (entry.kind == "output" and _failed(entry))
            self.turns[-1] = last._replace(calls=last.calls + (entry.kind in _CALLS), failed=last.failed + failed)

    def _count(self, line: Line) -> None:
        last = self.turns[-1]
        now_ms = parse_ms(line.record.timestamp)
        if now_ms is not None and self._began_ms is not None:
            last = last._replace(seconds=max(last.seconds, (now_ms - self._began_ms) / 1000))
        try:
            use = self._uses.take(line.record)
        except (ValueError, RecursionError):
            use = None
        self.turns[-1] = last._replace(tokens=last.tokens + use.tokens.total) if use else last


def _failed(output: Entry) -> bool:
    """Whether a call ended with a status that is not 0."""
    return outcome(output).exit_code not in (None, 0)
