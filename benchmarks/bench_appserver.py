"""The thread server beside the real ones, on the same homes: a page of a list, a huge thread, a first start.

The homes are made by the generator of the shared folder. Both sides speak the same protocol over pipes, and a client that
does not take answers apart times both; CPU time and memory are those of the server's process.
"""

from __future__ import annotations

import glob
import os
import subprocess
import sys
from itertools import count
from typing import TYPE_CHECKING, NamedTuple

from codex import Client, Json, binary, driver, shared_script
from harness import Asked, Cost, Figure, at_most, both, duel, main, mib, seconds, skipped, times
from rollout.testing import builders as b

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

OLD, NEW = "0.100.0", "0.169.0"
LIST, READ, PEAK, HELLO = 0.3, 1.0, 0.5, 0.1
MOST = 128 << 20
PAGES = 20
PROGRAM = (sys.executable, "-m", "rollout")
TURNS: tuple[str, Json] = ("thread/turns/list", {"itemsView": "full"})
ITEMS: tuple[str, Json] = ("thread/items/list", {})


class Lab(NamedTuple):
    """What the real programs need: the module that sets up their homes, and a folder."""

    driven: ModuleType
    generator: str
    folder: str

    def home(self, name: str, *made: str) -> str:
        """A home made by the generator, set up for the real program."""
        home = os.path.join(self.folder, name)
        subprocess.run([sys.executable, self.generator, "--home", home, *made], stdout=subprocess.DEVNULL, check=True)
        self.driven.write_config(home, "http://127.0.0.1:9")
        return home

    def theirs(self, version: str, home: str) -> Client:
        """The real server of a version."""
        program = binary(version)
        assert program is not None
        return Client([program, "app-server"], self.driven.clean_env(home, home=os.path.join(self.folder, "nobody")))

    def ours(self, level: str, home: str) -> Client:
        """Our server at a level of the protocol."""
        return Client([*PROGRAM, "app-server", *self.where(home), "--protocol", level])

    def make_index(self, home: str) -> None:
        """Make the index of a home, which a server on a busy machine would make over several requests."""
        subprocess.run([*PROGRAM, "index", "rebuild", *self.where(home)], stdout=subprocess.DEVNULL, check=True)

    def where(self, home: str) -> tuple[str, ...]:
        """The options that name a home and its index."""
        return "--home", home, "--index", os.path.join(self.folder, f"{os.path.basename(home)}.sqlite")


def figures(asked: Asked) -> Iterator[Figure]:
    """Lists and first starts on one home, huge threads on others."""
    driven, generator = driver(), shared_script("synth")
    if driven is None or generator is None or not (binary(OLD) and binary(NEW)):
        yield skipped("app-server", "-", f"no Codex {OLD} and {NEW}: set CODEX_BINARIES to their folder, ROLLOUT_SHARED to the generator's")
        return
    lab = Lab(driven, generator, asked.folder)
    threads, size = (1000, 20) if asked.quick else (10_000, 200)
    many = lab.home("many", "--sessions", str(threads), "--lines", "40")
    lab.make_index(many)
    for order in ("created_at", "updated_at"):
        yield _list(asked, lab, many, f"a page of 50 by `{order}` at {threads:,} threads", order)
    yield _hello(lab, many, threads)
    huge = lab.home("huge", "--sessions", "3", "--big", f"{size}MB")
    yield from _read(asked, lab, huge)
    larger = lab.home("larger", "--big", f"{5 * size}MB")
    yield _pages(lab, huge, TURNS)
    yield _pages(lab, larger, TURNS)
    for bytes_ in (size << 20, 5 * size << 20):
        yield _pages(lab, _paginated(asked.folder, bytes_), ITEMS)


def _list(asked: Asked, lab: Lab, home: str, job: str, order: str) -> Figure:
    ask = ("thread/list", {"limit": 50, "sortKey": order}, 5)
    with lab.ours("0.100", home) as ours, lab.theirs(OLD, home) as theirs:
        found = duel(lambda: ours.timed(*ask), lambda: theirs.timed(*ask), asked.rounds(15))
    return Figure(
        job=f"app-server: `thread/list`, {job}",
        ours=seconds(found.ours.wall),
        baseline=f"{seconds(found.baseline.wall)}, Codex {OLD}",
        ratio=times(found.wall_ratio),
        target=at_most(LIST),
        met=found.wall_ratio <= LIST,
        note=f"both warm; CPU {times(found.cpu_ratio)}",
    )


