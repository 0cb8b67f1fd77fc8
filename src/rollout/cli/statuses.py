"""Exit statuses, and which error means which: the one place where errors become what a shell sees."""

from __future__ import annotations

from rollout import errors

DONE = 0
FINDING = 1
USAGE = 2
NOT_FOUND = 3
BUSY = 4
IO = 5
INTERRUPTED = 130
TERMINATED = 143

MEANING = (
    (DONE, "done"),
    (FINDING, "finding or damage"),
    (USAGE, "wrong usage"),
    (NOT_FOUND, "no such thread, or several"),
    (BUSY, "another writer holds the thread"),
    (IO, "input or output failed"),
    (INTERRUPTED, "interrupted"),
)


class UsageError(errors.RolloutError):
    """The command line cannot be understood; the message says what and where help is."""


_STATUSES: tuple[tuple[type[BaseException], int], ...] = (
    (UsageError, USAGE),
    (errors.InvalidQueryError, USAGE),
    (errors.InvalidItemError, USAGE),
    (errors.NotFoundError, NOT_FOUND),
    (errors.AmbiguousError, NOT_FOUND),
    (errors.ChildrenError, USAGE),
    (errors.InUseError, BUSY),
    (errors.PinnedError, BUSY),
    (errors.BusyError, BUSY),
    (errors.PlaceInUseError, BUSY),
    (errors.FencedError, BUSY),
    (errors.FormatError, FINDING),
    (KeyboardInterrupt, INTERRUPTED),
)


def status_of(error: BaseException) -> int:
    """The exit status that an error means; what stands nowhere else is a failure of input or output."""
    return next((status for kind, status in _STATUSES if isinstance(error, kind)), IO)


def message_of(error: BaseException) -> str:
    """One line about an error: what happened, where, and what to do."""
    if isinstance(error, OSError):
        where = f" {error.filename}" if error.filename else ""
        return f"cannot use{where}: {error.strerror or error}" if where else f"{error.strerror or error}"
    if isinstance(error, KeyboardInterrupt):
        return "interrupted"
    if isinstance(error, errors.RolloutError):
        return str(error)
    return f"internal error, please report it: {type(error).__name__}: {error}; ROLLOUT_DEBUG=1 shows where"
