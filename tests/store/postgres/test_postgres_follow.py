"""A thread that grows on one host is followed on another: by the command, the application, the web page."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

pytest.importorskip("anyio", reason="the web extra is not installed")
pytest.importorskip("textual", reason="the tui extra is not installed")

import anyio

from rollout.store import open_store
from rollout.store.rows import row_from
from rollout.testing import builders as b
from rollout.testing.facts import segment
from rollout.tui.app import ViewApp
from rollout.web.live import Follow
from rollout.web.paging import Cutter
from rollout.web.starts import Start
from rollout.web.threads import Threads
from tui.conftest import FixedDesk, Screen

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from postgres_server import Server
    from rollout.store.base import ThreadStore

pytestmark = pytest.mark.slow
ONE = b.thread_id(1)
PATIENCE_S = 30.0


class Elsewhere:
    """A host that writes the thread, and the URL by which this one sees it."""

    def __init__(self, server: Server) -> None:
        """A thread with two turns, open to be written."""
        self.url = server.url()
        self._store = open_store(self.url)
        data = b.rollout_bytes(ONE, *b.turn("first", "answer 1"), *b.turn("second", "answer 2"))
        self._store.put(segment(1, data), [data])
        self._writer = self._store.open_writer(ONE)

    def say(self, *texts: str) -> None:
        """Write messages of the agent."""
        lines = list(b.lines_of(map(b.agent, texts)))
        self._writer.append(b"".join(lines), len(lines))
        self._writer.flush()

    def ask(self, question: str, answer: str) -> None:
        """Write a turn."""
        lines = list(b.lines_of(b.turn(question, answer)))
        self._writer.append(b"".join(lines), len(lines))
        self._writer.flush()

    def close(self) -> None:
        """Give the thread back."""
        self._writer.close()
        self._store.close()


@pytest.fixture
def elsewhere(server: Server) -> Iterator[Elsewhere]:
    """Another host."""
    made = Elsewhere(server)
    yield made
    made.close()


@pytest.fixture
def store(elsewhere: Elsewhere) -> Iterator[ThreadStore]:
    """The store of this host."""
    made = open_store(elsewhere.url)
    yield made
    made.close()


def hear(process: subprocess.Popen[bytes], wanted: bytes) -> bytes:
    """What a process says, up to these bytes."""
    assert process.stdout is not None
    heard = b""
    while wanted not in heard:
        assert select.select([process.stdout], [], [], PATIENCE_S)[0], f"no {wanted!r} in {heard!r}"
        block = os.read(process.stdout.fileno(), 65536)
        assert block, f"ended before {wanted!r}: {heard!r}"
        heard += block
    return heard


def test_show_follow_on_another_host(server: Server, elsewhere: Elsewhere) -> None:
    """``show --follow`` tells each line once as it comes, and goes on after the server was away."""
    program = "from rollout.cli.main import entry; import sys; sys.argv[0] = 'rollout'; entry()"
    process = subprocess.Popen(
        [sys.executable, "-c", program, "show", ONE, "--follow", "--store", elsewhere.url],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    try:
        heard = hear(process, b"answer 2")
        elsewhere.say("came later")
        heard += hear(process, b"came later")
        server.stop("fast")
        server.start()
        elsewhere.say("after it was away")
        heard += hear(process, b"after it was away")
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=PATIENCE_S)
    finally:
        process.kill()

    assert (130, [1, 1]) == (process.returncode, [heard.count(text) for text in (b"came later", b"after it was away")])
    assert err.count(b"\n") <= 1


def test_the_web_page_on_another_host(elsewhere: Elsewhere, store: ThreadStore) -> None:
    """A page that is open gets what stands behind it, then what is written elsewhere."""
    threads = Threads(store, lambda thread_id: row_from(store, store.resolve(thread_id)[0]))
    follow = Follow(threads, ONE, Cutter(f"/thread/{ONE}", Start()), Start())
    events = anyio.run(heard_of, follow, "and its answer", lambda: elsewhere.ask("a third <b>", "and its answer"))

    assert ["event: turn", "event: item"] == [event.partition("\n")[0] for event in events[-2:]]
    assert "&lt;b&gt;" in events[-2]
    assert sorted(set(events)) == sorted(events)


async def heard_of(follow: Follow, last: str, act: Callable[[], None]) -> list[str]:
    """What a follower gets until it has its last; ``act`` is done when it has its first."""
    found: list[str] = []
    async for event in follow.events(0, lambda: any(last in one for one in found)):
        if event.startswith("event"):
            found.append(event)
            if len(found) == 1:
                act()
    return found


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # textual leaves a pipe of its driver to the collector
def test_the_application_on_another_host(elsewhere: Elsewhere, store: ThreadStore) -> None:
    """``view`` shows what is written elsewhere, and its end stays in view."""

    async def play() -> None:
        app = ViewApp(FixedDesk(store, lambda thread: f"/out/{thread}.html"))
        async with app.run_test(size=(100, 24)) as pilot:
            screen = Screen(app, pilot)
            await screen.settle()
            await screen.press("enter")
            await screen.until(lambda: "answer 2" in screen.rows)
            elsewhere.say("came later")
            await screen.until(lambda: screen.marked == "came later")

    anyio.run(play)
