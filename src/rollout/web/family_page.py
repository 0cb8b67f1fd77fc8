"""The page of a family: a thread, what it was forked from or begun by, and all that came of that, as a tree."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rollout.render.html_blocks import clock, text_html
from rollout.render.safe import safe_line
from rollout.render.sharing import counted
from rollout.times import to_text
from rollout.web.chrome import page
from rollout.web.thread_page import address_of, title_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rollout.lineage import Lineage
    from rollout.query import Thread


def family_page(found: Lineage, thread_id: str) -> Iterator[str]:
    """The page in pieces; ``thread_id`` is the thread that was asked for."""
    yield from page("Lineage", _content(found, thread_id))


def _content(found: Lineage, thread_id: str) -> Iterator[str]:
    told = counted(found.size, "thread") + ("" if found.complete else ", and more that are not shown")
    yield f'<main id="main"><h1>Lineage</h1>\n<p class="note">{told}.</p>\n'
    if found.missing:
        yield f'<p class="mark">The first of these was made from {text_html(safe_line(found.missing))}, which is not here.</p>\n'
    yield '<ul class="family">\n'
    yield from _node(found.top, found, thread_id)
    yield "</ul>\n</main>\n"


def _node(thread: Thread, found: Lineage, thread_id: str) -> Iterator[str]:
    here = ' aria-current="true"' if thread.id == thread_id else ""
    yield f'<li class="row"><a class="title" href="{address_of(thread.id)}"{here}>{text_html(title_of(thread))}</a>'
    yield f'<div class="about">{"".join(f"<span>{one}</span> " for one in _about(thread))}</div>'
    if children := found.below.get(thread.id):
        yield "\n<ul>\n"
        for child in children:
            yield from _node(child, found, thread_id)
        yield "</ul>"
    yield "</li>\n"


def _about(thread: Thread) -> Iterator[str]:
    """How it came about, and when."""
    summary = thread.summary
    yield "fork" if summary.forked_from_id else "sub-agent" if summary.parent_id else "the first"
    yield text_html(clock(to_text(thread.created_ms)))
    if summary.tokens:
        yield counted(summary.tokens, "token")
    if thread.archived:
        yield "archived"
    yield from (text_html(safe_line(tag)) for tag in thread.tags)
    yield f"<code>{thread.id[:8]}</code>"
