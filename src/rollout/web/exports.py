"""A thread as a file to keep: the formats of ``rollout export`` that a page offers. Looking only; secrets as there."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from rollout import __version__
from rollout.bundle import contents_of, write_bundle
from rollout.lines import Line
from rollout.render.entries import dropped_stretches
from rollout.render.html_page import html
from rollout.render.jsonl import jsonl
from rollout.render.markdown import markdown
from rollout.render.redaction import redactor
from rollout.render.sharing import About, Sharing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rollout.query import Thread
    from rollout.web.threads import Threads

_MADE_BY = f"rollout {__version__}"


class Format(NamedTuple):
    """One way to write a thread, what kind of file that is, and what a person must know of it."""

    blocks: Callable[[Threads, Thread], Iterator[bytes]]
    media_type: str
    told: str


def _html(threads: Threads, row: Thread) -> Iterator[bytes]:
    return _readable(threads, row, html)


def _markdown(threads: Threads, row: Thread) -> Iterator[bytes]:
    return _readable(threads, row, markdown)


def _readable(threads: Threads, row: Thread, render: Callable[..., Iterator[str]]) -> Iterator[bytes]:
    """For people: a rollback stands behind what it drops, so the thread is read once before."""
    dropped = dropped_stretches(found for found in threads.lines(row.id) if isinstance(found, Line))
    sharing = Sharing(redactor(), dropped)
    for piece in render(About.of(row, _MADE_BY), sharing, threads.lines(row.id)):
        yield piece.encode("utf-8", "backslashreplace")


def _jsonl(threads: Threads, row: Thread) -> Iterator[bytes]:
    return jsonl(threads.whole(row.id))


def _bundle(threads: Threads, row: Thread) -> Iterator[bytes]:
    return write_bundle(threads.store, contents_of(threads.store, [row.id]), _MADE_BY)


FORMATS = {
    "html": Format(_html, "text/html", "one page, secrets redacted"),
    "md": Format(_markdown, "text/markdown", "Markdown, secrets redacted"),
    "json": Format(_bundle, "application/json", "a bundle that rollout import restores, secrets included"),
    "jsonl": Format(_jsonl, "application/jsonl", "the lines as they stand, secrets included"),
}
