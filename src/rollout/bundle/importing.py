"""From a bundle into a store: all of it is looked at first, nothing is ever replaced."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from rollout.bundle.layout import FileEnd, FileHead, Head, read_bundle
from rollout.errors import ExistsError, FormatError, NotFoundError
from rollout.ids import try_parse
from rollout.lifecycle.at_home import check_free

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from rollout.bundle.layout import Event
    from rollout.store.base import Segment, ThreadStore

_ABSENT, _SAME, _LONGER, _OTHER = "absent", "same", "longer", "other"


class Imported(NamedTuple):
    """What an import made, or would make.

    ``written`` and ``present`` are names of files: those made, and those that stood there already with the same
    bytes, or with the same bytes and more. ``missing``: rollouts that the bundle lacks though its threads build on them.
    """

    threads: tuple[str, ...]
    written: tuple[str, ...]
    present: tuple[str, ...]
    names: dict[str, str]
    missing: tuple[str, ...]


class _File(NamedTuple):
    head: FileHead
    state: str


def import_bundle(store: ThreadStore, chunks: Callable[[], Iterable[bytes]], *, dry_run: bool = False) -> Imported:
    """Restore every file of a bundle: bytes, name, mode, time, and its side of the archive.

    ``chunks`` begins the bundle anew each time it is called: it is checked whole before anything is written, then
    read again. Durable when this returns. A name is given to a thread only where it has none. Raises FormatError
    (nothing was written), ExistsError when a file stands there with other bytes or the thread has gone on otherwise
    (nothing was written), BusyError, WriteError (may be repeated: what is there is passed over).
    """
    head, files = _look(store, chunks())
    _check(store, files)
    made = {file.head.segment.name for file in files if file.state == _ABSENT}
    known = store.names()
    names = {one: name for one, name in head.names.items() if one in head.threads and one not in known and name.strip()}
    if not dry_run:
        _write(store, read_bundle(chunks()), made)
        for thread_id, name in names.items():
            store.set_name(thread_id, name)
    ordered = [file.head.segment.name for file in files]
    return Imported(
        head.threads,
        tuple(name for name in ordered if name in made),
        tuple(name for name in ordered if name not in made),
        names,
        head.missing,
    )


def _look(store: ThreadStore, chunks: Iterable[bytes]) -> tuple[Head, list[_File]]:
    """Read the whole bundle, and compare each file with what stands under its name."""
    events = read_bundle(chunks)
    files: list[_File] = []
    head = next(events)
    for event in events:
        if isinstance(event, FileHead):
            _check_name(event)
            files.append(_File(event, _compare(store, event, _blocks(events))))
    if not isinstance(head, Head):  # pragma: no cover - read_bundle begins with it
        raise FormatError("not a bundle")
    return head, files


def _check_name(file: FileHead) -> None:
    """A file must belong to the thread that it claims, or an import could add to any other."""
    ids = file.segment.name[28:].removesuffix(".jsonl").partition("_")[0]
    if try_parse(ids) is None or try_parse(ids) != try_parse(file.thread_id):
        raise FormatError(f"{file.segment.name!r} is not the name of a rollout of thread {file.thread_id}")


def _blocks(events: Iterator[Event]) -> Iterator[bytes]:
    """The bytes of the file whose head was just read."""
    for event in events:
        if isinstance(event, FileEnd):
            return
        if isinstance(event, bytes):
            yield event


def _segments(store: ThreadStore, thread_id: str) -> tuple[Segment, ...]:
    try:
        return store.segments(thread_id)
    except NotFoundError:
        return ()


def _compare(store: ThreadStore, file: FileHead, blocks: Iterator[bytes]) -> str:
    here = next((one for one in _segments(store, file.thread_id) if one.name == file.segment.name), None)
    theirs = iter(()) if here is None else iter(store.raw(file.thread_id, here.rollout_id))
    rest, equal = b"", True
    for block in blocks:  # all of them, also when they differ: the bundle itself is checked on the way
        while equal and len(rest) < len(block) and (more := next(theirs, b"")):
            rest += more
        equal = equal and rest.startswith(block)
        rest = rest[len(block) :]
    if here is None:
        return _ABSENT
    if not equal:
        return _OTHER
    return _LONGER if rest or next(theirs, b"") else _SAME


def _check(store: ThreadStore, files: Sequence[_File]) -> None:
    """Raise rather than replace a file, or turn a thread that went on here into another one."""
    for file in files:
        segment = file.head.segment
        if file.state == _OTHER:
            raise ExistsError(
                f"{segment.name} exists already with other bytes; nothing was imported. Import into another home"
                " (--home) and compare"
            )
        if file.state != _ABSENT:
            continue
        here = _segments(store, file.head.thread_id)
        told = {one.head.segment.name for one in files}
        if here and (here[-1].name not in told and here[-1].name < segment.name):
            raise ExistsError(
                f"thread {file.head.thread_id} exists already and went on otherwise; nothing was imported"
            )
        if here:
            check_free(store, file.head.thread_id)


def _write(store: ThreadStore, events: Iterator[Event], wanted: set[str]) -> None:
    for event in events:
        if isinstance(event, FileHead) and event.segment.name in wanted:
            store.put(event.segment, _blocks(events))
