"""What every page has around it: head, bar, foot, and the answer for what cannot be shown."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from starlette.responses import HTMLResponse, StreamingResponse

from rollout.render.html_blocks import text_html

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from starlette.responses import Response

_BLOCK = 32_768
_KEYS = (
    ("j, k", "next and previous thread or turn"),
    ("Enter", "open the thread"),
    ("/", "search"),
    ("g, G", "first and last"),
    ("e", "unfold or fold everything"),
    ("u", "up to the list"),
    ("?", "this help"),
)


def page(title: str, content: Iterable[str], *, search: str = "", kind: str = "list") -> Iterator[str]:
    """A whole page in pieces; title and search are plain text, the content is HTML."""
    yield '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">\n'
    yield '<meta name="viewport" content="width=device-width,initial-scale=1"><meta name="color-scheme" content="light dark">\n'
    yield f"<title>{text_html(title)} · rollout</title>\n"
    yield '<link rel="icon" href="/static/icon.svg"><link rel="stylesheet" href="/static/page.css">'
    yield '<link rel="stylesheet" href="/static/app.css"><script src="/static/app.js" defer></script></head>\n'
    yield f'<body class="{kind}"><a class="skip" href="#main">To the content</a>\n<div class="bar" role="banner">'
    yield '<a class="home" href="/">rollout</a><form role="search" action="/search">'
    yield f'<input type="search" name="q" value="{escape(search)}" placeholder="Search what was said and done" aria-label="Search">'
    yield '</form><button type="button" class="help" aria-label="Keys" hidden>?</button></div>\n'
    yield from content
    yield '<dialog class="keys" aria-label="Keys"><table><thead><tr><th scope="col">Key</th><th scope="col">What it does</th></tr></thead><tbody>'
    yield "".join(f"<tr><td><kbd>{key}</kbd></td><td>{what}</td></tr>" for key, what in _KEYS)
    yield '</tbody></table><form method="dialog"><button>Close</button></form></dialog></body></html>\n'


def streamed(pieces: Iterable[str], status: int = 200) -> Response:
    """Pieces of a page as an answer, in blocks, made while they are sent."""
    return StreamingResponse(_blocks(pieces), status, media_type="text/html")


def _blocks(pieces: Iterable[str]) -> Iterator[bytes]:
    waiting: list[str] = []
    size = 0
    for piece in pieces:
        waiting.append(piece)
        size += len(piece)
        if size >= _BLOCK:
            yield "".join(waiting).encode("utf-8", "backslashreplace")
            waiting, size = [], 0
    yield "".join(waiting).encode("utf-8", "backslashreplace")


def trouble(status: int, told: str) -> Response:
    """A page that says in one sentence what is wrong."""
    content = f'<main id="main"><h1>{status}</h1><p class="mark bad">{text_html(told)}</p><p><a href="/">All threads</a></p></main>\n'
    return HTMLResponse("".join(page("Trouble", [content])), status)
