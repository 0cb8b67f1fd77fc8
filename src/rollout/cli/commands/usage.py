"""``rollout usage``: the tokens that threads took, each once."""

from __future__ import annotations

import json
import time
import tomllib
from argparse import ArgumentTypeError
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

from rollout.cli.home import find_thread, open_store
from rollout.cli.options import THREAD_HELP
from rollout.cli.output import Document, to_json
from rollout.cli.progress import Progress
from rollout.cli.statuses import DONE, FINDING, UsageError
from rollout.cli.thread_files import Everything
from rollout.cli.usage_counting import Counting, Days, families
from rollout.cli.usage_table import UsageTable, cell_object
from rollout.errors import FormatError
from rollout.render.safe import safe_line
from rollout.store.rows import row_from
from rollout.times import parse_ms, to_text
from rollout.usage import KEYS, Prices, Tally

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Iterator

    from rollout.cli.output import Output
    from rollout.usage import Cell

DESCRIPTION = """
Add up the tokens that model requests took, from the counts that Codex writes into its rollouts. Archived threads
and sub-agents are counted too. Each token is counted once: totals that are written again, history that a fork or a
sub-agent was given, and copies of files add nothing. Turns that were rolled back did take their tokens.

Cached tokens are a part of the input, reasoning tokens a part of the output; total is input and output.

--prices names a TOML or JSON file with the price of a million tokens for each model:

  currency = "USD"
  ["gpt-5.2-codex"]
  input = 1.75
  cached = 0.175
  output = 14.00
"""


_PLOT = 120


def options(parser: ArgumentParser) -> None:
    """The options of ``rollout usage``."""
    parser.add_argument("thread", metavar="ID", nargs="?", help=f"only this thread: {THREAD_HELP}")
    parser.add_argument(
        "--by", action="append", choices=KEYS, default=[], help="a sum for each day (default), model, …; repeatable"
    )
    parser.add_argument("--since", type=_date, metavar="DAY", help="only from this day on (YYYY-MM-DD)")
    parser.add_argument("--until", type=_date, metavar="DAY", help="only up to this day, itself included")
    parser.add_argument("--local", action="store_true", help="days of the local time zone, not of UTC")
    parser.add_argument("--rollup", action="store_true", help="count sub-agents with the thread that began them")
    parser.add_argument("--plot", action="store_true", help="draw bars also where no terminal is")
    parser.add_argument("--prices", metavar="FILE", help="a table of prices: tells what it cost")


def run(args: Namespace, out: Output) -> int:
    """Add up, and show."""
    asked = Asked(
        tuple(dict.fromkeys(args.by)) or ("day",),
        Days(_local_day if args.local else _utc_day, args.since, args.until),
        _read_prices(args.prices) if args.prices else None,
    )
    counting, left_out = _count(args, asked, out)
    if args.json:
        _json(counting, left_out, asked, out)
    else:
        _text(counting, left_out, asked, out, out.width if out.is_terminal else _PLOT if args.plot else 0)
    return _verdict(counting, out)


class Asked(NamedTuple):
    """What was asked for."""

    by: tuple[str, ...]
    days: Days
    prices: Prices | None


def _count(args: Namespace, asked: Asked, out: Output) -> tuple[Counting, dict[str, int]]:
    """Read the threads; what was counted, and what was left out of the listing."""
    store = open_store(args)
    top = find_thread(store, args.thread) if args.thread else None
    everything = Everything(store)
    counts_for = families(Everything(store).rows(), top) if args.rollup else {}
    if top is None:
        rows = everything.rows()
    elif args.rollup:
        rows = (row for row in everything.rows() if row.id in counts_for)
    else:
        rows = iter([row_from(store, top)])
    counting = Counting(store, Tally(asked.by, asked.days.day, asked.prices), asked.days)
    progress = Progress(out, "counting tokens", 0)
    try:
        counting.count(rows, counts_for, progress)
    finally:
        progress.done()
    everything.tell(out)
    return counting, everything.left_out


