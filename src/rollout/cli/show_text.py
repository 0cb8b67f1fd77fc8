"""A thread as a transcript."""

from __future__ import annotations

import os
import time
from collections import deque
from contextlib import suppress
from itertools import chain
from typing import TYPE_CHECKING

from rollout.cli.progress import Progress
from rollout.cli.reading import Reading, last, reading_of, size_of, up_to
from rollout.cli.when import moment
from rollout.errors import NotFoundError
from rollout.labels import NO_LABELS
from rollout.lines import Line
from rollout.long_lines import brief
from rollout.render.entries import dropped_stretches
from rollout.render.safe import safe, safe_line
from rollout.render.selection import Selection
from rollout.render.text import PLAIN, Style, Transcript

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterable, Iterator

    from rollout.cli.output import Output
    from rollout.ids import ThreadId
    from rollout.lines import Found, Position
    from rollout.render.entries import Stretch
    from rollout.store.base import ThreadStore

_MARKS = (b"thread_rolled_back", b'"history_base"')
_OVERLAP = 32
_LINES_AN_ENTRY = 4


def show_text(store: ThreadStore, thread_id: ThreadId, args: Namespace, out: Output) -> Reading:
    """Write the transcript; in constant memory, unless only its end is wanted."""
    reading = reading_of(store, thread_id, out)
    style = style_of(args, out)
    end = store.end(thread_id) if args.follow else None
    selection = _selection(args)
    if args.tail is None:
        dropped = dropped_of(store, thread_id, out)
        transcript = Transcript(style, dropped, numbered=not args.start, selection=selection)
        pieces = transcript.render(brief(up_to(reading.lines(store, thread_id, args.start), end)))
        pieces = chain(_labels(store, thread_id, style), pieces)
    else:
        found = _tail(store, thread_id, args.tail, end)
        transcript = Transcript(style, dropped_stretches(_lines(found)), numbered=False, selection=selection)
        pieces = iter(deque(transcript.render(reading.watch(found)), maxlen=args.tail))
    _write(pieces, args, out)
    if end is not None:
        out.flush()
        for piece in transcript.render(brief(reading.follow(store, thread_id, end))):
            out.write(piece)
            out.flush()
    _tell_rest(transcript, thread_id, args, out)
    return reading


def _labels(store: ThreadStore, thread_id: ThreadId, style: Style) -> Iterator[str]:
    """What people gave to the thread, above all that it tells itself."""
    labels = store.labels().get(thread_id, NO_LABELS)
    if labels.tags:
        yield style.paint("dim", safe_line(" ".join(f"#{tag}" for tag in labels.tags))) + "\n"
    if labels.note:
        yield style.paint("dim", safe(f"note: {labels.note}")) + "\n"


def style_of(args: Namespace, out: Output) -> Style:
    """How a transcript looks here: answers are laid out where there are colours and rich is installed."""
    style = Style(out.colour, out.width, None if args.full else PLAIN.fold)
    if not out.colour:
        return style
    try:
        from rollout.render.rich_markdown import MarkdownPainter  # noqa: PLC0415 - an extra, for terminals alone
    except ModuleNotFoundError:
        return style
    return style._replace(markdown=MarkdownPainter(out.width))


def _selection(args: Namespace) -> Selection:
    return Selection(
        args.turn,
        moment(args.since, time.time_ns() // 1_000_000) if args.since else None,
        frozenset(args.only.split(",")) if args.only else frozenset(),
        args.rolled_back,
    )


def _write(pieces: Iterable[str], args: Namespace, out: Output) -> None:
    """Straight out, or through a pager where a person reads more than fits."""
    if not out.is_terminal or args.follow or args.no_pager:
        for piece in pieces:
            out.write(piece)
        return
    from rollout.cli.pager import Pager, pager_command, terminal_rows  # noqa: PLC0415 - only a terminal has one

    out.flush()
    with suppress(BrokenPipeError), Pager(out, pager_command(os.environ), terminal_rows(os.environ)) as pager:
        for piece in pieces:
            pager.write(piece)


def _tail(store: ThreadStore, thread_id: ThreadId, wanted: int, end: Position | None) -> list[Found]:
    """As much of the end as holds so many entries: reads backwards until there are enough of them."""
    size = wanted * _LINES_AN_ENTRY + 1
    while True:
        found = last(brief(store.lines_back(thread_id, end)), size)
        if len(found) < size or sum(1 for _ in Transcript().render(found)) >= wanted:
            return found
        size *= 2


def dropped_of(store: ThreadStore, thread_id: ThreadId, out: Output) -> tuple[Stretch, ...]:
    """What rollbacks took back.

    A rollback stands behind what it drops, so the thread is read once before; most threads have none, and looking
    for the word is quick.
    """
    if not any(_mentions_rollback(store.raw(thread_id, one.rollout_id)) for one in store.segments(thread_id)):
        return ()
    first = Reading(Progress(out, "looking for rollbacks", size_of(store, thread_id)))
    return dropped_stretches(_lines(brief(first.lines(store, thread_id))))


def _mentions_rollback(blocks: Iterable[bytes]) -> bool:
    """Whether a file has a rollback, or builds on another file that may have one."""
    before = b""
    for block in blocks:
        window = before + block
        if any(mark in window for mark in _MARKS):
            return True
        before = block[-_OVERLAP:]
    return False


def _lines(found: Iterable[Found]) -> Iterator[Line]:
    return (thing for thing in found if isinstance(thing, Line))


def _tell_rest(transcript: Transcript, thread_id: ThreadId, args: Namespace, out: Output) -> None:
    """Law 7: lines without text are counted, on a terminal, and so is it told when nothing fits. NotFoundError: no such turn."""
    if args.turn > transcript.turn:
        turns = "1 turn" if transcript.turn == 1 else f"{transcript.turn} turns"
        raise NotFoundError(f"thread {thread_id} has {turns}, there is no turn {args.turn}")
    if (args.since or args.only) and not transcript.chosen:
        out.note(f"nothing of thread {thread_id} fits {' and '.join(name for name in ('--since', '--only') if getattr(args, name[2:]))}")
    if transcript.unseen and out.is_terminal:
        told = ", ".join(f"{number} {kind}" for kind, number in transcript.unseen.most_common())
        out.note(f"{transcript.unseen.total()} lines have nothing to read ({told}): --json shows them")
