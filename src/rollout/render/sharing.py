"""A thread on its way to other people: its entries without secrets, without injected context, numbered by turn.

What the exports for people (Markdown, HTML) have in common. Constant memory, but for the stretches that rollbacks
took back.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from typing import TYPE_CHECKING, NamedTuple

from rollout.lines import Damage
from rollout.render.entries import Reader
from rollout.render.shown import Entry
from rollout.render.text import damage_text
from rollout.times import to_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from rollout.lines import Found
    from rollout.query import Thread
    from rollout.render.entries import Stretch
    from rollout.render.redaction import Redactor

_CALLS = frozenset({"call", "patch", "plan"})
_REMEMBERED = 256
_LONGEST_CALL = 200
_CONTEXT = frozenset({"context"})


class Item(NamedTuple):
    """One thing to show: an entry, the turn it stands in (0 before the first), and whether a rollback took it back.

    ``whose`` names the call that an output belongs to, where that does not stand directly before it.
    """

    entry: Entry
    turn: int = 0
    dropped: bool = False
    whose: str = ""


class About(NamedTuple):
    """What is known of a thread before it is read: its title is a name or what was asked first; UTC text times."""

    thread_id: str
    title: str = ""
    created_at: str = ""
    active_at: str = ""
    made_by: str = "rollout"

    @classmethod
    def of(cls, row: Thread, made_by: str) -> About:
        """What the row of a thread tells."""
        title = row.name or row.summary.title or row.preview
        return cls(row.id, title, to_text(row.created_ms), to_text(row.active_ms), made_by)


class Sharing:
    """Makes the items of one thread, in order.

    ``full`` shows the context that programs put in (instructions, environment); otherwise a note stands where some
    was left out. Without a ``redactor`` nothing is taken out. The counters tell what was met so far.
    """

    def __init__(self, redactor: Redactor | None, dropped: Sequence[Stretch] = (), *, full: bool = False) -> None:
        """Start at the beginning of a thread; ``dropped`` as of ``dropped_stretches``."""
        self.redactor = redactor
        self.turns = 0
        self.hidden = self.hidden_characters = 0
        self.damaged = 0
        self._full = full
        self._dropped = deque(dropped)
        self._reader = Reader()
        self._skipped: list[int] = []
        self._last_call = ""
        self._calls: OrderedDict[str, str] = OrderedDict()
        self.unseen = self._reader.unseen

    def clean(self, text: str, *, count: bool = True) -> str:
        """A text without its secrets; ``count`` False where the same text stands elsewhere too."""
        return self.redactor.redact(text, count=count) if self.redactor else text

    def items(self, found: Iterable[Found]) -> Iterator[Item]:
        """The items of these lines; may be called again with what follows."""
        for thing in found:
            if isinstance(thing, Damage):
                self.damaged += 1
                yield Item(
                    Entry("damage", title=damage_text(thing).removeprefix("⚠ "), n=thing.n, position=thing.position),
                    self.turns,
                )
                continue
            for entry in self._reader.read(thing):
                yield from self._items(entry)
        yield from self._hidden_note()

    def _items(self, entry: Entry) -> Iterator[Item]:
        if entry.kind in _CONTEXT and not self._full:
            self._skipped.append(len(entry.text))
            return
        yield from self._hidden_note()
        dropped = self._is_dropped(entry)
        if entry.kind == "user":
            self.turns += 1
        whose = self._whose(entry)
        cleaned = entry._replace(text=self.clean(entry.text), title=self.clean(entry.title))
        yield Item(cleaned, self.turns, dropped, self.clean(whose, count=False))

    def _hidden_note(self) -> Iterator[Item]:
        if self._skipped:
            count, size = len(self._skipped), sum(self._skipped)
            self._skipped = []
            self.hidden += count
            self.hidden_characters += size
            messages = counted(count, "message")
            told = f"{messages} from the program to the model not shown ({size:,} characters): --full shows them"
            yield Item(Entry("hidden", title=told), self.turns)

    def _is_dropped(self, entry: Entry) -> bool:
        while self._dropped and self._dropped[0].end <= entry.position:
            self._dropped.popleft()
        return bool(self._dropped) and self._dropped[0].start <= entry.position

    def _whose(self, entry: Entry) -> str:
        called, self._last_call = self._last_call, ""
        if entry.kind in _CALLS:
            self._last_call = entry.call_id
            self._calls[entry.call_id] = entry.title[:_LONGEST_CALL] or entry.kind
            if len(self._calls) > _REMEMBERED:
                self._calls.popitem(last=False)
        if entry.kind != "output" or (entry.call_id and entry.call_id == called):
            return ""
        return self._calls.get(entry.call_id, "an earlier call")

    def redactions(self) -> dict[str, int]:
        """How many secrets of which kind were taken out so far."""
        return told_counts(self.redactor) if self.redactor else {}

    def rules(self) -> str:
        """Which rules look for secrets, "" when none do."""
        return self.redactor.rules if self.redactor else ""


def endings(sharing: Sharing) -> Iterator[str]:
    """What a reader of an export must know of it, a sentence each."""
    if not sharing.redactor:
        yield "Secrets were not looked for."
    elif found := sharing.redactions():
        told = ", ".join(f"{kind}: {count}" for kind, count in found.items())
        yield f"Redacted ({told}); looked for with {sharing.rules()}."
    else:
        yield f"No secrets were found with {sharing.rules()}."
    if sharing.hidden:
        yield f"Messages from the program to the model that are not shown: {sharing.hidden}."
    if sharing.damaged:
        yield f"Damaged stretches that were skipped, each marked where it stands: {sharing.damaged}."


def told_counts(redactor: Redactor) -> dict[str, int]:
    """How many secrets of which kind a redactor took out."""
    return {kind: count for kind, count in sorted(redactor.counts.items()) if count}


def counted(count: int, word: str) -> str:
    """A count with its word."""
    ending = "" if count == 1 else "es" if word.endswith("ch") else "s"
    return f"{count:,} {word}{ending}"
