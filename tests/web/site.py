"""Words of the tests of the web pages: a site over a home in a folder, and a browser that has entered it."""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, Any

import anyio
import httpx

from rollout.store.local.store import LocalStore
from rollout.store.rows import row_from
from rollout.testing import builders as b
from rollout.web.app import Settings, application
from rollout.web.guard import Keys
from rollout.web.threads import Threads

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.types import ASGIApp

    from rollout.items import RawItem

HOST = "127.0.0.1:8000"
OWN = f"http://{HOST}"
NOW_MS = b.START_MS + 86_400_000


class Browser:
    """Asks an application without a network, and keeps its cookies."""

    def __init__(self, app: ASGIApp) -> None:
        """No cookie yet."""
        self._client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=OWN)

    def get(self, address: str, **more: Any) -> httpx.Response:
        """One request to look."""
        return anyio.run(partial(self._client.get, address, **more))

    def post(self, address: str, **more: Any) -> httpx.Response:
        """One request to change something."""
        return anyio.run(partial(self._client.post, address, **more))


class Site:
    """One server over one home; ``browser`` has no session yet."""

    def __init__(self, folder: Path, *, allow_changes: bool = False) -> None:
        """Serve what stands in a folder."""
        store = LocalStore(folder)
        self.links: list[str] = []
        self.keys = Keys(self.links.append)
        self.threads = Threads(store, lambda thread_id: row_from(store, store.resolve(thread_id)[0]))
        settings = Settings(frozenset({HOST, "localhost:8000"}), allow_changes)
        self._app = application(self.threads, self.keys, settings, lambda: NOW_MS)
        self.browser = self.new_browser()

    def new_browser(self) -> Browser:
        """One that nobody has entered with."""
        return Browser(self._app)

    def enter(self) -> Site:
        """Exchange the token."""
        assert self.browser.get("/", params={"token": self.keys.token}).status_code == 303
        return self

    def page(self, address: str) -> str:
        """A page that must be there."""
        answer = self.browser.get(address)
        assert answer.status_code == 200, answer.text
        return answer.text

    def post(self, address: str, **fields: str) -> httpx.Response:
        """Send a form as a page of this site does."""
        return self.browser.post(address, data=fields, headers={"origin": OWN})


def put(folder: Path, number: int, *items: RawItem) -> Path:
    """A thread in its place in the home."""
    identity = b.thread_id(number)
    name = b.rollout_name(identity, b.START_MS + number * 1000)
    path = folder / "sessions" / name[8:12] / name[13:15] / name[16:18] / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b.rollout_bytes(identity, *items))
    return path


def turns(count: int, size: int = 0) -> list[RawItem]:
    """So many turns, each answer with so many characters more."""
    return [item for n in range(1, count + 1) for item in b.turn(f"question {n}", f"answer {n} " + "x" * size)]


def address(number: int) -> str:
    """The page of a thread."""
    return f"/thread/{b.thread_id(number)}"


def headings(page: str) -> list[int]:
    """The numbers of the turns that a page shows."""
    return [int(found) for found in re.findall(r'<section class="turn" id="turn-(\d+)"', page)]


def onward(page: str) -> str | None:
    """Where the next page is."""
    found = re.search(r'<a rel="next" href="([^"]*)"', page)
    return found[1].replace("&amp;", "&") if found else None
