"""The index of a home: one SQLite file, opened, checked, and given up as soon as anything about it is odd.

It is a cache. Whatever goes wrong (missing rights, a lock, garbage, another home's index, another version's, rows
that somebody else has changed) raises IndexUnusableError with one line for a person, and the files answer. A bad
file at the place that this program chose is moved aside under a name with the time; anybody else's is left alone.

Several processes share an index: readers never wait, a writer waits ``PATIENCE_MS`` for another one.
"""

from __future__ import annotations

import os
from contextlib import contextmanager, suppress
from itertools import count
from typing import TYPE_CHECKING, Any, Self

import apsw

from rollout.errors import RolloutError
from rollout.store.local.index_path import VERSION, Identity, IndexPlace, is_remote
from rollout.store.local.index_rows import to_path

if TYPE_CHECKING:
    from collections.abc import Generator

PATIENCE_MS = 50
_APPLICATION = 0x726F_6C6C
_SIDECARS = ("", "-wal", "-shm", "-journal")
_SCHEMA = os.path.join(os.path.dirname(__file__), "index.sql")


class IndexUnusableError(RolloutError):
    """The index cannot answer; the message says why in one line. The files can."""


class BadIndexError(Exception):
    """A file that is no index of this home, or one that must not be believed; raised inside ``usable``."""


class Index:
    """An open index. Used by one thread at a time; close it when done."""

    def __init__(self, db: apsw.Connection, place: IndexPlace) -> None:
        """Take over a checked connection; see ``open_index``."""
        self.db = db
        self.place = place

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        with suppress(apsw.Error):
            self.db.close()

    def in_passing(self) -> None:
        """Wait for nobody, and leave to others what has to wait for the disk."""
        self.db.set_busy_timeout(0)
        self.db.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)

    def scrub(self, thread_id: str) -> None:
        """Leave not a byte of a thread whose rows are gone: neither in what was noted, nor in pages that wait for a checkpoint."""
        with self.writing():
            self.db.execute("DELETE FROM missing WHERE thread = ?", (thread_id,))
            self.db.execute("UPDATE event SET last_path = '' WHERE instr(CAST(last_path AS TEXT), ?)", (thread_id,))
        self.db.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)

    def rows(self, sql: str, values: Any = None) -> list[Any]:  # noqa: ANN401 - JSON as it comes
        """All rows of a statement."""
        return self.db.execute(sql, values).fetchall()

    def one(self, sql: str, values: Any = None) -> Any:  # noqa: ANN401 - JSON as it comes
        """The one value of a statement; None when there is no row."""
        row = self.db.execute(sql, values).fetchone()
        return None if row is None else row[0]

    def begin_loading(self) -> None:
        """Make the first of many rows without indexes, which come quicker afterwards; inside ``writing``."""
        for (name,) in self.rows("SELECT name FROM sqlite_master WHERE tbl_name = 'thread' AND name LIKE 'thread\\_%' ESCAPE '\\' AND type = 'index'"):
            self.db.execute(f"DROP INDEX {name}")
        self.db.execute("UPDATE home SET loading = 1")

    def end_loading(self) -> None:
        """Make the indexes, if they are not there; inside ``writing``."""
        if self.one("SELECT loading FROM home"):
            for statement in _statements("CREATE INDEX thread_"):
                self.db.execute(statement)
            self.db.execute("UPDATE home SET loading = 0")

    @contextmanager
    def reading(self) -> Generator[None]:
        """All statements inside see one state."""
        self.db.execute("BEGIN")
        try:
            yield
        finally:
            self.db.execute("END")

    @contextmanager
    def writing(self) -> Generator[None]:
        """All changes inside, or none; nobody else writes meanwhile."""
        self.db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self.db.execute("COMMIT")
        except BaseException:
            with suppress(apsw.Error):
                self.db.execute("ROLLBACK")
            raise


@contextmanager
def usable(place: IndexPlace) -> Generator[None]:
    """Turn every failure of SQLite inside into IndexUnusableError; a damaged file of ours is moved aside."""
    try:
        yield
    except (apsw.BusyError, apsw.LockedError):
        raise IndexUnusableError(f"the index at {place.path} is in use by another program") from None
    except BadIndexError as error:
        raise IndexUnusableError(f"the index at {place.path} {error}{set_aside(place)}") from None
    except (apsw.CorruptError, apsw.NotADBError, apsw.FormatError, apsw.SQLError, ValueError, TypeError) as error:
        raise IndexUnusableError(f"the index at {place.path} is damaged ({error}){set_aside(place)}") from None
    except (apsw.Error, OSError) as error:
        raise IndexUnusableError(f"the index at {place.path} cannot be used ({error})") from None


