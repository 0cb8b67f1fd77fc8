"""The application: which address gives what."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import parse_qsl

from anyio import to_thread
from starlette.applications import Starlette
from starlette.responses import HTMLResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from rollout.errors import BusyError, InvalidQueryError, NotFoundError, RolloutError
from rollout.lifecycle import ForkParams, archive, fork, rename, unarchive
from rollout.lineage import lineage
from rollout.render.html_style import STYLE
from rollout.render.images import picture
from rollout.web.chrome import streamed, trouble
from rollout.web.exports import FORMATS
from rollout.web.family_page import family_page
from rollout.web.guard import Guard, Keys
from rollout.web.happenings import Happenings
from rollout.web.list_page import Listing, list_page, search_page, search_query_of
from rollout.web.live import Follow
from rollout.web.paging import Cutter, Look, entries_of_line, shown_at, text_of_line
from rollout.web.starts import (
    UNKNOWN,
    Start,
    earlier_start,
    last_start,
    line_start,
    lines_of,
    place_in,
    placed,
    turn_start,
    turns_before,
)
from rollout.web.thread_page import Asked, address_of, outline, thread_page

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from starlette.requests import Request
    from starlette.types import ASGIApp

    from rollout.web.threads import Threads, Watched

_STATIC = {
    "app.js": "text/javascript", "app.css": "text/css", "icon.svg": "image/svg+xml",
}  # fmt: skip
_CHANGES = ("rename", "archive", "unarchive", "fork")
_PATIENCE_S = 0.4
_LONG_PATIENCE_S = 2.0
_MOST_FOLLOWERS = 32
_LONGEST_FORM = 16_384
_SMALL = 32 << 20
"""Threads of fewer bytes are read whole while a page waits; there is no waiting for others."""


class Settings(NamedTuple):
    """How to serve: under which names with port, and whether threads may be changed."""

    hosts: frozenset[str]
    allow_changes: bool = False


def application(threads: Threads, keys: Keys, settings: Settings, now_ms: Callable[[], int]) -> ASGIApp:
    """The guarded application."""
    site = _Site(threads, settings, now_ms)
    routes = [
        Route("/", site.list),
        Route("/search", site.search),
        Route("/live", site.happenings),
        Route("/static/{name}", _static),
        Route("/thread/{id}", site.thread),
        Route("/thread/{id}/outline", site.outline),
        Route("/thread/{id}/live", site.live),
        Route("/thread/{id}/line/{n:int}", site.line),
        Route("/thread/{id}/image/{n:int}/{number:int}", site.image),
        Route("/thread/{id}/family", site.family),
        Route("/thread/{id}/export/{format}", site.export),
        *(Route(f"/thread/{{id}}/{what}", site.change, methods=["POST"]) for what in _CHANGES),
    ]
    handlers = {NotFoundError: _not_found, InvalidQueryError: _invalid, BusyError: _busy, RolloutError: _failed, 404: _nowhere}
    return Guard(Starlette(routes=routes, exception_handlers=handlers), keys, settings.hosts)


def _not_found(_: Request, error: Exception) -> Response:
    return trouble(404, str(error))


def _invalid(_: Request, error: Exception) -> Response:
    return trouble(400, str(error))


def _busy(_: Request, error: Exception) -> Response:
    return trouble(409, str(error))


def _failed(_: Request, error: Exception) -> Response:
    return trouble(500, str(error))


def _nowhere(_request: Request, _error: Exception) -> Response:
    return trouble(404, "There is no such page.")


def _static(request: Request) -> Response:
    name = request.path_params["name"]
    if name == "page.css":
        return Response(STYLE, media_type="text/css", headers={"cache-control": "max-age=3600"})
    if name not in _STATIC:
        return trouble(404, "There is no such page.")
    data = files("rollout.web").joinpath("static", name).read_bytes()
    return Response(data, media_type=_STATIC[name], headers={"cache-control": "max-age=3600"})


class _Site:
    """The pages of one server. Each method answers one request, off the event loop."""

    def __init__(self, threads: Threads, settings: Settings, now_ms: Callable[[], int]) -> None:
        self._threads, self._settings, self._now_ms = threads, settings, now_ms
        self._followers = 0
        self._happenings = Happenings(threads.store, threads.stopping)

    def list(self, request: Request) -> Response:
        listing = Listing(dict(request.query_params), self._now_ms())
        with self._threads.precedence:
            found = self._threads.store.list(listing.query())
        return streamed(list_page(listing, found))

    def search(self, request: Request) -> Response:
        asked = dict(request.query_params)
        query, which = search_query_of(asked)
        with self._threads.precedence:
            found = self._threads.store.search(query, which) if query.text else None
        return streamed(search_page(asked, found))

    def thread(self, request: Request) -> Response:
        thread_id = self._id(request)
        if thread_id != request.path_params["id"]:
            return RedirectResponse(address_of(thread_id), 303)
        row = self._threads.row(thread_id)
        watched = self._threads.timeline(thread_id)
        watched.ready.wait(_PATIENCE_S if row.bytes < _SMALL else 0)
        if request.query_params.get("turn", "last") != "last" and turn_start(watched, _number(request, "turn", 0)) is None:
            watched.ready.wait(_LONG_PATIENCE_S)
        with self._threads.precedence:
            start = self._start(request, thread_id, watched)
            if start is None:
                return _wait_a_little(watched)
            start = placed(self._threads, thread_id, start)
            look = _look(request)
            if look.marked >= 0:
                look = look._replace(marked=shown_at(lines_of(self._threads, thread_id, start), start, look.marked))
        stamp = request.scope["stamp"] if self._settings.allow_changes else ""
        page = thread_page(self._threads, row, watched, Asked(start, look, stamp))
        return streamed(self._threads.precedence.pieces(page))

    def outline(self, request: Request) -> Response:
        thread_id = self._id(request)
        watched = self._threads.timeline(thread_id)
        watched.ready.wait(_PATIENCE_S)
        ready = watched.ready.is_set()
        headers = {"turns-before": str(turns_before(watched, _number(request, "n", 0)))} if ready else {}
        return HTMLResponse("".join(outline(thread_id, watched)), 200 if ready else 202, headers)

    def family(self, request: Request) -> Response:
        thread_id = self._id(request)
        return streamed(family_page(lineage(self._threads.store, thread_id), thread_id))

    def export(self, request: Request) -> Response:
        thread_id, name = self._id(request), request.path_params["format"]
        if name not in FORMATS:
            return trouble(404, f"There is no format {name!r}; there are {', '.join(FORMATS)}.")
        chosen = FORMATS[name]
        headers = {"content-disposition": f'attachment; filename="rollout-{thread_id}.{name}"'}
        return StreamingResponse(chosen.blocks(self._threads, self._threads.row(thread_id)), headers=headers, media_type=chosen.media_type)

    async def live(self, request: Request) -> Response:
        if self._followers >= _MOST_FOLLOWERS:
            return trouble(429, "Too many pages follow threads; close some.")
        thread_id = self._id(request)
        start = await to_thread.run_sync(self._given_start, request, thread_id)
        seen = request.headers.get("last-event-id", "")
        after = int(seen) if seen.isdecimal() else _number(request, "after", -1)
        cutter = Cutter(address_of(thread_id), start, look=_look(request))
        return self._stream(Follow(self._threads, thread_id, cutter, start).events(after, self._threads.stopping.is_set))

    async def happenings(self, _: Request) -> Response:
        if self._followers >= _MOST_FOLLOWERS:
            return trouble(429, "Too many pages are open; close some.")
        return self._stream(self._happenings.events(self._threads.stopping.is_set))

    def _stream(self, events: AsyncIterator[str]) -> Response:
        """Events until the reader goes away."""

        async def counted_events() -> AsyncIterator[str]:
            self._followers += 1
            try:
                async for event in events:
                    yield event
            finally:
                self._followers -= 1

        return StreamingResponse(counted_events(), media_type="text/event-stream", headers={"cache-control": "no-store"})

    def line(self, request: Request) -> Response:
        n = request.path_params["n"]
        pieces = text_of_line(self._threads.whole(self._id(request), n), n)
        return StreamingResponse((piece.encode("utf-8", "backslashreplace") for piece in pieces), media_type="text/plain")

    def image(self, request: Request) -> Response:
        n, number = request.path_params["n"], request.path_params["number"]
        images = [image for entry in entries_of_line(self._threads.whole(self._id(request), n), n) for image in entry.images]
        shown = picture(images[number]) if number < len(images) else None
        if shown is None:
            return trouble(404, "There is no such image.")
        return Response(shown.data, media_type=shown.media_type, headers={"cache-control": "private, max-age=3600"})

    async def change(self, request: Request) -> Response:
        if not self._settings.allow_changes:
            return trouble(403, "This server only shows threads; start it with --allow-changes to change them.")
        form = await _form(request)
        if form.get("stamp") != request.scope["stamp"]:
            return trouble(403, "The form is of another session; load the page again.")
        what = request.url.path.rpartition("/")[2]
        thread_id = self._id(request)
        shown = await to_thread.run_sync(self._changed, thread_id, what, form.get("name", ""))
        return RedirectResponse(address_of(shown), 303)

    def _changed(self, thread_id: str, what: str, name: str) -> str:
        """Change it; the thread to show now."""
        if what == "fork":
            return fork(self._threads.store, thread_id, ForkParams()).thread_id
        if what == "rename":
            rename(self._threads.store, thread_id, name)
        else:
            (archive if what == "archive" else unarchive)(self._threads.store, thread_id)
        return thread_id

    def _start(self, request: Request, thread_id: str, watched: Watched) -> Start | None:
        """Where the page begins that is asked for; None while the thread must be read further to tell."""
        turn, ready = request.query_params.get("turn", ""), watched.ready.is_set()
        if turn and turn != "last":
            found = turn_start(watched, _number(request, "turn", 0))
            if found is not None or not ready:
                return found
        if turn:
            return last_start(self._threads, thread_id, watched)
        line = _number(request, "line", -1)
        if line >= 0:
            known = ready or watched.timeline.next_n > line
            return line_start(watched, line) if known else Start(line, _before(request))
        if "until" in request.query_params:
            return earlier_start(self._threads, thread_id, self._given_start(request, thread_id, "until"))
        return self._given_start(request, thread_id)

    def _given_start(self, request: Request, thread_id: str, name: str = "from") -> Start:
        """The start that an address tells, with its place where a line stands there."""
        n, place = _number(request, name, 0), place_in(request.query_params.get("at", ""))
        if not n:
            return Start()
        if place is not None:
            place = next((found.position for found in self._threads.lines_from(thread_id, place, 0)), None)
        return Start(n, _before(request), place)

    def _id(self, request: Request) -> str:
        text = request.path_params["id"]
        found = self._threads.find(text)
        if found is None:
            raise NotFoundError(f"no thread {text!r} is here, or more than one is meant")
        return found


async def _form(request: Request) -> dict[str, str]:
    """The fields of a small form; a long one has none."""
    length = request.headers.get("content-length", "")
    if not length.isdecimal() or int(length) > _LONGEST_FORM:
        return {}
    return dict(parse_qsl((await request.body()).decode("utf-8", "replace")))


def _look(request: Request) -> Look:
    return Look(_number(request, "line", -1), request.query_params.get("full") == "1")


def _before(request: Request) -> int:
    return _number(request, "before", UNKNOWN)


def _number(request: Request, name: str, otherwise: int) -> int:
    text = request.query_params.get(name, "")
    return int(text) if _is_number(text) else otherwise


def _is_number(text: str) -> bool:
    return text.isdecimal() and len(text) < 16


def _wait_a_little(watched: Watched) -> Response:
    told = f"The thread is long and still being read: {len(watched.timeline.turns):,} turns so far. This page comes again by itself."
    answer = trouble(202, told)
    answer.headers["refresh"] = "1"
    return answer
