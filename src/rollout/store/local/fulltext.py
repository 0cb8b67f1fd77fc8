"""The words of a home: one SQLite file with a full-text table, beside the index of threads.

It is a cache: deletable at any time, never in the way of a writer, written only by who searches. It knows which
words stand in which line and where the lines stand; the texts themselves are read from the files. What it says
about a file counts only while the file's identity, size and time are those that it was read with.

Failures raise IndexUnusableError, as those of the index of threads do; then the files answer.
"""

from __future__ import annotations

import os
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

import apsw

from rollout.store.local.index import BadIndexError, IndexUnusableError, set_aside
from rollout.store.local.index_path import Identity, IndexPlace, is_remote

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Sequence
    from typing import Self

VERSION = 2
PATIENCE_MS = 50
_APPLICATION = 0x726F_7764
_SCHEMA = os.path.join(os.path.dirname(__file__), "fulltext.sql")
_HASH_BYTES = 8 << 20
_FILE = "id, path, identity, size, modified_ns, done, lines, turn, by_item, guard, active_ms, based"
_LINE = "line.id, line.n, line.start, line.length, line.turn"


class Use(NamedTuple):
    """How a search may use the words of its home.

    ``place``: where they lie, None for not at all. ``new``: make them where there are none. ``most``: so many bytes
    of rollouts may be read to bring them up to date. ``always``: bring them up to date though the query cannot use
    them. ``progress`` is told how many bytes were taken in since the last time.
    """

    place: IndexPlace | None = None
    new: bool = False
    most: float = 64 << 20
    always: bool = False
    progress: Callable[[int], None] | None = None


class FileRow(NamedTuple):
    """What is known of one file; see fulltext.sql."""

    id: int
    path: str
    identity: str
    size: int
    modified_ns: int
    done: int
    lines: int
    turn: int
    by_item: int
    guard: int
    active_ms: int | None
    based: bool


class LineRow(NamedTuple):
    """Where a line with text stands in its file."""

    id: int
    n: int
    start: int
    length: int
    turn: int


def words_place(index: IndexPlace) -> IndexPlace:
    """Where the words of a home lie: beside its index of threads."""
    if not index.ours:
        return index._replace(path=f"{index.path}.words-{VERSION}")
    return index._replace(path=os.path.join(os.path.dirname(index.path), f"words-{VERSION}.sqlite"))


@contextmanager
def usable(place: IndexPlace) -> Generator[None]:
    """Turn failures of SQLite inside into IndexUnusableError; a damaged file of ours is moved aside."""
    try:
        yield
    except (apsw.BusyError, apsw.LockedError):
        raise IndexUnusableError(f"the search index at {place.path} is in use by another program") from None
    except BadIndexError as error:
        raise IndexUnusableError(f"the search index at {place.path} {error}{_aside(place)}") from None
    except (apsw.CorruptError, apsw.NotADBError, apsw.FormatError, apsw.SQLError) as error:
        raise IndexUnusableError(f"the search index at {place.path} is damaged ({error}){_aside(place)}") from None
    except apsw.Error as error:
        raise IndexUnusableError(f"the search index at {place.path} cannot be used ({error})") from None


