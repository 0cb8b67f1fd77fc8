"""The facts of changing: archive, names, remove and restore."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rollout.errors import BusyError, ExistsError, InUseError, InvalidQueryError, NotFoundError
from rollout.query import EVERYTHING
from rollout.testing import builders as b
from rollout.testing.facts import StoreFacts, check, refused, segment

if TYPE_CHECKING:
    from pathlib import Path

    from rollout.ids import ThreadId
    from rollout.store.base import Segment, ThreadStore


class ChangingFacts(StoreFacts):
    """What a store promises of what is changed without being written to."""

    def test_archiving_keeps_the_bytes(self, tmp_path: Path) -> None:
        """Archived and back, a thread has the same bytes under the same name, and is found all the time."""
        store = self.store(tmp_path)
        identity = self.talk(store)
        before = self.raw(store, identity), [one.name for one in store.segments(identity)]
        states: list[object] = []
        for archived in (True, True, False, False):
            store.set_archived(identity, archived)
            states.append([one.archived for one in store.segments(identity)])

            check(before, (self.raw(store, identity), [one.name for one in store.segments(identity)]))
            check((identity,), store.resolve(identity))
        check([[True], [True], [False], [False]], states)

    def test_archiving_moves_every_file(self, tmp_path: Path) -> None:
        """A thread of several files is archived whole, and stays one thread."""
        store = self.store(tmp_path)
        identity = self.two_files(store)
        store.set_archived(identity, True)

        check([True, True], [one.archived for one in store.segments(identity)])
        check([(identity, True)], [(row.id, row.archived) for row in store.list(EVERYTHING).threads])

    def two_files(self, store: ThreadStore) -> ThreadId:
        """Store a thread of two files."""
        first = b.paginated_bytes(b.thread_id(), *b.paginated_turn("asked", "answered"))
        second = b.fork_bytes(b.thread_id(), b.thread_id(), b.first_lines(first, 5))
        name = b.rollout_name(b.thread_id(), b.START_MS + 60_000, b.thread_id(7))
        self.put(store, first, 1)
        return self.put(store, second, 1, name=name, rollout_id=b.thread_id(7))

    def test_an_archived_thread_can_be_resumed(self, tmp_path: Path) -> None:
        """What is archived can be appended to, and stays archived."""
        store = self.store(tmp_path)
        identity = self.talk(store)
        store.set_archived(identity, True)
        writer = self.resumed(store, identity)
        writer.append(b.line(b.user("more")), 1)
        writer.flush()

        check([True], [one.archived for one in store.segments(identity)])

    def test_a_thread_that_is_written_stays_where_it_is(self, tmp_path: Path) -> None:
        """Archiving and removing are refused while a writer is open."""
        store = self.store(tmp_path)
        self.begun(store)

        with refused(BusyError):
            store.set_archived(b.thread_id(), True)
        with refused(BusyError):
            store.remove(b.thread_id())
        check([False], [one.archived for one in store.segments(b.thread_id())])

    def test_nothing_changes_for_nobody(self, tmp_path: Path) -> None:
        """Archiving and removing a thread that is not there say so."""
        store = self.store(tmp_path)

        with refused(NotFoundError):
            store.set_archived(b.thread_id(), True)
        with refused(NotFoundError):
            store.remove(b.thread_id())

    def test_names(self, tmp_path: Path) -> None:
        """The newest name counts, without white space around it, in every place where names are shown."""
        store = self.store(tmp_path)
        identity = self.talk(store)
        before = self.raw(store, identity)
        store.set_name(identity, "first")
        store.set_name(identity, "  fix the 'logín'\n")
        (row,) = store.list(EVERYTHING).threads

        check(({identity: "fix the 'logín'"}, "fix the 'logín'"), (dict(store.names()), row.name))
        check(before, self.raw(store, identity), "the rollout")

    def test_a_thread_is_put_with_what_is_given_to_it(self, tmp_path: Path) -> None:
        """Name and tags come with the file, or nothing comes: a file that is refused leaves a thread its own."""
        store, data = self.store(tmp_path), b.rollout_bytes(b.thread_id(1), b.user("asked"))
        store.put(segment(1, data), [data], name=" a name ", tags=["one", "two"])
        for name, tags in ((" ", ["one"]), ("a name", ["no tag"])):
            with refused(InvalidQueryError):
                store.put(segment(2, data), [data], name=name, tags=tags)
        with refused(ExistsError):
            store.put(segment(1, data), [data], name="another", tags=["three"])

        check({b.thread_id(1): "a name"}, dict(store.names()))
        check({b.thread_id(1): ("one", "two")}, {one: labels.tags for one, labels in store.labels().items()})
        check({b.thread_id(1)}, self.ids(store))

    def test_a_name_outlives_the_archive(self, tmp_path: Path) -> None:
        """Archiving a thread leaves its name."""
        store = self.store(tmp_path)
        identity = self.talk(store)
        store.set_name(identity, "a name")
        store.set_archived(identity, True)

        check({identity: "a name"}, dict(store.names()))

    def test_tags_and_a_note(self, tmp_path: Path) -> None:
        """Tags are given and taken, a note is written over; both stand in rows and are beside the bytes."""
        store = self.store(tmp_path)
        identity, other = self.talk(store, 1), self.talk(store, 2)
        before = self.raw(store, identity)
        given = [store.set_tags(identity, ["todo", "bug:12"]), store.set_tags(identity, ["später", "todo"], ["bug:12", "x"])]
        store.set_note(identity, "first")
        store.set_note(identity, ' ask Zoë\nabout "it"\n')
        rows = {row.id: (row.tags, row.note) for row in store.list(EVERYTHING).threads}

        check([("bug:12", "todo"), ("später", "todo")], given)
        check({identity: (("später", "todo"), 'ask Zoë\nabout "it"'), other: ((), "")}, rows)
        check({identity: (("später", "todo"), 'ask Zoë\nabout "it"')}, dict(store.labels()))
        check(before, self.raw(store, identity), "the rollout")

    def test_tags_and_notes_can_be_taken_back(self, tmp_path: Path) -> None:
        """Without tags and note a thread is as if it never had any."""
        store = self.store(tmp_path)
        identity = self.talk(store)
        store.set_tags(identity, ["one"])
        store.set_note(identity, "a note")
        store.set_tags(identity, remove=["one"])
        store.set_note(identity, "\n")

        check({}, dict(store.labels()))

    def test_a_thread_is_tagged_while_it_is_written(self, tmp_path: Path) -> None:
        """Tags and notes take no lock of the thread, and stay when it goes on."""
        store = self.store(tmp_path)
        writer = self.begun(store)
        store.set_tags(b.thread_id(), ["now"])
        store.set_note(b.thread_id(), "running")
        writer.append(b.line(b.user("more")), 1)
        writer.flush()

        check([(("now",), "running")], [(row.tags, row.note) for row in store.list(EVERYTHING).threads])

    def test_tags_outlive_archive_and_restore(self, tmp_path: Path) -> None:
        """Tags and notes stay with a thread through the archive and the trash; in the trash they mean nobody."""
        store = self.store(tmp_path)
        identity = self.talk(store)
        store.set_tags(identity, ["kept"])
        store.set_note(identity, "a note")
        before = dict(store.labels())
        store.set_archived(identity, True)
        archived = dict(store.labels())
        receipt = store.remove(identity)
        removed = dict(store.labels())
        store.restore(receipt)

        check([before, {}, before], [archived, removed, dict(store.labels())])

    def test_what_is_no_tag(self, tmp_path: Path) -> None:
        """What is no tag or cannot be kept is refused, and so is a thread that is not there; nothing is changed."""
        store = self.store(tmp_path)
        identity = self.talk(store)

        for wrong in ("", "two words", "+x", "-x", "#x", "line\n", "\x1b", "x" * 65, "\ud800"):
            with refused(InvalidQueryError):
                store.set_tags(identity, ["good", wrong])
        for note in ("NUL \0", "half \udc80", "x" * 70_000):
            with refused(InvalidQueryError):
                store.set_note(identity, note)
        with refused(NotFoundError):
            store.set_tags(b.thread_id(2), ["good"])
        with refused(NotFoundError):
            store.set_note(b.thread_id(2), "good")
        check({}, dict(store.labels()))

    def test_a_name_has_characters(self, tmp_path: Path) -> None:
        """An empty or blank name is refused, and the old one stays."""
        store = self.store(tmp_path)
        identity = self.talk(store)
        store.set_name(identity, "a name")

        for blank in ("", " \n\t"):
            with refused(InvalidQueryError):
                store.set_name(identity, blank)
        check({identity: "a name"}, dict(store.names()))

    def test_removed_and_restored(self, tmp_path: Path) -> None:
        """A removed thread is nowhere; restored it is what it was, byte for byte, with its time and name."""
        store = self.store(tmp_path)
        identity = self.talk(store)
        self.talk(store, 2)
        store.set_name(identity, "a name")
        before = self.state(store, identity)
        receipt = store.remove(identity)

        check((identity, len(before[1])), (receipt.thread_id, receipt.bytes))
        check(({b.thread_id(2)}, (), ()), (self.ids(store), store.resolve(identity), store.resolve("a name")))
        with refused(NotFoundError):
            list(store.lines(identity))
        store.restore(receipt)
        check(before, self.state(store, identity))

    def test_restored_where_it_was(self, tmp_path: Path) -> None:
        """An archived thread comes back archived."""
        store = self.store(tmp_path)
        identity = self.talk(store)
        store.set_archived(identity, True)
        before = self.state(store, identity)
        store.restore(store.remove(identity))

        check(before, self.state(store, identity))

    def test_restoring_never_replaces(self, tmp_path: Path) -> None:
        """What has taken the thread's place meanwhile stays, and the removed one can be restored later."""
        store = self.store(tmp_path)
        identity = self.talk(store, asked="the old one")
        before = self.state(store, identity)
        receipt = store.remove(identity)
        self.talk(store, asked="the new one")
        replaced = self.state(store, identity)

        with refused(ExistsError):
            store.restore(receipt)
        check(replaced, self.state(store, identity))
        store.remove(identity)
        store.restore(receipt)
        check(before, self.state(store, identity))

    def test_restoring_is_done_once(self, tmp_path: Path) -> None:
        """A receipt that was used brings nothing back again."""
        store = self.store(tmp_path)
        receipt = store.remove(self.talk(store))
        store.restore(receipt)
        before = self.state(store, b.thread_id())

        with refused(NotFoundError, ExistsError):
            store.restore(receipt)
        check(before, self.state(store, b.thread_id()))

    def test_a_base_cannot_be_removed(self, tmp_path: Path) -> None:
        """While a fork builds on a thread it stays, and the error names the fork."""
        store = self.store(tmp_path)
        base = b.paginated_bytes(b.thread_id(1), *b.paginated_turn("one", "two"))
        identity = self.put(store, base, 1)
        fork = self.put(store, b.fork_bytes(b.thread_id(2), identity, b.first_lines(base, 3)), 2)

        with refused(InUseError) as caught:
            store.remove(identity)
        check((base, (fork,)), (self.raw(store, identity), caught.error.forks))
        store.remove(fork)
        store.remove(identity)
        check(set(), self.ids(store))

    def test_a_base_of_an_older_file_cannot_be_removed(self, tmp_path: Path) -> None:
        """A thread builds on what any of its files builds on, not the newest alone."""
        store = self.store(tmp_path)
        base = b.paginated_bytes(b.thread_id(1), *b.paginated_turn("one", "two"))
        identity = self.put(store, base, 1)
        older = b.fork_bytes(b.thread_id(2), identity, b.first_lines(base, 3))
        fork = self.put(store, older, 2)
        name = b.rollout_name(fork, b.START_MS + 60_000, b.thread_id(7))
        self.put(store, b.fork_bytes(fork, fork, older), 2, name=name, rollout_id=b.thread_id(7))

        with refused(InUseError) as caught:
            store.remove(identity)
        check((2, (fork,)), (len(store.segments(fork)), caught.error.forks))
        check((fork,), store.references(identity))

    def test_what_was_removed_is_listed(self, tmp_path: Path) -> None:
        """The newest removal first, with its receipt and whose sub-agent it is; restored it is there no more."""
        store = self.store(tmp_path)
        spawned = {"subagent": {"thread_spawn": {"parent_thread_id": b.thread_id(9), "depth": 1}}}
        first, second = self.talk(store, 1), self.talk(store, 2, source=spawned)
        receipts = [store.remove(first), store.remove(second)]
        listed = store.removed()
        store.restore(receipts[1])

        check(receipts[::-1], [one.receipt for one in listed])
        check([b.thread_id(9), None], [one.parent_id for one in listed])
        check([True, True], [one.removed_ns > 0 for one in listed])
        check([receipts[0]], [one.receipt for one in store.removed()])

    def test_a_receipt_names_the_files(self, tmp_path: Path) -> None:
        """All of them, the oldest first, whoever tells it: the removal itself or the listing of what was removed."""
        store = self.store(tmp_path)
        identity = self.two_files(store)
        names = tuple(one.name for one in store.segments(identity))
        receipt = store.remove(identity)

        check(names, receipt.names)
        check([receipt], [one.receipt for one in store.removed()])

    def test_a_receipt_outlives_the_store(self, tmp_path: Path) -> None:
        """What a listing of the trash gives restores as well as what the removal gave."""
        store = self.store(tmp_path)
        identity = self.talk(store)
        store.set_name(identity, "a name")
        before = self.state(store, identity)
        store.remove(identity)
        store.restore(store.removed()[0].receipt)

        check((before, []), (self.state(store, identity), list(store.removed())))

    def test_purged_is_gone_for_good(self, tmp_path: Path) -> None:
        """Nothing brings it back; to purge it again is no error; another removal of the thread stays."""
        store = self.store(tmp_path)
        identity = self.talk(store, asked="the old one")
        old = store.remove(identity)
        self.talk(store, asked="the new one")
        before = self.state(store, identity)
        new = store.remove(identity)
        store.purge(old)
        store.purge(old)

        with refused(NotFoundError):
            store.restore(old)
        check([new], [one.receipt for one in store.removed()])
        store.restore(new)
        check(before, self.state(store, identity))

    def test_a_used_receipt_means_no_later_removal(self, tmp_path: Path) -> None:
        """The thread is removed again: the old receipt neither brings it back nor takes it away."""
        store = self.store(tmp_path)
        identity = self.talk(store)
        before = self.state(store, identity)
        old = store.remove(identity)
        store.restore(old)
        new = store.remove(identity)

        with refused(NotFoundError):
            store.restore(old)
        store.purge(old)
        check([new], [one.receipt for one in store.removed()])
        store.restore(new)
        check(before, self.state(store, identity))

    def test_purging_spares_what_is_not_removed(self, tmp_path: Path) -> None:
        """The receipt of a thread that was restored takes nothing away."""
        store = self.store(tmp_path)
        identity = self.talk(store)
        before = self.state(store, identity)
        receipt = store.remove(identity)
        store.restore(receipt)
        store.purge(receipt)

        check((before, []), (self.state(store, identity), list(store.removed())))

    def test_a_thread_that_is_written_is_neither_restored_nor_purged(self, tmp_path: Path) -> None:
        """Somebody who writes the thread anew keeps its old removal as it is; that a receipt was used is told later."""
        store = self.store(tmp_path)
        used = store.remove(self.talk(store))
        store.restore(used)
        receipt = store.remove(b.thread_id())
        writer = self.begun(store)

        for change, one in ((store.restore, receipt), (store.purge, receipt), (store.restore, used), (store.purge, used)):
            with refused(BusyError):
                change(one)
        writer.close()
        check([receipt], [one.receipt for one in store.removed()])

    def test_a_store_that_nothing_has_cut_off_is_whole(self, tmp_path: Path) -> None:
        """There is nothing to heal, and healing changes nothing."""
        store = self.store(tmp_path)
        identity = self.talk(store)
        before = self.state(store, identity)
        store.remove(self.talk(store, 2))

        check(([], before, 1), (list(store.heal()), self.state(store, identity), len(store.removed())))

    def state(self, store: ThreadStore, thread_id: str) -> tuple[tuple[Segment, ...], bytes, str | None]:
        """Everything that a removal takes away."""
        return store.segments(thread_id), self.raw(store, thread_id), store.names().get(thread_id)
