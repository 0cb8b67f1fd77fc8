"""What was removed from a home and can still be restored: listed, found by id, or destroyed for good.

The layout is that of ``rollout.store.local.trash``: one folder a removal, which no reader of rollouts looks into.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import NamedTuple, Protocol, runtime_checkable

from rollout.errors import AmbiguousError, FormatError, NotFoundError, RolloutError, WriteError
from rollout.journal.filesystem import OS, Filesystem
from rollout.lifecycle.at_home import at_home
from rollout.store.base import Receipt
from rollout.store.local.sidecar import sync_folder
from rollout.store.local.trash import TRASH, Trash

_DOOMED = ".destroyed"
_SHORTEST = 4


@runtime_checkable
class KeepsTrash(Protocol):
    """A store that can tell what was removed from it, and destroy it."""

    def removals(self) -> list[tuple[Receipt, int]]:
        """Every removal that can be restored, with the time of it in nanoseconds, the newest first."""
        ...

    def purge(self, receipt: Receipt) -> None:
        """Take a removed thread's bytes away for good; may be repeated."""


class Removed(NamedTuple):
    """One removal: its receipt, and when it was made."""

    receipt: Receipt
    removed_ns: int


def removed(store: object) -> list[Removed]:
    """Every removal that can be restored, the newest first; one that cannot be read, or is empty, is passed over."""
    if isinstance(store, KeepsTrash):
        return [Removed(*one) for one in store.removals()]
    home = _home(store)
    trash = Trash(home, OS)
    found: list[Removed] = []
    for token in _tokens(home):
        with suppress(NotFoundError, FormatError, OSError):
            one = _look(trash, os.path.join(home, TRASH, token), token)
            found += [one] if one.receipt.names else []
    return sorted(found, key=lambda one: (one.removed_ns, one.receipt.token), reverse=True)


def find_removed(store: object, text: str) -> tuple[Receipt, ...]:
    """The removals to restore for a token, an id or the beginning of one; the newest first.

    A token means its removal alone. A thread means its newest one, with those before it that have other files: they
    are parts of a removal that was interrupted. Raises NotFoundError, AmbiguousError.
    """
    everything = [one.receipt for one in removed(store)]
    wanted = text.strip().lower()
    exact = [one for one in everything if wanted == one.token]
    near = [one for one in everything if len(wanted) >= _SHORTEST and one.thread_id.startswith(wanted)]
    found = exact or near
    if not found:
        raise NotFoundError(f"no removed thread {text!r} here; `rollout restore --list` names those there are")
    threads = sorted({one.thread_id for one in found})
    if len(threads) > 1:
        raise AmbiguousError(text, threads)
    parts: list[Receipt] = []
    for one in found:
        if not any(set(one.names) & set(part.names) for part in parts):
            parts.append(one)
    return tuple(parts)


def destroy(store: object, receipt: Receipt, fs: Filesystem = OS) -> None:
    """Take a removed thread's bytes away for good. Raises WriteError; may be repeated.

    The folder gets a name that cannot be restored first, so that a crash leaves nothing that looks whole.
    """
    if isinstance(store, KeepsTrash):
        store.purge(receipt)
        return
    home = _home(store)
    folder = os.path.join(home, TRASH, receipt.token)
    doomed = folder + _DOOMED
    try:
        with suppress(FileNotFoundError):
            fs.rename(folder, doomed)
        with suppress(FileNotFoundError):
            for entry in list(fs.scandir(doomed)):
                fs.unlink(entry.path)
            fs.rmdir(doomed)
        sync_folder(fs, os.path.dirname(folder))
    except OSError as error:
        raise WriteError(doomed, error) from error


def _home(store: object) -> str:
    found = at_home(store)
    if found is None:
        raise RolloutError("this store has no trash that could be looked into; restore with the receipt of the removal")
    return found.home


def _tokens(home: str) -> list[str]:
    try:
        names = os.listdir(os.path.join(home, TRASH))
    except FileNotFoundError:
        return []
    return [name for name in names if not name.endswith(_DOOMED)]


def _look(trash: Trash, folder: str, token: str) -> Removed:
    """A removal as far as it went: its manifest names all files, of which only some may have been moved."""
    told = trash.look(token)
    here = [(os.path.join(folder, name), os.path.basename(place)) for place, name in told.files]
    here = [(path, name) for path, name in here if os.path.lexists(path)]
    size = sum(os.lstat(path).st_size for path, _ in here)
    return Removed(Receipt(told.thread_id, token, tuple(name for _, name in here), size), os.stat(folder).st_mtime_ns)