def open_index(place: IndexPlace, home: Identity) -> Index:
    """Open the index of a home; one that is not there is made. Raises IndexUnusableError."""
    with usable(place):
        os.makedirs(os.path.dirname(place.path), 0o700, exist_ok=True)
        return _opened(place, home, apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE)


def open_existing(place: IndexPlace, home: Identity) -> Index | None:
    """The same, but nothing is made: None when there is no index."""
    with usable(place):
        return _opened(place, home, apsw.SQLITE_OPEN_READWRITE) if os.path.exists(place.path) else None


def _opened(place: IndexPlace, home: Identity, flags: int) -> Index:
    is_new = not os.path.exists(place.path)
    db = apsw.Connection(place.path, flags=flags)
    try:
        if is_new:
            os.chmod(place.path, 0o600)  # it tells what people asked; SQLite gives its other files the same mode
        db.set_busy_timeout(PATIENCE_MS)
        db.config(apsw.SQLITE_DBCONFIG_ENABLE_TRIGGER, 0)  # they are there for everybody else
        index = Index(db, place)
        if not _is_made(index):
            _make(index, home)
        db.execute("PRAGMA synchronous = NORMAL; PRAGMA cache_size = -16000; PRAGMA wal_autocheckpoint = 8000")
        db.pragma("secure_delete", "ON")
        _check(index, home)
    except BaseException:
        db.close()
        raise
    return index


def _is_made(index: Index) -> bool:
    """Whether the tables are there. Raises BadIndexError when there are others."""
    application, version = index.one("PRAGMA application_id"), index.one("PRAGMA user_version")
    if (application, version) == (_APPLICATION, VERSION):
        return True
    if application == _APPLICATION:
        raise BadIndexError(f"is of version {version}, not {VERSION}")
    if index.one("SELECT count(*) FROM sqlite_master"):
        raise BadIndexError("is a database of something else")
    return False


def _make(index: Index, home: Identity) -> None:
    """Make the tables of a new index; another process may be quicker."""
    index.one(f"PRAGMA journal_mode = {'DELETE' if is_remote(index.place.path) else 'WAL'}")
    index.db.execute("BEGIN IMMEDIATE")
    try:
        if not _is_made(index):
            with open(_SCHEMA, encoding="utf-8") as schema:
                index.db.execute(schema.read())
            index.db.execute("INSERT INTO home (one, path, device, inode) VALUES (1, ?, ?, ?)", _bound(home))
            index.db.execute(f"PRAGMA application_id = {_APPLICATION}; PRAGMA user_version = {VERSION}")
        index.db.execute("COMMIT")
    except BaseException:
        index.db.execute("ROLLBACK")
        raise


def _statements(beginning: str) -> list[str]:
    """The statements of the schema that begin so."""
    with open(_SCHEMA, encoding="utf-8") as schema:
        return [line for line in schema if line.startswith(beginning)]


def _check(index: Index, home: Identity) -> None:
    found = index.rows("SELECT path, device, inode, spoiled FROM home WHERE one = 1")
    if not found or found[0][:3] != _bound(home):
        raise BadIndexError("is of another home")
    if found[0][3]:
        raise BadIndexError("was changed by another program")


def _bound(home: Identity) -> tuple[str | bytes, str, str]:
    return to_path(home.path), home.device, home.inode


def set_aside(place: IndexPlace) -> str:
    """Move a bad index out of the way, if it is ours to move; what a message can say about it is returned."""
    if not place.ours:
        return "; `rollout index rebuild` replaces it" if is_index(place.path) else "; delete it, or name another file"
    from time import gmtime, strftime  # noqa: PLC0415 - only who needs it pays for it

    stamp = f"{place.path}.bad-{strftime('%Y%m%dT%H%M%SZ', gmtime())}"
    aside = next(name for at in count() if not os.path.lexists(name := f"{stamp}-{at}" if at else stamp))
    try:
        for sidecar in _SIDECARS:
            with suppress(FileNotFoundError):
                os.rename(place.path + sidecar, aside + sidecar)
    except OSError as error:
        return f", and cannot be moved aside ({error.strerror})"
    return f"; it was moved to {aside}, the next use makes a new one"


def is_index(path: str) -> bool:
    """Whether a file says that it is an index of this program, of whatever version or state.

    SQLite is asked, because a plain open and close would drop the locks that this process holds on the file.
    """
    try:
        db = apsw.Connection(path, flags=apsw.SQLITE_OPEN_READONLY)
    except apsw.Error:
        return False
    try:
        return bool(db.execute("PRAGMA application_id").get == _APPLICATION)
    except apsw.Error:
        return False
    finally:
        db.close()


def remove_index(path: str) -> None:
    """Take an index away with what belongs to it."""
    for sidecar in _SIDECARS:
        with suppress(FileNotFoundError):
            os.unlink(path + sidecar)
