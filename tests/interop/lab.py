"""Real Codex, offline: its app-server over stdio, with a scripted model on loopback."""

from __future__ import annotations

import json
import shlex
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rollout import CreateParams, SyncRolloutRecorder, open_store
from support import ROOT, codex_binary

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable
    from pathlib import Path
    from types import ModuleType

    from rollout.store.base import ThreadStore

PROVIDER = "labmock"
ANSWER = "Done."
Json = dict[str, Any]
Turn = list[tuple[str, str]]


class Server:
    """One running app-server."""

    def __init__(self, driver: Any, home: Path | None = None) -> None:
        """Take over a started one; ``home``: it has told a turn's end before that stands in the file."""
        self.driver, self._home = driver, home

    @property
    def pid(self) -> int:
        """The process."""
        found: int = self.driver.p.pid
        return found

    def listed(self) -> dict[str, str]:
        """Preview by id, of every thread in its list."""
        found: dict[str, str] = {}
        cursor: str | None = None
        while True:
            page = self.driver.request("thread/list", {"limit": 100, "cursor": cursor, "modelProviders": []})
            found |= {thread["id"]: thread["preview"] for thread in page["data"]}
            cursor = page.get("nextCursor")
            if not cursor:
                return found

    def read(self, thread_id: str) -> list[Turn]:
        """The turns that it reads, without loading the thread."""
        return turns_of(self.driver.request("thread/read", {"threadId": thread_id, "includeTurns": True}))

    def resume(self, thread_id: str) -> list[Turn]:
        """Load the thread; the turns in the answer."""
        return turns_of(self.driver.request("thread/resume", {"threadId": thread_id}))

    def refusal(self, method: str, thread_id: str) -> str:
        """The message of the error with which it answers."""
        answer = self.driver.try_request(method, {"threadId": thread_id})
        return str(answer.get("error", {}).get("message", ""))

    def fork(self, thread_id: str) -> list[Turn]:
        """Fork the thread; the turns of the fork."""
        return turns_of(self.driver.request("thread/fork", {"threadId": thread_id}))

    def turn(self, thread_id: str, text: str) -> None:
        """One more turn of a loaded thread, to its end.

        0.100.0 tells the end and then writes it, or is ended first: so the file is looked at, between questions.
        """
        before = self._ends(thread_id)
        self.driver.turn(thread_id, text, timeout=30)
        while self._home is not None and self._ends(thread_id) == before:
            self.driver.request("thread/loaded/list")

    def _ends(self, thread_id: str) -> int:
        """How many turns have an end in the thread's files."""
        files = [] if self._home is None else (self._home / "sessions").rglob(f"rollout-*{thread_id}*.jsonl")
        return sum(file.read_bytes().count(b'"type":"task_complete"') for file in files)

    def start(self, cwd: Path, *texts: str) -> str:
        """A new thread with these turns; its id."""
        thread_id: str = self.driver.request("thread/start", {"cwd": str(cwd)})["thread"]["id"]
        for text in texts:
            self.turn(thread_id, text)
        return thread_id


def turns_of(answer: Json) -> list[Turn]:
    """The turns of an answer: for each its messages, as kind and text."""
    return [[message_of(item) for item in turn["items"]] for turn in answer["thread"]["turns"]]


def message_of(item: Json) -> tuple[str, str]:
    """Kind and text of an item, "" where it has none."""
    if item["type"] == "userMessage":
        return "user", "".join(part.get("text", "") for part in item["content"])
    kind: str = "agent" if item["type"] == "agentMessage" else item["type"]
    return kind, item.get("text", "")


class Lab:
    """A folder with a home, its configuration and a scripted model; starts app-servers of any version."""

    def __init__(self, folder: Path, oracle: tuple[ModuleType, ModuleType]) -> None:
        """The model runs from now on."""
        driver, responses = oracle
        folder.mkdir(exist_ok=True)
        self.folder, self.home, self._driver = folder, folder / "home", driver
        self.model = responses.MockResponses().start()
        self.model.default = [{"say": ANSWER}]
        driver.write_config(str(self.home), self.model.base_url, provider=PROVIDER)
        (folder / "project").mkdir()

    @property
    def project(self) -> Path:
        """The folder that agents work in."""
        return self.folder / "project"

    @property
    def store(self) -> ThreadStore:
        """The home as we see it."""
        return open_store(self.home)

    def environment(self) -> dict[str, str]:
        """That of a program which shall know nothing but this home."""
        found: dict[str, str] = self._driver.clean_env(str(self.home), home=str(self.folder / "user"))
        return found

    @contextmanager
    def codex(self, version: str) -> Generator[Server]:
        """A running app-server of a version on this home; it is ended at the end."""
        with self._served_by(str(codex_binary(version)), self.home) as server:
            yield server

    @contextmanager
    def ours(self, *options: str) -> Generator[Server]:
        """Our app-server on this home, with the agent that answers when none is named."""
        script = str(ROOT / "tests" / "appserver" / "serve.py")
        with self._served_by(shlex.join([sys.executable, script, *options])) as server:
            yield server

    @contextmanager
    def _served_by(self, binary: str, home: Path | None = None) -> Generator[Server]:
        environment = self.environment()
        with self._driver.CodexAppServer(binary, str(self.home), env=environment, cwd=str(self.folder)) as server:
            yield Server(server, home)
        server.reader.join()
        server.p.stdout.close()  # the driver leaves that to the garbage collector

    def record(self, items: Iterable[object], thread_id: str | None = None) -> str:
        """Record items with our recorder, into a new thread or a given one; the thread's id."""
        if thread_id is None:
            about = CreateParams(cwd=str(self.project), originator="interop", model_provider=PROVIDER)
            recorder = SyncRolloutRecorder.create(self.store, about)
        else:
            recorder = SyncRolloutRecorder.resume(self.store, thread_id)
        with recorder:
            recorder.record(items)
            recorder.persist()
        return recorder.thread_id

    def file(self, thread_id: str) -> Path:
        """The one file of a thread."""
        (found,) = (self.home / "sessions").rglob(f"rollout-*{thread_id}.jsonl")
        return found

    def ordinals(self, thread_id: str) -> list[int]:
        """The ordinals of a file's lines."""
        lines = self.file(thread_id).read_bytes().splitlines()
        return [found["ordinal"] for found in map(json.loads, lines) if "ordinal" in found]


@contextmanager
def opened_lab(folder: Path, oracle: tuple[ModuleType, ModuleType]) -> Generator[Lab]:
    """A lab whose model is stopped at the end."""
    lab = Lab(folder, oracle)
    try:
        yield lab
    finally:
        lab.model.stop()
