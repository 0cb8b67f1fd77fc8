"""Many ``fdatasync`` in one call: Linux's asynchronous I/O, where the kernel offers it.

What makes a crowd of syncs slow is not the disk alone: a thread for each costs two hand-overs, more than a quick
disk takes. ``io_submit`` gives the kernel all of them at once, and one thread waits (io_submit(2), Linux >= 4.18).
An answer has the meaning of ``fdatasync`` on the same descriptor, each file with its own error.
"""

from __future__ import annotations

import ctypes
import errno
import os
import sys
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

AT_ONCE = 256
_FDSYNC = 3
_UNKNOWN_TO_FILE = {errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP}


class _Numbers(NamedTuple):
    """The numbers of the system calls of one kind of processor."""

    setup: int
    destroy: int
    submit: int
    getevents: int


_CALLS = {"x86_64": _Numbers(206, 207, 209, 208), "aarch64": _Numbers(0, 1, 2, 4), "riscv64": _Numbers(0, 1, 2, 4)}


class _Request(ctypes.Structure):
    """``struct iocb`` of a little-endian machine."""

    _fields_ = (
        ("data", ctypes.c_uint64), ("key", ctypes.c_uint32), ("rw_flags", ctypes.c_int32),
        ("opcode", ctypes.c_uint16), ("priority", ctypes.c_int16), ("fd", ctypes.c_uint32),
        ("buffer", ctypes.c_uint64), ("length", ctypes.c_uint64), ("offset", ctypes.c_int64),
        ("reserved", ctypes.c_uint64), ("flags", ctypes.c_uint32), ("eventfd", ctypes.c_uint32),
    )  # fmt: skip


class _Event(ctypes.Structure):
    """``struct io_event``."""

    _fields_ = (
        ("data", ctypes.c_uint64), ("request", ctypes.c_uint64), ("result", ctypes.c_int64), ("second", ctypes.c_int64),
    )  # fmt: skip


class Queue:
    """One queue of the kernel; used by one thread at a time. Raises OSError where the kernel has none to give."""

    def __init__(self) -> None:
        """Ask the kernel for a queue of ``AT_ONCE`` places."""
        self._calls = _CALLS[os.uname().machine]
        self._syscall = ctypes.CDLL(None, use_errno=True).syscall
        self._syscall.restype = ctypes.c_long
        self._id = ctypes.c_ulong(0)
        self._requests = (_Request * AT_ONCE)()
        first, size = ctypes.addressof(self._requests), ctypes.sizeof(_Request)
        self._addresses = (ctypes.c_void_p * AT_ONCE)(*range(first, first + AT_ONCE * size, size))
        self._events = (_Event * AT_ONCE)()
        self._call(self._calls.setup, ctypes.c_long(AT_ONCE), ctypes.byref(self._id))

    def fdatasync(self, fds: Sequence[int]) -> dict[int, int]:
        """Sync at most ``AT_ONCE`` files; the error number (0: done) by place in ``fds``.

        What the kernel would not take is missing from the answer. When this raises, requests may be under way:
        the queue must not be used again.
        """
        for number, fd in enumerate(fds):
            request = self._requests[number]
            request.data, request.opcode, request.fd = number, _FDSYNC, fd
        taken = self._submit(len(fds))
        answers: dict[int, int] = {}
        while len(answers) < taken:
            wanted = ctypes.c_long(taken - len(answers))
            for event in self._events[: self._call(self._calls.getevents, self._id, wanted, wanted, self._events, None)]:
                answers[event.data] = -event.result
        return {number: error for number, error in answers.items() if error not in _UNKNOWN_TO_FILE}

    def _submit(self, count: int) -> int:
        """How many the kernel took: the first so many."""
        taken = 0
        size = ctypes.sizeof(ctypes.c_void_p)
        while taken < count:
            rest = ctypes.byref(self._addresses, taken * size)
            try:
                taken += self._call(self._calls.submit, self._id, ctypes.c_long(count - taken), rest)
            except OSError:
                break  # what it will not take now is synced by its owner, one by one
        return taken

    def close(self) -> None:
        """Give the queue back to the kernel; waits for what is under way."""
        self._syscall(self._calls.destroy, self._id)

    def _call(self, number: int, *arguments: object) -> int:
        while True:
            answer: int = self._syscall(ctypes.c_long(number), *arguments)
            if answer >= 0:
                return answer
            code = ctypes.get_errno()
            if code != errno.EINTR:
                raise OSError(code, os.strerror(code))


_free: list[Queue] = []
_offered = sys.platform == "linux" and sys.byteorder == "little" and os.uname().machine in _CALLS


def fdatasync_all(fds: Sequence[int]) -> dict[int, int] | None:
    """Sync files together; the error number (0: done) by place in ``fds``, None where the kernel has no such queue.

    A place that is missing from the answer was not tried. Safe from any thread.
    """
    answers: dict[int, int] = {}
    for start in range(0, len(fds), AT_ONCE):
        queue = _take()
        if queue is None:
            return answers or None
        some = queue.fdatasync(fds[start : start + AT_ONCE])
        _free.append(queue)  # only a queue with nothing under way comes back
        answers.update({start + number: error for number, error in some.items()})
    return answers


def _take() -> Queue | None:
    global _offered  # noqa: PLW0603 - the kernel is asked once
    try:
        return _free.pop()
    except IndexError:
        pass
    if not _offered:
        return None
    try:
        return Queue()
    except OSError:
        _offered = False  # a container may forbid it, an old kernel lacks it
        return None


os.register_at_fork(after_in_child=_free.clear)  # a queue belongs to the process that made it
