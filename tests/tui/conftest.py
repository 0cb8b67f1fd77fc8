"""A home, and the application on it, driven by textual's pilot."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from cli.homes import Home
from rollout.store.local.store import LocalStore
from rollout.tui.app import ViewApp
from rollout.tui.desk import Desk
from rollout.tui.painting import plain
from rollout.tui.rows import Rows

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from textual.pilot import Pilot

    from rollout.tui.item import Item

NOW_MS = 1_770_120_000_000  # 2026-02-03T12:00:00Z


class FixedDesk(Desk):
    """A desk whose clock stands, and which opens no folder."""

    def now_ms(self) -> int:
        return NOW_MS

    def open_folder(self, item: Item) -> str:
        return f"opening the folder of {item.id}"


class Screen:
    """What a person sees and does."""

    def __init__(self, app: ViewApp, pilot: Pilot[None]) -> None:
        """Look at an application."""
        self.app, self._pilot = app, pilot

    async def settle(self) -> None:
        """Wait until everything asked for is done."""
        for _ in range(3):
            await self.app.workers.wait_for_complete()
            await self._pilot.pause()

    async def press(self, *keys: str) -> None:
        """Press keys, and wait for what they do."""
        await self._pilot.press(*keys)
        await self.settle()

    async def glance(self, *keys: str) -> None:
        """Press keys while something is still being done."""
        await self._pilot.press(*keys)
        await self._pilot.pause()

    async def rest(self) -> None:
        """Wait for what begins only when the person pauses."""
        await self._pilot.pause(0.2)
        await self.settle()

    async def resize(self, columns: int, rows: int) -> None:
        """Make the terminal another size."""
        await self._pilot.resize_terminal(columns, rows)
        await self.settle()

    async def click(self, column: int, row: int) -> None:
        """Click somewhere, and wait for what it does."""
        await self._pilot.click(offset=(column, row))
        await self.settle()

    async def until(self, fact: Callable[[], bool]) -> None:
        """Wait until something is so; fails after some seconds."""
        async with asyncio.timeout(10):
            while not fact():
                await self._pilot.pause(0.05)

    @property
    def rows(self) -> list[str]:
        """The rows of the list or transcript, without colours."""
        rows = self.app.screen.query_one(Rows)
        return [plain(rows.source.line(at, 100).plain).rstrip() for at in range(len(rows.source))]

    @property
    def marked(self) -> str:
        """The marked row."""
        return self.rows[self.app.screen.query_one(Rows).marked]

    def from_mark(self, count: int) -> list[str]:
        """So many rows from the marked one on."""
        at = self.app.screen.query_one(Rows).marked
        return self.rows[at : at + count]

    @property
    def status(self) -> str:
        """The line about what is shown."""
        return str(self.app.screen.query_one("#status").render())

    @property
    def said(self) -> list[str]:
        """What was notified."""
        return [str(one.message) for one in self.app._notifications]  # pyright: ignore[reportPrivateUsage] - nothing else has them

    @property
    def drawn(self) -> str:
        """The screen as characters."""
        strips = self.app.screen._compositor.render_strips()  # pyright: ignore[reportPrivateUsage] - nothing else has them
        return "\n".join(strip.text.rstrip() for strip in strips)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """An empty home."""
    return Home(tmp_path / "home")


@pytest.fixture
def desk(home: Home) -> FixedDesk:
    """The desk of the application; its store can be replaced."""
    desk = FixedDesk(LocalStore(home.path), lambda thread: f"/out/{thread}.html")
    desk.user_home = "/home/dev"
    return desk


@pytest.fixture
def view(desk: FixedDesk) -> Callable[..., None]:
    """Open the application on the home, and do something with it; ``settled``: once the list is there."""

    def run(scene: Callable[[Screen], Awaitable[None]], *, settled: bool = True) -> None:
        async def play() -> None:
            app = ViewApp(desk)
            async with app.run_test(size=(100, 24), notifications=True) as pilot:
                screen = Screen(app, pilot)
                if settled:
                    await screen.settle()
                await scene(screen)

        asyncio.run(play())

    return run
