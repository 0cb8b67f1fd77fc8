"""``rollout stats``: what is in the home."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rollout.cli.census import Census
from rollout.cli.home import open_store
from rollout.cli.output import Document
from rollout.cli.progress import amount_of_bytes
from rollout.cli.statuses import DONE
from rollout.cli.thread_files import Everything
from rollout.render.plots import bar, grouped, sparkline
from rollout.render.safe import fit, pad, safe_line, width

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections import Counter
    from collections.abc import Iterator

    from rollout.cli.output import Output

DESCRIPTION = """
Tell what is in the home: how many threads, from when, of which folders and sources, and how large they are.

Everything on disk counts, archived, untitled and unreadable threads included. On a terminal, or with --plot, shares
are drawn as bars and days as a line.
"""
_MOST = 8
_LABEL = 44


def options(parser: ArgumentParser) -> None:
    """The options of ``rollout stats``."""
    parser.add_argument("--plot", action="store_true", help="draw also where no terminal is")


def run(args: Namespace, out: Output) -> int:
    """Count, and show."""
    everything, census = Everything(open_store(args)), Census()
    census.count(everything.rows())
    everything.tell(out)
    if args.json:
        _json(census, everything.left_out, out)
        return DONE
    for line in _lines(census, out.width, plot=out.is_terminal or args.plot):
        out.write(line + "\n")
    if everything.left_out:
        told = ", ".join(f"{number} {reason}" for reason, number in sorted(everything.left_out.items()))
        out.note(f"left out: {told}")
    return DONE


def _json(census: Census, left_out: dict[str, int], out: Output) -> None:
    document = Document(out, "rollout.stats/1")
    for name in ("threads", "archived", "unreadable", "untitled", "forks", "files", "bytes", "tokens"):
        document.member(name, getattr(census, name))
    days, amounts = census.per_day()
    document.member("days", dict(zip(days, amounts, strict=True)))
    for name in ("folders", "sources", "eras"):
        document.member(name, dict(getattr(census, name).most_common()))
    document.member("largest", [large._asdict() for large in census.largest])
    document.member("leftOut", left_out)
    document.end()


def _lines(census: Census, columns: int, *, plot: bool) -> Iterator[str]:
    yield f"threads     {census.threads:,} in {census.files:,} files, {amount_of_bytes(census.bytes)}"
    told = {"archived": census.archived, "fork" if census.forks == 1 else "forks": census.forks, "untitled": census.untitled, "unreadable": census.unreadable}
    if any(told.values()):
        yield "of them     " + ", ".join(f"{number:,} {name}" for name, number in told.items() if number)
    yield f"tokens      {census.tokens:,} in the last totals (rollout usage counts what was inherited once)"
    yield from _days(census, columns, plot=plot)
    shares = {"folders": census.folders, "sources": census.sources, "eras": census.eras}
    wide = max((width(label) for counted in shares.values() for label in _labels(counted, columns)), default=0)
    for name, counted in shares.items():
        yield name
        yield from _shares(counted, columns, wide, plot=plot)
    if census.largest:
        yield "largest"
        for large in census.largest:
            yield fit(f"  {amount_of_bytes(large.bytes):>9}  {large.id}  {safe_line(large.title)}".rstrip(), columns)


def _days(census: Census, columns: int, *, plot: bool) -> Iterator[str]:
    days, amounts = census.per_day()
    if not days:
        return
    most = max(zip(amounts, days, strict=True))
    yield f"days        {days[0]} to {days[-1]}, most on {most[1]}: {most[0]:,}"
    if plot:
        yield f"            {sparkline(grouped(amounts, columns - 12))}"


def _labels(counted: Counter[str], columns: int) -> list[str]:
    """What the greatest shares of a count are called."""
    return [fit(safe_line(label) or "(unknown)", min(_LABEL, columns // 2)) for label, _ in counted.most_common(_MOST)]


def _shares(counted: Counter[str], columns: int, wide: int, *, plot: bool) -> Iterator[str]:
    """The greatest shares of a count, labels so wide; what is left out is said."""
    greatest = counted.most_common(_MOST)
    for label, (_, number) in zip(_labels(counted, columns), greatest, strict=True):
        drawn = bar(number, greatest[0][1], columns - wide - 14) if plot else ""
        yield f"  {pad(label, wide)}  {number:>7,}  {drawn}".rstrip()
    if len(counted) > _MOST:
        rest = counted.total() - sum(number for _, number in greatest)
        yield f"  {len(counted) - _MOST:,} more with {rest:,} threads (--json has all)"
