"""The reader: what is a line, what is damage, and that nothing is lost between them."""

from __future__ import annotations

import tracemalloc
from typing import TYPE_CHECKING

import pytest

from rollout.journal.filesystem import Filesystem
from rollout.journal.reader import (
    backward,
    classify,
    complete_end,
    count_lines,
    forward,
    last_record,
    open_source,
)
from rollout.lines import Damage, Found, Line, Position

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

NUL = b"\0"
BOM = b"\xef\xbb\xbf"


def record(text: str = "x") -> bytes:
    """A good line without its terminator."""
    return (
        b'{"timestamp":"2026-02-08T07:05:03.041Z","type":"event_msg","payload":{"type":"t","m":"%s"}}' % text.encode()
    )


ONE, TWO, THREE = record("one"), record("two"), record("three")


@pytest.fixture
def rollout(tmp_path: Path) -> Callable[[bytes], str]:
    """Write the bytes of a rollout; its path."""

    def write(data: bytes) -> str:
        path = tmp_path / "rollout.jsonl"
        path.write_bytes(data)
        return str(path)

    return write


def read(path: str) -> list[Found]:
    """Everything that reading forward yields."""
    with open_source(path) as source:
        return list(forward(source))


def read_back(path: str) -> list[Found]:
    """Everything that reading backward yields."""
    with open_source(path) as source:
        return list(backward(source))


def told(found: list[Found]) -> list[object]:
    """The bytes of each line; offset, length and reason of each damage."""
    return [each.data if isinstance(each, Line) else (each.position.offset, each.length, each.reason) for each in found]


class TestLines:
    """What is good."""

    def test_each_line_has_bytes_number_place_and_decoding(self, rollout: Callable[[bytes], str]) -> None:
        """A line carries its bytes with the terminator, its number, its offset and what it says."""
        _, found = read(rollout(ONE + b"\n" + TWO + b"\n"))

        assert isinstance(found, Line)
        assert (TWO + b"\n", 1, Position(0, len(ONE) + 1)) == found[:3]
        assert (found.record.type, bytes(found.record.payload)) == ("event_msg", b'{"type":"t","m":"two"}')

    def test_a_last_record_without_newline_is_good(self, rollout: Callable[[bytes], str]) -> None:
        """What is complete is a line even when its terminator is missing."""
        assert told(read(rollout(ONE + b"\n" + TWO))) == [ONE + b"\n", TWO]

    def test_crlf_is_fine(self, rollout: Callable[[bytes], str]) -> None:
        """A carriage return before the newline belongs to the terminator."""
        assert told(read(rollout(ONE + b"\r\n" + TWO + b"\r\n"))) == [ONE + b"\r\n", TWO + b"\r\n"]

    def test_unicode_line_separators_are_text(self, rollout: Callable[[bytes], str]) -> None:
        """U+2028, U+2029 and U+0085 stand inside strings and end no line."""
        line = record("a\u2028b\u2029c\u0085d") + b"\n"

        assert [line] == told(read(rollout(line)))

    def test_blank_lines_are_counted_and_not_yielded(self, rollout: Callable[[bytes], str]) -> None:
        """Empty lines and lines of whitespace have a number."""
        found = read(rollout(b"\n" + ONE + b"\n \t\r\n\n" + TWO + b"\n"))

        assert [each.n for each in found] == [1, 4]

    def test_an_object_that_is_no_rollout_line_is_carried(self, rollout: Callable[[bytes], str]) -> None:
        """What is newer than this reader, or foreign, is not damage."""
        line = b'{"kind":"of the future"}\n'

        assert [line] == told(read(rollout(line)))

    def test_an_empty_file_has_nothing(self, rollout: Callable[[bytes], str]) -> None:
        """No bytes, no lines, no damage."""
        path = rollout(b"")

        assert (read(path), read_back(path)) == ([], [])

    def test_a_line_longer_than_every_buffer_is_one_line(self, rollout: Callable[[bytes], str]) -> None:
        """A line of 3 MB comes out whole in both directions."""
        line = record("ä" * 1_500_000) + b"\n"
        path = rollout(ONE + b"\n" + line + TWO + b"\n")

        assert [ONE + b"\n", line, TWO + b"\n"] == told(read(path))
        assert [TWO + b"\n", line, ONE + b"\n"] == told(read_back(path))


