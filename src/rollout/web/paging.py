"""One page of a transcript: from a line on, as much as a page may hold."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, NamedTuple

from rollout.long_lines import has_gap
from rollout.render.html_blocks import Transcript, text_html
from rollout.render.images import is_picture
from rollout.render.sharing import Sharing
from rollout.web.starts import UNKNOWN, Start

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from rollout.lines import Found
    from rollout.render.entries import Stretch
    from rollout.render.sharing import Item
    from rollout.render.shown import Entry

PAGE = 400_000
LONGEST = 20_000


class Look(NamedTuple):
    """How a page is to look: which line is marked, and whether the context that programs put in is shown."""

    marked: int = -1
    full: bool = False


_PLAIN = Look()


class Cutter:
    """Makes one page; afterwards ``next`` says where the following one begins, None at the end of the thread.

    ``given`` is the number of the last line that was shown. ``marked`` gets an anchor of its own.
    """

    def __init__(self, thread: str, start: Start, dropped: tuple[Stretch, ...] = (), look: Look = _PLAIN) -> None:
        """``thread``: the address of the thread's page."""
        self.next: Start | None = None
        self.given = start.n - 1
        self.turns = start.before
        self._thread, self._start, self._marked = thread, start, look.marked
        self._sharing = Sharing(None, dropped, full=look.full)
        self._transcript = Transcript(self._image)
        self._shift: int | None = None

    def pieces(self, found: Iterable[Found], most: int = PAGE) -> Iterator[str]:
        """The HTML of the page; ``found`` begins with its first line, or a few before."""
        size = 0
        for item in self.items(found):
            if self._is_full(size, most, item):
                before = UNKNOWN if self._start.before == UNKNOWN else self.turns - (item.entry.kind == "user")
                self.next = Start(item.entry.n, before, item.entry.position)
                return
            self.given = max(self.given, item.entry.n)
            for piece in self.html(item):
                size += len(piece)
                yield piece

    def items(self, found: Iterable[Found]) -> Iterator[Item]:
        """What is to be shown, turns numbered as in the whole thread, 0 where nobody has counted; may be called again with what follows."""
        for item in self._sharing.items(found):
            if self._shift is None:
                if item.entry.n < self._start.n:
                    continue
                self._shift = self._start.before + (item.entry.kind == "user") - item.turn
            self.turns = 0 if self._start.before == UNKNOWN else item.turn + self._shift
            if item.entry.kind != "header":  # its facts stand above the transcript
                yield item._replace(turn=self.turns)

    def html(self, item: Item) -> Iterator[str]:
        """One item; what is too long for a page is cut, which is told with a link to the whole."""
        entry = item.entry
        if entry.kind == "hidden":
            yield self._hidden(entry)
            return
        if entry.n == self._marked >= 0:
            yield '<span class="found" id="found"></span>'
        short = entry._replace(text=entry.text[:LONGEST], title=entry.title[:LONGEST])
        yield from self._transcript.item(item._replace(entry=short))
        whole = max(len(entry.text), len(entry.title))
        if whole > LONGEST:
            more = "more than " if has_gap(entry.text) or has_gap(entry.title) else ""
            yield f'<p class="note cut">{LONGEST:,} of {more}{whole:,} characters are shown: <a href="{self._thread}/line/{entry.n}">the whole text</a></p>\n'

    def _hidden(self, entry: Entry) -> str:
        told = text_html(entry.title.removesuffix(": --full shows them"))
        again = f"{self._thread}?from={escape(self._start.query)}&amp;full=1"
        return f'<p class="note">{told}. <a href="{again}">Show</a></p>\n'

    def _is_full(self, size: int, most: int, item: Item) -> bool:
        entry = item.entry
        new_line = entry.n > self.given
        return new_line and size >= (most if entry.kind == "user" else most + most // 2)

    def _image(self, entry: Entry, number: int) -> str:
        return f"{self._thread}/image/{entry.n}/{number}" if is_picture(entry.images[number]) else ""


def shown_at(found: Iterable[Found], start: Start, n: int) -> int:
    """The line of a page under which a person finds what line ``n`` tells: its own, or that of its twin before."""
    shown = start.n
    for item in Cutter("", start, look=Look(full=True)).items(found):
        if item.entry.n > n:
            break
        shown = max(shown, item.entry.n)
    return shown


def text_of_line(found: Iterable[Found], n: int) -> Iterator[str]:
    """All that a person reads of one line, as plain text."""
    for entry in entries_of_line(found, n):
        yield "\n".join(filter(None, (entry.title, entry.text))) + "\n"


def entries_of_line(found: Iterable[Found], n: int) -> Iterator[Entry]:
    """The entries of one line; ``found`` begins with it."""
    for item in Sharing(None, full=True).items(found):
        if item.entry.n > n:
            return
        if item.entry.n == n:
            yield item.entry
