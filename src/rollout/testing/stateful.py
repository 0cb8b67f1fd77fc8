"""A random history of a store, compared with the reference after every step.

A backend's test is::

    from rollout.testing.stateful import StoreComparison

    class MyComparison(StoreComparison):
        def make_store(self):
            return MyStore(self.folder)

    TestMyStore = MyComparison.TestCase
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from hypothesis import strategies as st
from hypothesis.stateful import consumes, invariant, multiple, rule

from rollout.lines import Line
from rollout.query import EVERYTHING, ORDERS, Order, sort_key
from rollout.store.base import Place
from rollout.testing import builders as b
from rollout.testing import strategies as rollouts
from rollout.testing.facts import check, segment, where
from rollout.testing.facts_finding import walk
from rollout.testing.stateful_comparing import RECEIPTS, WRITERS, Both
from rollout.testing.stateful_lifecycle import LifecycleRules

if TYPE_CHECKING:
    from rollout.items import RawItem
    from rollout.query import Thread
    from rollout.store.base import ThreadStore, Writer


class StoreComparison(LifecycleRules):
    """Random histories of a store: writing, changing, restarting, losing the index, and every question in between.

    Where a store can be opened anew, define ``restarted`` too; where it has an index, ``lose_index``.
    """

    # -- writing -----------------------------------------------------------------------------------------------

    @rule(target=WRITERS, begin=st.booleans())
    def create(self, begin: bool) -> Both:  # noqa: FBT001 - drawn by Hypothesis
        """A new thread, begun or not."""
        self.number += 1
        identity = b.thread_id(self.number)
        pair = (self.mine.create(identity, Place(b.START_MS)), self.reference.create(identity, Place(b.START_MS)))
        self.open.append(pair)
        if begin:
            self.begin(pair)
        return pair

    @rule(pair=WRITERS)
    def begin(self, pair: Both) -> None:
        """Begin a thread, for the first time or again."""
        identity = pair[0].thread_id
        if pair not in self.open or (not pair[1].begun and identity in self.stored):
            return
        for writer in pair:
            writer.begin(b.meta_line(identity))
        if identity not in self.stored:
            self.stored.append(identity)

    @rule(target=WRITERS, data=st.data())
    def resume(self, data: st.DataObject) -> Any:  # noqa: ANN401 - what Hypothesis puts into a bundle
        """Open an existing thread to write, if nobody else does."""
        identity = self.pick(data)
        pair = self.both(lambda store: store.open_writer(identity))
        if pair is None:
            return multiple()
        self.open.append(pair)
        return pair

    @rule(pair=WRITERS, items=rollouts.batches)
    def append(self, pair: Both, items: list[RawItem]) -> None:
        """Accept some lines."""
        if pair not in self.open or not pair[1].begun:
            return
        check(pair[1].next_ordinal, pair[0].next_ordinal, "the next ordinal")
        lines = b"".join(b.lines_of(items, ordinal=pair[1].next_ordinal))
        check(pair[1].append(lines, len(items)), pair[0].append(lines, len(items)), "append")

    @rule(pair=WRITERS)
    def flush(self, pair: Both) -> None:
        """Hand over what was accepted; the writers agree where they stand."""
        if pair not in self.open or not pair[1].begun:
            return
        check(pair[1].flush(), pair[0].flush(), "flush")

        def places(one: Writer) -> tuple[object, ...]:
            return one.next_n, one.position, one.pending_bytes, one.era, one.next_ordinal

        if self.reference.end(pair[1].thread_id) == pair[1].position:
            check(places(pair[1]), places(pair[0]), "the writer's place")

    @rule(pair=WRITERS)
    def sync(self, pair: Both) -> None:
        """Sync what was flushed."""
        if pair in self.open and pair[1].begun:
            check(pair[1].sync(), pair[0].sync(), "sync")

    @rule(pair=consumes(WRITERS))
    def close(self, pair: Both) -> None:
        """Close a writer; what was not flushed is gone."""
        if pair in self.open:
            self.open.remove(pair)
        for writer in pair:
            writer.close()

    # -- changing ----------------------------------------------------------------------------------------------

    @rule(data=rollouts.files)
    def put(self, data: bytes) -> None:
        """A file of odd bytes, under a name of its own."""
        self.number += 1
        facts = segment(self.number, data)
        self.both(lambda store: store.put(facts, [data]))
        self.stored.append(b.thread_id(self.number))

    @rule(items=rollouts.batches, data=st.data())
    def fork(self, items: list[RawItem], data: st.DataObject) -> None:
        """A thread that inherits some first lines of another one by reference."""
        base = self.pick(data)
        if self.both(lambda store: store.end(base)) is None:
            return
        good = [found for found in self.reference.lines(base, own=True) if isinstance(found, Line)]
        kept = good[: data.draw(st.integers(0, len(good)), label="lines kept")]
        end = kept[-1].position.offset + len(kept[-1].data) if kept else 0
        prefix = b"".join(self.reference.raw(base))[:end]
        self.number += 1
        forked = b.fork_bytes(b.thread_id(self.number), base, prefix, *items)
        facts = segment(self.number, forked)
        self.both(lambda store: store.put(facts, [forked]))
        self.stored.append(b.thread_id(self.number))

    @rule(archived=st.booleans(), data=st.data())
    def archive(self, archived: bool, data: st.DataObject) -> None:  # noqa: FBT001 - drawn by Hypothesis
        """Archive or unarchive."""
        identity = self.pick(data)
        self.both(lambda store: store.set_archived(identity, archived))

    @rule(name=st.one_of(st.just(" "), st.sampled_from(["one", "two"]), rollouts.texts), data=st.data())
    def rename(self, name: str, data: st.DataObject) -> None:
        """Give an existing thread a name."""
        identity = self.pick(data)
        if identity in self.stored:
            self.both(lambda store: store.set_name(identity, name))

    @rule(target=RECEIPTS, data=st.data())
    def remove(self, data: st.DataObject) -> Any:  # noqa: ANN401 - what Hypothesis puts into a bundle
        """Take a thread away, if nothing builds on it and nobody writes it."""
        identity = self.pick(data)
        pair = self.both(lambda store: store.remove(identity))
        if pair is None:
            return multiple()
        self.stored.remove(identity)
        check((pair[1].thread_id, pair[1].bytes), (pair[0].thread_id, pair[0].bytes), "the receipt")
        return pair

    # -- answers -----------------------------------------------------------------------------------------------

    @rule(data=st.data())
    def read(self, data: st.DataObject) -> None:
        """Lines, forward and backward, from anywhere; bytes; the end; who builds on it."""
        identity = self.pick(data)
        start = data.draw(st.integers(0, 6), label="start")
        self.agree(lambda store: list(store.lines(identity, start)), f"{identity} from line {start} on")
        for name, ask in _READINGS.items():
            self.agree(partial(ask, thread_id=identity), f"{name} of {identity}")

    @rule(key=st.sampled_from(ORDERS), ascending=st.booleans(), archived=st.sampled_from([None, True, False]))
    def list_everything(self, key: str, ascending: bool, archived: bool | None) -> None:  # noqa: FBT001 - drawn
        """The same threads in every order, each once; by creation, which no clock decides, in the same order."""
        query = EVERYTHING._replace(order=Order(key, ascending), archived=archived, limit=2)
        mine, reference = (walk(store, query) for store in (self.mine, self.reference))
        keys = [sort_key(row, query.order) for row in mine]
        if key == "created":
            check([row.id for row in reference], [row.id for row in mine], "the order by creation")
        else:
            check(sorted(keys, reverse=not ascending), keys, f"the order by {key}")
        whole = {row.id for row in reference if self.is_whole(row.id)}
        told = [
            sorted((*_row(row), *(_told(row) if row.id in whole else ())) for row in rows) for rows in (reference, mine)
        ]
        check(told[0], told[1], "the rows")

    @rule(text=st.one_of(st.sampled_from(["a", "one", "two", "0194"]), rollouts.texts))
    def resolve(self, text: str) -> None:
        """A text means the same threads."""
        self.agree(lambda store: set(store.resolve(text)), f"what {text!r} means")

    @rule()
    def listen(self) -> None:
        """What was told since a store is watched makes up the threads that are there, and which of them are archived."""
        for heard in self.heard:
            heard.listen()
        check(self.heard[1].standing, self.heard[0].standing, "what was told")

    @invariant()
    def names_agree(self) -> None:
        """Names are the same, of threads that are there."""
        named = [{one: name for one, name in store.names().items() if one in self.stored} for store in self.stores()]
        check(named[1], named[0], "the names")



class _Reading(Protocol):
    def __call__(self, store: ThreadStore, thread_id: str) -> object:
        """One question about one thread."""


def _stored_form(store: ThreadStore, thread_id: str) -> list[tuple[object, ...]]:
    return [(one.name, one.rollout_id, one.bytes, one.archived) for one in store.segments(thread_id)]


def _facts(store: ThreadStore, thread_id: str) -> dict[str, object]:
    summary = store.summary(thread_id)
    return {name: getattr(summary, name) for name in summary.__slots__}


_READINGS: dict[str, _Reading] = {
    "the lines": lambda store, thread_id: list(store.lines(thread_id)),
    "the own lines": lambda store, thread_id: list(store.lines(thread_id, own=True)),
    "the lines backwards": lambda store, thread_id: where(store.lines_back(thread_id)),
    "the lines from the end": lambda store, thread_id: where(store.lines_from(thread_id, store.end(thread_id))),
    "the bytes": lambda store, thread_id: b"".join(store.raw(thread_id)),
    "the end": lambda store, thread_id: store.end(thread_id),
    "the forks": lambda store, thread_id: store.segments(thread_id) and set(store.references(thread_id)),
    "the files": _stored_form,
    "the summary": _facts,
}


def _row(row: Thread) -> tuple[object, ...]:
    """What of a row neither a clock nor the lines decide."""
    return row.id, row.archived, row.bytes, row.name or "", row.segments


def _told(row: Thread) -> tuple[object, ...]:
    """What of a row the lines decide."""
    told = (getattr(row.summary, name) for name in ("cwd", "era", "model", "preview", "title", "tokens"))
    return row.problem is None, row.active_ms if row.summary.active_at else 0, *map(str, told)
