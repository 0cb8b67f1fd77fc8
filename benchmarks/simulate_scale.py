"""What a service of 100 to 1,000,000 agents asks of PostgreSQL: ``simulate_scale.py [--measure] [--home HOME] [--write]``.

What one append, page and resume cost a server, in CPU time, write-ahead log and storage, is measured on a cluster of its own
(``--measure``, a minute) or taken from the last such run. How agents behave is assumed, and stands in ``Agents``; the mean line
comes from the corpus of the benchmarks, or with ``--home`` from a real home. Then each size is played for a minute of its
busiest hour: who writes when, in which batches, into which partition, and what is lost to whom when a machine dies.
``--write`` puts the tables into docs/design/scale.md.
"""

from __future__ import annotations

import argparse
import glob
import json
import math
import os
import random
import re
from statistics import median
from typing import TYPE_CHECKING, Any, NamedTuple

from corpus import START_MS, line, meta, recorded_items
from harness import ROOT
from postgres_cluster import cluster
from postgres_filling import TENANT, fill, model
from rollout.query import ThreadQuery
from rollout.store.base import Place

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from postgres_server import Server

DOCUMENT = os.path.join(ROOT, "docs", "design", "scale.md")
INPUTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "simulate_scale.json")
SIZES = (100, 1_000, 10_000, 100_000, 1_000_000)
PARTITIONS = 16
SECONDS = 60
DAY_S = 86_400
_TICKS = os.sysconf("SC_CLK_TCK")


class Measured(NamedTuple):
    """What a server spends: CPU seconds, bytes of log and of storage; ``line`` is the mean line in bytes."""

    line: float
    batch_cpu: float
    line_cpu: float
    batch_wal: float
    line_wal: float
    line_storage: float
    thread_storage: float
    page_cpu: float
    resume_cpu: float


class Agents(NamedTuple):
    """How agents behave; assumed. ``busy``: the share of them that works in the busiest hour."""

    busy: float = 0.2
    lines_s: float = 0.3
    flush_s: float = 0.25
    spread: float = 1.2
    lines_a_day: float = 1_500
    threads_a_day: float = 6
    pages_s: float = 0.002
    kept_days: int = 90
    budget: int = 64 << 20


class Machine(NamedTuple):
    """One database server; assumed. Of its cores two thirds are for us; ``log_s``: what its disk takes in a second."""

    cores: int = 16
    share: float = 0.66
    log_s: float = 200e6
    storage: float = 4e12
    failover_s: float = 30


class Played(NamedTuple):
    """One size, played."""

    agents: int
    lines_s: float
    batches_s: float
    cores: float
    log_s: float
    hottest: float
    crowded: float
    storage: float
    machines: int


