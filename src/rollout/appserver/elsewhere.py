"""What others do to the threads of the store, told to the clients: other servers, commands, Codex itself.

A thread of its own watches the store and hands over what happened, so nobody waits for the store, and a slow client makes
the watch wait, which then tells the sum. What this server did itself is looked at once more behind the next look of the
watch: for that look, what others undid at once never happened.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import wait
from contextlib import suppress
from threading import Event, Thread
from typing import TYPE_CHECKING, Any

from rollout.appserver.log import say
from rollout.appserver.methods.tell import tell
from rollout.errors import RolloutError
from rollout.store.changes import NOTHING

if TYPE_CHECKING:
    from rollout.appserver.acts import Act
    from rollout.appserver.state import Server
    from rollout.query import Thread as Row
    from rollout.store.changes import Changes, Watch, What

_WAIT_S = 1.0
_AGAIN_S = 1.0
_ABOUT: dict[What, str] = {
    "added": "there", "removed": "there", "archived": "archived", "unarchived": "archived", "named": "name",
}  # fmt: skip


def watch_for(server: Server) -> None:
    """Have a server tell its clients what others do, from now on; once."""
    if not server.is_watching and not server.closing:
        server.is_watching = True
        made = Elsewhere(server, asyncio.get_running_loop())
        server.at_close.append(made.end)
        Thread(target=made.heed, name="rollout app-server watch", daemon=True).start()


class Elsewhere:
    """The watch of one server; all but the watching itself is done on the server's event loop."""

    def __init__(self, server: Server, loop: asyncio.AbstractEventLoop) -> None:
        """Nothing is watched yet."""
        self._server, self._loop = server, loop
        self._watch: Watch | None = None
        self._ended = Event()

    def end(self) -> None:
        """Watch no more."""
        self._ended.set()
        if self._watch is not None:
            self._watch.close()

    def heed(self) -> None:
        """Hand over what happens until the server ends; for a thread of its own."""
        silent = False
        while not self._ended.is_set():
            done = self._server.acts.taken()  # before the watch looks
            try:
                self._watch = self._watch or self._server.store.watch()
                self._server.watching.set()
                changes = self._watch.wait(_WAIT_S)
            except (RolloutError, OSError) as error:
                if not silent:
                    say(f"clients are not told what others do to threads until the store answers: {error}")
                silent = True
                self._server.acts.give_back(done)
                self._ended.wait(_AGAIN_S)
                continue
            silent = False
            if (changes != NOTHING or done) and not self._hand_over(changes, done):
                break
        if self._watch is not None:
            self._watch.close()

    def _hand_over(self, changes: Changes, done: list[Act]) -> bool:
        """Have it told on the event loop, and wait for that; whether the loop still runs."""
        telling = self._tell(changes, done)
        try:
            told = asyncio.run_coroutine_threadsafe(telling, self._loop)
        except RuntimeError:
            telling.close()
            return False
        while not wait([told], _WAIT_S).done:
            if self._loop.is_closed():  # before it came to that
                telling.close()
                return False
        if not told.cancelled() and (error := told.exception()) is not None:
            say(f"clients were not told what others did to threads: {type(error).__name__}: {error}")
        return not told.cancelled()

    async def _tell(self, changes: Changes, done: list[Act]) -> None:
        """Tell clients what happened, as far as they do not know it."""
        if not changes.complete:
            say("more happened to threads elsewhere than could be told; clients that list anew see all of it")
        happened: dict[str, dict[str, None]] = {}
        for thread_id, what in changes.told:
            if what in _ABOUT:
                happened.setdefault(thread_id, {})[_ABOUT[what]] = None
        for act in done:
            happened.setdefault(act.thread_id, {}).update(dict.fromkeys(act.about))
        for thread_id, about in happened.items():
            with suppress(RolloutError, OSError):  # it cannot be read now: then there is nothing to tell of it
                await self._tell_of(thread_id, about)

    async def _tell_of(self, thread_id: str, about: dict[str, None]) -> None:
        acts = self._server.acts
        if not self._server.connections:
            acts.forget(thread_id, *about)
            return
        row = await self._row(thread_id, new="there" in about)
        facts: dict[str, object] = {"there": row is not None}
        facts |= {"archived": row.archived, "name": row.name} if row is not None else {}
        for fact in about:
            if fact in facts and not self._is_known(thread_id, fact, facts[fact]):
                acts.known(thread_id, **(facts if fact == "there" else {fact: facts[fact]}))
                await self._say(fact, thread_id, row)

    def _is_known(self, thread_id: str, fact: str, value: object) -> bool:
        """Whether it was told before; a thread that is loaded was told when it began, however long ago that was."""
        loaded = fact == "there" and value is True and thread_id in self._server.threads
        return loaded or self._server.acts.is_known(thread_id, fact, value)

    async def _row(self, thread_id: str, *, new: bool) -> Row | None:
        """How the thread stands while this server does nothing to it; None when it is not there."""
        acts = self._server.acts
        while True:
            await acts.until_calm(thread_id)
            if new:
                await acts.until_calm("")
            with acts.reading(thread_id):
                row = await asyncio.to_thread(self._server.library.row, thread_id)
            if not acts.was_disturbed:
                return row

    async def _say(self, fact: str, thread_id: str, row: Row | None) -> None:
        """One notification, where the level has it; an archived thread that appears is on no list of a client's."""
        later = self._server.level.later
        where: dict[str, Any] = {"threadId": thread_id}
        if fact == "name" and row is not None:
            await self._server.broadcast("thread/name/updated", where | {"threadName": row.name})
        elif fact == "archived" and row is not None and later:
            await self._server.broadcast("thread/archived" if row.archived else "thread/unarchived", where)
        elif fact == "there" and row is None and later:
            await self._server.broadcast("thread/deleted", where)
        elif fact == "there" and row is not None and not row.archived:
            thread = await asyncio.to_thread(tell, self._server, row, turns=False)
            await self._server.broadcast("thread/started", {"thread": thread})
