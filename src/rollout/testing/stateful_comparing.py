"""Two stores side by side: the one under test and the reference, to which the same is done."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeAlias

from hypothesis import strategies as st
from hypothesis.stateful import Bundle as StateBundle
from hypothesis.stateful import RuleBasedStateMachine

from rollout.errors import NotFoundError, RolloutError
from rollout.store.base import Receipt, Writer
from rollout.store.memory import MemoryStore
from rollout.testing import builders as b
from rollout.testing.facts import check, damages

if TYPE_CHECKING:
    from collections.abc import Callable

    from rollout.ids import ThreadId
    from rollout.store.base import ThreadStore

Both: TypeAlias = tuple[Writer, Writer]

WRITERS: StateBundle[Both] = StateBundle("writers")
RECEIPTS: StateBundle[tuple[Receipt, Receipt]] = StateBundle("receipts")


class Heard:
    """What a watch has told of a store since it was empty: which threads are there, and whether they are archived."""

    def __init__(self, store: ThreadStore) -> None:
        """Nothing is there."""
        self._store, self._watch = store, store.watch()
        self.standing: dict[str, bool] = {}

    def listen(self) -> None:
        """Take what is told; of a thread that came it is looked how it stands."""
        changes = self._watch.wait(0.0)
        check(True, changes.complete, "whether all is told")
        for thread_id, what in changes.told:
            if what == "removed":
                self.standing.pop(thread_id, None)
            elif what in ("added", "archived", "unarchived"):
                with suppress(NotFoundError):
                    self.standing[thread_id] = self._store.segments(thread_id)[-1].archived

    def close(self) -> None:
        """Listen no more."""
        self._watch.close()


class Comparing(RuleBasedStateMachine):
    """Does the same to a store and to the reference; every answer and every logical line must agree.

    Times are not compared: two stores have two clocks. ``folder`` is an empty folder that belongs to the run.
    """

    def __init__(self) -> None:
        """Two empty stores."""
        super().__init__()
        self.folder = tempfile.mkdtemp(prefix="rollout-comparison-")
        self.mine: ThreadStore = self.make_store()
        self.reference: ThreadStore = MemoryStore()
        self.heard = Heard(self.mine), Heard(self.reference)
        self.number = 0
        self.stored: list[ThreadId] = []
        self.open: list[Both] = []

    def make_store(self) -> ThreadStore:
        """A new and empty store, in ``folder`` if it needs one."""
        raise NotImplementedError(f"{type(self).__name__} must say which store it compares: define make_store")

    def restarted(self) -> ThreadStore:
        """Close the store and open it as a new process would; one that lives in a process alone stays the same."""
        return self.mine

    def lose_index(self, how: str) -> None:
        """Have whatever the store can make anew ``deleted``, ``cut`` or filled with ``garbage``; most have nothing."""

    def teardown(self) -> None:
        """Close everything and take the folder away."""
        for writer in (one for pair in self.open for one in pair):
            writer.close()
        for heard in self.heard:
            heard.close()
        self.mine.close()
        self.reference.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def both(self, act: Callable[[ThreadStore], Any]) -> tuple[Any, Any] | None:
        """Do something to both stores; None when both refuse it with the same class of error."""
        answers: list[Any] = []
        errors: list[type[RolloutError] | None] = []
        for store in (self.mine, self.reference):
            try:
                answers.append(act(store))
                errors.append(None)
            except RolloutError as error:
                errors.append(type(error))
        check(errors[1], errors[0], "the refusal")
        return (answers[0], answers[1]) if errors[0] is None else None

    def pick(self, data: st.DataObject) -> ThreadId:
        """One of the threads, or one that there is not."""
        return data.draw(st.sampled_from([*self.stored, b.thread_id(999)]), label="thread")

    def is_whole(self, thread_id: str) -> bool:
        """Whether a thread has no damage: what a listing makes of a bad line, at a glance, is nobody's promise."""
        return not damages(self.reference.lines(thread_id, own=True))

    def agree(self, ask: Callable[[ThreadStore], object], what: str) -> None:
        """Both stores answer the same."""
        pair = self.both(ask)
        if pair is not None:
            check(pair[1], pair[0], what)

    def stores(self) -> tuple[ThreadStore, ThreadStore]:
        """Both, the one under test first."""
        return self.mine, self.reference
