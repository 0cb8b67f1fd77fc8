"""Looking changes nothing: after every command that reads, a home is what it was, to the last byte and time."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
from hashlib import sha256
from shutil import copytree
from typing import TYPE_CHECKING, NamedTuple

import pytest

from cli.homes import PYTHON, environment
from rollout.cli.commands import COMMANDS
from rollout.store.local.index_path import IndexPlace
from rollout.store.local.store import LocalStore
from support import DATA

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow
HOMES = {"codex-0.100.0": "019c5166-7694-7593-8030-4683b6e2f9c0", "codex-0.169.0": "01a09f77-70d9-7070-a0c8-bb6ef8ce9794"}
ARCHIVED = {"codex-0.100.0": "019c5167-1c91-73b1-be4b-8b8005aff6d8"}
PLAY = "--speed 1000 --json"

READING = {
    "list": ("", "--json", "--all", "--count", "--text the", "--no-index", "--sort size --asc", "--tag x", "--tree"),
    "show": ("ID", "ID --json", "ID --raw --segment all", "ID --raw --resolved", "ID --tail 3", "ID --full"),
    "replay": (f"ID {PLAY}",),
    "search": ("the", "the --update-index", "the --no-index", "--regex th. --json", "the --context", "the --thread ID"),
    "find": ("--command ls", "--file README.md --json", "--commit abcdef1"),
    "history": ("ID", "ID --json", "ID --as 0.169"),
    "stats": ("", "--json", "--plot"),
    "usage": ("", "ID --json", "--by day", "--by thread --rollup"),
    "path": ("ID",),
    "index": ("status", "status --verify", "rebuild", "path"),
    "export": tuple(f"ID --format {kind}" for kind in ("md", "html", "json", "jsonl", "openai", "otlp")),
    "completion": ("bash",),
}
"""The command lines of the commands that only read; those of ``LIVE`` have tests of their own below."""
LIVE = frozenset({"view", "serve", "app-server"})
DRY = {
    "fork": ("ID --dry-run",), "rollback": ("ID --turns 1 --dry-run", "ID --dropped"), "rename": ("ID name --dry-run",),
    "tag": ("ID", ""), "note": ("ID",), "archive": ("ID --dry-run",), "unarchive": ("ARCHIVED --dry-run",),
    "delete": ("ID --dry-run --with-children", "ID --dry-run --with-children --now"), "restore": ("--list",),
}  # fmt: skip
"""The command lines that only look of the commands that can change a home."""
CHANGING = frozenset({*DRY, "record", "import", "copy", "store"})


class Seen(NamedTuple):
    """All that can be told of one file or folder, but for when it was last read."""

    mode: int
    inode: int
    links: int
    size: int
    modified_ns: int
    changed_ns: int
    digest: str


def seen(home: Path) -> dict[str, Seen]:
    """A home and everything in it."""
    return {os.path.relpath(path, home): _seen(path) for path in [home, *sorted(home.rglob("*"))]}


def _seen(path: Path) -> Seen:
    told = path.lstat()
    digest = sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
    return Seen(told.st_mode, told.st_ino, told.st_nlink, told.st_size, told.st_mtime_ns, told.st_ctime_ns, digest)


@pytest.fixture(params=sorted(HOMES))
def home(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A copy of a home that the real Codex wrote, its file times kept."""
    copy: Path = tmp_path / str(request.param)
    copytree(DATA / str(request.param), copy)
    return copy


def lines_of(home: Path, table: dict[str, tuple[str, ...]]) -> Iterator[list[str]]:
    """The command lines of a table, for the threads of a home."""
    words = {"ID": HOMES[home.name], "ARCHIVED": ARCHIVED.get(home.name, HOMES[home.name])}
    for command, lines in table.items():
        yield from ([command, *(words.get(word, word) for word in line.split())] for line in lines)


def test_every_command_is_either_reading_or_changing() -> None:
    """A new command must be put into one of the tables."""
    classified = [*READING, *LIVE, *CHANGING]

    assert sorted(COMMANDS) == sorted(classified)


@pytest.mark.parametrize("table", [READING, DRY], ids=["reading", "dry runs"])
def test_commands_that_look_leave_a_home_as_it_was(home: Path, tmp_path: Path, table: dict[str, tuple[str, ...]]) -> None:
    """The index is made, used and made anew outside of the home meanwhile; the first difference is told with its command."""
    before = seen(home)
    env = environment(home, XDG_CACHE_HOME=str(tmp_path / "cache"))
    differences: list[tuple[list[str], dict[str, object]]] = []
    for words in lines_of(home, table):
        made = subprocess.run(
            [*PYTHON, *words], env=env, cwd=tmp_path, stdin=subprocess.DEVNULL, capture_output=True, check=False
        )
        assert b"Traceback" not in made.stderr, words
        after = seen(home)
        if after != before:
            differences.append((words, {path: (before.get(path), after.get(path)) for path in {*before, *after}}))
            break

    assert [] == differences


def test_a_server_for_programs_leaves_a_home_as_it_was(home: Path, tmp_path: Path) -> None:
    """It lists and reads threads."""
    before = seen(home)
    identity = HOMES[home.name]
    asked = [
        ("initialize", {"clientInfo": {"name": "test", "version": "1", "title": None}}), ("thread/list", {}),
        ("thread/read", {"threadId": identity, "includeTurns": True}), ("thread/loaded/list", {}),
    ]  # fmt: skip
    requests = [{"id": number, "method": method, "params": params} for number, (method, params) in enumerate(asked)]
    env = environment(home, XDG_CACHE_HOME=str(tmp_path / "cache"), CODEX_HOME=str(home))
    with subprocess.Popen([*PYTHON, "app-server"], env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        answered = 0
        for request in requests:
            server.stdin.write(json.dumps(request) + "\n")
            server.stdin.flush()
            while json.loads(server.stdout.readline()).get("id") != request["id"]:
                pass
            answered += 1
        server.stdin.close()

    assert (len(asked), before) == (answered, seen(home))


def test_a_server_of_pages_leaves_a_home_as_it_was(home: Path, tmp_path: Path) -> None:
    """It shows the list and a thread."""
    httpx = pytest.importorskip("httpx", reason="the extra web is not installed")
    before = seen(home)
    env = environment(home, XDG_CACHE_HOME=str(tmp_path / "cache"))
    with subprocess.Popen([*PYTHON, "serve"], env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        link = server.stdout.readline().strip()
        with httpx.Client(follow_redirects=True) as browser:
            shown = [browser.get(link).status_code, browser.get(f"{link.partition('?')[0]}threads/{HOMES[home.name]}").status_code]
        server.send_signal(signal.SIGTERM)
        server.communicate(timeout=20)

    assert before == seen(home), shown


def test_the_application_for_the_terminal_leaves_a_home_as_it_was(home: Path, tmp_path: Path) -> None:
    """It shows the list and a thread, to its beginning."""
    app = pytest.importorskip("rollout.tui.app", reason="the extra tui is not installed")
    from rollout.tui.desk import Desk

    before = seen(home)
    store = LocalStore(home, index=IndexPlace(str(tmp_path / "index.sqlite"), ours=True))
    view = app.ViewApp(Desk(store, lambda thread: f"/out/{thread}.html"))

    async def look() -> None:
        async with view.run_test(size=(100, 24)) as pilot:
            for key in ("down", "enter", "home", "end", "escape"):
                await view.workers.wait_for_complete()
                await pilot.press(key)
            await view.workers.wait_for_complete()

    asyncio.run(look())

    assert before == seen(home)
