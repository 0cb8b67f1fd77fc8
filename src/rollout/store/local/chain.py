"""A thread over several files: its newest file, and the prefixes of older files that it builds on.

``history_base`` in the metadata names a rollout (active or archived, plain or compressed) and the byte at which
its prefix ends (spec: rollout-format 10.20). The logical thread is the prefixes in order, then the newest file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from rollout.codec import to_object
from rollout.errors import FormatError
from rollout.ids import ThreadId, try_parse
from rollout.journal.reader import backward, complete_end, count_lines, forward, line_at, line_start, open_source
from rollout.journal.skim import skim
from rollout.lines import Damage, Line, Position
from rollout.store.local.headtail import may_have_base
from rollout.store.local.rows import inherit
from rollout.store.local.walk import Walk, places_of
from rollout.summary import Summary, fold

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rollout.journal.filesystem import Filesystem
    from rollout.journal.source import Source
    from rollout.lines import Found, Gap
    from rollout.store.local.finding import Finder
    from rollout.store.local.walk import File, Group

_HEAD_RECORDS = 10
_START = Position(0, 0)


class Base(NamedTuple):
    """What a file inherits: the prefix of a rollout up to a byte, and the ordinal that follows it."""

    rollout_id: str
    end: int
    end_ordinal: int | None


class Link(NamedTuple):
    """One stretch of a logical thread: a file, whole (``end`` None) or up to a byte.

    Without a file it is a hole: ``missing`` says which rollout should stand there.
    """

    file: File | None
    end: int | None = None
    end_ordinal: int | None = None
    missing: str = ""


class Chains:
    """Reads logical threads of one home. Safe from any thread; every call opens its own files."""

    def __init__(self, home: str, fs: Filesystem, finder: Finder) -> None:
        """Nothing is read yet."""
        self._home = home
        self._fs = fs
        self._finder = finder

    def open(self, file: File) -> Source:
        """A file's bytes, at the other place of its name when it was moved meanwhile.

        Raises OSError, FormatError.
        """
        for path, _ in places_of(self._home, file):
            try:
                return open_source(path, self._fs)
            except FileNotFoundError:
                continue
        raise FileNotFoundError(2, "the rollout vanished", file.path)

    def base_of(self, file: File) -> Base | None:
        """What a file builds on, None when it holds everything itself. Raises FormatError, OSError."""
        if file.plain and not self._may_have_base(file):
            return None
        with self.open(file) as source:
            payload = _meta_payload(source)
        base = payload.get("history_base") if payload else None
        if not isinstance(base, dict):
            return None
        rollout_id, end, ordinal = (base.get(key) for key in ("thread_id", "end_byte_offset", "end_ordinal_exclusive"))
        if not isinstance(rollout_id, str) or not isinstance(end, int) or end < 0:
            raise FormatError(f"the history_base of {file.path} cannot be read: {base}")
        return Base(rollout_id, end, ordinal if isinstance(ordinal, int) else None)

    def _may_have_base(self, file: File) -> bool:
        """Told from the head of a file; whoever reads one that was moved or is gone finds out."""
        try:
            return may_have_base(file.path, self._fs)
        except FileNotFoundError:
            return True

    def links(self, newest: File) -> list[Link]:
        """The stretches of the thread that a file ends, oldest first; where a base cannot be had, a hole."""
        links = [Link(newest)]
        seen = {newest.rollout_id}
        while (file := links[-1].file) is not None:
            try:
                base = self.base_of(file)
            except FormatError as error:
                links.append(Link(None, missing=str(error)))
                break
            if base is None:
                break
            links.append(self._base_link(base, file, seen))
        return links[::-1]

    def _base_link(self, base: Base, above: File, seen: set[str]) -> Link:
        file = self._finder.rollout(base.rollout_id)
        if file is None:
            return Link(None, missing=f"the base of {above.rollout_id} is missing: rollout {base.rollout_id}")
        if file.rollout_id in seen:
            return Link(None, missing=f"the base of {above.rollout_id} builds on it: rollout {base.rollout_id}")
        seen.add(file.rollout_id)
        return Link(file, base.end, base.end_ordinal)

    def read(self, links: list[Link], start: int = 0, *, own: bool = False) -> Iterator[Found]:
        """The lines from number ``start`` on; ``own``: those of the newest file alone."""
        n = 0
        for number, link in enumerate(links):
            skipped = own and number < len(links) - 1
            if link.file is None:
                if not skipped:
                    yield Damage(n, Position(number, 0), 0, link.missing)
                continue
            with self.open(link.file) as source:
                if skipped:
                    n += count_lines(source, link.end)
                    continue
                offset, passed = line_at(source, start - n, link.end)
                n += passed
                if n < start:
                    continue
                n = yield from forward(source, start=Position(number, offset), n=n, end=link.end)
                yield from _end_damage(source, link, n, number)

    def skim(
        self, links: list[Link], kinds: frozenset[str], start: Position = _START, n: int = 0
    ) -> Iterator[Line | Gap]:
        """The good lines of some kinds from a position on, which is that of line ``n``; holes are passed over."""
        for number, link in enumerate(links):
            if link.file is None or number < start.segment:
                continue
            begin = start if number == start.segment else Position(number, 0)
            with self.open(link.file) as source:
                n = yield from skim(source, kinds, start=begin, n=n, end=link.end)

    def read_from(self, links: list[Link], start: Position, n: int = -1) -> Iterator[Found]:
        """The lines from the one on that stands at a position or over it, which has the number ``n``; else numbers are -1."""
        for number, link in enumerate(links[start.segment :], start.segment):
            if link.file is None:
                yield Damage(n, Position(number, 0), 0, link.missing)
                continue
            with self.open(link.file) as source:
                offset = min(start.offset, source.size) if number == start.segment else 0
                begin = Position(number, line_start(source, offset))
                if n < 0:
                    yield from (one._replace(n=-1) for one in forward(source, start=begin, end=link.end))
                else:
                    n = yield from forward(source, start=begin, n=n, end=link.end)
                yield from _end_damage(source, link, n, number)

    def number(self, links: list[Link], position: Position) -> int:
        """How many lines stand before the one at a position or over it."""
        count = 0
        for number, link in enumerate(links[: position.segment + 1]):
            if link.file is None:
                continue
            with self.open(link.file) as source:
                end = source.size if link.end is None else min(link.end, source.size)
                inside = number == position.segment and position.offset < end
                count += count_lines(source, line_start(source, position.offset) if inside else end)
        return count

    def read_back(self, links: list[Link], before: Position | None = None) -> Iterator[Found]:
        """The lines before a position, newest first; numbers are -1."""
        last = len(links) - 1 if before is None else min(before.segment, len(links) - 1)
        for number in range(last, -1, -1):
            link = links[number]
            if link.file is None:
                yield Damage(-1, Position(number, 0), 0, link.missing)
                continue
            with self.open(link.file) as source:
                end = None if link.end is None else Position(number, min(link.end, source.size))
                if before is not None and number == before.segment:
                    end = before
                else:
                    yield from _end_damage(source, link, -1, number)
                yield from backward(source, before=end, segment=number)

    def lines_before_newest(self, links: list[Link]) -> int:
        """How many lines the bases hold."""
        count = 0
        for link in links[:-1]:
            if link.file is not None:
                with self.open(link.file) as source:
                    count += count_lines(source, link.end)
        return count

    def end(self, links: list[Link]) -> Position:
        """The position behind the last complete line."""
        file = links[-1].file
        if file is None:
            return Position(len(links) - 1, 0)
        with self.open(file) as source:
            return Position(len(links) - 1, complete_end(source))

    def summary(self, links: list[Link]) -> Summary:
        """The facts of a thread, folded from the lines of its own files; what was asked first also from its bases."""
        summary, whole = Summary(), Summary()
        mine = own_links(links)
        for found in self.read(links):
            value = to_object(found.data) if isinstance(found, Line) else None
            if not isinstance(value, dict):
                continue
            if found.position.segment in mine:
                fold(summary, value)
            if len(links) > 1:
                fold(whole, value)
        if summary.history_base:
            inherit(summary, whole)
        return summary

    def last_cwd(self, file: File) -> str | None:
        """The folder of the last turn that a file records."""
        with self.open(file) as source:
            for found in backward(source):
                if isinstance(found, Line) and found.record.type == "turn_context":
                    payload = to_object(found.record.payload)
                    cwd = payload.get("cwd") if isinstance(payload, dict) else None
                    return cwd if isinstance(cwd, str) else None
        return None

    def forks_of(self, group: Group) -> tuple[ThreadId, ...]:
        """The other threads that build on any file of a thread; every file's head is looked at."""
        own = {file.rollout_id for file in group.files}
        found: set[ThreadId] = set()
        for file in Walk(self._home, self._fs).everything():
            if file.thread_id != group.newest.thread_id and self._builds_on(file, own):
                found.add(ThreadId(file.thread_id))
        return tuple(sorted(found))

    def _builds_on(self, file: File, rollouts: set[str]) -> bool:
        """Whether a file's base is one of these; a file that cannot be read builds on nothing that we know of."""
        try:
            base = self.base_of(file)
        except (OSError, FormatError):
            return False
        return base is not None and (try_parse(base.rollout_id) or base.rollout_id) in rollouts