def _hello(lab: Lab, home: str, threads: int) -> Figure:
    """From the start of the process to the answer; Codex has not seen the home, we have no index of it."""

    def ours() -> Cost:
        _forget(lab.folder, "many.sqlite*")
        with lab.ours("0.169", home) as server:
            return server.hello

    def theirs() -> Cost:
        _forget(home, "*.sqlite*")
        with lab.theirs(NEW, home) as server:
            return server.hello

    found = duel(ours, theirs, 3)
    return Figure(
        job=f"app-server: the first `initialize` at {threads:,} threads, the start of the process included",
        ours=seconds(found.ours.wall),
        baseline=f"{seconds(found.baseline.wall)}, Codex {NEW}",
        ratio=times(found.wall_ratio),
        target=at_most(HELLO),
        met=found.wall_ratio <= HELLO,
    )


def _read(asked: Asked, lab: Lab, home: str) -> Iterator[Figure]:
    """Each in a process of its own that has said hello; the request alone is timed."""
    thread, bytes_ = _largest(home)
    ask = ("thread/read", {"threadId": thread, "includeTurns": True})

    def read(server: Client) -> Cost:
        with server:
            return server.timed(*ask)

    found = duel(lambda: read(lab.ours("0.169", home)), lambda: read(lab.theirs(NEW, home)), asked.rounds(7))
    job = f"app-server: `thread/read` with turns, {mib(bytes_)}, asked for the first time"
    yield Figure(
        job=f"{job}: CPU time of the request",
        ours=both(found.ours),
        baseline=f"{both(found.baseline)}, Codex {NEW}",
        ratio=times(found.cpu_ratio),
        target=at_most(READ),
        met=found.cpu_ratio <= READ,
    )
    peak = found.ours.peak / found.baseline.peak
    yield Figure(
        job=f"{job}: peak memory of the process",
        ours=mib(found.ours.peak),
        baseline=f"{mib(found.baseline.peak)}, Codex {NEW}",
        ratio=times(peak),
        target=at_most(PEAK),
        met=peak <= PEAK,
    )


def _pages(lab: Lab, home: str, way: tuple[str, Json]) -> Figure:
    """What a client does that opens a long thread and scrolls on."""
    (thread, bytes_), (method, how) = _largest(home), way
    ask = {"threadId": thread, "limit": 50, **how}
    with lab.ours("0.169", home) as server:
        first = server.timed(method, ask)
        cursor = server.result(method, ask)["nextCursor"]
        rest = server.timed(method, {**ask, "cursor": cursor}, PAGES)
        peak = server.peak
    return Figure(
        job=f"app-server: `{method}`, pages of 50, {mib(bytes_)}: peak memory of the process",
        ours=mib(peak),
        baseline=f"{mib(bytes_)}, the file",
        ratio=times(peak / bytes_),
        target=f"≤ {mib(MOST)}",
        met=peak <= MOST,
        note=f"the first page {both(first)}, another {both(rest)}",
    )


def _paginated(folder: str, size: int) -> str:
    """A home with one thread of the paginated era: turns of a question, a command that printed 20 kB, an answer."""
    home = os.path.join(folder, f"paginated-{size}")
    identity, ordinal, written = b.thread_id(1), 1, 0
    path = os.path.join(home, "sessions", "2026", "02", "08", b.rollout_name(identity))
    os.makedirs(os.path.dirname(path))
    with open(path, "wb") as file:
        written += file.write(b.meta_line(identity, ordinal=0, history_mode="paginated"))
        for number in count():
            turn = f"turn-{number}"
            ran = {"type": "CommandExecution", "id": f"{turn}-run", "command": ["ls"], "aggregated_output": "a line of output\n" * 1200}
            shown = b.event("item_completed", thread_id=identity, turn_id=turn, item=ran)
            question, *rest = b.paginated_turn(f"question {number}", "answer", turn_id=turn)
            for line in b.lines_of([question, *rest[:-1], shown, rest[-1]], ordinal=ordinal):
                written += file.write(line)
                ordinal += 1
            if written >= size:
                return home
    raise AssertionError


def _largest(home: str) -> tuple[str, int]:
    """The id of the largest thread of a home, and its size."""
    path = max(glob.glob(os.path.join(home, "sessions", "*", "*", "*", "*.jsonl")), key=os.path.getsize)
    return path.removesuffix(".jsonl")[-36:], os.path.getsize(path)


def _forget(folder: str, pattern: str) -> None:
    for path in glob.glob(os.path.join(folder, pattern)):
        os.unlink(path)


if __name__ == "__main__":
    main(figures)
