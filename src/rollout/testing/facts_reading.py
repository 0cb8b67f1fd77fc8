"""The facts of reading: lines forward and backward, forks, growth, and bytes that come back as they went in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rollout.errors import ExistsError, NotFoundError
from rollout.lines import Line, Position
from rollout.query import EVERYTHING
from rollout.testing import builders as b
from rollout.testing.facts import PATIENCE_S, Aside, StoreFacts, check, damages, datas, refused, segment, where

if TYPE_CHECKING:
    from pathlib import Path

    from rollout.ids import ThreadId
    from rollout.lines import Found
    from rollout.store.base import ThreadStore

_WHOLE = b.rollout_bytes(b.thread_id(), b.user("one"), b.agent("two"))
ODD_FILES = {
    "empty": b"",
    "one newline": b"\n",
    "a byte order mark": b"\xef\xbb\xbf" + _WHOLE,
    "CRLF": _WHOLE.replace(b"\n", b"\r\n"),
    "blank lines": _WHOLE.replace(b"\n", b"\n\n \n"),
    "NUL bytes in front": b"\0" * 100 + _WHOLE,
    "NUL bytes in the middle": _WHOLE.replace(b"\n", b"\n" + b"\0" * 50, 1),
    "NUL bytes at the end": _WHOLE + b"\0" * 4096,
    "bad UTF-8": _WHOLE.replace(b"one", b"\xff\xfe"),
    "no last newline": _WHOLE.removesuffix(b"\n"),
    "a torn tail": b.torn(_WHOLE, 7),
    "two records on one line": _WHOLE.replace(b"}\n{", b"}{", 1),
    "garbage": b"\x00\x01garbage\xff\n{}\n[]\nnull\n",
    "a long line": _WHOLE + b.line(b.user("x" * 300_000)),
}


class ReadingFacts(StoreFacts):
    """What a store promises of what is read."""

    def test_lines_in_order(self, tmp_path: Path) -> None:
        """The lines of a thread are its bytes, numbered from 0, each at its offset."""
        store = self.store(tmp_path)
        identity = self.talk(store)
        found = list(store.lines(identity))

        check(self.raw(store, identity), b"".join(datas(found)))
        check(list(range(8)), [one.n for one in found])
        check(found, [one for one in found if isinstance(one, Line)])
        check([0, *_ends(found)[:-1]], [one.position.offset for one in found])

    def test_lines_from_a_number_on(self, tmp_path: Path) -> None:
        """Reading may begin at any line, behind the end even."""
        store = self.store(tmp_path)
        identity = self.talk(store)
        everything = list(store.lines(identity))

        check(everything[3:], list(store.lines(identity, start=3)))
        check([], list(store.lines(identity, start=8)))

    def test_damage_is_data(self, tmp_path: Path) -> None:
        """A bad line is told with its number and place, costs nothing else, and blank lines only have numbers."""
        store = self.store(tmp_path)
        first, last = b.meta_line(b.thread_id()), b.line(b.user("one"))
        identity = self.put(store, first + b"garbage\n" + b"\n" + last)
        found = list(store.lines(identity))

        check([first, last], datas(found))
        check([0, 1, 3], [one.n for one in found])
        check([(1, Position(0, len(first)), 8)], [tuple(one)[:3] for one in damages(found)])

    def test_lines_of_nobody(self, tmp_path: Path) -> None:
        """Every question about a thread that is not there is answered with NotFoundError."""
        store, nobody = self.store(tmp_path), b.thread_id(99)

        for ask in (store.lines, store.lines_back, store.raw):
            with refused(NotFoundError):
                list(ask(nobody))
        with refused(NotFoundError):
            list(store.lines_from(nobody, Position(0, 0)))
        for tell in (store.summary, store.segments, store.end):
            with refused(NotFoundError):
                tell(nobody)

    def test_lines_backwards(self, tmp_path: Path) -> None:
        """Backwards the same lines and the same damage are found, newest first; a number is right or -1."""
        store = self.store(tmp_path)
        for number, (name, data) in enumerate(ODD_FILES.items(), 1):
            identity = self.put(store, data, number)
            forward, back = list(store.lines(identity)), list(store.lines_back(identity))

            check(where(forward)[::-1], where(back), name)
            check([], [one for one, same in zip(back, forward[::-1], strict=True) if one.n not in (-1, same.n)], name)

    def test_lines_backwards_from_a_place(self, tmp_path: Path) -> None:
        """Going on backwards from a line's position yields what stands before that line."""
        store = self.store(tmp_path)
        identity = self.talk(store)
        everything = list(store.lines(identity))

        check(datas(everything[4::-1]), datas(store.lines_back(identity, everything[5].position)))
        check([], list(store.lines_back(identity, everything[0].position)))

    def test_lines_from_a_place(self, tmp_path: Path) -> None:
        """Going on from a line's position yields that line and what follows, damage too; a number is right or -1."""
        store = self.store(tmp_path)
        for number, (name, data) in enumerate(ODD_FILES.items(), 1):
            identity = self.put(store, data, number)
            everything = list(store.lines(identity))
            for one in everything:
                rest, found = [other for other in everything if other.n >= one.n], list(store.lines_from(identity, one.position))

                check(where(rest), where(found), name)
                check([], [one for one, same in zip(found, rest, strict=True) if one.n not in (-1, same.n)], name)
                check(rest, list(store.lines_from(identity, one.position, one.n)), name)

    def test_the_number_of_a_place(self, tmp_path: Path) -> None:
        """A position tells the number of the line that stands there, in a base too; the end that of the line to come."""
        store = self.store(tmp_path)
        _, fork = self.forked(store)
        odd = [self.put(store, data, number) for number, data in enumerate(ODD_FILES.values(), 3)]
        for identity in (fork, *odd):
            everything = [one for one in store.lines(identity) if isinstance(one, Line)]

            check([one.n for one in everything], [store.number(identity, one.position) for one in everything], identity)
        check(len(list(store.lines(fork))), store.number(fork, store.end(fork)))

    def test_lines_from_inside_of_a_line(self, tmp_path: Path) -> None:
        """From a position inside of a line it begins with that line."""
        store = self.store(tmp_path)
        identity = self.talk(store)
        everything = list(store.lines(identity))
        segment, offset = everything[5].position

        check(datas(everything[5:]), datas(store.lines_from(identity, Position(segment, offset + 7))))
        check([], list(store.lines_from(identity, store.end(identity))))

    def test_a_fork_from_a_place(self, tmp_path: Path) -> None:
        """From a place in its base a fork reads through that into its own lines."""
        store = self.store(tmp_path)
        _, fork = self.forked(store)
        everything = list(store.lines(fork))

        check(where(everything[3:]), where(store.lines_from(fork, everything[3].position)))
        check(where(everything[6:]), where(store.lines_from(fork, everything[6].position)))

    def test_sifted_lines(self, tmp_path: Path) -> None:
        """A sieve gives the lines that pass, both ways and from a place; what it is asked about may be many lines."""
        store = self.store(tmp_path)
        _, fork = self.forked(store)
        everything = [one for one in store.lines(fork) if isinstance(one, Line)]
        wanted = [one for one in everything if b"event_msg" in one.data]

        def sifted(start: Position | None = None, *, back: bool = False) -> list[Line]:
            found = store.sift(fork, lambda data: b"event_msg" in data, start, back=back)
            return [one for one in found if isinstance(one, Line)]

        check(where(wanted), where(sifted()))
        check(where(wanted[::-1]), where(sifted(back=True)))
        for place in (one.position for one in everything):
            check(where(one for one in wanted if one.position >= place), where(sifted(place)))
            check(where(one for one in wanted[::-1] if one.position < place), where(sifted(place, back=True)))

    def test_a_fork_begins_with_its_base(self, tmp_path: Path) -> None:
        """A fork by reference reads as the inherited prefix and then its own lines, numbered throughout."""
        store = self.store(tmp_path)
        prefix, fork = self.forked(store)
        found = list(store.lines(fork))

        check(prefix + self.raw(store, fork), b"".join(datas(found)))
        check(list(range(7)), [one.n for one in found])
        check(sorted(one.position for one in found), [one.position for one in found])
        check({0: 5, 1: 2}, {number: [one.position.segment for one in found].count(number) for number in (0, 1)})

    def test_own_lines_of_a_fork(self, tmp_path: Path) -> None:
        """Its own lines can be had alone; they keep the numbers that they have in the whole."""
        store = self.store(tmp_path)
        _, fork = self.forked(store)

        check(list(store.lines(fork))[5:], list(store.lines(fork, own=True)))
        check(list(store.lines(fork))[6:], list(store.lines(fork, start=6, own=True)))

    def test_a_fork_backwards(self, tmp_path: Path) -> None:
        """Backwards a fork reads through its own lines into its base."""
        store = self.store(tmp_path)
        _, fork = self.forked(store)

        check(where(store.lines(fork))[::-1], where(store.lines_back(fork)))

    def test_a_base_may_grow(self, tmp_path: Path) -> None:
        """What is appended to the base after the fork is no part of the fork."""
        store = self.store(tmp_path)
        _, fork = self.forked(store)
        before = list(store.lines(fork))
        self.append(store, b.thread_id(1), b.line(b.user("later"), ordinal=8))

        check(before, list(store.lines(fork)))

    def test_a_fork_of_a_fork(self, tmp_path: Path) -> None:
        """Bases are followed to the first."""
        store = self.store(tmp_path)
        prefix, fork = self.forked(store)
        inherited = b.first_lines(self.raw(store, fork), 1)
        third = b.fork_bytes(b.thread_id(3), fork, inherited, b.user("third"))
        self.put(store, third, 3)

        check(prefix + inherited + third, b"".join(datas(store.lines(b.thread_id(3)))))

    def test_a_base_that_is_missing(self, tmp_path: Path) -> None:
        """A fork without its base tells the hole as damage, and its own lines are read."""
        store = self.store(tmp_path)
        prefix = b.paginated_bytes(b.thread_id(1), b.user("one"))
        identity = self.put(store, b.fork_bytes(b.thread_id(2), b.thread_id(1), prefix, b.user("mine")), 2)
        found = list(store.lines(identity))

        check(self.raw(store, identity), b"".join(datas(found)))
        check(1, len(damages(found)), "number of holes")

    def test_a_base_that_is_too_short(self, tmp_path: Path) -> None:
        """A base that lost bytes its fork builds on is told as damage; what is left of it is read."""
        store = self.store(tmp_path)
        prefix = b.paginated_bytes(b.thread_id(1), b.user("one"), b.user("two"))
        self.put(store, b.first_lines(prefix, 2), 1)
        identity = self.put(store, b.fork_bytes(b.thread_id(2), b.thread_id(1), prefix, b.user("mine")), 2)
        found = list(store.lines(identity))

        check(b.first_lines(prefix, 2) + self.raw(store, identity), b"".join(datas(found)))
        check([0], [one.position.segment for one in damages(found)])

    def test_a_thread_of_several_files(self, tmp_path: Path) -> None:
        """A reverted thread has two files, oldest first, and reads as what the newest one builds."""
        store = self.store(tmp_path)
        prefix, newest, rollout_id = self.reverted(store)

        check([b.thread_id(), rollout_id], [one.rollout_id for one in store.segments(b.thread_id())])
        check(prefix + newest, b"".join(datas(store.lines(b.thread_id()))))
        check(newest, self.raw(store, b.thread_id()))
        check(prefix, b"".join(store.raw(b.thread_id(), b.thread_id()))[: len(prefix)])
        check(1, len(self.ids(store)))

    def test_the_end(self, tmp_path: Path) -> None:
        """The end is behind the last complete line; a torn tail is beyond it."""
        store = self.store(tmp_path)
        whole = b.rollout_bytes(b.thread_id(), b.user("one"))
        self.put(store, whole, 1)
        self.put(store, whole + b'{"timest', 2)
        self.put(store, b"", 3)

        check([len(whole), len(whole), 0], [store.end(b.thread_id(number)).offset for number in (1, 2, 3)])

    def test_following(self, tmp_path: Path) -> None:
        """Waiting ends with the new end when something was flushed, and with the old one when time is over."""
        store = self.store(tmp_path)
        identity = self.talk(store)
        end = store.end(identity)
        over = store.wait(identity, end, 0.0)
        waiting = Aside(lambda: store.wait(identity, end, PATIENCE_S))
        added = b.line(b.user("more"))
        self.append(store, identity, added)
        grown = Position(end.segment, end.offset + len(added))

        check((end, grown), (over, waiting.result()))
        check(grown, store.wait(identity, Position(0, 0), 0.0))

    def test_bytes_come_back(self, tmp_path: Path) -> None:
        """Whatever is put is given back byte for byte, with its time, mode, name and place."""
        store = self.store(tmp_path)
        for number, (name, data) in enumerate(ODD_FILES.items(), 1):
            facts = segment(number, data, archived=number % 2 == 0, mode=0o640)
            store.put(facts, [data[:10], data[10:]])

            check(data, self.raw(store, b.thread_id(number)), name)
            check([facts[:7]], [one[:7] for one in store.segments(b.thread_id(number))], name)

    def test_a_compressed_file_stays_one_until_it_grows(self, tmp_path: Path) -> None:
        """What was stored compressed is told so and read as before; with the first line that is appended it is plain."""
        store, data = self.store(tmp_path), b.rollout_bytes(b.thread_id(1), *b.turn("asked", "answered"))
        store.put(segment(1, data, compressed=True), [data[:10], data[10:]])
        before = (self.raw(store, b.thread_id(1)), store.segments(b.thread_id(1))[0].compressed)
        self.append(store, b.thread_id(1), b.line(b.user("more")))

        check((data, True), before)
        check(False, store.segments(b.thread_id(1))[0].compressed)
        check(data + b.line(b.user("more")), self.raw(store, b.thread_id(1)))

    def test_put_never_replaces(self, tmp_path: Path) -> None:
        """A file under a name that is taken is refused, and the one that is there keeps its bytes."""
        store = self.store(tmp_path)
        identity = self.talk(store)
        before = self.raw(store, identity)

        with refused(ExistsError):
            self.put(store, b"other\n")
        check(before, self.raw(store, identity))

    def test_looking_changes_nothing(self, tmp_path: Path) -> None:
        """Reading, listing, resolving and searching leave bytes and times as they are, and need no lock."""
        store = self.store(tmp_path)
        _, fork = self.forked(store)
        before = [store.segments(one) for one in (b.thread_id(1), fork)]
        for read in (store.lines, store.lines_back, store.raw):
            list(read(fork))
        for look in (store.summary, store.resolve, store.references, store.end):
            look(fork)
        store.search("question", EVERYTHING)
        self.ids(store)

        check(before, [store.segments(one) for one in (b.thread_id(1), fork)])
        check(None, store.owner(fork))

    def forked(self, store: ThreadStore) -> tuple[bytes, ThreadId]:
        """Thread 1 with eight lines, and thread 2 that inherits five of them and has two of its own."""
        base = b.paginated_bytes(b.thread_id(1), *b.paginated_turn("base question", "base answer"))
        self.put(store, base, 1)
        prefix = b.first_lines(base, 5)
        own = b.fork_bytes(b.thread_id(2), b.thread_id(1), prefix, b.turn_item("UserMessage", "fork question"))
        return prefix, self.put(store, own, 2)

    def reverted(self, store: ThreadStore) -> tuple[bytes, bytes, ThreadId]:
        """Thread 1 in two files: the second builds on the first five lines of the first."""
        first = b.paginated_bytes(b.thread_id(1), *b.paginated_turn("asked", "answered"))
        prefix, rollout_id = b.first_lines(first, 5), b.thread_id(7)
        second = b.fork_bytes(b.thread_id(1), b.thread_id(1), prefix, b.user("asked anew"), forked_from_id=None)
        name = b.rollout_name(b.thread_id(1), b.START_MS + 60_000, rollout_id)
        self.put(store, first, 1)
        self.put(store, second, 1, name=name, rollout_id=rollout_id)
        return prefix, second, rollout_id

    def append(self, store: ThreadStore, thread_id: str, line: bytes) -> None:
        """Add one line to a thread."""
        writer = self.resumed(store, thread_id)
        writer.append(line, 1)
        writer.flush()
        writer.close()


def _ends(found: list[Found]) -> list[int]:
    return [one.position.offset + len(one.data) for one in found if isinstance(one, Line)]