class Words:
    """An open file of words. Used by one thread at a time; close it when done."""

    def __init__(self, db: apsw.Connection, place: IndexPlace) -> None:
        """Take over a checked connection; see ``open_words``."""
        self.db = db
        self.place = place

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(apsw.Error):
            self.db.close()

    @contextmanager
    def writing(self) -> Generator[None]:
        """All changes inside, or none."""
        self.db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self.db.execute("COMMIT")
        except BaseException:
            with suppress(apsw.Error):
                self.db.execute("ROLLBACK")
            raise

    def files(self) -> dict[str, FileRow]:
        """Every file that is known, by its path."""
        return {row.path: row for row in map(_file, self.db.execute(f"SELECT {_FILE} FROM file"))}  # noqa: S608 - our own words, values are bound

    def file(self, path: str) -> FileRow | None:
        """One file."""
        sql = f"SELECT {_FILE} FROM file WHERE path = ?"  # noqa: S608 - our own words, values are bound
        found = self.db.execute(sql, (os.fsencode(path),)).fetchone()
        return None if found is None else _file(found)

    def put(self, row: FileRow) -> FileRow:
        """Write what is known of a file; an id of 0 is a new one. The row with its id is returned."""
        values = (row.id or None, os.fsencode(row.path), *row[2:])
        marks = ", ".join("?" * len(values))
        self.db.execute(f"INSERT OR REPLACE INTO file ({_FILE}) VALUES ({marks})", values)  # noqa: S608 - our own words, values are bound
        return row if row.id else row._replace(id=self.db.last_insert_rowid())

    def forget(self, file: int) -> None:
        """Take a file away with all of its lines."""
        for first, last in self.db.execute("SELECT first, last FROM run WHERE file = ?", (file,)).fetchall():
            self.db.execute("DELETE FROM words WHERE rowid BETWEEN ? AND ?", (first, last))
            self.db.execute("DELETE FROM line WHERE id BETWEEN ? AND ?", (first, last))
        self.db.execute("DELETE FROM run WHERE file = ?", (file,))
        self.db.execute("DELETE FROM long WHERE file = ?", (file,))
        self.db.execute("DELETE FROM file WHERE id = ?", (file,))

    def scrub(self, names: Iterable[str]) -> None:
        """Forget the files of these names, wherever they lay, and leave not a byte of where that was."""
        self.db.pragma("secure_delete", "ON")
        wanted = set(names)
        with self.writing():
            for path, row in self.files().items():
                if os.path.basename(path) in wanted:
                    self.forget(row.id)
        self.db.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)

    def add(self, file: int, lines: Sequence[LineRow], texts: Iterable[str]) -> None:
        """Take in lines of a file with their texts; their ids are given here."""
        if not lines:
            return
        (last,) = self.db.execute("SELECT last FROM run ORDER BY first DESC LIMIT 1").fetchone() or (0,)
        ids = range(last + 1, last + 1 + len(lines))
        self.db.executemany("INSERT INTO words (rowid, text) VALUES (?, ?)", zip(ids, texts, strict=True))
        rows = ((number, *line[1:]) for number, line in zip(ids, lines, strict=True))
        self.db.executemany("INSERT INTO line (id, n, start, length, turn) VALUES (?, ?, ?, ?, ?)", rows)
        self.db.execute("INSERT INTO run (first, last, file) VALUES (?, ?, ?)", (ids[0], ids[-1], file))

    def add_long(self, file: int, line: LineRow) -> None:
        """Take in where a line stands that is too long for its words to be taken in."""
        values = (file, line.start, line.n, line.length, line.turn)
        self.db.execute("INSERT OR REPLACE INTO long (file, start, n, length, turn) VALUES (?, ?, ?, ?, ?)", values)

    def long_lines(self) -> dict[int, list[LineRow]]:
        """The lines without words, by file, newest first."""
        found: dict[int, list[LineRow]] = {}
        for file, *line in self.db.execute("SELECT file, n, start, length, turn FROM long ORDER BY start DESC"):
            found.setdefault(file, []).append(LineRow(0, *line))
        return found

    def find(self, expression: str, most: int) -> dict[int, list[int]] | None:
        """The lines that an expression finds, by file, newest last; None when there are more than ``most``."""
        sql = "SELECT rowid FROM words WHERE words MATCH ? LIMIT ?"
        lines = [line for (line,) in self.db.execute(sql, (expression, most + 1))]
        if len(lines) > most:
            return None
        found: dict[int, list[int]] = {}
        sql = "SELECT file FROM run WHERE first <= ? ORDER BY first DESC LIMIT 1"
        for line in lines:
            for (file,) in self.db.execute(sql, (line,)):
                found.setdefault(file, []).append(line)
        return found

    def lines(self, ids: Iterable[int]) -> list[LineRow]:
        """Lines by their ids, the last of the file first."""
        sql = f"SELECT {_LINE} FROM line WHERE id = ?"  # noqa: S608 - our own words, values are bound
        rows = [row for line in ids for row in self.db.execute(sql, (line,))]
        return sorted((LineRow(*row) for row in rows), key=lambda row: row.start, reverse=True)

    def lines_in(self, expression: str, file: int) -> Generator[LineRow]:
        """The lines of one file that an expression finds, the last first, as many as are asked for."""
        sql = (
            f"SELECT {_LINE} FROM words JOIN line ON line.id = words.rowid"  # noqa: S608 - our own words, values are bound
            " WHERE words MATCH ? AND words.rowid BETWEEN ? AND ? ORDER BY words.rowid DESC"
        )
        runs = self.db.execute("SELECT first, last FROM run WHERE file = ? ORDER BY first DESC", (file,)).fetchall()
        for first, last in runs:
            for row in self.db.execute(sql, (expression, first, last)):
                yield LineRow(*row)


