"""One thread on the screen: read from its end or from anywhere, folded, followed while it is written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text
from textual import on, work
from textual.widgets import Input, Static
from textual.worker import get_current_worker

from rollout.errors import RolloutError
from rollout.lines import Position
from rollout.render.entries import dropped_in_thread, may_roll_back
from rollout.render.safe import fit, safe_line
from rollout.render.sharing import counted
from rollout.render.text import PLAIN, Style
from rollout.tui.acting import Acting
from rollout.tui.document import Document
from rollout.tui.keys import Keys
from rollout.tui.painting import Look
from rollout.tui.rows import FOUND, Rows
from rollout.tui.stretches import place_at

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.app import ComposeResult

    from rollout.render.entries import Stretch
    from rollout.tui.desk import Desk
    from rollout.tui.item import Item

_FOLLOW_S = 0.4
_FAR = 4 << 20


class Pages:
    """The rows of a document, as text."""

    def __init__(self) -> None:
        """Nothing is open."""
        self.document: Document | None = None
        self.found = ""

    def __len__(self) -> int:
        return len(self.document) if self.document else 0

    def is_heading(self, _at: int, /) -> bool:
        """No row is one."""
        return False

    def line(self, at: int, columns: int) -> Text:
        """One row, decoded from its colours; what is wider than the screen is cut there."""
        if self.document is None:
            return Text(fit("", columns))
        try:
            row = self.document.row(at)
        except (RolloutError, OSError):  # it went away; whoever follows it says so
            return Text("")
        text = Text.from_ansi(row.text, no_wrap=True, end="")
        text.expand_tabs(8)
        if self.found:
            text.highlight_words([self.found], FOUND, case_sensitive=False)
        return text


class Reading(Acting):
    """A transcript that one moves about in."""

    def __init__(self, desk: Desk, item: Item) -> None:
        """Show a thread; it is read when the screen has a size."""
        super().__init__(desk)
        self.item = item
        self.pages = Pages()
        self._full = self._raw = False
        self._dropped: tuple[Stretch, ...] | None = None

    def compose(self) -> ComposeResult:
        """A heading, the rows, a field to find, one line about it, the keys."""
        yield Static(Text(fit(self.item.title, 400), no_wrap=True, overflow="ellipsis"), id="heading")
        yield Rows(self.pages, id="transcript")
        yield Input(placeholder="find", id="find")
        yield Static("", id="status", markup=False)
        yield Keys()

    def on_mount(self) -> None:
        """Read the end of the thread."""
        self.query_one("#find", Input).display = False
        self.set_focus(self.query_one(Rows))
        self.call_after_refresh(self._open)
        self.set_interval(_FOLLOW_S, self._follow)

    def meant(self) -> Item | None:
        """The thread."""
        return self.item

    def changed(self) -> None:
        """An archived thread lies elsewhere; that is all there is to know."""
        self.app.pop_screen()

    def renamed(self, name: str) -> None:
        """The heading tells it."""
        self.item = self.item._replace(name=name, title=safe_line(name.strip()))
        self.query_one("#heading", Static).update(Text(self.item.title, no_wrap=True, overflow="ellipsis"))

    def forked(self) -> None:
        """One goes on reading."""

    def _look(self) -> Look:
        columns = self._columns()
        fold = None if self._full else PLAIN.fold
        from rollout.render.rich_markdown import MarkdownPainter  # noqa: PLC0415 - the list does not need it

        style = Style(True, columns, fold, MarkdownPainter(columns), unfold="Enter")
        return Look(style, self._raw, self._dropped)

    def _columns(self) -> int:
        return max(20, self.query_one(Rows).size.width - 2)

    def _open(self) -> None:
        try:
            self.pages.document = Document(self.desk.store, self.item.id, self._look())
            self.fill(len(self.pages))
        except (RolloutError, OSError) as error:
            self.query_one("#status", Static).update(safe_line(str(error)))
            return
        self.query_one(Rows).renew(len(self.pages))
        self.tell()
        self.look_for_rollbacks()

    def fill(self, at: int) -> int:
        """At least a screen of rows above and below a row; where that is then."""
        document = self.pages.document
        while document and at < self.size.height and (came := document.load_earlier()):
            at += came
        while document and len(document) - at < self.size.height and document.load_later():
            pass
        return at

    def tell(self, told: str = "") -> None:
        """Say something in the line about the thread, before what always stands there."""
        document = self.pages.document
        if document is None:
            return
        parts = [told, "raw records" if self._raw else "", "" if document.at_start else "↑ there is more above"]
        parts += ["" if document.at_end else "↓ there is more below"]
        parts += [f"damaged: {counted(document.damage, 'stretch')} here" if document.damage else ""]
        told = " · ".join(filter(None, parts)) or f"thread {self.item.id}"
        self.query_one("#status", Static).update(fit(told, self.size.width - 2))

    def attempt_with(self, work: Callable[[Document], None]) -> None:
        """Do something with the document; what goes wrong is said, and what was read stays."""
        if self.pages.document is None:
            return
        try:
            work(self.pages.document)
        except (RolloutError, OSError) as error:
            self.tell(safe_line(str(error)))

    def _follow(self) -> None:
        """Show what was appended; who is at the end stays there."""
        if self.is_current:
            self.attempt_with(self._grow)

    def _grow(self, document: Document) -> None:
        rows, last = self.query_one(Rows), document.last
        at_end = rows.marked >= len(document) - 1
        if not document.grow():
            return
        if at_end and not document.at_end and document.end.offset - document.last.offset > _FAR:
            document.to_end()
        while at_end and document.load_later():
            pass
        rows.renew(len(document) if at_end else None)
        self.tell()
        if any(not isinstance(thing, Position) for thing in self.desk.store.sift(self.item.id, may_roll_back, last)):
            self.look_for_rollbacks()

    @work(thread=True, exclusive=True, group="rollbacks")
    def look_for_rollbacks(self) -> None:
        """Find beside the screen what was taken back, wherever it is told."""
        worker = get_current_worker()
        try:
            found = dropped_in_thread(self.desk.store, self.item.id, lambda: worker.is_cancelled)
        except (RolloutError, OSError):  # whoever follows the thread says so
            return
        if found is not None:
            self.later(self._take_back, found)

    def _take_back(self, found: tuple[Stretch, ...]) -> None:
        """Show it so."""
        if found != (self._dropped or ()):
            self._dropped = found
            self._restyle()
        elif self.pages.document:
            self._dropped = found
            self.pages.document.look = self._look()

    def later(self, show: Callable[..., object], *what: object) -> None:
        """Back on the screen's own thread, unless it was left meanwhile."""
        if not get_current_worker().is_cancelled and self.app.is_running:
            self.app.call_from_thread(show, *what)

    @on(Rows.Edge)
    def _beyond(self, event: Rows.Edge) -> None:
        self.attempt_with(lambda document: self._jump(document, event.side) if event.jump else self._read_on(document, event.side))

    def _jump(self, document: Document, side: int) -> None:
        """To the first or the last row of all."""
        if not (document.at_start if side < 0 else document.at_end):
            document.to_start() if side < 0 else document.to_end()
            self.fill(0 if side < 0 else len(document))
        self.query_one(Rows).renew(0 if side < 0 else len(document))
        self.tell()

    def _read_on(self, document: Document, side: int) -> None:
        rows = self.query_one(Rows)
        if side < 0:
            came = document.load_earlier()
            rows.renew(keep=came)
            if came:
                rows.action_move(-1)
        else:
            document.load_later()
            rows.renew()
        self.tell()

    @on(Rows.Moved)
    def _moved(self) -> None:
        """Read on before the end is reached."""
        document, rows = self.pages.document, self.query_one(Rows)
        if document and not document.at_end and rows.marked > len(document) - rows.size.height:
            self.attempt_with(lambda document: self._read_on(document, 1))

    @on(Rows.Chosen)
    def _chosen(self) -> None:
        self.attempt_with(self._toggle)

    def _toggle(self, document: Document) -> None:
        rows = self.query_one(Rows)
        mark = document.mark(rows.marked)
        document.toggle(rows.marked)
        rows.renew(document.at(mark._replace(below=0)))

    def action_part(self, tenths: int) -> None:
        """Go to so many tenths of the thread."""
        self.attempt_with(lambda document: self._go(document, place_at(self.desk.store, self.item.id, tenths)))

    def _go(self, document: Document, place: Position) -> None:
        document.to(place)
        rows = self.query_one(Rows)
        rows.renew(self.fill(0), line=rows.middle)
        self.tell()

    def action_fold(self) -> None:
        """Fold everything, or nothing."""
        self._full = not self._full
        self._restyle()

    def action_raw(self) -> None:
        """The records, or the transcript."""
        self._raw = not self._raw
        self._restyle()

    def _restyle(self) -> None:
        """Look another way, at what one looked at."""
        self.attempt_with(self._look_anew)

    def _look_anew(self, document: Document) -> None:
        rows = self.query_one(Rows)
        if not len(document):
            return
        at_end = rows.marked == len(document) - 1
        at = self.fill(document.restyle(self._look(), rows.marked))
        rows.renew(len(document) if at_end else at)
        self.tell()

    def on_resize(self) -> None:
        """Lay it out anew where it has another width."""
        document = self.pages.document
        if document and document.look.style.width != self._columns():
            self._restyle()
