"""Rows of threads as the index keeps them, both ways.

A row comes back exactly as the files gave it. Its summary is decoded when somebody asks for a fact that the row
itself does not hold: a page of ids, times and names costs no JSON.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

from rollout.ids import ThreadId
from rollout.query import Thread
from rollout.store.stored_summary import StoredSummary, fill, summary_json
from rollout.summary import Summary
from rollout.tuples import NamedTuple

if TYPE_CHECKING:
    from rollout.store.local.headtail import Begun

_encode = json.JSONEncoder(separators=(",", ":")).encode

KNOWN_CHARACTERS = 1000
"""As much of a thread's words as the table ``titles`` knows; longer ones have to be looked through."""

UNKNOWN = -1
"""Stands for the folder of a last turn that lies too far back in its file to be known."""

STORED = (
    "t.id, f.id, fi.folder, fi.name, fi.stamp, t.kind, t.size, f.created_ms, t.updated, t.active, t.name, f.summary,"
    " f.segments, f.problem, f.tags, f.note FROM thread t JOIN facts f ON f.thread = t.id JOIN file fi ON fi.id = f.file"
)
"""The columns of ``Stored`` and where they are, behind ``SELECT``."""


class Stored(NamedTuple):
    """What the index selects of one thread."""

    thread: int
    id: str
    folder: int
    name: str | bytes
    stamp: str
    kind: int
    size: int
    created_ms: int
    updated: int
    active: int
    given: str | bytes | None
    summary: str
    segments: int
    problem: str | bytes | None
    tags: str | None
    note: str | bytes | None


def begun_json(begun: Begun | None, inode: str) -> str | None:
    """The head of a long file, and which file it is."""
    if begun is None:
        return None
    return json.dumps([inode, begun.size, begun.seam, summary_json(begun.summary)])


def begun_of(text: str | None, inode: str) -> Begun | None:
    """The head that was kept of a file, None when it is another file's."""
    if text is None:
        return None
    from rollout.store.local.headtail import Begun  # noqa: PLC0415 - only a file that has grown asks for it

    kept, size, seam, summary = json.loads(text)
    return Begun(fill(Summary(), summary), size, seam) if kept == inode else None


def thread_of(stored: Stored, folder: str, *, archived: bool) -> Thread:
    """The row of a thread; ``folder``: the absolute path of its newest file's folder."""
    _, identity, _, name, _, _, size, created, updated, active, given, summary, segments, problem, tags, note = stored
    path = f"{folder}/{name if isinstance(name, str) else path_of(name)}"
    given = given if given is None else kept_text(given)
    problem = problem if problem is None else kept_text(problem)
    tagged, noted = ((), "") if tags is None else (tags_of(tags), kept_text(note) or "")
    facts = (
        ThreadId(identity), path, archived, size, created, updated, active, given, StoredSummary(summary), segments, problem,
        tagged, noted,
    )  # fmt: skip
    return tuple.__new__(Thread, facts)  # half the price of calling it, and one tuple, not three


def tags_json(thread: Thread) -> str | None:
    """The tags of a row, None where it has neither tags nor a note."""
    return _encode(thread.tags) if thread.tags or thread.note else None


def tags_of(kept: str | None) -> tuple[str, ...]:
    """The tags again."""
    return tuple(json.loads(kept)) if kept else ()


def to_text(text: str | None) -> str | bytes | None:
    """A text as SQLite can keep it: a blob when UTF-8 cannot write it."""
    if text is None or text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")
    return text


def kept_text(kept: str | bytes | None) -> str | None:
    """The text again."""
    return kept.decode("utf-8", "surrogatepass") if isinstance(kept, bytes) else kept


def to_path(path: str) -> str | bytes:
    """A path, or part of one, as SQLite can keep it: its bytes when they are no UTF-8."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return os.fsencode(path)
    return path


def path_of(kept: str | bytes) -> str:
    """The path again."""
    return kept if isinstance(kept, str) else os.fsdecode(kept)


def fid_of(thread_id: str) -> bytes:
    """An id as its bytes, which sort as the text does. Raises ValueError when it is none."""
    return bytes.fromhex(thread_id.replace("-", ""))


def id_of(fid: bytes) -> ThreadId:
    """The text of an id."""
    digits = fid.hex()
    return ThreadId(f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}")
