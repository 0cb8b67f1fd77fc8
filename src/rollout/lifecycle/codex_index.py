"""What Codex remembers of a thread in databases of its own: where they lie, and the one thing that is mended there.

Codex 0.169 keeps the absolute path of every thread in ``state_5.sqlite`` and believes it more than the files.
After a thread's newest file has moved or has been followed by another, its row is updated: that row, the columns
named by the caller, in one transaction, never creating a file, a table or a row (spec: interop-facts E6).
Everything else in there is Codex's own business (spec: state-and-protocol 1.5).
"""

from __future__ import annotations

import os
from contextlib import closing
from typing import TYPE_CHECKING, Any, NamedTuple

from rollout.errors import BusyError, LockError
from rollout.store.local.config import read_config
from rollout.store.local.locks import ThreadLocks

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

INDEX = "state_5.sqlite"
VARIABLE = "CODEX_SQLITE_HOME"
OWN_FILES = ("history.jsonl",)
_PATIENCE_MS = 5000
_BLOCK = 1 << 20


class CodexNote(NamedTuple):
    """What became of Codex's row of a thread.

    ``state``: ``updated``; ``absent``, there is no such database; ``no row``; ``left``, nobody wanted it;
    ``failed``. ``note`` tells what Codex will not find then and how to mend it, and is "" otherwise.
    """

    state: str
    note: str = ""


NO_INDEX = CodexNote("absent")
LEFT = CodexNote("left")


def databases_of(home: str, environ: Mapping[str, str] = os.environ) -> str:
    """The folder of Codex's databases: ``sqlite_home`` of config.toml, else ``CODEX_SQLITE_HOME``, else the home."""
    named = read_config(home).sqlite_home or environ.get(VARIABLE)
    return os.path.join(home, os.path.expanduser(named)) if named else home


def update_row(home: str, thread_id: str, changes: Mapping[str, str | int | None]) -> CodexNote:
    """Change columns of a thread's row, all or none. The caller holds the thread's lock. Never raises.

    Waits up to 5 s for another program that writes. ``rollout_path`` is given as a path in ``home`` and stored
    with the spelling of the home that the row has.
    """
    path = os.path.join(databases_of(home), INDEX)
    if not os.path.isfile(path):
        return NO_INDEX
    try:
        import apsw  # noqa: PLC0415 - only a home with such a database pays for it
    except ImportError as error:
        return _failed(path, error, changes)
    try:
        with closing(apsw.Connection(path, flags=apsw.SQLITE_OPEN_READWRITE)) as connection:
            connection.set_busy_timeout(_PATIENCE_MS)
            return _update(connection, home, thread_id, changes)
    except (apsw.Error, LookupError) as error:
        return _failed(path, error, changes)


def update_row_locked(home: str, thread_id: str, changes: Mapping[str, str | int | None]) -> CodexNote:
    """The same for a caller who does not hold the lock: it is taken for the length of the change."""
    path = os.path.join(databases_of(home), INDEX)
    if not os.path.isfile(path):
        return NO_INDEX
    try:
        with ThreadLocks(home).acquire(thread_id, wait=1.0):
            return update_row(home, thread_id, changes)
    except (BusyError, LockError) as error:
        return _failed(path, error, changes)


def _update(connection: Any, home: str, thread_id: str, changes: Mapping[str, str | int | None]) -> CodexNote:  # noqa: ANN401 - imported late
    known = {row[1] for row in connection.execute("pragma table_info(threads)")}
    if missing := [name for name in ("id", *changes) if known and name not in known]:
        raise LookupError(f"its threads have no {', '.join(missing)}")
    if not known:
        return CodexNote("no row")
    old = connection.execute("select rollout_path from threads where id = ?", (thread_id,)).fetchone()
    if old is None:
        return CodexNote("no row")
    values = {name: _spelled(home, str(old[0]), value) for name, value in changes.items()}
    settings = ", ".join(f"{name} = {_setting(name, value)}" for name, value in values.items())
    with connection:
        connection.execute(f"update threads set {settings} where id = ?", (*values.values(), thread_id))  # noqa: S608 - names of columns, no values
        return CodexNote("updated" if connection.changes() else "no row")


def _setting(name: str, value: str | int | None) -> str:
    """A thread that is archived already keeps the time at which it was."""
    return "coalesce(archived_at, ?)" if name == "archived_at" and value is not None else "?"


def _spelled(home: str, old: str, value: str | int | None) -> str | int | None:
    """A path in the home, with links resolved if the path that it replaces has them resolved."""
    real = os.path.realpath(home)
    if isinstance(value, str) and value.startswith(f"{home}/") and old.startswith(f"{real}/"):
        return real + value[len(home) :]
    return value


def _failed(path: str, error: Exception, changes: Mapping[str, object]) -> CodexNote:
    if "rollout_path" in changes:
        lost = "Codex will look for the thread at its old place"
        mend = "`rollout archive` or `rollout unarchive`, whichever it is"
    else:
        lost, mend = "Codex shows the old name", "`rollout rename`"
    return CodexNote("failed", f"{path} is as it was ({error}): {lost}; close it in Codex and run {mend} once more")


def mentions_of(home: str, thread_id: str) -> tuple[str, ...]:
    """The files of Codex's own in which an id stands: databases and ``history.jsonl``; a search for its bytes."""
    return tuple(path for path in _own_files(home) if _holds(path, thread_id.encode()))


def _own_files(home: str) -> Iterator[str]:
    """Codex's databases with their logs, and its list of prompts."""
    for folder in dict.fromkeys((home, databases_of(home))):
        try:
            names = sorted(os.listdir(folder))
        except OSError:
            continue
        yield from (os.path.join(folder, name) for name in names if name.endswith((".sqlite", ".sqlite-wal")))
    yield from (os.path.join(home, name) for name in OWN_FILES)


def _holds(path: str, text: bytes) -> bool:
    """Whether a file has these bytes somewhere; one that cannot be read has none that we know of."""
    tail = b""
    try:
        with open(path, "rb") as file:
            while block := file.read(_BLOCK):
                if text in tail + block:
                    return True
                tail = block[-len(text) :]
    except OSError:
        return False
    return False
