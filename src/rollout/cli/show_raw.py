"""The bytes of a thread, as they are stored or put together."""

from __future__ import annotations

from codecs import getincrementaldecoder
from typing import TYPE_CHECKING

from rollout.cli.reading import Reading, reading_of
from rollout.cli.statuses import UsageError
from rollout.lines import Line

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterator

    from rollout.cli.output import Output
    from rollout.ids import ThreadId
    from rollout.store.base import ThreadStore


def show_raw(store: ThreadStore, thread_id: ThreadId, args: Namespace, out: Output) -> Reading:
    """Write the bytes; on a terminal nothing in them acts, and a note says so."""
    reading = reading_of(store, thread_id, out)
    blocks = _resolved(store, thread_id, reading) if args.resolved else _stored(store, thread_id, args.segment, reading)
    if not out.is_terminal:
        for block in blocks:
            out.write_bytes(block)
            del block  # one may be long: it is not held while the next one is read
        return reading
    from rollout.render.safe import safe  # noqa: PLC0415 - only a terminal needs it

    decoder = getincrementaldecoder("utf-8")("backslashreplace")
    for block in blocks:
        out.write(safe(decoder.decode(block)))
    out.write(safe(decoder.decode(b"", final=True)))
    out.note("control characters are shown, not sent; write into a file or a pipe for the exact bytes")
    return reading


def _stored(store: ThreadStore, thread_id: ThreadId, wanted: str | None, reading: Reading) -> Iterator[bytes]:
    segments = store.segments(thread_id)
    if wanted is None:
        chosen = segments[-1:]
    elif wanted == "all":
        chosen = segments
    elif wanted.isdecimal() and int(wanted) < len(segments):
        chosen = segments[int(wanted) : int(wanted) + 1]
    else:
        raise UsageError(f"--segment {wanted}: the thread has {len(segments)} files, 0 is the oldest; give one or all")
    for segment in chosen:
        for block in store.raw(thread_id, segment.rollout_id):
            reading.passed(len(block))
            yield block
    reading.passed(None)


def _resolved(store: ThreadStore, thread_id: ThreadId, reading: Reading) -> Iterator[bytes]:
    for thing in reading.watch(store.lines(thread_id)):
        if isinstance(thing, Line):
            yield thing.data
        del thing
