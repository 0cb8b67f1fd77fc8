"""The list of threads, and what a search found: filters, one page, and where the next begins."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlencode

from rollout.labels import checked_tags
from rollout.query import EVERYTHING, ORDERS, Cursor, Order, ThreadQuery, branch_of, checked
from rollout.render.html_blocks import short, text_html
from rollout.render.safe import safe_line
from rollout.render.sharing import counted
from rollout.search_query import MODES, ROLES, SearchCursor, SearchQuery
from rollout.sources import INTERACTIVE
from rollout.times import to_text
from rollout.web.chrome import page
from rollout.web.thread_page import address_of, title_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from rollout.query import Page, Thread
    from rollout.store.base import Hit, SearchPage

_ROWS = 50
_HOUR_MS = 3_600_000
_SINCE = {"": "any time", "24": "last day", "168": "last week", "720": "last month"}
_STATES = {"active": False, "archived": True, "all": None}
_NAMES = ("text", "cwd", "state", "source", "since", "sort", "forked", "parent", "tag")


class Listing(NamedTuple):
    """What was asked for, as the address has it."""

    asked: Mapping[str, str]
    now_ms: int

    def query(self) -> ThreadQuery:
        """The same for a store; raises InvalidQueryError."""
        since = self.asked.get("since", "")
        key = self.asked.get("sort") or "active"
        query = ThreadQuery(
            archived=_STATES.get(self.asked.get("state", "active"), False),
            sources=() if self.asked.get("source") == "all" else INTERACTIVE,
            cwds=(self.asked["cwd"],) if self.asked.get("cwd") else (),
            text=self.asked.get("text") or None,
            since_ms=self.now_ms - int(since) * _HOUR_MS if since in _SINCE and since else None,
            forked_from=self.asked.get("forked") or None,
            parent=self.asked.get("parent") or None,
            tags=checked_tags([self.asked["tag"]]) if self.asked.get("tag") else (),
            untitled=self.asked.get("source") == "all",
            order=Order(key, ascending=key == "name"),
            limit=_ROWS,
        )
        cursor = self.asked.get("cursor")
        return checked(query._replace(cursor=Cursor.parse(cursor)) if cursor else query)

    def address(self, **changed: str) -> str:
        """The address of the same list with some things changed."""
        kept = {name: self.asked[name] for name in _NAMES if self.asked.get(name)}
        told = {name: value for name, value in {**kept, **changed}.items() if value}
        return f"/?{urlencode(told)}" if told else "/"


def list_page(listing: Listing, found: Page) -> Iterator[str]:
    """The list in pieces."""
    yield from page("Threads", _list(listing, found))


def _list(listing: Listing, found: Page) -> Iterator[str]:
    yield '<main id="main" data-live="/live"><h1>Threads</h1>\n'
    yield from _filters(listing)
    if not found.threads:
        narrowed = any(listing.asked.get(name) for name in (*_NAMES, "cursor"))
        told = "No thread is like that." if narrowed else "There are no threads here yet."
        yield f'<p class="empty">{told}</p>\n'
    yield from _rows(listing, found)
    yield from _hidden(listing, found)
    if found.next is not None:
        onward = escape(listing.address(cursor=str(found.next)))
        yield f'<nav class="pager" aria-label="Pages"><a rel="next" href="{onward}">Go on</a></nav>\n'
    yield "</main>\n"


def _filters(listing: Listing) -> Iterator[str]:
    asked = listing.asked
    yield '<form class="filters" action="/">'
    yield f'<input type="search" name="text" value="{escape(asked.get("text", ""))}" placeholder="Title" aria-label="Title contains">'
    yield f'<input name="cwd" value="{escape(asked.get("cwd", ""))}" placeholder="Folder" aria-label="Folder">'
    yield _choice("state", "State", {name: name for name in _STATES}, asked.get("state", "active"))
    yield _choice("source", "Sources", {"": "of people", "all": "of all programs"}, asked.get("source", ""))
    yield _choice("since", "Time", _SINCE, asked.get("since", ""))
    yield _choice("sort", "Order", {name: f"by {name}" for name in ORDERS}, asked.get("sort", "active"))
    for name in ("forked", "parent", "tag"):
        if asked.get(name):
            yield f'<input type="hidden" name="{name}" value="{escape(asked[name])}">'
    yield "<button>Filter</button></form>\n"


def _choice(name: str, label: str, options: Mapping[str, str], chosen: str) -> str:
    told = "".join(
        f'<option value="{value}"{" selected" if value == chosen else ""}>{text}</option>' for value, text in options.items()
    )
    return f'<select name="{name}" aria-label="{label}">{told}</select>'


def _rows(listing: Listing, found: Page) -> Iterator[str]:
    day = ""
    dated = (listing.asked.get("sort") or "active") == "active"
    yield '<ul class="threads">\n'
    for thread in found.threads:
        now = to_text(thread.active_ms)[:10]
        if dated and now != day:
            day = now
            yield f'<li class="day">{day}</li>\n'
        yield from _row(listing, thread)
    yield "</ul>\n"


def _row(listing: Listing, thread: Thread) -> Iterator[str]:
    summary, branch = thread.summary, branch_of(thread.summary)
    when = to_text(thread.active_ms)
    yield f'<li class="row"><a class="title" href="{address_of(thread.id)}">{text_html(title_of(thread))}</a><div class="about">'
    yield f'<time datetime="{when}">{when[11:16]}</time>'
    if summary.cwd:
        yield f' <a href="{escape(listing.address(cwd=summary.cwd))}">{text_html(short(safe_line(summary.cwd), 80))}</a>'
    told = [branch or "", summary.model or "", f"{summary.tokens:,} tokens" if summary.tokens else "", _size(thread.bytes)]
    told += ["archived" if thread.archived else "", "fork" if summary.forked_from_id else "", "sub-agent" if summary.parent_id else ""]
    yield "".join(f" <span>{text_html(safe_line(one))}</span>" for one in told if one)
    yield "".join(f' <a class="tag" href="{escape(listing.address(tag=tag))}">{text_html(safe_line(tag))}</a>' for tag in thread.tags)
    yield f" <code>{thread.id[:8]}</code>{_problem(thread)}</div>{_note(thread)}</li>\n"


def _note(thread: Thread) -> str:
    return f'<div class="remark">{text_html(short(safe_line(thread.note), 200))}</div>' if thread.note else ""


def _problem(thread: Thread) -> str:
    return f' <span class="exit">{text_html(safe_line(thread.problem))}</span>' if thread.problem else ""


def _size(size: int) -> str:
    for unit, name in ((1_000_000_000, "GB"), (1_000_000, "MB"), (1_000, "kB")):
        if size >= unit:
            return f"{size / unit:.1f} {name}"
    return f"{size} B"


def _hidden(listing: Listing, found: Page) -> Iterator[str]:
    """Law 7: what the filters leave out is counted."""
    told = ", ".join(f"{count:,} {reason}" for reason, count in sorted(found.hidden.items()) if count)
    if told:
        more = "" if found.complete else " so far"
        everything = escape(listing.address(state="all", source="all"))
        yield f'<p class="note">Not shown{more}: {text_html(told)}. <a href="{everything}">Show all</a></p>\n'
    if found.note:
        yield f'<p class="note">{text_html(safe_line(found.note))}</p>\n'


def search_query_of(asked: Mapping[str, str]) -> tuple[SearchQuery, ThreadQuery]:
    """What to look for, and in which threads; raises InvalidQueryError."""
    role = asked.get("role", "")
    query = SearchQuery(
        asked.get("q", "").strip(),
        mode=asked.get("mode") or "words",
        roles=(role,) if role else (),
        thread_id=asked.get("thread", ""),
        everything=role == "context",
        cursor=SearchCursor.parse(asked["cursor"]) if asked.get("cursor") else None,
    )
    return query, EVERYTHING._replace(limit=_ROWS)


def search_page(asked: Mapping[str, str], found: SearchPage | None) -> Iterator[str]:
    """What was found, in pieces; None when nothing was looked for."""
    yield from page("Search", _found(asked, found), search=asked.get("q", ""))


def _found(asked: Mapping[str, str], found: SearchPage | None) -> Iterator[str]:
    yield '<main id="main"><h1>Search</h1>\n<form class="filters" action="/search">'
    yield f'<input type="search" name="q" value="{escape(asked.get("q", ""))}" aria-label="What to look for">'
    yield _choice("mode", "Mode", {mode: mode for mode in ("words", *(one for one in MODES if one != "words"))}, asked.get("mode", "words"))
    yield _choice("role", "Who", {"": "everybody", **{role: role for role in ROLES}}, asked.get("role", ""))
    if asked.get("thread"):
        yield f'<input type="hidden" name="thread" value="{escape(asked["thread"])}">'
    yield "<button>Search</button></form>\n"
    if found is None:
        yield '<p class="empty">What are you looking for?</p></main>\n'
        return
    if not found.hits:
        yield '<p class="empty">Nothing was found.</p>\n'
    rows = {str(row.id): row for row in found.threads}
    thread = ""
    yield '<ul class="threads hits">\n'
    for hit in found.hits:
        if hit.thread_id != thread:
            thread = hit.thread_id
            title = title_of(rows[thread]) if thread in rows else thread
            yield f'<li class="day"><a href="{address_of(thread)}">{text_html(title)}</a></li>\n'
        yield from _hit(hit)
    yield "</ul>\n"
    if found.note:
        yield f'<p class="note">{text_html(safe_line(found.note))}</p>\n'
    if found.next is not None:
        kept = {name: value for name, value in asked.items() if name != "cursor"}
        onward = escape(f"/search?{urlencode({**kept, 'cursor': str(found.next)})}")
        yield f'<nav class="pager" aria-label="Pages"><a rel="next" href="{onward}">Go on</a></nav>\n'
    yield f'<p class="note">{counted(len(found.hits), "place")} on this page.</p></main>\n'


def _hit(hit: Hit) -> Iterator[str]:
    before, inside = hit.snippet[: hit.at], hit.snippet[hit.at : hit.at + hit.length]
    after = hit.snippet[hit.at + hit.length :]
    told = f"{text_html(before)}<mark>{text_html(inside)}</mark>{text_html(after)}"
    where = f"{address_of(hit.thread_id)}?line={hit.n}&amp;before={hit.turn}#found"
    yield f'<li class="row"><a class="title" href="{where}">{told}</a><div class="about"><span>{hit.role}</span> <span>turn {hit.turn}</span> '
    yield f"<time>{text_html(safe_line(hit.timestamp[:16].replace('T', ' ')))}</time></div></li>\n"
