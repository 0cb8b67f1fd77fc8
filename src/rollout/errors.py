"""Every error that rollout raises on purpose.

::

    RolloutError
    ├── NotFoundError            no thread answers to that id, prefix or name
    ├── AmbiguousError           several threads answer to it; the candidates are named
    ├── ExistsError              something already stands where a new thing was to be put
    ├── InUseError               forks build on the thread; they are named
    ├── ChildrenError            the thread has sub-agents, and nobody said what becomes of them
    ├── PinnedError              the thread is pinned, so it is not deleted
    ├── BusyError                another writer holds the thread; its owner is named
    ├── LockError                the lock of a thread could not be made, so nothing was written
    ├── ClosedError              used after it was closed
    ├── FencedError              this writer lost its lease for ever
    ├── BudgetError              more was buffered before persist() than the budget allows
    ├── InvalidItemError         an item that cannot be recorded as it is
    ├── InvalidQueryError        a cursor, order or filter that cannot be honoured
    ├── ListenError              a server cannot listen where it was told to
    │   └── PlaceInUseError      somebody listens there already
    ├── FormatError              a rollout that cannot be read as asked
    │   └── DamagedError         strict reading met damage; it carries the damage
    └── WriteError               bytes could not be handed over; they are kept, repeat the call
        ├── SyncError            stable storage refused bytes; they stay unsafe until written anew
        └── ReplacedError        another file stands at the thread's path; both are named

Each message says what happened, to which thread or file, and what can be done.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class RolloutError(Exception):
    """Base of every error of this library."""


class NotFoundError(RolloutError):
    """No thread answers to that id, prefix or name."""


class AmbiguousError(RolloutError):
    """Several threads answer to one text; ``candidates`` names them."""

    def __init__(self, text: str, candidates: Sequence[str]) -> None:
        """Keep the candidates beside the message."""
        self.candidates = tuple(candidates)
        shown = ", ".join(self.candidates[:10])
        more = f" and {len(self.candidates) - 10} more" if len(self.candidates) > 10 else ""
        super().__init__(f"{text!r} means {len(self.candidates)} threads: {shown}{more}; give a longer id")


class ExistsError(RolloutError):
    """Something already stands where a new thing was to be put; nothing was replaced."""


class BusyError(RolloutError):
    """Another writer holds the thread; ``owner`` tells pid, program, host and start time."""

    def __init__(self, thread_id: str, owner: Mapping[str, object]) -> None:
        """Name the owner in the message, with "unknown" where a fact could not be had."""
        self.thread_id = thread_id
        self.owner = dict(owner)
        told = {key: owner.get(key) or "unknown" for key in ("program", "pid", "host", "started")}
        super().__init__(
            f"thread {thread_id} already has an active writer: {told['program']} (pid {told['pid']} on"
            f" {told['host']}, started {told['started']}); close it there, or wait for it"
        )


class InUseError(RolloutError):
    """Forks build on the thread by reference; ``forks`` names them."""

    def __init__(self, thread_id: str, forks: Sequence[str]) -> None:
        """Name them in the message."""
        self.thread_id, self.forks = thread_id, tuple(forks)
        super().__init__(
            f"thread {thread_id} is the base of {', '.join(forks)}; delete those first, nothing was changed"
        )


class ChildrenError(RolloutError):
    """The thread has sub-agents and nobody said what becomes of them; ``children`` names them."""

    def __init__(self, thread_id: str, children: Sequence[str]) -> None:
        """Name them in the message."""
        self.thread_id, self.children = thread_id, tuple(children)
        super().__init__(
            f"thread {thread_id} has {len(children)} sub-agent{'s' if len(children) > 1 else ''}: {', '.join(children)};"
            " say whether they are deleted too (--with-children) or kept (--keep-children), nothing was changed"
        )


class PinnedError(RolloutError):
    """The thread bears the tag ``pinned``: it is not deleted."""

    def __init__(self, thread_id: str) -> None:
        """Say how it is let go."""
        self.thread_id = thread_id
        super().__init__(f"thread {thread_id} is pinned; rollout tag {thread_id} -pinned lets it go, nothing was changed")


class LockError(RolloutError):
    """The lock of a thread could not be made, so nothing was written."""


class ClosedError(RolloutError):
    """Used after it was closed."""


class FencedError(RolloutError):
    """This writer lost its lease; it must not write again."""


class BudgetError(RolloutError):
    """More was buffered before ``persist()`` than the budget allows; nothing of that call was accepted."""


class InvalidItemError(RolloutError):
    """An item that cannot be recorded as it is; the message says why."""


class InvalidQueryError(RolloutError):
    """A cursor, order or filter that cannot be honoured."""


class ListenError(RolloutError):
    """A server cannot listen where it was told to; the message says why, and what would do."""


class PlaceInUseError(ListenError):
    """Somebody listens there already."""


class FormatError(RolloutError):
    """A rollout that cannot be read as asked."""


class DamagedError(FormatError):
    """Strict reading met damage; ``damage`` is what the reader found."""

    def __init__(self, message: str, damage: object = None) -> None:
        """Carry the damage for the caller."""
        self.damage = damage
        super().__init__(message)


class WriteError(RolloutError):
    """Bytes could not be handed to the operating system; they are kept and the call may be repeated."""

    def __init__(self, path: str, reason: object) -> None:
        """Name the file and the cause."""
        self.path = path
        self.reason = reason
        super().__init__(f"cannot write {path}: {reason}; what was accepted is kept, repeat the call when it is mended")


class SyncError(WriteError):
    """Stable storage refused bytes; they count as unsafe until they are written anew."""

    def __init__(self, path: str, reason: object) -> None:
        """Name the file and the cause."""
        super().__init__(path, reason)
        self.args = (f"{path} is not on stable storage: {reason}; sync again once the disk is healthy",)


class ReplacedError(WriteError):
    """Another file stands at the thread's path and does not hold what was written; both are named."""

    def __init__(self, path: str, ours: str, theirs: str) -> None:
        """Tell the file that was written from the one that is there now."""
        super().__init__(path, "replaced")
        self.ours, self.theirs = ours, theirs
        told = f"{path} was replaced by another file: we wrote {ours}, there is now {theirs} without our lines"
        self.args = (f"{told}; move it away and repeat the call",)
