"""Logical threads in memory: a file and the prefixes of others that it builds on, read as one."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, NamedTuple

from rollout.codec import to_object
from rollout.ids import try_parse
from rollout.journal.reader import classify
from rollout.lines import Damage, Found, Line, Position
from rollout.search_match import Candidate
from rollout.search_text import TurnCount
from rollout.summary import Summary, fold

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from rollout.search_match import Matcher
    from rollout.store.memory_file import StoredFile


class Stretch(NamedTuple):
    """A part of a logical thread: bytes, whose they are, and what is wrong at their end."""

    data: bytes
    thread_id: str
    flaw: str = ""


def chain(newest: StoredFile, files: Collection[StoredFile]) -> Sequence[Stretch]:
    """A file and the prefixes of other files that it builds on, oldest first (spec: rollout-format 10.20)."""
    stretches = [Stretch(bytes(newest.data), newest.thread_id)]
    above, seen = newest, {newest.rollout_id}
    while base := history_base_of(above.data):
        wanted = str(base.get("thread_id"))
        stored = next((one for one in files if one.rollout_id == try_parse(wanted)), None)
        if stored is None or stored.rollout_id in seen:
            stretches.append(Stretch(b"", "", f"the base is missing: rollout {wanted}"))
            break
        above = stored
        seen.add(stored.rollout_id)
        stretches.append(_prefix(stored, base))
    return stretches[::-1]


def read_lines(stretches: Sequence[Stretch], *, own: bool = False) -> Iterator[Found]:
    """Every line of a logical thread, or only those of its newest file, numbered from the oldest base on."""
    n = 0
    for number, stretch in enumerate(stretches):
        offset, newest = 0, number == len(stretches) - 1
        wanted = newest or not own
        for physical in BytesIO(stretch.data):
            if wanted:
                last = offset + len(physical) == len(stretch.data)
                yield from classify(physical, n, Position(number, offset), last=last)
            offset, n = offset + len(physical), n + 1
        if stretch.flaw and wanted:
            yield Damage(n, Position(number, offset), 0, stretch.flaw)


def own_lines(stretches: Sequence[Stretch]) -> Iterator[Line]:
    """The good lines of a thread that stand in its own files, not in those of other threads."""
    mine = stretches[-1].thread_id
    return (
        found
        for found in read_lines(stretches)
        if isinstance(found, Line) and stretches[found.position.segment].thread_id == mine
    )


def candidates(stretches: Sequence[Stretch], matcher: Matcher) -> Iterator[Candidate]:
    """The lines of a thread's own files that match, with their numbers and turns."""
    turns, mine = TurnCount(), stretches[-1].thread_id
    for line in read_lines(stretches):
        if isinstance(line, Line):
            turn = turns.take(line.record)
            found = matcher.match_line(line) if stretches[line.position.segment].thread_id == mine else None
            if found is not None:
                yield Candidate(line.position, line.record.timestamp, found, line.n, turn)


def folded(lines: Iterable[Found]) -> Summary:
    """The facts that lines tell, in their order."""
    summary = Summary()
    for line in lines:
        value = to_object(line.data) if isinstance(line, Line) else None
        if isinstance(value, dict):
            fold(summary, value)
    return summary


def inherited(summary: Summary, stretches: Sequence[Stretch]) -> Summary:
    """What was asked first may stand in a base."""
    if summary.history_base is not None:
        whole = folded(read_lines(stretches))
        summary.has_user_event |= whole.has_user_event
        for name in ("preview", "first_user_message", "title"):
            setattr(summary, name, getattr(whole, name))
        summary.partial = not summary.preview
    return summary


def _prefix(stored: StoredFile, base: dict[str, object]) -> Stretch:
    """The part of a file that a fork builds on; what does not end as the fork says is flawed."""
    end, ordinal = base.get("end_byte_offset"), base.get("end_ordinal_exclusive")
    data = bytes(stored.data[: end if isinstance(end, int) else None])
    plain = Stretch(data, stored.thread_id)
    if isinstance(end, int) and len(data) < end:
        return plain._replace(flaw=f"the base has only {len(data)} of the {end} bytes that its fork builds on")
    lines = [found.record.ordinal for found in read_lines([plain]) if isinstance(found, Line)]
    if isinstance(ordinal, int) and lines and lines[-1] not in (None, ordinal - 1):
        return plain._replace(flaw=f"the base ends with ordinal {lines[-1]}, its fork expects {ordinal - 1}")
    return plain


def history_base_of(data: bytes | bytearray) -> dict[str, object] | None:
    """What the first line of a file says it builds on."""
    summary = Summary()
    for found in read_lines([Stretch(bytes(data), "")]):
        value = to_object(found.data) if isinstance(found, Line) else None
        if isinstance(value, dict) and fold(summary, value).has_meta:
            return summary.history_base
    return None
