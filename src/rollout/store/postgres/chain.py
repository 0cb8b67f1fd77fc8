"""Of which files a thread is made: its own, and the prefixes of others on which they build."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from rollout.errors import NotFoundError
from rollout.ids import try_parse
from rollout.journal.reader import classify
from rollout.lines import Line, Position
from rollout.store.base import Segment

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rollout.store.postgres.connections import Fetch, Row

_COLUMNS = (
    "thread_id::text, segment, rollout_id::text, name, named_ms, modified_ns, mode, archived, compressed,"
    " lines, bytes, complete, base"
)


class File(NamedTuple):
    """One stored file, as it was when it was asked for."""

    thread_id: str
    segment: int
    rollout_id: str
    name: str
    named_ms: int
    modified_ns: int
    mode: int
    archived: bool
    compressed: bool
    lines: int
    bytes: int
    complete: int
    base: str | None

    def as_segment(self) -> Segment:
        """As the contract tells it."""
        return Segment(
            self.name, self.rollout_id, self.bytes, self.modified_ns, self.mode, self.archived, self.compressed,
            self.bytes,
        )  # fmt: skip


class Stretch(NamedTuple):
    """A part of a logical thread: the first ``bytes`` of a file in ``lines`` lines; None is a base that is missing.

    ``size`` is how long the whole stretch is when it ends where its file does, else -1.
    """

    file: File | None
    lines: int
    bytes: int
    flaw: str = ""

    @property
    def thread_id(self) -> str:
        """Whose it is."""
        return self.file.thread_id if self.file else ""


class Chain(NamedTuple):
    """The stretches of a thread, oldest first; the last one is its newest file."""

    stretches: tuple[Stretch, ...]

    @property
    def newest(self) -> File:
        """The newest file of the thread."""
        found = self.stretches[-1].file
        assert found is not None  # noqa: S101 - it is what the chain was made of
        return found

    def lines_before(self, number: int) -> int:
        """How many lines stand before a stretch."""
        return sum(one.lines for one in self.stretches[:number])


def files_of(fetch: Fetch, tenant: str, thread_id: str) -> Sequence[File]:
    """The own files of a thread, oldest first. Raises NotFoundError."""
    wanted = try_parse(thread_id)
    rows = (
        fetch(
            f"SELECT {_COLUMNS} FROM rollout.segments WHERE tenant = %(tenant)s AND thread_id = %(id)s AND trash IS NULL"
            " ORDER BY named_ms, rollout_id <> thread_id, rollout_id",
            {"tenant": tenant, "id": wanted},
        )
        if wanted
        else []
    )
    if not rows:
        raise NotFoundError(f"no thread {thread_id}; list() names those that are here")
    return [File(*row) for row in rows]


def chain_of(fetch: Fetch, tenant: str, newest: File) -> Chain:
    """A file and what it builds on, oldest first (spec: rollout-format 10.20)."""
    stretches = [Stretch(newest, newest.lines, newest.bytes)]
    above, seen = newest, {newest.rollout_id}
    while above.base is not None:
        base = json.loads(above.base)
        wanted = str(base.get("thread_id"))
        stored = _by_rollout(fetch, tenant, wanted)
        if stored is None or stored.rollout_id in seen:
            stretches.append(Stretch(None, 0, 0, f"the base is missing: rollout {wanted}"))
            break
        above = stored
        seen.add(stored.rollout_id)
        stretches.append(_prefix(fetch, stored, base))
    return Chain(tuple(stretches[::-1]))


def whole_chain(fetch: Fetch, tenant: str, thread_id: str) -> Chain:
    """The chain of a thread's newest file. Raises NotFoundError."""
    return chain_of(fetch, tenant, files_of(fetch, tenant, thread_id)[-1])


def _by_rollout(fetch: Fetch, tenant: str, text: str) -> File | None:
    wanted = try_parse(text)
    if wanted is None:
        return None
    rows = fetch(
        f"SELECT {_COLUMNS} FROM rollout.segments WHERE tenant = %(tenant)s AND rollout_id = %(id)s AND trash IS NULL"
        " ORDER BY segment LIMIT 1",
        {"tenant": tenant, "id": wanted},
    )
    return File(*rows[0]) if rows else None


def _prefix(fetch: Fetch, stored: File, base: dict[str, Any]) -> Stretch:
    """The part of a file that a fork builds on; what does not end as the fork says is flawed."""
    end, ordinal = base.get("end_byte_offset"), base.get("end_ordinal_exclusive")
    if not isinstance(end, int):
        end = stored.bytes
    if stored.bytes < end:
        flaw = f"the base has only {stored.bytes} of the {end} bytes that its fork builds on"
        return Stretch(stored, stored.lines, stored.bytes, flaw)
    end = max(0, end)
    plain = Stretch(stored, stored.lines if end == stored.bytes else number_at(fetch, stored, end), end)
    last = _last_line(fetch, plain) if isinstance(ordinal, int) else None
    if last is not None and isinstance(ordinal, int) and last.record.ordinal not in (None, ordinal - 1):
        return plain._replace(flaw=f"the base ends with ordinal {last.record.ordinal}, its fork expects {ordinal - 1}")
    return plain


def number_at(fetch: Fetch, file: File, offset: int) -> int:
    """How many lines of a file begin before an offset."""
    sql = "SELECT rollout.number_at(%(id)s, %(segment)s, %(lines)s, %(at)s)"
    rows = fetch(sql, {"id": file.thread_id, "segment": file.segment, "lines": file.lines, "at": offset})
    return int(rows[0][0])


def _last_line(fetch: Fetch, stretch: Stretch) -> Line | None:
    """The newest good line of a stretch."""
    for n in range(stretch.lines - 1, -1, -1):
        for at, data in _line(fetch, stretch.file, n):
            physical = bytes(data)[: stretch.bytes - at]
            found = [one for one in classify(physical, n, Position(0, at)) if isinstance(one, Line)]
            if found:
                return found[-1]
    return None


def _line(fetch: Fetch, file: File | None, n: int) -> list[Row]:
    sql = "SELECT at, bytes FROM rollout.lines WHERE thread_id = %(id)s AND segment = %(segment)s AND n = %(n)s"
    return fetch(sql, {"id": file.thread_id, "segment": file.segment, "n": n}) if file else []
