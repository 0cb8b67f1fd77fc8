"""The facts of watching: what happens to threads is told, to whoever watches, at least once."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING

from rollout.errors import ExistsError
from rollout.query import EVERYTHING
from rollout.testing import builders as b
from rollout.testing.facts import PATIENCE_S, Aside, StoreFacts, check, refused, segment

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from rollout.store.base import ThreadStore
    from rollout.store.changes import Change, Watch


class WatchingFacts(StoreFacts):
    """What a store promises to whoever watches it."""

    def watched(self, store: ThreadStore) -> Watch:
        """A watch that is closed before its store."""
        watch = store.watch()
        self._watches.append(watch)
        return watch

    def test_every_kind_of_change_is_told(self, tmp_path: Path) -> None:
        """Added, named, labelled, archived, unarchived, removed, and added again when it is restored."""
        store = self.store(tmp_path)
        watch = self.watched(store)
        identity = self.talk(store)
        heard = until(watch, [(identity, "added")])
        store.set_name(identity, "a name")
        heard += until(watch, [(identity, "named")])
        store.set_tags(identity, ["tag"])
        heard += until(watch, [(identity, "labelled")])
        store.set_note(identity, "a note")
        heard += until(watch, [(identity, "labelled")])
        store.set_archived(identity, True)
        heard += until(watch, [(identity, "archived")])
        store.set_archived(identity, False)
        heard += until(watch, [(identity, "unarchived")])
        receipt = store.remove(identity)
        heard += until(watch, [(identity, "removed")])
        store.restore(receipt)
        heard += until(watch, [(identity, "added")])

        check({identity}, {one.thread_id for one in heard})
        told = [one.what for one in heard if one.what not in ("named", "labelled")]
        check(["added", "archived", "unarchived", "removed", "added"], told)

    def test_only_what_happens_from_now_on(self, tmp_path: Path) -> None:
        """What was there when the watch began is not told, and neither is growth."""
        store = self.store(tmp_path)
        store.set_name(self.talk(store), "an old name")
        watch = self.watched(store)
        writer = self.resumed(store, b.thread_id(1))
        writer.append(b.line(b.user("more")), 1)
        writer.flush()
        second = self.talk(store, 2)

        check([(second, "added")], [tuple(one) for one in until(watch, [(second, "added")])])

    def test_a_thread_that_begins_is_told(self, tmp_path: Path) -> None:
        """Once it is in the store, not before; a second file of a thread adds no thread."""
        store = self.store(tmp_path)
        watch = self.watched(store)
        writer = self.created(store)
        check((), watch.wait(0.0).told)
        writer.begin(b.meta_line(b.thread_id()))
        heard = until(watch, [(b.thread_id(), "added")])
        second = b.fork_bytes(b.thread_id(), b.thread_id(), b.first_lines(self.raw(store, b.thread_id()), 1))
        name = b.rollout_name(b.thread_id(), b.START_MS + 60_000, b.thread_id(7))
        writer.close()
        self.put(store, second, 1, name=name, rollout_id=b.thread_id(7))
        store.set_name(b.thread_id(), "last")
        heard += until(watch, [(b.thread_id(), "named")])

        check(["added", "named"], [one.what for one in heard])

    def test_whoever_waits_is_woken(self, tmp_path: Path) -> None:
        """A wait that is under way ends with what happens; every watch hears of it."""
        store = self.store(tmp_path)
        watches = [self.watched(store) for _ in range(3)]
        waiting = [Aside(partial(watch.wait, PATIENCE_S)) for watch in watches]
        identity = self.talk(store)

        check([[(identity, "added")]] * 3, [[tuple(one) for one in each.result().told] for each in waiting])

    def test_nothing_is_missed_between_waits(self, tmp_path: Path) -> None:
        """A slow listener hears all that happened since it last asked."""
        store = self.store(tmp_path)
        watch = self.watched(store)
        added = [self.talk(store, number) for number in range(1, 40)]
        for identity in added[:10]:
            store.set_archived(identity, True)
        heard = until(watch, ((one, "added") for one in added))

        rows = {row.id: row.archived for row in store.list(EVERYTHING._replace(limit=100)).threads}
        check(set(rows), {one.thread_id for one in heard})
        check({*added[:10]}, {one for one, archived in rows.items() if archived})

    def test_what_was_undone_is_told_as_it_is(self, tmp_path: Path) -> None:
        """The last that is told of a thread is how it stands."""
        store = self.store(tmp_path)
        identities = [self.talk(store, number) for number in (1, 2)]
        watch = self.watched(store)
        store.restore(store.remove(identities[0]))
        store.set_archived(identities[1], True)
        store.set_archived(identities[1], False)
        last = self.talk(store, 3)
        heard = until(watch, [(last, "added")])
        told = {identity: [one.what for one in heard if one.thread_id == identity][-1:] for identity in identities}

        check(True, told[identities[0]] in ([], ["added"]) and told[identities[1]] in ([], ["unarchived"]))

    def test_a_watch_that_is_closed_ends_its_wait(self, tmp_path: Path) -> None:
        """At once or soon, with nothing; closing twice is once."""
        store = self.store(tmp_path)
        watch = self.watched(store)
        waiting = Aside(lambda: watch.wait(PATIENCE_S))
        watch.close()
        watch.close()

        check(((), ()), (waiting.result().told, watch.wait(0.0).told))

    def test_a_change_that_was_refused_is_not_told(self, tmp_path: Path) -> None:
        """Putting a file that is there adds nothing."""
        store = self.store(tmp_path)
        identity = self.talk(store)
        watch = self.watched(store)
        data = self.raw(store, identity)
        with refused(ExistsError):
            store.put(segment(1, data), [data])
        last = self.talk(store, 2)

        check([(last, "added")], [tuple(one) for one in until(watch, [(last, "added")])])


def until(watch: Watch, wanted: Iterable[tuple[str, str]]) -> list[Change]:
    """What is told until all that is wanted was."""
    heard: list[Change] = []
    missing, end = {*wanted}, time.monotonic() + PATIENCE_S
    while missing and time.monotonic() < end:
        told = watch.wait(1.0)
        check(True, told.complete, "whether all is told")
        heard += told.told
        missing -= {*told.told}
    check(set(), missing, "what was never told")
    return heard