def main() -> None:
    """Measure if asked, play every size, tell."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--measure", action="store_true", help="measure the server's costs here, and keep them")
    parser.add_argument("--home", metavar="HOME", help="take the mean line from the rollouts of this home")
    parser.add_argument("--write", action="store_true", help="write the tables into docs/design/scale.md")
    asked = parser.parse_args()
    if asked.measure:
        with open(INPUTS, "w", encoding="utf-8") as file:
            json.dump(measure()._asdict(), file, indent=1)
            file.write("\n")
    with open(INPUTS, encoding="utf-8") as file:
        found = Measured(**json.load(file))
    if asked.home:
        found = for_lines_of(asked.home, found)
    tables = told(found, [play(size, found) for size in SIZES])
    print(tables)
    if asked.write:
        write(tables)


# -- what a server spends ------------------------------------------------------------------------------------------


def measure() -> Measured:
    """CPU time, log and storage of appends of 1 and of 64 lines, of a page and of a resume, with 10,000 threads there."""
    lines = [line(item) for item in recorded_items(2_560)]
    with cluster(autovacuum="off") as server:
        model(server)
        with server.admin() as boss:
            fill(boss, 1, 10_000)
        before = _stored(server)
        single, many = _appends(server, lines[:256], 1), _appends(server, lines, 64)
        line_cpu = max(0.0, (many[0] / 40 - single[0] / 256) / 63)
        line_wal = (many[1] / 40 - single[1] / 256) / 63
        stored = (_stored(server) - before) / (len(lines) + 256)
        store = server.store(TENANT)
        page = _spent(server, lambda: [store.list(ThreadQuery(limit=50)) for _ in range(200)])[0] / 200
        threads = [row.id for row in store.list(ThreadQuery(limit=200)).threads]
        resume = _spent(server, lambda: [store.open_writer(one).close() for one in threads])[0] / 200
        store.close()
        mean = sum(map(len, lines)) / len(lines)
        costs = (max(0.0, single[0] / 256 - line_cpu), line_cpu, single[1] / 256 - line_wal, line_wal)
        return Measured(mean, *costs, stored, _thread_storage(server), page, resume)


def _appends(server: Server, lines: Sequence[bytes], each: int) -> tuple[float, float]:
    """CPU seconds and bytes of log of appending lines to a new thread so many at a time."""
    from bench_postgres import new_id  # noqa: PLC0415 - it brings the rest of the benchmark

    store, identity = server.store("measured"), new_id()
    writer = store.create(identity, Place(START_MS))
    writer.begin(line(meta(identity)))

    def work() -> None:
        for at in range(0, len(lines), each):
            some = lines[at : at + each]
            writer.append(b"".join(some), len(some))
            writer.flush()

    found = _spent(server, work)
    writer.close()
    store.close()
    return found


def _spent(server: Server, work: Callable[[], object]) -> tuple[float, float]:
    """What the processes of the server spent meanwhile: CPU seconds, which other programs hardly change, and log."""
    with server.admin() as boss:
        cpu, log = _cpu_of(server), _log_at(boss)
        work()
        return _cpu_of(server) - cpu, _log_at(boss) - log


def _cpu_of(server: Server) -> float:
    """The CPU seconds of the server and its children, of those that have ended too."""
    pid = int((server.data / "postmaster.pid").read_text().split()[0])
    total = 0.0
    for path in glob.glob("/proc/[0-9]*/stat"):
        try:
            with open(path, encoding="utf-8") as file:
                fields = file.read().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if pid in (int(path.split("/")[2]), int(fields[1])):
            total += sum(map(int, fields[11:15] if path == f"/proc/{pid}/stat" else fields[11:13])) / _TICKS
    return total


def _log_at(boss: Any) -> float:
    return float(boss.execute("SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn").fetchone()[0])


def _stored(server: Server) -> float:
    with server.admin() as boss:
        row = boss.execute(
            "SELECT sum(pg_total_relation_size(oid))::bigint FROM pg_class WHERE relnamespace = 'rollout'::regnamespace"
            " AND relkind = 'r' AND relname LIKE 'lines%'"
        ).fetchone()
    return float(str(row[0])) if row else 0.0


def _thread_storage(server: Server) -> float:
    with server.admin() as boss:
        row = boss.execute(
            "SELECT (pg_total_relation_size('rollout.threads') + pg_total_relation_size('rollout.segments')) / 10000"
        ).fetchone()
    return float(str(row[0])) if row else 0.0


def for_lines_of(home: str, found: Measured) -> Measured:
    """The same costs for the mean line of a home: bytes of log and of storage go with it."""
    sizes: list[int] = []
    for path in glob.glob(f"{home}/sessions/**/*.jsonl", recursive=True):
        with open(path, "rb") as lines:
            sizes += map(len, lines)
    mean = sum(sizes) / max(1, len(sizes))
    ratio = mean / found.line
    return found._replace(line=mean, line_wal=found.line_wal * ratio, line_storage=found.line_storage * ratio)


# -- playing -------------------------------------------------------------------------------------------------------


def play(agents: int, cost: Measured, ways: Agents = Agents(), machine: Machine = Machine()) -> Played:  # noqa: B008 - constants
    """A minute of the busiest hour.

    Agents are not alike: their rates are log-normal with this spread. A recorder flushes what has come every ``flush_s``; what
    comes within one is one batch. Up to 20,000 busy agents are drawn, more are copies of those.
    """
    chance = random.Random(agents)
    busy = max(1, int(agents * ways.busy))
    drawn = min(busy, 20_000)
    rates = [ways.lines_s * chance.lognormvariate(-(ways.spread**2) / 2, ways.spread) for _ in range(drawn)]
    scale = busy / drawn
    lines_s = sum(rates) * scale
    batches_s = sum((1 - math.exp(-rate * ways.flush_s)) / ways.flush_s for rate in rates) * scale
    crowded = _crowded(chance, rates, scale)
    cores = batches_s * cost.batch_cpu + lines_s * cost.line_cpu
    cores += agents * ways.pages_s * cost.page_cpu + agents * ways.threads_a_day / DAY_S * 10 * cost.resume_cpu
    log_s = batches_s * cost.batch_wal + lines_s * cost.line_wal
    kept = agents * ways.kept_days * (ways.lines_a_day * cost.line_storage + ways.threads_a_day * cost.thread_storage)
    hottest = max(rates) * (1 + 0.1 * math.log10(max(1.0, scale)))
    machines = max(
        math.ceil(cores / (machine.cores * machine.share)), math.ceil(log_s / machine.log_s), math.ceil(kept / machine.storage)
    )
    return Played(agents, lines_s, batches_s, cores, log_s, hottest, crowded, kept, machines)


def _crowded(chance: random.Random, rates: Sequence[float], scale: float) -> float:
    """The rate of the fullest partition over the mean, the median of 20 ways to hash the threads."""
    found: list[float] = []
    for _ in range(20):
        sums = [0.0] * PARTITIONS
        for rate in rates:
            sums[chance.randrange(PARTITIONS)] += rate
        mean = sum(sums) / PARTITIONS
        found.append(1 + (max(sums) / mean - 1) / math.sqrt(scale))
    return median(found)


# -- telling -------------------------------------------------------------------------------------------------------


def told(cost: Measured, played: Sequence[Played], ways: Agents = Agents(), machine: Machine = Machine()) -> str:  # noqa: B008 - constants
    """The inputs and the sizes as tables."""
    inputs = (
        f"Measured: a batch costs the server {cost.batch_cpu * 1e3:.2f} ms of CPU and {cost.batch_wal / 1e3:.1f} KB of log, each line in it"
        f" {cost.line_cpu * 1e6:.0f} µs and {cost.line_wal / 1e3:.2f} KB (mean line {cost.line:,.0f} bytes); a line is stored in"
        f" {cost.line_storage / 1e3:.2f} KB, a thread's rows in {cost.thread_storage / 1e3:.1f} KB, indexes included; a page of 50 takes"
        f" {cost.page_cpu * 1e3:.2f} ms, a resume {cost.resume_cpu * 1e3:.2f} ms of CPU.\n\n"
        f"Assumed: {ways.busy:.0%} of the agents are at work in the busiest hour, each writes {ways.lines_s} lines a second (log-normal,"
        f" spread {ways.spread}) and flushes every {ways.flush_s} s; {ways.lines_a_day:,.0f} lines and {ways.threads_a_day:.0f} threads a day,"
        f" kept {ways.kept_days} days; a listing every {1 / ways.pages_s:,.0f} s. A server has {machine.cores} cores, of which"
        f" {machine.share:.0%} are for this, a disk that takes {machine.log_s / 1e6:.0f} MB/s of log, and {machine.storage / 1e12:.0f} TB.\n\n"
    )
    head = "| agents | lines/s | batches/s | cores | log | hottest thread | fullest of 16 partitions | kept in 90 days | servers |\n"
    return inputs + head + "|---:|" * 1 + "---:|" * 8 + "\n" + "".join(map(_row, played)) + "\n" + failures(cost, played, ways, machine)


def _row(one: Played) -> str:
    return (
        f"| {one.agents:,} | {one.lines_s:,.0f} | {one.batches_s:,.0f} | {one.cores:,.2f} | {one.log_s / 1e6:,.2f} MB/s |"
        f" {one.hottest:,.1f} lines/s | {one.crowded:.2f} of the mean | {one.storage / 1e9:,.0f} GB | {one.machines:,} |\n"
    )


def failures(cost: Measured, played: Sequence[Played], ways: Agents, machine: Machine) -> str:
    """What waits, and in whose memory, when one server is away until its standby has taken over."""
    rows = "| agents | servers | agents that wait | lines held by recorders | the hottest recorder holds | of its budget | written after in |\n"
    rows += "|---:|" + "---:|" * 6 + "\n"
    for one in played:
        share = 1 / one.machines
        held = one.lines_s * share * machine.failover_s
        hot = one.hottest * machine.failover_s * cost.line
        cpu = held / 64 * cost.batch_cpu + held * cost.line_cpu
        free = machine.cores * machine.share - one.cores * share
        drained = f"{cpu / free:,.2f} s" if free > 0 else "never"
        rows += (
            f"| {one.agents:,} | {one.machines:,} | {max(1, round(one.agents * ways.busy * share)):,} | {held:,.0f} |"
            f" {hot / 1e6:.2f} MB | {hot / ways.budget:.1%} | {drained} |\n"
        )
    return f"When one server is away for {machine.failover_s:.0f} s:\n\n{rows}"


def write(tables: str) -> None:
    """Put the tables between the marks of the document."""
    with open(DOCUMENT, encoding="utf-8") as file:
        text = file.read()
    marks = "<!-- simulate_scale.py writes from here -->\n", "<!-- to here -->\n"
    made = re.sub(f"({marks[0]}).*?({marks[1]})", lambda found: f"{found[1]}\n{tables}\n{found[2]}", text, flags=re.DOTALL)
    with open(DOCUMENT, "w", encoding="utf-8") as file:
        file.write(made)


if __name__ == "__main__":
    main()