class TestDamage:
    """What is skipped, and what it costs."""

    @pytest.mark.parametrize(
        ("bad", "reason"),
        [
            (b"garbage", "not JSON"),
            (b'{"timestamp":"t","type":"event_msg","pay', "torn record"),
            (ONE + TWO, "two records on one line"),
            (ONE.replace(b"one", b"\xff"), "invalid UTF-8"),
            (ONE.replace(b"one", b"\xed\xa0\x80"), "invalid UTF-8"),
            (ONE.replace(b"one", rb"\ud800"), "lone surrogate escape"),
            (ONE.replace(b"one", NUL), "NUL bytes"),
            (ONE.replace(b"one", b"\x01"), "not JSON"),
            (NUL * 4096, "NUL bytes"),
            (BOM, "BOM"),
            (b"[1,2]", "not a JSON object"),
            (b"12", "not a JSON object"),
            (b'{"timestamp":"t","type":"x","payload":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "nested too deeply"),
            (b'{"timestamp":5,"type', "torn record"),
        ],
    )
    def test_one_bad_line_costs_one_line(self, bad: bytes, reason: str, rollout: Callable[[bytes], str]) -> None:
        """The lines around a bad one are read; the bad one is told with offset, length and reason."""
        path = rollout(ONE + b"\n" + bad + b"\n" + TWO + b"\n")
        expected = [ONE + b"\n", (len(ONE) + 1, len(bad) + 1, reason), TWO + b"\n"]

        assert expected == told(read(path))
        assert expected == told(read_back(path))[::-1]

    @pytest.mark.parametrize("tail", [b'{"timestamp":"2026', b"{", b'{"a":"\xe2\x80', b"12", ONE + b'{"timest'])
    def test_a_torn_tail_is_told(self, tail: bytes, rollout: Callable[[bytes], str]) -> None:
        """Bytes after the last newline that hold no record are a torn tail."""
        path = rollout(ONE + b"\n" + tail)

        assert [ONE + b"\n", (len(ONE) + 1, len(tail), "torn tail")] == told(read(path))
        assert [(len(ONE) + 1, len(tail), "torn tail"), ONE + b"\n"] == told(read_back(path))

    def test_a_torn_tail_that_was_fenced_is_a_torn_record(self, rollout: Callable[[bytes], str]) -> None:
        """A newline behind it makes it one bad line among good ones."""
        assert told(read(rollout(b'{"timestam\n' + ONE + b"\n"))) == [(0, 11, "torn record"), ONE + b"\n"]

    def test_a_byte_order_mark_costs_three_bytes(self, rollout: Callable[[bytes], str]) -> None:
        """The mark at the beginning is damage, the line behind it is good."""
        found = read(rollout(BOM + ONE + b"\n" + TWO + b"\n"))

        assert told(found) == [(0, 3, "BOM"), ONE + b"\n", TWO + b"\n"]
        assert [each.n for each in found] == [0, 0, 1]
        assert [0, 3, 4 + len(ONE)] == [each.position.offset for each in found]

    def test_nul_bytes_before_a_record_do_not_cost_it(self, rollout: Callable[[bytes], str]) -> None:
        """A run of NUL bytes, as power loss leaves it, is damage; the record behind it survives."""
        path = rollout(ONE + b"\n" + NUL * 100 + TWO + b"\n")

        assert [ONE + b"\n", (len(ONE) + 1, 100, "NUL bytes"), TWO + b"\n"] == told(read(path))
        assert read(path)[1:] == [each._replace(n=1) for each in read_back(path)[:2][::-1]]

    def test_nul_bytes_behind_a_record_do_not_cost_it(self, rollout: Callable[[bytes], str]) -> None:
        """The record keeps its bytes; the run and the terminator behind it are damage."""
        path = rollout(ONE + NUL * 100 + b"\n" + TWO + b"\n")

        assert [ONE, (len(ONE), 101, "NUL bytes"), TWO + b"\n"] == told(read(path))

    def test_a_nul_run_between_a_torn_record_and_a_whole_one(self, rollout: Callable[[bytes], str]) -> None:
        """Power loss, then an append without a newline between: the whole record survives on either side."""
        torn = b'{"timestamp":"2026-02' + NUL * 50
        behind = read(rollout(torn + TWO + NUL * 3 + b"\n" + THREE + b"\n"))
        before = read(rollout(ONE + NUL * 50 + b'{"timestamp":"2026-02\n' + THREE + b"\n"))

        assert told(behind) == [
            (0, len(torn), "NUL bytes"),
            TWO,
            (len(torn) + len(TWO), 4, "NUL bytes"),
            THREE + b"\n",
        ]
        assert told(before) == [ONE, (len(ONE), 72, "NUL bytes"), THREE + b"\n"]

    def test_a_nul_tail_is_no_torn_tail(self, rollout: Callable[[bytes], str]) -> None:
        """Preallocated space that was never written is told as what it is."""
        assert [ONE + b"\n", (len(ONE) + 1, 64, "NUL bytes")] == told(read(rollout(ONE + b"\n" + NUL * 64)))


class TestPlaces:
    """Starts, ends and positions."""

    def test_reading_goes_on_from_a_line(self, rollout: Callable[[bytes], str]) -> None:
        """From the beginning of a line with its number, up to an end, in the segment that was said."""
        path = rollout(b"\n".join((ONE, TWO, THREE, b"")))
        second = len(ONE) + 1
        with open_source(path) as source:
            found = list(forward(source, start=Position(3, second), n=7, end=second + len(TWO) + 1))

        assert [(TWO + b"\n", 7, Position(3, second))] == [each[:3] for each in found]

    def test_reading_tells_the_number_of_the_next_line(self, rollout: Callable[[bytes], str]) -> None:
        """The generator returns where counting goes on, blank lines included."""

        def whole() -> Iterator[Found]:
            with open_source(rollout(ONE + b"\n\n" + TWO + b"\n\n")) as source:
                returned.append((yield from forward(source, n=10)))

        returned: list[int] = []
        list(whole())

        assert returned == [14]

    def test_backward_begins_before_a_place(self, rollout: Callable[[bytes], str]) -> None:
        """What stands before a line, newest first; numbers are unknown."""
        path = rollout(b"\n".join((ONE, TWO, THREE, b"")))
        before = Position(2, len(ONE) + len(TWO) + 2)
        with open_source(path) as source:
            found = list(backward(source, before=before))

        assert [(TWO + b"\n", -1, Position(2, len(ONE) + 1)), (ONE + b"\n", -1, Position(2, 0))] == [
            each[:3] for each in found
        ]

    @pytest.mark.parametrize(
        ("data", "count", "end"),
        [
            (b"", 0, 0),
            (b"\n", 1, 1),
            (ONE, 1, 0),
            (ONE + b"\n", 1, len(ONE) + 1),
            (ONE + b"\n\n" + b"{torn", 3, len(ONE) + 2),
            (NUL * 200_000, 1, 0),
            (b"\n" + b" " * 200_000, 2, 1),
        ],
    )
    def test_lines_are_counted_as_they_stand(
        self, data: bytes, count: int, end: int, rollout: Callable[[bytes], str]
    ) -> None:
        """Blank lines and an unterminated last one count; the complete end is behind the last newline."""
        with open_source(rollout(data)) as source:
            assert (count, end) == (count_lines(source), complete_end(source))

    def test_the_last_record_is_found_behind_damage(self, rollout: Callable[[bytes], str]) -> None:
        """Garbage, blank lines and a torn tail are passed over; no record at all is None."""
        with open_source(rollout(ONE + b"\n" + TWO + b"\ngarbage\n\n{torn")) as source:
            found = last_record(source)
        with open_source(rollout(b"garbage\n")) as source:
            nothing = last_record(source)

        assert found is not None
        assert (found.data, nothing) == (TWO + b"\n", None)

    def test_classify_judges_one_stretch(self) -> None:
        """An unterminated stretch without a record is a torn tail only where nothing follows."""
        place = Position(0, 5)

        assert [Damage(2, place, 5, "torn record")] == list(classify(b'{"a":', 2, place))
        assert [Damage(2, place, 5, "torn tail")] == list(classify(b'{"a":', 2, place, last=True))
        assert list(classify(b" \n", 2, place)) == []


class TestCost:
    """What reading takes, and what it leaves alone."""

    def test_the_last_lines_are_read_without_the_rest(self, rollout: Callable[[bytes], str]) -> None:
        """Fifty lines from the end of 20 MB take a block or two of 64 KiB."""
        path = rollout((ONE + b"\n") * 200_000)
        calls: list[int] = []

        class Counting(Filesystem):
            def pread(self, fd: int, length: int, offset: int) -> bytes:
                calls.append(length)
                return super().pread(fd, length, offset)

        with open_source(path, Counting()) as source:
            back = backward(source)
            lines = [next(back) for _ in range(50)]

        assert (len(lines), calls) == (50, [65536])

    @pytest.mark.parametrize("pass_over", [forward, backward])
    def test_memory_is_bounded_by_the_longest_line(
        self, pass_over: Callable[..., Iterator[Found]], rollout: Callable[[bytes], str]
    ) -> None:
        """A line of 16 MB with wide characters among narrow ones takes at most three times its length."""
        longest = record("é" * 8_000_000 + "😀") + b"\n"
        path = rollout((ONE + b"\n") * 1000 + longest + (TWO + b"\n") * 1000)
        tracemalloc.start()
        try:
            with open_source(path) as source:
                count = sum(1 for _ in pass_over(source))
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

        assert count == 2001
        assert peak < 3 * len(longest) + (1 << 20)

    def test_reading_only_reads(self, rollout: Callable[[bytes], str]) -> None:
        """Besides opening, reading and closing, the system is asked for nothing but the size."""
        path = rollout(ONE + b"\n")
        allowed = {"open", "pread", "fstat", "close"}
        asked: set[str] = set()

        class Watching(Filesystem):
            def __getattribute__(self, name: str) -> object:
                asked.add(name)
                return super().__getattribute__(name)

        with open_source(path, Watching()) as source:
            list(forward(source))
            list(backward(source))
            last_record(source)

        assert asked <= allowed

    def test_a_failing_disk_reaches_the_caller(self, rollout: Callable[[bytes], str]) -> None:
        """An error of the system is no damage."""

        class Failing(Filesystem):
            def pread(self, *_: object) -> bytes:
                raise OSError(5, "Input/output error")

        path = rollout(ONE + b"\n")
        for pass_over in (forward, backward):
            with open_source(path, Failing()) as source, pytest.raises(OSError, match="Input/output"):
                list(pass_over(source))

    def test_short_reads_are_gone_on_with(self, rollout: Callable[[bytes], str]) -> None:
        """A system that gives seven bytes a call changes nothing but the time."""

        class Slow(Filesystem):
            def pread(self, fd: int, length: int, offset: int) -> bytes:
                return super().pread(fd, min(7, length), offset)

        path = rollout(ONE + b"\n" + TWO + b"\n{torn")
        for pass_over in (forward, backward):
            with open_source(path) as plain, open_source(path, Slow()) as slow:
                assert list(pass_over(plain)) == list(pass_over(slow))

    def test_a_forgotten_source_is_told(self, rollout: Callable[[bytes], str]) -> None:
        """A source that nobody closed warns and gives its descriptor back."""
        path = rollout(b"")

        with pytest.warns(ResourceWarning, match=r"unclosed source of .*rollout\.jsonl"):
            open_source(path)

    def test_a_closed_source_says_so(self, rollout: Callable[[bytes], str]) -> None:
        """Closing twice is closing once; reading afterwards is refused."""
        source = open_source(rollout(ONE))
        source.close()
        source.close()

        with pytest.raises(ValueError, match="closed"):
            source.read(0, 1)


@pytest.mark.parametrize("end", [None, 3, 14, 40])
def test_long_lines_are_measured_before_they_are_read(
    rollout: Callable[[bytes], str], monkeypatch: pytest.MonkeyPatch, end: int | None
) -> None:
    """Whatever counts as long, the lines are the same, the last one without a terminator too."""
    data = b"short\n" + b"x" * 7 + b"\n" + b"y" * 8 + b"\n\n" + b"z" * 30 + b"\nshort\n" + b"w" * 16
    for longest in range(1, 40):
        monkeypatch.setattr("rollout.journal.source.LONG_LINE", longest)
        with open_source(rollout(data)) as source:
            assert data[:end].splitlines(keepends=True) == list(source.lines(0, end))


def test_a_long_line_is_in_memory_once(rollout: Callable[[bytes], str], monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not put together from pieces."""
    monkeypatch.setattr("rollout.journal.source.LONG_LINE", 1 << 20)
    longest = 16 << 20
    with open_source(rollout(b"one\n" + b"x" * longest + b"\nlast\n")) as source:
        tracemalloc.start()
        try:
            lengths = [len(line) for line in source.lines()]
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    assert [4, longest + 1, 5] == lengths
    assert peak < longest + (2 << 20)


@pytest.mark.parametrize("buffer", [1, 4, 8, 9])
def test_long_lines_may_meet_the_end_of_a_buffer(
    rollout: Callable[[bytes], str], monkeypatch: pytest.MonkeyPatch, buffer: int
) -> None:
    """Where the buffer is just used up when a line turns out to be long, that line still begins where it begins."""
    data = b"short..\n" + b"x" * 24 + b"\n" + b"y" * 15 + b"\nshort\n" + b"z" * 16
    monkeypatch.setattr("rollout.journal.source.BUFFER", buffer)
    for longest in range(1, 40):
        monkeypatch.setattr("rollout.journal.source.LONG_LINE", longest)
        with open_source(rollout(data)) as source:
            assert data.splitlines(keepends=True) == list(source.lines())
