"""The page of one thread: its facts, its timeline, a page of its transcript, and how to go on."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING
from urllib.parse import quote

from rollout.query import branch_of
from rollout.render.html_blocks import clock, short, text_html
from rollout.render.html_timeline import duration, timeline_svg, turn_list
from rollout.render.safe import safe_line
from rollout.render.sharing import counted
from rollout.times import to_text
from rollout.web.chrome import page
from rollout.web.exports import FORMATS
from rollout.web.forms import action_forms
from rollout.web.paging import Cutter
from rollout.web.starts import UNKNOWN, lines_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rollout.query import Thread
    from rollout.web.paging import Look
    from rollout.web.starts import Start
    from rollout.web.threads import Threads, Watched

_TITLE = 160


class Asked:
    """What a reader wants to see of a thread, and whether it may be changed."""

    __slots__ = ("look", "stamp", "start")

    def __init__(self, start: Start, look: Look, stamp: str = "") -> None:
        """``stamp``: what a form must bear, "" when nothing may be changed."""
        self.start, self.look, self.stamp = start, look, stamp


def thread_page(threads: Threads, row: Thread, watched: Watched, asked: Asked) -> Iterator[str]:
    """The whole page in pieces."""
    title = title_of(row)
    yield from page(title, _content(threads, row, watched, asked), kind="thread")


def _content(threads: Threads, row: Thread, watched: Watched, asked: Asked) -> Iterator[str]:
    address = address_of(row.id)
    yield f"<header><h1>{text_html(title_of(row))}</h1>\n"
    yield from _facts(row, watched.timeline.model)
    yield from action_forms(row, asked.stamp)
    yield "</header>\n"
    start, ready = asked.start, watched.ready.is_set()
    uncounted = start.before == UNKNOWN
    yield f'<div id="outline" data-src="{address}/outline{f"?n={start.n}" if uncounted else ""}"{" data-ready" if ready and not uncounted else ""}>'
    yield from outline(row.id, watched)
    yield "</div>\n"
    cutter = Cutter(address, start, watched.timeline.dropped if ready else (), asked.look)
    if start.n:
        earlier = f'<a rel="prev" href="{address}?until={escape(start.query)}">Earlier</a>'
        yield f'<nav class="pager" aria-label="Pages"><a href="{address}">Start</a> {earlier}</nav>\n'
    going_on = f" of turn {start.before}, continued" if start.before > 0 else ""
    yield f'<main id="main"{" data-uncounted" if uncounted else ""}>\n<section{f" aria-label={chr(34)}The rest{going_on}{chr(34)}" if start.n else ""}>\n'
    yield from cutter.pieces(lines_of(threads, row.id, start))
    yield "</section>\n</main>\n"
    yield from _pager(address, asked, cutter)


def _pager(address: str, asked: Asked, cutter: Cutter) -> Iterator[str]:
    start, full = asked.start, "&full=1" if asked.look.full else ""
    if cutter.next is None:
        following = f"{address}/live?from={start.query}&after={cutter.given}{full}"
        count = f", {counted(cutter.turns, 'turn')}" if start.before != UNKNOWN else ""
        yield f'<footer><p id="live" data-src="{escape(following)}" role="status">The end of the thread{count}.</p></footer>\n'
        return
    onward = f"{address}?from={escape(cutter.next.query)}{escape(full)}"
    yield f'<footer><nav class="pager" aria-label="Pages"><a rel="next" href="{onward}">Go on</a> <a href="{address}?turn=last">End</a></nav></footer>\n'


def outline(thread_id: str, watched: Watched) -> Iterator[str]:
    """The timeline and the list of turns, as far as they are known."""
    timeline, address = watched.timeline, address_of(thread_id)
    turns = list(timeline.turns)

    def to_turn(number: int) -> str:
        return f"{address}?turn={number}#turn-{number}"

    if not watched.ready.is_set():
        yield f'<p class="note" role="status">Reading the thread: {counted(len(turns), "turn")} so far. Turns that were rolled back are not marked yet.</p>'
    if timeline.damaged:
        yield f'<p class="note exit" role="status">Damage: {counted(timeline.damaged, "stretch")} of the thread could not be read, each marked where it stands.</p>'
    if len(turns) < 2:
        return
    calls, failed = sum(turn.calls for turn in turns), sum(turn.failed for turn in turns)
    told = f"{counted(len(turns), 'turn')}, {counted(timeline.tokens, 'token')}, {counted(calls, 'call')}"
    worked = duration(sum(turn.seconds for turn in turns))
    bad = f', <span class="exit">{failed} failed</span>' if failed else ""
    yield f'<details class="outline" open><summary>{told}{bad}, {worked} of work</summary><div class="lanes"><span>tokens</span><span>time</span><span>calls</span></div>'
    yield from timeline_svg(turns, to_turn)
    yield "</details>\n"
    yield from turn_list(turns, to_turn)


def _facts(row: Thread, model: str) -> Iterator[str]:
    """What the row tells; ``model`` is the newest one that the thread names, "" while that is not known."""
    summary = row.summary
    branch = branch_of(summary)
    where = f"{summary.cwd or ''}{f' on {branch}' if branch else ''}"
    program = " ".join(filter(None, (summary.originator, summary.cli_version)))
    yield "<dl>"
    yield from _fact("Thread", text_html(row.id))
    yield from _fact("Folder", text_html(safe_line(where)))
    yield from _fact("Program", text_html(safe_line(program)))
    yield from _fact("Model", text_html(safe_line(model or summary.model or "")))
    yield from _fact("Provider", text_html(safe_line(summary.model_provider or "")))
    yield from _fact("Time", text_html(f"{clock(to_text(row.created_ms))} to {clock(to_text(row.active_ms))}"))
    yield from _fact("Size", f"{row.bytes:,} bytes{', archived' if row.archived else ''}")
    for name, other in (("Forked from", summary.forked_from_id), ("Begun by", summary.parent_id)):
        if other:
            yield from _fact(name, f'<a href="{address_of(other)}">{text_html(safe_line(other))}</a>')
    address = address_of(row.id)
    yield from _fact("Family", f'<a href="{address}/family">lineage</a>, <a href="/?forked={row.id}&amp;source=all&amp;state=all">forks</a>, <a href="/?parent={row.id}&amp;source=all&amp;state=all">sub-agents</a>')
    told = (f'<a href="{address}/export/{name}" title="{one.told}">{name}</a>' for name, one in FORMATS.items())
    yield from _fact("Export", f'<span class="exports">{", ".join(told)}</span>')
    tags = (f'<a class="tag" href="/?tag={quote(tag, safe="")}&amp;source=all&amp;state=all">{text_html(safe_line(tag))}</a>' for tag in row.tags)
    yield from _fact("Tags", " ".join(tags))
    yield from _fact("Note", f'<span class="remark">{text_html(row.note)}</span>' if row.note else "")
    if row.problem:
        yield from _fact("Problem", f'<span class="exit">{text_html(safe_line(row.problem))}</span>')
    yield "</dl>\n"


def _fact(name: str, told: str) -> Iterator[str]:
    if told:
        yield f"<dt>{name}</dt><dd>{told}</dd>"


def address_of(thread_id: str) -> str:
    """The path of a thread's page."""
    return f"/thread/{quote(thread_id, safe='')}"


def title_of(row: Thread) -> str:
    """What a thread is called, on one line."""
    return short(safe_line((row.name or row.summary.title or row.preview)[: 4 * _TITLE]), _TITLE) or "Without a title"
