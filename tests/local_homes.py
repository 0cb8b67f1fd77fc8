"""Words of the tests of a home: rollouts put anywhere, by hand, as users and synchronisers do."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from rollout.query import EVERYTHING, Order
from rollout.store.local.store import LocalStore
from rollout.testing import builders as b

if TYPE_CHECKING:
    from pathlib import Path

DAY_MS = 86_400_000
MODIFIED_NS = 1_770_600_000_123_456_789


class Home:
    """A home in a folder, and a store on it."""

    def __init__(self, folder: Path) -> None:
        """Nothing stands there yet."""
        self.folder = folder
        self.store = LocalStore(folder)

    def put(self, place: str, data: bytes) -> str:
        """Write bytes to a path inside the home, whatever it is; the absolute path is returned."""
        path = self.folder / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        os.utime(path, ns=(MODIFIED_NS, MODIFIED_NS))
        return str(path)

    def talk(self, number: int, place: str = "", at_ms: int | None = None) -> str:
        """A thread in which something was asked; in its dated folder, or below the folder that is given."""
        identity = b.thread_id(number)
        name = b.rollout_name(identity, b.START_MS + number * 1000 if at_ms is None else at_ms)
        folder = place or f"sessions/{name[8:12]}/{name[13:15]}/{name[16:18]}"
        return self.put(f"{folder}/{name}", b.rollout_bytes(identity, *b.turn(f"question {number}", "answer")))

    def listed(self, order: str = "created", *, limit: int = 100, archived: bool | None = None) -> list[int]:
        """The numbers of all listed threads, page by page, in the order of a listing."""
        numbers = {b.thread_id(number): number for number in range(100)}
        query = EVERYTHING._replace(order=Order(order), limit=limit, archived=archived)
        found: list[int] = []
        while True:
            page = self.store.list(query)
            found += [numbers[row.id] for row in page.threads]
            if page.next is None:
                return found
            query = query._replace(cursor=page.next)
