"""Rollout files as wholes, moved and made: archive, unarchive, put.

Moves are renames inside the home, so bytes, modes and file times stay; both folders are synced. A file is never
replaced. The folder of an unarchived rollout is the date in its name. Its file time stays as it was (Codex sets
it to now): looking something up in the archive must not change the order of threads.
"""

from __future__ import annotations

import os
from stat import S_IMODE
from typing import TYPE_CHECKING

from rollout.errors import ExistsError, FormatError, WriteError
from rollout.journal.filesystem import FILE_MODE, make_folders, sync_folder
from rollout.store.base import Segment
from rollout.store.local.paths import ZST, folder_for, logical_name, parse_name

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rollout.ids import ThreadId
    from rollout.journal.filesystem import Filesystem
    from rollout.store.local.walk import File


def stands(fs: Filesystem, path: str) -> bool:
    """Whether anything stands at a path, broken links included."""
    try:
        fs.lstat(path)
    except FileNotFoundError:
        return False
    return True


def move_all(fs: Filesystem, moves: list[tuple[str, str]]) -> None:
    """Rename each source to its target, in order; nothing is moved when any target exists.

    Durable when it returns. A failure leaves every file whole at one of its two places; the call can be
    repeated. Raises ExistsError, WriteError.
    """
    refuse_taken(fs, moves)
    for source, target in moves:
        try:
            made: list[str] = []
            make_folders(fs, os.path.dirname(target), made)
            fs.rename(source, target)
            for folder in {os.path.dirname(path) for path in (source, target, *made)}:
                sync_folder(fs, folder)
        except OSError as error:
            raise WriteError(target, error) from error


def refuse_taken(fs: Filesystem, moves: list[tuple[str, str]]) -> None:
    """Raise ExistsError when anything stands at a target."""
    taken = next((target for _, target in moves if stands(fs, target)), None)
    if taken is not None:
        raise ExistsError(f"{taken} exists already; nothing was moved. Look at both files, then take one away")


def archive_moves(files: list[File], home: str, *, archived: bool) -> list[tuple[str, str]]:
    """The moves that bring a thread's files (newest first) to the other side.

    The newest file is moved last into the archive and first out of it: a thread that is caught in
    between is active, with its newest file in place, and the same command finishes the move.
    """
    wanted = [file for file in files if file.archived != archived]
    ordered = wanted[::-1] if archived else wanted
    return [(file.path, f"{home}/{folder_for(file.name, archived=archived)}/{file.name}") for file in ordered]


def segment_of(file: File, fs: Filesystem) -> Segment:
    """What a file is as a segment, as it stands now. Raises what ``stat`` raises."""
    found = fs.stat(file.path)
    return Segment(
        name=logical_name(file.name),
        rollout_id=file.rollout_id,
        bytes=found.st_size,
        modified_ns=found.st_mtime_ns,
        mode=S_IMODE(found.st_mode),
        archived=file.archived,
        compressed=not file.plain,
        data_length=found.st_size if file.plain else -1,
    )


def identity_in(segment: Segment) -> ThreadId:
    """Whose a segment is. Raises FormatError for a name that is no rollout's."""
    parsed = parse_name(segment.name)
    if parsed is None or parsed.compressed:
        raise FormatError(f"{segment.name!r} is not the name of a rollout: rollout-<time>-<id>.jsonl")
    return parsed.thread_id


def free_place(fs: Filesystem, home: str, segment: Segment) -> str:
    """Where the plain file of a segment goes. Raises FormatError, and ExistsError when its name is taken on either side."""
    identity_in(segment)
    places = [f"{home}/{folder_for(segment.name, archived=side)}/{segment.name}" for side in (False, True)]
    taken = next((path for place in places for path in (place, place + ZST) if stands(fs, path)), None)
    if taken is not None:
        raise ExistsError(f"{taken} exists already; nothing was written")
    return places[segment.archived]


def put_file(fs: Filesystem, home: str, segment: Segment, blocks: Iterable[bytes]) -> None:
    """Store a segment's bytes, which come uncompressed, under its name, with its mode, its file time and its form.

    The file appears whole, or not at all, and is durable when this returns. Raises FormatError for a name that is
    no rollout's, ExistsError when the name is taken on either side of the archive, WriteError.
    """
    from rollout.journal.whole_file import write_new  # noqa: PLC0415 - only who writes pays for it

    path = free_place(fs, home, segment)
    if segment.compressed:
        from rollout.journal.compression import compressed  # noqa: PLC0415 - few files are

        path, blocks = path + ZST, compressed(blocks, segment.data_length)
    try:
        write_new(fs, path, blocks, S_IMODE(segment.mode) or FILE_MODE)
        fs.utime(path, (segment.modified_ns, segment.modified_ns))
        sync_folder(fs, os.path.dirname(path))
    except FileExistsError as error:
        raise ExistsError(f"{path} exists already; nothing was written") from error
    except OSError as error:
        raise WriteError(path, error) from error
