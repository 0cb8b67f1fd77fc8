"""Filesystems that fail where a test says: at the n-th call, when the disk is full, at a power cut.

Each stands in front of another filesystem and hands on every call that it does not fail. Calls are counted
over all threads.
"""

from __future__ import annotations

import errno
import inspect
import os
import shutil
from contextlib import suppress
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING, Any

from rollout.journal.filesystem import OS, Filesystem

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

_MANY = {"fdatasync_all"}  # not a call of its own: it makes the others, which are watched one by one
CALLS = frozenset(
    name for name, _ in inspect.getmembers(Filesystem, inspect.isfunction) if name not in _MANY and name[0] != "_"
)
CHANGING = CALLS - {"open", "close", "pread", "stat", "lstat", "fstat", "readlink", "scandir", "dup"}
_EIO = OSError(errno.EIO, "injected: input/output error")


class WatchedFilesystem(Filesystem):
    """Hands every call to ``called``, which hands it on to ``inner``; subclasses decide what happens instead."""

    def __init__(self, inner: Filesystem = OS) -> None:
        """Stand in front of ``inner``."""
        self.inner = inner

    def __getattribute__(self, name: str) -> Any:  # noqa: ANN401 - whatever the call gives
        if name in CALLS:
            return partial(super().__getattribute__("called"), name)
        return super().__getattribute__(name)

    def called(self, name: str, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - whatever the call gives
        """One call of the filesystem, by its name."""
        return getattr(self.inner, name)(*args, **kwargs)


class FaultyFilesystem(WatchedFilesystem):
    """Fails call number ``fail_at`` (from 1) with ``error``, without making it; ``persistent``: all later ones too.

    ``only`` names the calls that count and may fail. ``calls`` tells how many were counted, ``failed`` the
    names of those that failed. A ``close`` that fails has closed nothing, so it is failed only where ``only``
    asks for it.
    """

    def __init__(
        self,
        inner: Filesystem = OS,
        *,
        fail_at: int = 0,
        error: OSError = _EIO,
        persistent: bool = False,
        only: Collection[str] | None = None,
    ) -> None:
        """``fail_at`` 0 fails nothing and counts."""
        super().__init__(inner)
        self.fail_at, self.error, self.persistent = fail_at, error, persistent
        self.only = CALLS - {"close"} if only is None else frozenset(only)
        self.calls = 0
        self.failed: list[str] = []
        self._counting = Lock()
        if unknown := self.only - CALLS:
            raise ValueError(f"no such calls: {', '.join(sorted(unknown))}; there are {', '.join(sorted(CALLS))}")

    def heal(self) -> None:
        """Fail nothing from now on."""
        self.fail_at = 0

    def called(self, name: str, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - whatever the call gives
        """Count the call, and fail it if it is its turn."""
        if self._is_hit(name):
            raise OSError(self.error.errno, self.error.strerror, *(args[:1] if isinstance(args[0], str) else ()))
        return super().called(name, *args, **kwargs)

    def _is_hit(self, name: str) -> bool:
        if name not in self.only:
            return False
        with self._counting:
            self.calls += 1
            hit = bool(self.fail_at) and (self.calls == self.fail_at or (self.persistent and self.calls > self.fail_at))
            if hit:
                self.failed.append(name)
        return hit


class FullDisk(WatchedFilesystem):
    """Takes ``room`` bytes, the last write short, and answers ENOSPC from then on until ``heal``."""

    def __init__(self, room: int, inner: Filesystem = OS) -> None:
        """A disk with ``room`` free bytes."""
        super().__init__(inner)
        self.room: int | None = room

    def heal(self) -> None:
        """Make room without end."""
        self.room = None

    def called(self, name: str, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - whatever the call gives
        """Let writes through as far as there is room."""
        if name not in ("write", "pwrite") or self.room is None:
            return super().called(name, *args, **kwargs)
        fd, data, *rest = args
        if self.room == 0 and len(data):
            raise OSError(errno.ENOSPC, "injected: no space left on device")
        written: int = super().called(name, fd, data[: self.room], *rest, **kwargs)
        self.room -= written
        return written


class CrashingFilesystem(WatchedFilesystem):
    """Remembers what was synced; ``crash`` takes away everything else, as a power cut may.

    The hard case is assumed each time: bytes of a file survive up to its last fsync or fdatasync, a new name
    only if its folder was synced after it, a rename is undone unless its folder was synced; a removal counts
    at once.
    """

    def __init__(self, inner: Filesystem = OS) -> None:
        """Everything that is there now counts as synced."""
        super().__init__(inner)
        self._paths: dict[int, str] = {}
        self._synced: dict[str, int] = {}
        self._new_names: list[str] = []
        self._renames: list[tuple[str, str, bytes | None]] = []

    def called(self, name: str, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - whatever the call gives
        """Make the call, and note what it means for a crash."""
        before = getattr(self, f"_before_{name}", None)
        noted = before(*args) if before is not None else None
        result = super().called(name, *args, **kwargs)
        after = getattr(self, f"_after_{name}", None)
        if after is not None:
            after(noted, result, *args)
        return result

    def crash(self) -> None:
        """Bring the disk to what stable storage holds; descriptors that are open see it too."""
        for source, target, replaced in reversed(self._renames):
            self._undo_rename(source, target, replaced)
        for path in reversed(self._new_names):
            with suppress(FileNotFoundError):
                shutil.rmtree(path) if os.path.isdir(path) else os.unlink(path)
        for path, size in self._synced.items():
            with suppress(FileNotFoundError):
                os.truncate(path, min(size, os.stat(path).st_size))
        self._paths.clear()
        self._synced.clear()
        self._new_names.clear()
        self._renames.clear()

    def _undo_rename(self, source: str, target: str, replaced: bytes | None) -> None:
        with suppress(FileNotFoundError):
            os.rename(target, source)
            self._synced[source] = self._synced.pop(target, os.stat(source).st_size)
        if replaced is not None:
            with open(target, "wb") as again:
                again.write(replaced)

    def _before_open(self, path: str, _flags: int, _mode: int = 0) -> bool:
        return os.path.lexists(path)

    def _after_open(self, existed: bool, fd: int, path: str, *_: object) -> None:  # noqa: FBT001 - internal
        self._paths[fd] = path
        if not existed:
            self._new_names.append(path)
            self._synced[path] = 0
        elif os.path.isfile(path):
            self._synced.setdefault(path, os.stat(path).st_size)

    def _after_dup(self, _: object, copy: int, fd: int) -> None:
        if fd in self._paths:
            self._paths[copy] = self._paths[fd]

    def _before_close(self, fd: int) -> None:
        self._paths.pop(fd, None)

    def _after_fdatasync(self, _: object, __: object, fd: int) -> None:
        path = self._paths.get(fd)
        if path is not None:
            self._synced[path] = os.fstat(fd).st_size

    def _after_fsync(self, _: object, __: object, fd: int) -> None:
        path = self._paths.get(fd)
        if path is None or not os.path.isdir(path):
            self._after_fdatasync(None, None, fd)
            return
        self._new_names = [name for name in self._new_names if os.path.dirname(name) != path]
        self._renames = [one for one in self._renames if os.path.dirname(one[1]) != path]

    def _after_mkdir(self, _: object, __: object, path: str, *___: object) -> None:
        self._new_names.append(path)

    def _after_link(self, _: object, __: object, source: str, target: str) -> None:
        self._new_names.append(target)
        self._synced[target] = self._synced.get(source, os.stat(target).st_size)

    def _after_unlink(self, _: object, __: object, path: str) -> None:
        self._synced.pop(path, None)

    def _before_rename(self, _source: str, target: str) -> bytes | None:
        if not os.path.isfile(target):
            return None
        with open(target, "rb") as old:
            return old.read()

    def _after_rename(self, replaced: bytes | None, _: object, source: str, target: str) -> None:
        self._renames.append((source, target, replaced))
        for fd, path in self._paths.items():
            if path == source:
                self._paths[fd] = target
        if source in self._synced:
            self._synced[target] = self._synced.pop(source)
        if source in self._new_names:
            self._new_names[self._new_names.index(source)] = target


def fail_each_call(  # noqa: PLR0913 - what a fault may be
    scenario: Callable[[FaultyFilesystem], object],
    *,
    inner: Filesystem = OS,
    error: OSError = _EIO,
    persistent: bool = False,
    only: Collection[str] | None = None,
    limit: int = 10_000,
) -> int:
    """Run a scenario with its first call failing, then its second, and so on, until none of its calls fails.

    The scenario gets the filesystem, begins from nothing each time, and checks what must hold, knowing from
    ``failed`` whether anything did. Returns how many calls were failed; a scenario that has not run clean
    after ``limit`` rounds raises RuntimeError.
    """
    for number in range(1, limit + 1):
        fs = FaultyFilesystem(inner, fail_at=number, error=error, persistent=persistent, only=only)
        scenario(fs)
        if not fs.failed:
            return number - 1
    raise RuntimeError(f"the scenario still makes more than {limit} calls")
