"""Looking at threads: ``show``, ``export``, the first frame of ``view``, a page in a browser, against programs that read the same file.

The others are claude-code-log, codex-transcripts and agentsview, put into an environment of their own; where that cannot be done,
or where there is no browser (BROWSER_MODULES, as ``make browser`` makes them), the figure says so.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from contextlib import contextmanager
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

from corpus import write_home, write_thread, write_turns
from harness import ROOT, Asked, Cost, Figure, at_most, both, child, duel, main, mib, seconds, skipped, spawn, times
from terminals import on_terminal, program

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from corpus import Thread

SHOW_S, VIEW_S, PAINT_S = 0.3, 0.5, 1.0
WEIGHT = 1_000_000
PEERS = ("claude-code-log==1.7.0", "codex-transcripts==0.1.1", "agentsview==0.46.1")
THREADS, NEW_THREADS = 10_000, 1_000
BIG = 1 << 30
MEMORY = 256 << 20
NEEDLE = "zirconium"
ALONE = ("AGENTSVIEW_NO_DAEMON=1", "AGENTSVIEW_TELEMETRY_ENABLED=0", "DO_NOT_TRACK=1")
EMPTY = "from textual.app import App\nfrom textual.widgets import Static\nclass Empty(App):\n    def compose(self):\n        yield Static('here it is')\nEmpty().run()"

SMALL = """
from rollout.store.local.store import LocalStore
from rollout.render.rich_markdown import MarkdownPainter
from rollout.render.text import Style
from rollout.tui.document import Document
from rollout.tui.finding import Finder, Hit, Wanted, Way
from rollout.tui.painting import Look
from rollout.tui.stretches import place_at
home, thread_id, text = sys.argv[1:]
look = Look(Style(True, 118, markdown=MarkdownPainter(118)))
def took(work):
    began = time.perf_counter()
    made = work()
    return time.perf_counter() - began, made
first, document = took(lambda: Document(LocalStore(home), thread_id, look))
"""
LARGE = """
store = LocalStore(home)
middle, _ = took(lambda: document.to(place_at(store, thread_id, 5)))
document.to_end()
finder = Finder(store, Wanted(thread_id, text, look))
def find():
    hit = next(one for one in finder.nearest(Way(document.end, back=True)) if isinstance(one, Hit))
    document.to(hit.key[0])
found, _ = took(find)
assert len(document) > 0 and document.has(document.first)
answer(first=first, middle=middle, found=found)
"""
"""What the application does with a thread, without the screen: the first page from the end, a jump, a find."""


class Bench(NamedTuple):
    """Where the threads lie, our program, and where the others' are, "" without them."""

    folder: str
    rollout: str
    peers: str
    rounds: int

    def peer(self, name: str) -> str:
        """One of the other programs."""
        return os.path.join(self.peers, "bin", name)


class Quickest:
    """Runs a command and keeps the wall time of the quickest round; the others tell how busy the machine is."""

    def __init__(self, run: Callable[[list[str]], Cost], command: list[str]) -> None:
        """Nothing has run."""
        self._run, self._command = run, command
        self.wall = float("inf")

    def once(self) -> Cost:
        """One round."""
        cost = self._run(self._command)
        self.wall = min(self.wall, cost.wall)
        return cost


def figures(asked: Asked) -> Iterator[Figure]:
    """Terminal first, browser last."""
    bench = Bench(asked.folder, program("rollout"), _peers(asked.folder), asked.rounds(10))
    thread = write_turns(os.path.join(asked.folder, "fifty"), 50)
    yield from _show(bench, thread)
    yield from _export(bench, thread)
    yield from _view(bench)
    yield from _reading(bench, thread, (128 << 20) if asked.quick else BIG)
    yield _from_nothing(bench)
    yield from _page(bench)


def _show(bench: Bench, thread: Thread) -> Iterator[Figure]:
    """The same thread as text, by both."""
    ours = [bench.rollout, "show", thread.identity, "--no-pager", "--home", os.path.join(bench.folder, "fifty")]
    theirs = [bench.peer("claude-code-log"), thread.path, "--format", "md", "-o", "-"]
    kinds: tuple[tuple[str, Callable[[list[str]], Cost]], ...] = (("into a pipe", spawn), ("on a terminal", on_terminal))
    for where, run in kinds:
        job = f"`rollout show` of 50 turns {where}"
        if not bench.peers:
            yield skipped(job, _most(SHOW_S), "no other program could be installed")
            continue
        mine = Quickest(run, ours)
        found = duel(mine.once, lambda run=run: run(theirs), bench.rounds)  # type: ignore[misc]  # of this round
        yield Figure(
            job, both(found.ours), f"{both(found.baseline)}, `{PEERS[0]}`, Markdown", times(found.wall_ratio), _most(SHOW_S),
            found.ours.wall <= SHOW_S, f"{mib(thread.bytes)}; quickest round {seconds(mine.wall)}",
        )  # fmt: skip


