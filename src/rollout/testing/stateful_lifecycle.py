"""What is done to whole threads, as rules: turns, forks, rollbacks, the trash, tags, restarts, a lost index."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st
from hypothesis.stateful import consumes, invariant, multiple, rule

from rollout.ids import ThreadId
from rollout.lifecycle import ForkParams, delete, dropped_lines, find_removed, fork, restore, rollback, undo
from rollout.recording import Options
from rollout.testing import builders as b
from rollout.testing import strategies as rollouts
from rollout.testing.facts import check, datas, segment
from rollout.testing.stateful_comparing import RECEIPTS, WRITERS, Both, Comparing

if TYPE_CHECKING:
    from collections.abc import Callable

    from rollout.items import RawItem
    from rollout.store.base import Receipt, Removed, ThreadStore

LATER_MS = b.START_MS + 86_400_000
_TAGS = st.lists(st.sampled_from(["one", "two", "drei", "pinned"]), max_size=2)


class LifecycleRules(Comparing):
    """The rules that change whole threads; each does the same to both stores."""

    def __init__(self) -> None:
        """Two empty stores."""
        super().__init__()
        self.talks: list[ThreadId] = []

    def options(self) -> Options:
        """One instant and one randomness for both stores, other ones each time."""
        self.number += 1
        now_ms, seed = LATER_MS + self.number * 1000, self.number
        return Options(
            now_ms=lambda: now_ms,
            utc_offset_s=lambda _: 0,
            randomness=lambda length: seed.to_bytes(length, "big"),
            collect_git=lambda _: None,
        )

    def pick_talk(self, data: st.DataObject) -> ThreadId:
        """A thread that has turns and that, most of the time, nobody writes; now and then any."""
        talks = [one for one in self.talks if one in self.stored]
        return data.draw(st.sampled_from(talks), label="talk") if talks and self.number % 5 else self.pick(data)

    def turn(self, question: str, era: str) -> list[RawItem]:
        """A turn of an era with an id of its own."""
        self.number += 1
        make = b.paginated_turn if era == "paginated" else b.turn
        return make(question, f"{question}?", turn_id=f"turn-{self.number}")

    # -- turns -------------------------------------------------------------------------------------------------

    @rule(era=st.sampled_from(["legacy", "paginated"]), questions=st.lists(rollouts.texts, min_size=1, max_size=4), data=st.data())
    def put_turns(self, era: str, questions: list[str], data: st.DataObject) -> None:
        """A thread of some turns, now and then the sub-agent of another."""
        items = [item for question in questions for item in self.turn(question, era)]
        parent = data.draw(st.sampled_from([None, None, *self.stored]), label="parent")
        spawn = {"subagent": {"thread_spawn": {"parent_thread_id": parent, "depth": 1}}}
        facts: dict[str, Any] = {} if parent is None else {"source": spawn}
        self.number += 1
        identity = b.thread_id(self.number)
        whole = (b.paginated_bytes if era == "paginated" else b.rollout_bytes)(identity, *items, **facts)
        told = segment(self.number, whole)
        self.both(lambda store: store.put(told, [whole]))
        self.stored.append(identity)
        self.talks.append(identity)

    @rule(pair=WRITERS, question=rollouts.texts)
    def say(self, pair: Both, question: str) -> None:
        """Record one whole turn."""
        if pair not in self.open or not pair[1].begun:
            return
        items = self.turn(question, pair[1].era)
        lines = b"".join(b.lines_of(items, ordinal=pair[1].next_ordinal))
        check(pair[1].append(lines, len(items)), pair[0].append(lines, len(items)), "append")
        check(pair[1].flush(), pair[0].flush(), "flush")

    @rule(data=st.data(), kept=st.one_of(st.none(), st.integers(0, 3)), portable=st.booleans())
    def fork_at(self, data: st.DataObject, kept: int | None, portable: bool) -> None:  # noqa: FBT001 - drawn
        """A fork at a turn, or of all; by reference or as a copy."""
        identity, options = self.pick_talk(data), self.options()
        params = ForkParams(keep_turns=kept, portable=portable)
        pair = self.both(lambda store: fork(store, identity, params, options))
        if pair is not None:
            check(pair[1], pair[0], "the fork")
            self.stored.append(pair[1].thread_id)
            self.talks.append(pair[1].thread_id)

    @rule(data=st.data(), turns=st.integers(1, 3), undone=st.integers(0, 2))
    def roll_back(self, data: st.DataObject, turns: int, undone: int) -> None:
        """Drop turns; what was dropped can be read, and brought back, once or once more than there is."""
        identity, options = self.pick_talk(data), self.options()
        self.agree(lambda store: rollback(store, identity, turns, options=options), "the rollback")
        self.agree(lambda store: datas(dropped_lines(store, identity)), "what was dropped")
        for _ in range(undone):
            self.undo(identity)

    @rule(data=st.data())
    def undo_later(self, data: st.DataObject) -> None:
        """Bring back what the last rollback has dropped, whatever has happened since."""
        self.undo(self.pick_talk(data))

    def undo(self, identity: ThreadId) -> None:
        """One undo."""
        options = self.options()
        self.agree(lambda store: undo(store, identity, options=options), "the undo")
        self.agree(lambda store: datas(store.lines(identity)), "the lines after the undo")

    @rule(data=st.data(), add=_TAGS, remove=_TAGS, note=st.one_of(st.none(), st.sampled_from(["", "a note"])))
    def label(self, data: st.DataObject, add: list[str], remove: list[str], note: str | None) -> None:
        """Give tags, take tags, write a note."""
        identity = self.pick(data)
        self.agree(lambda store: store.set_tags(identity, add, remove), "the tags")
        if note is not None:
            self.agree(lambda store: store.set_note(identity, note), "the note")

    # -- the trash ---------------------------------------------------------------------------------------------

    @rule(pair=consumes(RECEIPTS))
    def restore(self, pair: tuple[Receipt, Receipt]) -> None:
        """Bring a thread back, unless that was done already, or something stands in its place."""
        self._restored(pair[1].thread_id, lambda store: store.restore(self.of(store, pair)))

    @rule(data=st.data())
    def restore_by_id(self, data: st.DataObject) -> None:
        """Bring the newest removal of a thread back that is found by its id."""
        gone = [ThreadId(one.receipt.thread_id) for one in self.reference.removed()]
        identity = data.draw(st.sampled_from(gone or [b.thread_id(999)]), label="removed thread")
        options = self.options()

        def act(store: ThreadStore) -> object:
            return [restore(store, one, options=options) for one in find_removed(store, identity)]

        self._restored(identity, act)

    @rule(pair=RECEIPTS)
    def purge(self, pair: tuple[Receipt, Receipt]) -> None:
        """Take a removed thread away for good; one that was restored stays."""
        self.both(lambda store: store.purge(self.of(store, pair)))

    @rule(
        target=RECEIPTS,
        data=st.data(),
        children=st.sampled_from(["refuse", "with", "keep"]),
        now=st.booleans(),
    )
    def delete(self, data: st.DataObject, children: Any, now: bool) -> Any:  # noqa: ANN401, FBT001 - drawn
        """Delete a thread, its sub-agents as well or not, for good or not, now and then a second time."""
        gone = [ThreadId(one.receipt.thread_id) for one in self.reference.removed()]
        identity = data.draw(st.sampled_from([self.pick_talk(data), *gone]), label="thread to delete")
        pair = self.both(lambda store: delete(store, identity, children=children, now=now))
        if pair is None:
            return multiple()
        mine, reference = ((gone.plan, gone.destroyed, gone.before, len(gone.receipts)) for gone in pair)
        check(reference, mine, "the delete")
        here = {row for row in self.stored if self.reference.resolve(row)}
        self.stored = [one for one in self.stored if one in here]
        return multiple(*zip(pair[0].receipts, pair[1].receipts, strict=True))

    @invariant()
    def the_trash_agrees(self) -> None:
        """The same removals can be restored, the newest first."""

        def told(one: Removed) -> tuple[object, ...]:
            return one.receipt.thread_id, sorted(one.receipt.names), one.receipt.bytes, one.parent_id

        mine, reference = (list(map(told, store.removed())) for store in self.stores())
        check(reference, mine, "the trash")

    # -- processes come and go ---------------------------------------------------------------------------------

    @rule()
    def restart(self) -> None:
        """Open the store anew, as another process would; open writers stay open."""
        self.mine = self.restarted()
        check([], list(self.mine.heal()), "what there is to heal")

    @rule(how=st.sampled_from(["deleted", "cut", "garbage"]))
    def lose(self, how: str) -> None:
        """Lose what can be made anew."""
        self.lose_index(how)

    def of(self, store: ThreadStore, pair: tuple[Receipt, Receipt]) -> Receipt:
        """The receipt that a store gave."""
        return pair[store is self.reference]

    def _restored(self, identity: str, act: Callable[[ThreadStore], object]) -> None:
        if self.both(act) is not None and identity not in self.stored:
            self.stored.append(ThreadId(identity))