def _json(counting: Counting, left_out: dict[str, int], asked: Asked, out: Output) -> None:
    tally, priced = counting.tally, asked.prices is not None
    document = Document(out, "rollout.usage/1")
    document.member("by", asked.by)
    document.member("zone", "local" if asked.days.day is _local_day else "UTC")
    document.member("since", asked.days.since)
    document.member("until", asked.days.until)
    document.member("threads", counting.threads)
    document.member("threadsWithUsage", counting.with_usage)
    document.array("groups", (to_json(row) for row in _group_objects(counting, asked.by, priced=priced)))
    document.member("totals", cell_object(tally.total, priced=priced))
    document.member("currency", asked.prices.currency or None if asked.prices else None)
    document.member(
        "unpriced", [{"model": model or None, "totalTokens": cell.tokens.total} for model, cell in _unpriced(tally)]
    )
    document.member("undatedRequests", counting.undated)
    document.member("leftOut", left_out)
    document.member("damaged", [{"id": thread, "reason": reason} for thread, reason in counting.damaged.items()])
    document.end()


def _group_objects(counting: Counting, by: tuple[str, ...], *, priced: bool) -> Iterator[dict[str, Any]]:
    for key, cell in counting.tally.rows():
        facts: dict[str, Any] = {name: value or None for name, value in zip(by, key, strict=True)}
        if "thread" in facts:
            facts["title"] = counting.titles.get(facts["thread"])
        yield {**facts, **cell_object(cell, priced=priced)}


def _unpriced(tally: Tally) -> list[tuple[str, Cell]]:
    return sorted(tally.unpriced.items(), key=lambda one: (-one[1].tokens.total, one[0]))


def _text(counting: Counting, left_out: dict[str, int], asked: Asked, out: Output, columns: int) -> None:
    tally = counting.tally
    table = UsageTable(asked.by, counting.titles, asked.prices.currency if asked.prices else None)
    for line in table.lines(tally.rows(), tally.total, columns):
        out.write(line)
    out.flush()
    out.note(f"counted {counting.threads:,} {_threads(counting.threads)}, {counting.with_usage:,} of them with usage")
    if left_out:
        told = ", ".join(f"{number} {reason}" for reason, number in sorted(left_out.items()))
        out.note(f"left out: {told}; see rollout list --all")
    if counting.undated:
        out.note(
            f"{counting.undated} requests without a readable time were left out; without --since and --until they count"
        )
    if tally.unpriced:
        told = ", ".join(
            f"{safe_line(model) or '(unknown)'} ({cell.tokens.total:,} tokens)" for model, cell in _unpriced(tally)
        )
        out.note(f"no price for: {told}; the cost is that of the others")


def _threads(number: int) -> str:
    return "thread" if number == 1 else "threads"


def _verdict(counting: Counting, out: Output) -> int:
    """Say on one line what could not be read."""
    if not counting.damaged:
        return DONE
    number = len(counting.damaged)
    thread, reason = next(iter(counting.damaged.items()))
    out.error(
        f"rollout: {number} {_threads(number)} cannot be read wholly, what they lost is not counted; first {thread}: {safe_line(reason)}"
    )
    return FINDING


def _date(text: str) -> str:
    """An option that is a day."""
    if len(text) != 10 or parse_ms(f"{text}T00:00:00Z") is None:
        raise ArgumentTypeError(f"not a day as YYYY-MM-DD: {text!r}")
    return text


def _utc_day(at_ms: int) -> str:
    return to_text(at_ms)[:10]


def _local_day(at_ms: int) -> str:
    return time.strftime("%Y-%m-%d", time.localtime(at_ms // 1000))


def _read_prices(path: str) -> Prices:
    """The price table in a file. Raises UsageError, OSError."""
    with open(path, "rb") as file:
        data = file.read()
    try:
        text = data.decode()
        table = (
            json.loads(text, parse_float=Decimal)
            if path.endswith(".json")
            else tomllib.loads(text, parse_float=Decimal)
        )
        if not isinstance(table, dict):
            raise FormatError("it is no table of models")  # noqa: TRY301 - told below with the path
        return Prices.parse(table)
    except (ValueError, RecursionError, FormatError) as error:
        raise UsageError(f"--prices {path} cannot be read: {error}") from None