def _export(bench: Bench, thread: Thread) -> Iterator[Figure]:
    """The same thread as a page, by both; neither looks for secrets."""
    job, target = "`rollout export --format html --no-redact` of 50 turns", at_most(1)
    if not bench.peers:
        yield skipped(job, target, "no other program could be installed")
        return
    ours = [bench.rollout, "export", thread.identity, "--format", "html", "--no-redact", "--home", os.path.join(bench.folder, "fifty")]
    theirs = [bench.peer("codex-transcripts"), "json", thread.path, "-o", os.path.join(bench.folder, "pages")]
    found = duel(lambda: spawn(ours), lambda: spawn(theirs), bench.rounds)
    yield Figure(
        job, both(found.ours), f"{both(found.baseline)}, `{PEERS[1]}`", times(found.wall_ratio), target, found.wall_ratio <= 1
    )


def _view(bench: Bench) -> Iterator[Figure]:
    """From the start of the process to the frame that has the rows of the first page and their number."""
    home = os.path.join(bench.folder, "many")
    write_home(home, THREADS)
    index = ["--index", os.path.join(bench.folder, "many.sqlite")]
    spawn([bench.rollout, "index", "rebuild", *index, "--home", home])
    for words, told in ((index, "to the first whole frame, index warm"), (["--no-index"], "to the first rows, without an index")):
        mine = Quickest(lambda command: on_terminal(command, b"+ threads"), [bench.rollout, "view", *words, "--home", home])
        found = duel(mine.once, lambda: on_terminal([sys.executable, "-c", EMPTY], b"here it is"), bench.rounds)
        yield Figure(
            f"`rollout view` of {THREADS:,} threads: {told}", both(found.ours),
            f"{both(found.baseline)}, an application of the same library with one word in it", times(found.wall_ratio), _most(VIEW_S),
            found.ours.wall <= VIEW_S, f"quickest round {seconds(mine.wall)}; no other program lists these files on a terminal",
        )  # fmt: skip