def open_words(place: IndexPlace, home: Identity, *, new: bool = True) -> Words | None:
    """Open the words of a home; None when there are none and no ``new`` ones are wanted. Raises IndexUnusableError."""
    if not new and not os.path.exists(place.path):
        return None
    with usable(place):
        try:
            os.makedirs(os.path.dirname(place.path), 0o700, exist_ok=True)
            return _opened(place, home)
        except OSError as error:
            raise IndexUnusableError(f"the search index at {place.path} cannot be used ({error})") from None


def _opened(place: IndexPlace, home: Identity) -> Words:
    before = os.umask(0o077)  # what people said is nobody else's
    try:
        db = apsw.Connection(place.path)
    finally:
        os.umask(before)
    try:
        db.set_busy_timeout(PATIENCE_MS)
        if db.pragma("application_id") != _APPLICATION or db.pragma("user_version") != VERSION:
            _make(db, place, home)
        db.execute("PRAGMA synchronous = NORMAL; PRAGMA cache_size = -8000")
        db.pragma("secure_delete", "FAST")
        if db.execute("SELECT path, device, inode FROM home").fetchall() != [_bound(home)]:
            _bad("is of another home")
    except BaseException:
        db.close()
        raise
    return Words(db, place)


def _make(db: apsw.Connection, place: IndexPlace, home: Identity) -> None:
    db.pragma("journal_mode", "DELETE" if is_remote(place.path) else "WAL")
    db.execute("BEGIN IMMEDIATE")
    try:
        if db.pragma("application_id") != _APPLICATION:  # else another process was quicker
            if db.execute("SELECT count(*) FROM sqlite_master").get:
                _bad("is a database of something else")
            with open(_SCHEMA, encoding="utf-8") as schema:
                db.execute(schema.read())
            db.execute("INSERT INTO words (words, rank) VALUES ('hashsize', ?)", (_HASH_BYTES,))
            db.execute("INSERT INTO home (path, device, inode) VALUES (?, ?, ?)", _bound(home))
            db.execute(f"PRAGMA application_id = {_APPLICATION}; PRAGMA user_version = {VERSION}")
        elif db.pragma("user_version") != VERSION:
            _bad("is of another version")
        db.execute("COMMIT")
    except BaseException:
        with suppress(apsw.Error):
            db.execute("ROLLBACK")
        raise


def _aside(place: IndexPlace) -> str:
    return set_aside(place) if place.ours else "; delete it, and the next search makes a new one"


def _bad(why: str) -> NoReturn:
    raise BadIndexError(why)


def _bound(home: Identity) -> tuple[bytes, str, str]:
    return os.fsencode(home.path), home.device, home.inode


def _file(row: tuple[Any, ...]) -> FileRow:
    return FileRow._make((row[0], os.fsdecode(row[1]), *row[2:-1], bool(row[-1])))
