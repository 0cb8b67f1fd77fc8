"""One thread: read from its end, folded, found in, followed while it is written."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual import on, work
from textual.binding import Binding, BindingType
from textual.widgets import Input, Static

from rollout.errors import RolloutError
from rollout.render.safe import fit, safe_line
from rollout.render.sharing import counted
from rollout.render.text import PLAIN, Style
from rollout.tui.acting import Acting
from rollout.tui.document import Document, Look
from rollout.tui.keys import Keys
from rollout.tui.rows import Rows

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from rollout.tui.desk import Desk
    from rollout.tui.threads import Item

_FOLLOW_S = 0.4


class Pages:
    """The rows of a document, as text."""

    def __init__(self) -> None:
        """Nothing is open."""
        self.document: Document | None = None

    def __len__(self) -> int:
        return len(self.document) if self.document else 0

    def is_heading(self, _at: int, /) -> bool:
        """No row is one."""
        return False

    def line(self, at: int, columns: int) -> Text:
        """One row, decoded from its colours; what is wider than the screen is cut there."""
        if self.document is None:
            return Text(fit("", columns))
        return Text.from_ansi(self.document.row(at).text, no_wrap=True, end="")


class ThreadScreen(Acting):
    """A transcript."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", "back"),
        Binding("slash", "find", "find"),
        Binding("n", "again(1)", "next", show=False),
        Binding("N", "again(-1)", "previous", show=False),
        Binding("f", "fold", "fold all"),
        Binding("r", "raw", "raw"),
    ]

    def __init__(self, desk: Desk, item: Item) -> None:
        """Show a thread; it is read when the screen has a size."""
        super().__init__(desk)
        self.item = item
        self.pages = Pages()
        self._full = self._raw = False
        self._wanted = ""

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
        self.query_one(Rows).focus()
        self.call_after_refresh(self._open)
        self.set_interval(_FOLLOW_S, self._follow)

    def meant(self) -> Item | None:
        """The thread."""
        return self.item

    def changed(self) -> None:
        """An archived thread lies elsewhere; that is all there is to know."""
        self.app.pop_screen()

    def _look(self) -> Look:
        columns = self._columns()
        fold = None if self._full else PLAIN.fold
        from rollout.render.rich_markdown import MarkdownPainter  # noqa: PLC0415 - the list does not need it

        return Look(Style(True, columns, fold, MarkdownPainter(columns), unfold="Enter"), self._raw)

    def _columns(self) -> int:
        return max(20, self.query_one(Rows).size.width - 2)

    def _open(self) -> None:
        try:
            self.pages.document = Document(self.desk.store, self.item.id, self._look())
        except (RolloutError, OSError) as error:
            self.query_one("#status", Static).update(safe_line(str(error)))
            return
        self._fill()
        self.query_one(Rows).renew(len(self.pages))
        self._tell()

    def _fill(self) -> None:
        """At least a screen of rows."""
        document = self.pages.document
        while document and len(document) < self.size.height and document.load_earlier():
            pass

    def _tell(self, told: str = "") -> None:
        document = self.pages.document
        if document is None:
            return
        parts = [told, "raw records" if self._raw else "", "" if document.at_start else "↑ there is more above"]
        parts += ["" if document.at_end else "↓ there is more below"]
        parts += [f"damaged: {counted(document.damage, 'stretch')} here" if document.damage else ""]
        self.query_one("#status", Static).update(" · ".join(filter(None, parts)) or f"thread {self.item.id}")

    def _follow(self) -> None:
        """Show what was appended; who is at the end stays there."""
        document, rows = self.pages.document, self.query_one(Rows)
        if document is None or not self.is_current:
            return
        at_end = rows.marked >= len(document) - 1
        try:
            grown = document.grow()
        except (RolloutError, OSError) as error:
            self._tell(safe_line(str(error)))
            return
        if grown:
            rows.renew(len(document) if at_end else None)
            self._tell()

    @on(Rows.Edge)
    def _beyond(self, event: Rows.Edge) -> None:
        document, rows = self.pages.document, self.query_one(Rows)
        if document is None:
            return
        if event.jump and event.side < 0 and not document.at_start:
            document.to_start()
            rows.renew(0)
        elif event.jump and event.side > 0 and not document.at_end:
            document.to_end()
            self._fill()
            rows.renew(len(document))
        elif event.side < 0:
            came = document.load_earlier()
            rows.renew(keep=came)
            if came and not event.jump:
                rows.action_move(-1)
        else:
            document.load_later()
            rows.renew()
        self._tell()

    @on(Rows.Moved)
    def _moved(self) -> None:
        """When opened at the beginning, read on before the end is reached."""
        document, rows = self.pages.document, self.query_one(Rows)
        if document and not document.at_end and rows.marked > len(document) - rows.size.height:
            document.load_later()
            rows.renew()

    @on(Rows.Chosen)
    def _chosen(self) -> None:
        document, rows = self.pages.document, self.query_one(Rows)
        if document is None:
            return
        mark = document.mark(rows.marked)
        document.toggle(rows.marked)
        rows.renew(document.at(mark._replace(below=0)))

    def action_back(self) -> None:
        """Leave the field, or the thread."""
        field = self.query_one("#find", Input)
        self.workers.cancel_group(self, "find")
        if field.display:
            field.display = False
            self.query_one(Rows).focus()
        else:
            self.app.pop_screen()

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
        document, rows = self.pages.document, self.query_one(Rows)
        if not document or not len(document):
            return
        mark, at_end = document.mark(rows.marked), rows.marked == len(document) - 1
        document.restyle(self._look())
        self._fill()
        at = document.at(mark)
        rows.renew(len(document) if at_end or at is None else at)
        self._tell()

    def on_resize(self) -> None:
        """Lay it out anew where it has another width."""
        document = self.pages.document
        if document and document.look.style.width != self._columns():
            self._restyle()

    def action_find(self) -> None:
        """Ask what to find."""
        field = self.query_one("#find", Input)
        field.display = True
        field.focus()

    @on(Input.Submitted, "#find")
    def _asked(self, event: Input.Submitted) -> None:
        event.input.display = False
        self.query_one(Rows).focus()
        self._wanted = event.value
        if self._wanted and self.pages.document:
            marked = self.query_one(Rows).marked
            self.find(self._wanted, marked, -1 if marked else 1)

    def action_again(self, step: int) -> None:
        """The next hit below (1) or above (-1)."""
        if self._wanted and self.pages.document:
            self.find(self._wanted, self.query_one(Rows).marked + step, step)

    @work(exclusive=True, group="find")
    async def find(self, text: str, at: int, step: int) -> None:
        """Look on, block after block, until it is found or Esc is pressed."""
        import asyncio  # noqa: PLC0415 - the loop is there by now

        document, rows = self.pages.document, self.query_one(Rows)
        while document:
            found = document.find(text, at, step)
            if found is not None:
                rows.renew(found)
                self._tell(f"found: {safe_line(text)} · n next, N previous")
                return
            came = document.load_earlier() if step < 0 else document.load_later()
            if not came:
                break
            at = came - 1 if step < 0 else len(document) - came
            rows.renew(keep=came if step < 0 else 0)
            self._tell("looking…")
            await asyncio.sleep(0)
        self._tell(f"not found {'above' if step < 0 else 'below'}: {safe_line(text)}")