def _reading(bench: Bench, small: Thread, size: int) -> Iterator[Figure]:
    """How the application reads a thread of a gigabyte, against one of 50 turns and against a search of the same file."""
    home = os.path.join(bench.folder, "big")
    if shutil.disk_usage(bench.folder).free < 2 * size:
        yield skipped("a find in a thread of 1 GB", at_most(2), f"less than {mib(2 * size)} are free here")
        return
    thread = write_thread(home, size)
    _say(thread, NEEDLE)
    of_small = [os.path.join(bench.folder, "fifty"), small.identity, NEEDLE]
    search = [bench.rollout, "search", NEEDLE, "--thread", thread.identity, "--no-index", "--home", home]
    rounds = [
        (child(SMALL + LARGE, home, thread.identity, NEEDLE), child(SMALL + "answer(first=first)", *of_small), spawn(search), _counted(thread.path))
        for _ in range(max(3, bench.rounds // 2))
    ]
    first, middle, found, other, searched = (
        median(costs) for costs in zip(*((ours["first"], ours["middle"], ours["found"], one["first"], cost.wall) for ours, one, cost, _ in rounds), strict=True)
    )
    peak, counted = max(ours["peak"] for ours, *_ in rounds), median(rg for *_, rg in rounds)
    of, name = f"of {mib(thread.bytes)}", "`rollout view`, a thread of 1 GB" if size == BIG else f"`rollout view`, a thread of {mib(size)}"
    like = f"{seconds(other)}, the same of a thread of 50 turns ({mib(small.bytes)})"
    yield Figure(f"{name}: its first page, from its end", seconds(first), like, times(first / other), at_most(3), first <= 3 * other, of)
    yield Figure(f"{name}: a jump to its middle", seconds(middle), like, times(middle / other), at_most(3), middle <= 3 * other, of)
    yield Figure(
        f"{name}: a find, from its end, of a word at its beginning", seconds(found), f"{seconds(searched)}, `rollout search --thread --no-index`",
        times(found / searched), at_most(2), found <= 2 * searched, f"`rg -c` of the file takes {seconds(counted)}" if counted else of,
    )  # fmt: skip
    yield Figure(f"{name}: peak memory of all this", mib(peak), "", "", f"≤ {mib(MEMORY)}", peak <= MEMORY, of)


def _say(thread: Thread, word: str) -> None:
    """Put a word into the first thing that the agent says, at the same length."""
    mark = b'"type":"agent_message","message":"'
    with open(thread.path, "r+b") as file:
        head = file.read(1 << 20)
        at = head.index(mark) + len(mark)
        said = head[at : head.index(b'"', at)]
        file.seek(at)
        file.write(word.encode() + b" " * (len(said) - len(word)))


def _counted(path: str) -> float:
    return spawn(["rg", "-c", NEEDLE, path]).wall if shutil.which("rg") else 0.0
def _from_nothing(bench: Bench) -> Figure:
    """Threads that nobody has looked at: what each program does before it can show and search them."""
    job, target = f"{NEW_THREADS:,} threads that are new: listed, and searched once", at_most(1)
    if not bench.peers:
        return skipped(job, target, "no other program could be installed")
    folder = os.path.join(bench.folder, "new")
    home, index = os.path.join(folder, ".codex"), os.path.join(folder, "index.sqlite")
    write_home(home, NEW_THREADS)
    words = [("list", "--limit", "0"), ("search", "done", "--limit", "1")]

    def ours() -> Cost:
        for name in os.listdir(folder):
            if name.startswith("index.sqlite"):
                os.unlink(os.path.join(folder, name))
        costs = [spawn([bench.rollout, *command, "--index", index, "--home", home]) for command in words]
        return Cost(sum(cost.wall for cost in costs), sum(cost.cpu for cost in costs))

    def theirs() -> Cost:
        shutil.rmtree(os.path.join(folder, ".agentsview"), ignore_errors=True)
        return spawn(["env", f"HOME={folder}", *ALONE, bench.peer("agentsview"), "sync"])

    found = duel(ours, theirs, min(bench.rounds, 3))
    return Figure(job, both(found.ours), f"{both(found.baseline)}, `{PEERS[2]}`, `sync`", times(found.wall_ratio), target, found.wall_ratio <= 1)


def _page(bench: Bench) -> Iterator[Figure]:
    """The first page of a thread of 1,000 turns, ours from a server that was asked for it before, theirs from a file."""
    jobs = ("weight of the page of a thread of 1,000 turns", "first paint of that page")
    targets = (f"≤ {WEIGHT / 1e6:g} MB", f"≤ {seconds(PAINT_S)}, in the quickest round")
    if not (os.environ.get("BROWSER_MODULES") and shutil.which("node")):
        yield from (skipped(job, target, "no browser: BROWSER_MODULES names none") for job, target in zip(jobs, targets, strict=True))
        return
    thread = write_turns(os.path.join(bench.folder, "thousand"), 1000)
    with _served(bench, os.path.join(bench.folder, "thousand")) as link:
        address = f"{link.partition('/?')[0]}/thread/{thread.identity}"
        ours = _painted(bench, ["--enter", link], address)
    theirs = _peer_page(bench, thread)
    told = ("", "") if theirs is None else (f"{theirs['bytes'] / 1e6:.1f} MB, `{PEERS[0]}`", f"{seconds(theirs['paint'])}, `{PEERS[0]}`")
    ratios = ("", "") if theirs is None else tuple(times(ours[name] / theirs[name]) for name in ("bytes", "paint"))
    yield Figure(jobs[0], f"{ours['bytes'] / 1e6:.2f} MB", told[0], ratios[0], targets[0], ours["bytes"] <= WEIGHT, f"of {mib(thread.bytes)}")
    yield Figure(jobs[1], seconds(ours["paint"]), told[1], ratios[1], targets[1], ours["quickest"] <= PAINT_S, f"quickest round {seconds(ours['quickest'])}")


def _peer_page(bench: Bench, thread: Thread) -> dict[str, float] | None:
    if not bench.peers:
        return None
    path = os.path.join(bench.folder, "peer.html")
    spawn([bench.peer("claude-code-log"), thread.path, "-o", path])
    return {**_painted(bench, [], f"file://{path}"), "bytes": os.path.getsize(path)}


def _painted(bench: Bench, words: list[str], address: str) -> dict[str, float]:
    command = ["node", os.path.join(ROOT, "benchmarks", "first_paint.mjs"), *words, str(bench.rounds), address]
    made = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    found: dict[str, float] = json.loads(made.stdout)[address]
    return found


@contextmanager
def _served(bench: Bench, home: str) -> Generator[str]:
    server = subprocess.Popen([bench.rollout, "serve", "--home", home], stdout=subprocess.PIPE, text=True)
    try:
        yield server.stdout.readline().strip() if server.stdout else ""
    finally:
        server.terminate()
        server.wait()


def _peers(folder: str) -> str:
    """A new environment with the other programs; "" when it cannot be made here."""
    place = os.path.join(folder, "peers")
    pip = [os.path.join(place, "bin", "python"), "-m", "pip", "install", "-qq", "--disable-pip-version-check", *PEERS]
    for step in ([sys.executable, "-m", "venv", place], pip):
        if subprocess.run(step, capture_output=True, check=False).returncode:
            return ""
    return place


def _most(limit: float) -> str:
    return f"≤ {seconds(limit)}"


if __name__ == "__main__":
    main(figures)
