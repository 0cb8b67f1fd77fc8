"""``rollout replay``: play a thread in its own time."""

from __future__ import annotations

from argparse import ArgumentTypeError
from typing import TYPE_CHECKING

from rollout.cli.home import find_thread, open_store
from rollout.cli.options import THREAD_HELP, count, seconds
from rollout.cli.output import Document, to_json
from rollout.cli.playing import FASTEST, KEYS, SLOWEST, Moment, Pace, Player
from rollout.cli.reading import Reading
from rollout.cli.show_text import dropped_of, style_of
from rollout.cli.statuses import DONE
from rollout.cli.verdicts import verdict
from rollout.errors import NotFoundError
from rollout.lines import Damage
from rollout.long_lines import brief
from rollout.render.entries import Reader
from rollout.render.selection import Selection
from rollout.render.text import PLAIN, Transcript, damage_text
from rollout.times import parse_ms

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Callable, Iterator

    from rollout.cli.output import Output
    from rollout.ids import ThreadId
    from rollout.store.base import ThreadStore

DESCRIPTION = f"""
Play a thread in its own time: what was asked, said and done, each when it was recorded.

On a terminal keys are read: {KEYS}.

--json plays nothing: it tells for each moment its turn, its time and the wait before it, limit and speed applied.
"""


def options(parser: ArgumentParser) -> None:
    """The options of ``rollout replay``."""
    parser.add_argument("thread", metavar="ID", help=THREAD_HELP)
    parser.add_argument("--speed", type=_speed, default=1.0, metavar="X", help="so many times as fast (default: 1)")
    parser.add_argument(
        "--idle-limit", type=seconds, metavar="S", help="no wait of more than S seconds of the thread's time"
    )
    parser.add_argument("--from", dest="start", type=count, default=0, metavar="TURN", help="begin at this turn")
    parser.add_argument("--full", action="store_true", help="fold nothing")
    parser.add_argument("--rolled-back", action="store_true", help="also what rollbacks took back, marked")


def run(args: Namespace, out: Output) -> int:
    """Play, or tell how it would be played."""
    store = open_store(args)
    thread_id = find_thread(store, args.thread)
    readings: list[Reading] = []
    moments = _moments(store, thread_id, args, out, readings)
    pace = Pace(args.speed, args.idle_limit)
    if args.json:
        _json(moments, thread_id, pace, args.start, out)
    elif not _play(moments, pace, args.start, out):
        return DONE
    if args.start > 1 and (turns := _last_turn(moments)) < args.start:
        raise NotFoundError(f"thread {thread_id} has {turns} turns, there is no turn {args.start}")
    return verdict(readings[0], thread_id, out)


def _play(moments: Callable[[], Iterator[Moment]], pace: Pace, start: int, out: Output) -> bool:
    from rollout.cli.terminal import Terminal  # noqa: PLC0415 - only who plays needs a terminal

    with Terminal(out) as stage:
        return Player(moments, stage, pace, start).play()


def _moments(
    store: ThreadStore, thread_id: ThreadId, args: Namespace, out: Output, readings: list[Reading]
) -> Callable[[], Iterator[Moment]]:
    """A way to read the thread from its beginning, any number of times; each leaves what damage it met."""
    style = PLAIN if args.json else style_of(args, out)
    dropped = dropped_of(store, thread_id, out)
    selection = Selection(rolled_back=args.rolled_back)

    def read() -> Iterator[Moment]:
        readings.append(Reading())
        transcript, reader = Transcript(style, dropped, selection=selection), Reader()
        for found in brief(readings[-1].lines(store, thread_id)):
            if isinstance(found, Damage):
                yield Moment(damage_text(found) + "\n", transcript.turn, 0)
                continue
            for entry in reader.read(found):
                text = transcript.entry(entry)
                if text:
                    yield Moment(text, transcript.turn, parse_ms(entry.timestamp) or 0)

    return read


def _last_turn(moments: Callable[[], Iterator[Moment]]) -> int:
    return max((moment.turn for moment in moments()), default=0)


def _json(moments: Callable[[], Iterator[Moment]], thread_id: ThreadId, pace: Pace, start: int, out: Output) -> None:
    document = Document(out, "rollout.replay/1")
    document.member("thread", thread_id)
    document.member("speed", pace.speed)
    document.member("idleLimit", pace.idle_limit)
    document.array("moments", (to_json(facts) for facts in _schedule(moments(), pace, start)))
    document.end()


def _schedule(moments: Iterator[Moment], pace: Pace, start: int) -> Iterator[dict[str, object]]:
    before_ms = 0
    for moment in moments:
        if moment.turn >= start:
            wait_ms = pace.wait_ms(before_ms, moment.at_ms) / pace.speed
            yield {"turn": moment.turn, "atMs": moment.at_ms or None, "waitMs": round(wait_ms), "text": moment.text}
            before_ms = moment.at_ms or before_ms


def _speed(text: str) -> float:
    """An option that multiplies."""
    try:
        value = float(text.removesuffix("x"))
    except ValueError:
        value = 0.0
    if not SLOWEST <= value <= FASTEST:
        raise ArgumentTypeError(f"not a speed from 1/16 to {FASTEST:g}: {text!r}")
    return value
