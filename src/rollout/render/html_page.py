"""A thread as one HTML file: an iterator of what the reader found goes in, pieces of the page come out.

The page needs nothing but itself: no script, no font, no address is fetched, and its content security policy forbids
all of that to anything that a thread may hold; images are those that the thread itself carries. Constant memory, but
for the list of turns.
"""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256
from html import escape
from typing import TYPE_CHECKING

from rollout.render.html_blocks import Transcript, clock, short, text_html
from rollout.render.html_style import STYLE
from rollout.render.safe import safe_line
from rollout.render.sharing import counted, endings

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from rollout.lines import Found
    from rollout.render.sharing import About, Sharing

_HASH = b64encode(sha256(STYLE.encode()).digest()).decode()
POLICY = f"default-src 'none'; style-src 'sha256-{_HASH}'; img-src data:; base-uri 'none'; form-action 'none'"
_TITLE = 120


def html(about: About, sharing: Sharing, found: Iterable[Found]) -> Iterator[str]:
    """The page in pieces."""
    title = short(safe_line(sharing.clean(about.title, count=False)), _TITLE) or "Thread"
    yield from _head(title)
    yield f"<header><h1>{text_html(title)}</h1>\n<dl>{_fact('Thread', about.thread_id)}"
    yield from (
        f"{_fact('From', clock(about.created_at))}{_fact('To', clock(about.active_at))}" if about.created_at else "",
    )
    yield "</dl></header>\n<main>\n<section>\n"
    page = Transcript()
    for item in sharing.items(found):
        yield from page.item(item)
    yield "</section>\n</main>\n"
    yield from page.turns()
    told = " ".join(endings(sharing))
    if page.pictures:
        told += f" {counted(page.pictures, 'image')} of the thread as they are: nobody looked for secrets in them."
    yield f"<footer><p>Exported by {text_html(about.made_by)}. {counted(sharing.turns, 'turn')}. {text_html(told)}</p></footer>\n"
    yield "</body></html>\n"


def html_index(entries: Iterable[tuple[str, str, str]]) -> Iterator[str]:
    """An index page: for each thread its file beside the page, its title and when it was active last."""
    yield from _head("Threads")
    yield "<header><h1>Threads</h1></header>\n<main><table><thead><tr><th>Thread</th><th>Active last</th></tr></thead><tbody>\n"
    for file, title, active_at in entries:
        told = short(safe_line(title), _TITLE) or file
        yield f'<tr><td><a href="./{escape(file)}">{text_html(told)}</a></td><td class="when">{text_html(clock(active_at))}</td></tr>\n'
    yield "</tbody></table></main>\n</body></html>\n"


def _head(title: str) -> Iterator[str]:
    yield '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">\n'
    yield f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
    yield '<meta name="referrer" content="no-referrer"><meta name="color-scheme" content="light dark">\n'
    yield '<meta name="viewport" content="width=device-width,initial-scale=1"><meta name="generator" content="rollout">\n'
    yield f"<title>{text_html(title)}</title>\n<style>{STYLE}</style></head>\n<body>\n"


def _fact(name: str, value: str) -> str:
    return f"<dt>{name}</dt><dd>{text_html(value)}</dd>" if value else ""
