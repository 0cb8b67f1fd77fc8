"""The facts of writing: deferral, counts, order, resumption, fences, ordinals, one writer."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from rollout.errors import BusyError, ClosedError, ExistsError, NotFoundError
from rollout.lines import Position
from rollout.testing import builders as b
from rollout.testing.facts import PATIENCE_S, Aside, StoreFacts, check, damages, datas, refused

if TYPE_CHECKING:
    from pathlib import Path

    from rollout.store.base import ThreadStore

HELLO = b.line(b.user("hello"), 1)
THERE = b.line(b.agent("there"), 2)
AGAIN = b.line(b.user("again"), 3)


class WritingFacts(StoreFacts):
    """What a store and its writers promise of what is written."""

    def test_create_stores_nothing(self, tmp_path: Path) -> None:
        """A created thread is in no listing, cannot be read and has no owner until it is begun."""
        store = self.store(tmp_path)
        writer = self.created(store)

        check((False, set(), ()), (writer.begun, self.ids(store), store.resolve(writer.thread_id)))
        check(None, store.owner(writer.thread_id))
        with refused(NotFoundError):
            list(store.lines(writer.thread_id))

    def test_a_created_writer_closes_without_a_trace(self, tmp_path: Path) -> None:
        """A thread that was never begun leaves nothing when its writer is closed, twice even."""
        store = self.store(tmp_path)
        writer = self.created(store)
        writer.close()
        writer.close()

        check(set(), self.ids(store))

    def test_begin_makes_the_thread_exist(self, tmp_path: Path) -> None:
        """After begin the thread holds exactly its first line, and everybody finds it."""
        store = self.store(tmp_path)
        writer = self.begun(store)

        check(b.meta_line(b.thread_id()), self.raw(store, b.thread_id()))
        check((True, {b.thread_id()}), (writer.begun, self.ids(store)))

    def test_begin_twice_is_begin_once(self, tmp_path: Path) -> None:
        """A second begin writes nothing."""
        store = self.store(tmp_path)
        writer = self.begun(store)
        writer.begin(b.meta_line(b.thread_id()))

        check(b.meta_line(b.thread_id()), self.raw(store, b.thread_id()))

    def test_begin_never_replaces(self, tmp_path: Path) -> None:
        """Beginning a thread whose file is there already is refused, and the file keeps its bytes."""
        store = self.store(tmp_path)
        self.begun(store).close()
        again = self.created(store)

        with refused(ExistsError):
            again.begin(b.meta_line(b.thread_id(), cwd="/elsewhere"))
        check(b.meta_line(b.thread_id()), self.raw(store, b.thread_id()))

    def test_append_flush_and_sync_count(self, tmp_path: Path) -> None:
        """Each answers how many lines got that far since the writer was opened, the first line not counted."""
        writer = self.begun(self.store(tmp_path))
        appended = writer.append(HELLO + THERE, 2)
        before = writer.sync()

        check((2, 0), (appended, before), "append, and sync before flush")
        check((2, 2), (writer.flush(), writer.sync()), "flush and sync")
        check(3, writer.append(AGAIN, 1), "append again")
        check((2, 3, 3), (writer.sync(), writer.flush(), writer.sync()), "sync, flush, sync")

    def test_pending_bytes(self, tmp_path: Path) -> None:
        """What is accepted and not flushed is told in bytes."""
        writer = self.begun(self.store(tmp_path))
        writer.append(HELLO, 1)
        pending = writer.pending_bytes
        writer.flush()

        check((len(HELLO), 0), (pending, writer.pending_bytes))

    def test_order_and_bytes_are_kept(self, tmp_path: Path) -> None:
        """What was accepted is stored in order, byte for byte, once."""
        store = self.store(tmp_path)
        writer = self.begun(store)
        odd = b'{"type":"event_msg" , "timestamp":"t","payload":{"type":"user_message","message":"\xc3\xa9"},"new":1.10}\n'
        for lines in (HELLO, odd + THERE, odd):
            writer.append(lines, lines.count(b"\n"))
            writer.flush()
        writer.flush()

        check(b.meta_line(b.thread_id()) + HELLO + odd + THERE + odd, self.raw(store, b.thread_id()))

    def test_append_copies(self, tmp_path: Path) -> None:
        """The caller may use its buffer again at once."""
        store = self.store(tmp_path)
        writer = self.begun(store)
        buffer = bytearray(HELLO)
        writer.append(buffer, 1)
        buffer[:] = THERE
        writer.append(memoryview(buffer), 1)
        writer.flush()

        check([HELLO, THERE], datas(store.lines(b.thread_id()))[1:])

    def test_opening_changes_nothing(self, tmp_path: Path) -> None:
        """Opening a thread to write, and closing it, changes no byte and no time."""
        store = self.store(tmp_path)
        identity = self.put(store, b.torn(b.rollout_bytes(b.thread_id(), b.user("one"))))
        before = store.segments(identity), self.raw(store, identity)
        self.resumed(store, identity).close()

        check(before, (store.segments(identity), self.raw(store, identity)))

    def test_resuming_only_appends(self, tmp_path: Path) -> None:
        """The bytes that were there stay the beginning of the file, and the new lines follow."""
        store = self.store(tmp_path)
        identity = self.talk(store)
        before = self.raw(store, identity)
        self.write(store, identity, HELLO)

        check(before + HELLO, self.raw(store, identity))

    def test_a_torn_tail_is_fenced(self, tmp_path: Path) -> None:
        """A fragment at the end becomes one bad line of its own; nothing of it is cut, nothing new is lost."""
        store = self.store(tmp_path)
        torn = b.torn(b.rollout_bytes(b.thread_id(), b.user("one"), b.user("two")), missing=9)
        identity = self.put(store, torn)
        self.write(store, identity, HELLO, THERE)
        found = list(store.lines(identity))

        check(torn + b"\n" + HELLO + THERE, self.raw(store, identity))
        check([2], [damage.n for damage in damages(found)], "the number of the bad line")
        check([HELLO, THERE], datas(found)[-2:])

    def test_a_line_that_lacks_only_its_newline_is_completed(self, tmp_path: Path) -> None:
        """The newline that fences it makes it whole: no damage, no line lost."""
        store = self.store(tmp_path)
        whole = b.rollout_bytes(b.thread_id(), b.user("one"))
        identity = self.put(store, whole.removesuffix(b"\n"))
        self.write(store, identity, HELLO)

        check(whole + HELLO, self.raw(store, identity))
        check([], damages(store.lines(identity)))

    def test_ordinals_go_on(self, tmp_path: Path) -> None:
        """In a paginated thread the next line bears the ordinal behind the last one."""
        store = self.store(tmp_path)
        identity = self.put(store, b.paginated_bytes(b.thread_id(), *b.paginated_turn("one", "two")))
        writer = self.resumed(store, identity)
        first = writer.next_ordinal
        writer.append(b.line(b.user("a"), ordinal=8) + b.line(b.user("b"), ordinal=9), 2)

        check((8, 10), (first, writer.next_ordinal))

    def test_ordinals_of_a_fork_go_on_from_its_base(self, tmp_path: Path) -> None:
        """A fork by reference counts on where the prefix that it inherits ends."""
        store = self.store(tmp_path)
        base = b.paginated_bytes(b.thread_id(1), *b.paginated_turn("one", "two"))
        self.put(store, base)
        fork = self.put(store, b.fork_bytes(b.thread_id(2), b.thread_id(1), b.first_lines(base, 5)), 2)
        writer = self.resumed(store, fork)

        check((6, 6), (writer.next_ordinal, writer.next_n))

    def test_the_era_of_a_file_decides(self, tmp_path: Path) -> None:
        """A thread goes on in the era it has; a new one is of the legacy era."""
        store = self.store(tmp_path)
        self.put(store, b.paginated_bytes(b.thread_id(1), b.user("one")), 1)
        self.put(store, b.rollout_bytes(b.thread_id(2), b.user("one")), 2)
        self.put(store, b.bare_bytes(b.thread_id(3), b.message("user", "one")), 3)
        eras = [(self.resumed(store, b.thread_id(n)).era, self.resumed_ordinal(n)) for n in (1, 2, 3)]

        check([("paginated", 2), ("legacy", None), ("bare", None)], eras)
        check(("legacy", None), (self.begun(store, 4).era, self.resumed_ordinal(4)))

    def resumed_ordinal(self, number: int) -> int | None:
        """The next ordinal of the writer that is open on thread ``number``."""
        return next(one.next_ordinal for one in self._writers if one.thread_id == b.thread_id(number))

    def test_the_writer_tells_where_the_next_line_goes(self, tmp_path: Path) -> None:
        """With nothing pending, next_n and position are those of the next line, before and after a flush."""
        store = self.store(tmp_path)
        identity = self.talk(store)
        size = len(self.raw(store, identity))
        writer = self.resumed(store, identity)
        first = writer.next_n, writer.position
        writer.append(HELLO, 1)
        writer.flush()
        second = writer.next_n, writer.position
        writer.append(THERE, 1)
        writer.flush()

        check(((8, Position(0, size)), (9, Position(0, size + len(HELLO)))), (first, second))
        check([second], [(one.n, one.position) for one in store.lines(identity, start=9)])

    def test_one_writer_a_thread(self, tmp_path: Path) -> None:
        """A second writer is refused with the thread and the owner of the first, until that is closed."""
        store = self.store(tmp_path)
        identity = self.talk(store)
        writer = self.resumed(store, identity)

        with refused(BusyError) as caught:
            store.open_writer(identity)
        check((identity, os.getpid()), (caught.error.thread_id, caught.error.owner["pid"]))
        writer.close()
        self.resumed(store, identity)

    def test_the_owner_is_told(self, tmp_path: Path) -> None:
        """While a writer is open its owner can be named; afterwards nobody owns the thread."""
        store = self.store(tmp_path)
        writer = self.begun(store)
        owner = store.owner(b.thread_id())
        writer.close()

        check((os.getpid(), None), (owner.pid if owner else 0, store.owner(b.thread_id())))

    def test_two_new_writers_of_one_thread(self, tmp_path: Path) -> None:
        """Of two writers created for one thread the second cannot begin while the first is open."""
        store = self.store(tmp_path)
        self.begun(store)
        second = self.created(store)

        with refused(BusyError):
            second.begin(b.meta_line(b.thread_id()))

    def test_waiting_for_the_other_writer(self, tmp_path: Path) -> None:
        """Who is ready to wait gets the thread when its writer is closed."""
        store = self.store(tmp_path)
        writer = self.begun(store)
        waiting = Aside(lambda: self.resumed(store, b.thread_id(), PATIENCE_S))
        writer.close()

        check(b.thread_id(), waiting.result().thread_id)

    def test_a_closed_writer_refuses(self, tmp_path: Path) -> None:
        """After close nothing is accepted any more."""
        writer = self.begun(self.store(tmp_path))
        writer.close()
        writer.close()

        with refused(ClosedError):
            writer.append(HELLO, 1)
        for use in (writer.flush, writer.sync):
            with refused(ClosedError):
                use()

    def test_begin_comes_before_append(self, tmp_path: Path) -> None:
        """A thread that does not exist takes no lines; what was refused is not there once it does."""
        store = self.store(tmp_path)
        writer = self.created(store)

        with refused(ClosedError):
            writer.append(HELLO, 1)
        check((0, 0), (writer.pending_bytes, writer.flush()))
        writer.begin(b.meta_line(b.thread_id()))
        check((1, 1), (writer.append(THERE, 1), writer.flush()))
        check(b.meta_line(b.thread_id()) + THERE, self.raw(store, b.thread_id()))

    def test_a_closed_writer_does_not_begin(self, tmp_path: Path) -> None:
        """A writer that was closed before its thread began makes nothing any more."""
        store = self.store(tmp_path)
        writer = self.created(store)
        writer.close()

        with refused(ClosedError):
            writer.begin(b.meta_line(b.thread_id()))
        check((set(), None), (self.ids(store), store.owner(b.thread_id())))

    def test_a_first_line_with_an_ordinal_makes_a_paginated_thread(self, tmp_path: Path) -> None:
        """The ordinals go on behind it."""
        writer = self.created(self.store(tmp_path))
        before = writer.era, writer.next_ordinal
        writer.begin(b.meta_line(b.thread_id(), ordinal=5))

        check((("legacy", None), ("paginated", 6)), (before, (writer.era, writer.next_ordinal)))

    def test_there_must_be_a_thread_to_resume(self, tmp_path: Path) -> None:
        """Opening a thread that is not there says so."""
        store = self.store(tmp_path)

        with refused(NotFoundError):
            store.open_writer(b.thread_id())

    def test_group_commit(self, tmp_path: Path) -> None:
        """The store syncs many writers in one go."""
        store = self.store(tmp_path)
        writers = [self.begun(store, number) for number in (1, 2, 3)]
        for writer in writers:
            writer.append(HELLO, 1)
            writer.flush()
        store.sync(writers)

        check([1, 1, 1], [writer.sync() for writer in writers])

    def test_group_commit_tries_all(self, tmp_path: Path) -> None:
        """A writer that fails is told of, after the others have been synced."""
        store = self.store(tmp_path)
        closed, healthy = self.begun(store, 1), self.begun(store, 2)
        healthy.append(HELLO, 1)
        healthy.flush()
        closed.close()

        with refused(ClosedError):
            store.sync([closed, healthy])
        check(1, healthy.sync())

    def test_closing_the_store_leaves_writers_open(self, tmp_path: Path) -> None:
        """A writer outlives its store."""
        store = self.store(tmp_path)
        writer = self.begun(store)
        store.close()
        writer.append(HELLO, 1)

        check(1, writer.flush())

    def write(self, store: ThreadStore, thread_id: str, *lines: bytes) -> None:
        """Open a thread, add lines, close it."""
        writer = self.resumed(store, thread_id)
        writer.append(b"".join(lines), len(lines))
        writer.flush()
        writer.close()
