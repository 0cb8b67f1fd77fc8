"""A thread that is not to be kept: the recorder's interface, and not one byte in the store (spec 4.8)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rollout.errors import ClosedError, RolloutError
from rollout.items import to_item
from rollout.recording import Shutdown, Statistics

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Self

    from rollout.ids import ThreadId


class EphemeralRecorder:
    """Takes what RolloutRecorder takes and keeps nothing; ``path`` is None. An async context manager."""

    persisted = False
    path = None

    def __init__(self, thread_id: ThreadId) -> None:
        """Give it an id, so that its caller can name it."""
        self.thread_id = thread_id
        self._taken = 0
        self._closed = False

    async def record(self, items: Iterable[object]) -> int:
        """Check the items as a recorder would, and forget them."""
        if self._closed:
            raise ClosedError(f"thread {self.thread_id}: the recorder was shut down")
        taken = len([to_item(item) for item in items])
        self._taken += taken
        return taken

    async def persist(self) -> None:
        """Refuse: there is nothing to persist, and saying otherwise would be a lie."""
        raise RolloutError(f"thread {self.thread_id} is ephemeral: it is never stored")

    async def flush(self) -> None:
        """Do nothing."""

    async def sync(self) -> None:
        """Do nothing."""

    async def shutdown(self) -> Shutdown:
        """End; says how many items are gone."""
        self._closed = True
        return Shutdown(persisted=False, dropped=self._taken)

    def statistics(self) -> Statistics:
        """Counts since it was made."""
        return Statistics(accepted=self._taken)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.shutdown()