def _meta_payload(source: Source) -> dict[str, object] | None:
    """The payload of the first session_meta near the beginning."""
    records = (found.record for found in forward(source) if isinstance(found, Line))
    for _, record in zip(range(_HEAD_RECORDS), records, strict=False):
        if record.type == "session_meta":
            payload = to_object(record.payload)
            return payload if isinstance(payload, dict) else None
    return None


def own_links(links: list[Link]) -> set[int]:
    """The numbers of the stretches that stand in the thread's own files, not in those of other threads."""
    newest = links[-1].file
    return {
        number
        for number, link in enumerate(links)
        if link.file is not None and newest is not None and link.file.thread_id == newest.thread_id
    }


def _end_damage(source: Source, link: Link, n: int, number: int) -> Iterator[Damage]:
    """A base that does not end where its fork says: told as damage of no length behind its last line."""
    if link.end is None:
        return
    size = source.size
    if size < link.end:
        reason = f"the base has only {size} of the {link.end} bytes that its fork builds on"
        yield Damage(n, Position(number, size), 0, reason)
        return
    lines = (found for found in backward(source, before=Position(number, link.end)) if isinstance(found, Line))
    ordinal = next((line.record.ordinal for line in lines), None)
    if None not in (ordinal, link.end_ordinal) and ordinal != (link.end_ordinal or 0) - 1:
        reason = f"the base ends with ordinal {ordinal}, its fork expects {(link.end_ordinal or 0) - 1}"
        yield Damage(n, Position(number, link.end), 0, reason)
