"""A thread as one JSON document: ``rollout.show/1``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rollout.cli.output import Document, to_json
from rollout.cli.reading import Reading, read_again, reading_of, up_to
from rollout.cli.rows import thread_object
from rollout.lines import Damage, Line
from rollout.store.rows import row_from

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterable, Iterator

    from rollout.cli.output import Output
    from rollout.ids import ThreadId
    from rollout.lines import Found
    from rollout.store.base import ThreadStore

_MOST_DAMAGE = 1000


def show_json(store: ThreadStore, thread_id: ThreadId, args: Namespace, out: Output) -> Reading:
    """Write the document as the lines are read; damage is named behind them, the first 1000 stretches of it."""
    reading, damage = reading_of(store, thread_id, out), list[Damage]()
    document = Document(out, "rollout.show/1")
    document.member("thread", thread_object(row_from(store, thread_id)))
    found = _found(store, thread_id, args, out, reading)
    document.array("lines", _lines(found, damage))
    document.array("damage", map(to_json, map(_damage_object, damage)))
    if reading.damaged > len(damage):
        document.member("damageNotNamed", reading.damaged - len(damage))
    document.end()
    return reading


def line_json(line: Line) -> tuple[bytes | memoryview, ...]:
    """One line in pieces: its number, the facts of its envelope, and the payload with its own bytes, which are not copied."""
    record = line.record
    ordinal = {} if record.ordinal is None else {"ordinal": record.ordinal}
    facts = {"n": known(line.n), "timestamp": record.timestamp, **ordinal, "type": record.type}
    payload = memoryview(record.payload) if record.has_payload else b"null"
    metadata = bytes(record.metadata)
    return to_json(facts)[:-1] + b',"payload":', payload, b',"metadata":' + metadata + b"}" if metadata else b"}"


def known(n: int) -> int | None:
    """The number of a line; null where finding out would mean reading the whole thread."""
    return n if n >= 0 else None


def _found(store: ThreadStore, thread_id: ThreadId, args: Namespace, out: Output, reading: Reading) -> Iterator[Found]:
    end = store.end(thread_id) if args.follow else None
    if args.tail is None:
        yield from up_to(reading.lines(store, thread_id, args.start), end)
    else:
        yield from reading.watch(read_again(store, thread_id, end, args.tail))
    if end is not None:
        out.flush()
        for thing in reading.follow(store, thread_id, end):
            yield thing
            out.flush()


def _lines(found: Iterable[Found], damage: list[Damage]) -> Iterator[tuple[bytes | memoryview, ...]]:
    for thing in found:
        if isinstance(thing, Line):
            yield line_json(thing)
        elif len(damage) < _MOST_DAMAGE:
            damage.append(thing)
        del thing  # a line may be long: it is not held while the next one is read


def _damage_object(damage: Damage) -> dict[str, object]:
    position = {"segment": damage.position.segment, "offset": damage.position.offset}
    return {"n": known(damage.n), **position, "length": damage.length, "reason": damage.reason}
