"""What a thread gets while somebody looks at it, as server-sent events."""

from __future__ import annotations

import json
from itertools import dropwhile, takewhile
from typing import TYPE_CHECKING

from anyio import to_thread

from rollout.errors import RolloutError
from rollout.web.starts import lines_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from rollout.lines import Found, Position
    from rollout.web.paging import Cutter
    from rollout.web.starts import Start
    from rollout.web.threads import Threads

_PATIENCE_S = 1.0
_QUIET = 15
_END_OF_SECTION = "</section>\n"


class Follow:
    """One reader who waits at the end of a thread."""

    def __init__(self, threads: Threads, thread_id: str, cutter: Cutter, start: Start) -> None:
        """``cutter`` makes the page that the reader has, which begins at ``start``."""
        self._threads, self._thread_id, self._cutter = threads, thread_id, cutter
        self._start = start
        self._last: Found | None = None
        self._end: Position | None = None

    async def events(self, after: int, is_over: Callable[[], bool]) -> AsyncIterator[str]:
        """An event for each thing behind line ``after``, from now on; ends when it is over, or the thread is gone."""
        quiet = 0
        yield "retry: 2000\n\n"
        while not is_over():
            try:
                grown = await to_thread.run_sync(self._wait)
                made = await to_thread.run_sync(lambda: list(self._made(after))) if grown else []
            except (RolloutError, OSError) as error:
                yield f"event: gone\ndata: {json.dumps(str(error))}\n\n"
                return
            for event in made:
                yield event
            quiet = 0 if made else quiet + 1
            if quiet >= _QUIET:
                quiet = 0
                yield ": here\n\n"

    def _wait(self) -> bool:
        store = self._threads.store
        if self._end is None:
            self._end = store.end(self._thread_id)
            return True
        end = store.wait(self._thread_id, self._end, _PATIENCE_S)
        grown = end > self._end
        self._end = end
        return grown

    def _made(self, after: int) -> Iterator[str]:
        for item in self._cutter.items(self._new()):
            html = "".join(self._cutter.html(item)).removeprefix(_END_OF_SECTION)  # it also knows what stood before
            if item.entry.n > after:
                kind = "turn" if item.entry.kind == "user" else "item"
                yield f"event: {kind}\nid: {item.entry.n}\ndata: {json.dumps(html)}\n\n"

    def _new(self) -> Iterator[Found]:
        """What stands between what was read last and the end, without reading what stands before."""
        last, end = self._last, self._end
        if last is None:
            found = lines_of(self._threads, self._thread_id, self._start)
        else:
            again = self._threads.lines_from(self._thread_id, last.position, last.n)
            found = dropwhile(lambda thing: thing.position <= last.position, again)
        for thing in takewhile(lambda thing: end is None or thing.position < end, found):
            self._last = thing
            yield thing
