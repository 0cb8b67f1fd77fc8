"""Random mixtures of good lines and damage: nothing raises, nothing is invented, nothing good is lost."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from unittest.mock import patch

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rollout.codec import encode
from rollout.journal import reader
from rollout.journal.reader import backward, count_lines, forward
from rollout.journal.source import Source
from rollout.lines import Damage, Found, Line, Position

if TYPE_CHECKING:
    from collections.abc import Iterator

fuzz = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])

NUL = b"\0"
BOM = b"\xef\xbb\xbf"


class BytesSource(Source):
    """Bytes in memory as a source."""

    def __init__(self, data: bytes) -> None:
        """Take the bytes of a file."""
        self.path = "memory"
        self._data = data

    @property
    def size(self) -> int:
        """How many there are."""
        return len(self._data)

    def read(self, offset: int, length: int) -> bytes:
        """A part of them."""
        return self._data[offset : offset + length]

    def close(self) -> None:
        """Nothing to give back."""


texts = st.text(st.characters(codec="utf-8") | st.sampled_from('\n\r\u2028\x00{}"\\é😀'), max_size=30)
scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts
values = (
    scalars | st.lists(scalars, max_size=3) | st.dictionaries(texts, scalars | st.lists(texts, max_size=2), max_size=3)
)
types = st.sampled_from(("event_msg", "response_item", "session_meta", "of_the_future"))


@st.composite
def good_records(draw: st.DrawFn) -> bytes:
    """A line as some version may write it, without its terminator."""
    payload = json.dumps(draw(values), ensure_ascii=draw(st.booleans())).encode()
    ordinal = draw(st.none() | st.integers(0, 2**64))
    return encode(draw(types), payload, "2026-02-08T07:05:03.041Z", ordinal)[:-1]


foreign = st.sampled_from((NUL * 3, NUL * 20, BOM, BOM + NUL, b" " + NUL))
junk = st.binary(max_size=40).map(lambda data: data.replace(b"\n", b"?"))


@st.composite
def bad_lines(draw: st.DrawFn) -> bytes:
    """Something that is not one whole record: torn, spliced, flipped, foreign or plain garbage."""
    one, two = draw(good_records()), draw(good_records())
    at = draw(st.integers(0, len(one)))
    flipped = bytearray(one)
    flipped[min(at, len(one) - 1)] ^= 1 << draw(st.integers(0, 7))
    return draw(
        st.sampled_from(
            (one[:at], one[at:], one + two, one[:at] + two, bytes(flipped), one[:at] + NUL * 9 + two, one[:at] + NUL)
        )
        | foreign
        | junk
    ).replace(b"\n", b"?")


good = st.tuples(good_records(), st.sampled_from((b"\n", b"\r\n", b" \n")))
bad = st.tuples(bad_lines() | st.sampled_from((b"", b" ", b"\t\r")), st.just(b"\n"))
mixtures = st.lists(st.tuples(st.just(True), good) | st.tuples(st.just(False), bad), max_size=8)
tails = st.sampled_from((b"",)) | good_records() | bad_lines()


def everything(data: bytes) -> list[Found]:
    """What forward yields."""
    return list(forward(BytesSource(data)))


def ranges(found: list[Found]) -> Iterator[tuple[int, int]]:
    """Beginning and end of each thing that was yielded."""
    for each in found:
        length = each.length if isinstance(each, Damage) else len(each.data)
        yield each.position.offset, each.position.offset + length


@fuzz
@given(mixtures, tails)
def test_no_good_line_is_lost(mixture: list[tuple[bool, tuple[bytes, bytes]]], tail: bytes) -> None:
    """Every good line comes out with its bytes, number and place, whatever stands on the other lines."""
    offset, expected = 0, []
    for n, (is_good, (body, terminator)) in enumerate(mixture):
        if is_good:
            expected.append((body + terminator, n, Position(0, offset)))
        offset += len(body) + len(terminator)
    data = b"".join(body + terminator for _, (body, terminator) in mixture) + tail

    lines = {line[:3] for line in everything(data) if isinstance(line, Line)}

    assert set(expected) <= lines


@fuzz
@given(mixtures, tails)
def test_nothing_is_invented(mixture: list[tuple[bool, tuple[bytes, bytes]]], tail: bytes) -> None:
    """Every line that comes out is one JSON object of valid UTF-8, and its decoding says what it says."""
    data = b"".join(body + terminator for _, (body, terminator) in mixture) + tail

    for line in (found for found in everything(data) if isinstance(found, Line)):
        meant = json.loads(line.data.decode())
        assert isinstance(meant, dict)
        assert line.data == data[line.position.offset :][: len(line.data)]
        if line.record.type and not line.record.bare:
            assert (line.record.type, json.loads(bytes(line.record.payload))) == (meant["type"], meant["payload"])


@fuzz
@given(mixtures, tails)
def test_every_byte_is_accounted_for(mixture: list[tuple[bool, tuple[bytes, bytes]]], tail: bytes) -> None:
    """Lines and damage stand in the order of the file, touch no byte twice, and leave only white space out."""
    data = b"".join(body + terminator for _, (body, terminator) in mixture) + tail
    found = everything(data)
    at = 0

    for (start, end), each in zip(ranges(found), found, strict=True):
        assert at <= start < end
        assert data[at:start].strip() == b""
        assert each.n == data[:start].count(b"\n")
        at = end

    assert data[at:].strip() == b""
    assert count_lines(BytesSource(data)) == data.count(b"\n") + (not data.endswith(b"\n") and bool(data))


@fuzz
@given(mixtures, tails, st.integers(1, 50))
def test_both_directions_agree(mixture: list[tuple[bool, tuple[bytes, bytes]]], tail: bytes, block: int) -> None:
    """Backward yields what forward yields, in the opposite order, whatever the size of its blocks."""
    data = b"".join(body + terminator for _, (body, terminator) in mixture) + tail

    with patch.object(reader, "_BLOCK", block):
        back = list(backward(BytesSource(data)))

    assert [each._replace(n=-1) for each in everything(data)] == back[::-1]


@fuzz
@given(mixtures, tails, st.integers(0, 8))
def test_reading_may_stop_and_go_on_at_any_line(
    mixture: list[tuple[bool, tuple[bytes, bytes]]], tail: bytes, stop: int
) -> None:
    """Two readings that meet at the beginning of a line are one reading."""
    bodies = [body + terminator for _, (body, terminator) in mixture]
    data = b"".join(bodies) + tail
    end = len(b"".join(bodies[:stop]))
    number = min(stop, len(bodies))
    source = BytesSource(data)

    first = list(forward(source, end=end))
    second = list(forward(source, start=Position(0, end), n=number))

    assert first + second == everything(data)


@fuzz
@given(st.binary(max_size=400) | st.lists(junk | foreign, max_size=8).map(b"\n".join))
def test_pure_noise_never_raises(data: bytes) -> None:
    """Any bytes at all can be read in both directions."""
    assert [each._replace(n=-1) for each in everything(data)] == list(backward(BytesSource(data)))[::-1]
