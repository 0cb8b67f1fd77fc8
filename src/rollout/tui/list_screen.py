"""The list of threads: filtered while one types, grouped, read page by page."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, ClassVar

from textual import on, work
from textual.binding import Binding, BindingType
from textual.widgets import Input, Static

from rollout.errors import RolloutError
from rollout.render.safe import fit, safe_line
from rollout.render.sharing import counted
from rollout.tui.acting import Acting
from rollout.tui.keys import Keys
from rollout.tui.rows import Rows
from rollout.tui.thread_rows import Threads
from rollout.tui.threads import GROUPINGS, Listed, Wanted, listed

if TYPE_CHECKING:
    from textual.app import ComposeResult
    from textual.timer import Timer

    from rollout.query import Cursor
    from rollout.tui.desk import Desk
    from rollout.tui.item import Item

_PATIENCE_S = 0.12
_AGAIN_S = 3.0
_SOON_S = 0.3
_REST = 10
"""After a reading there is a rest of so many times its length, so that looking again and again costs a tenth of a processor at most."""


class ListScreen(Acting):
    """Threads, newest activity first."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "filter", "filter"),
        Binding("escape", "clear", "show all"),
        Binding("g", "group", "group"),
        Binding("a", "all", "all kinds"),
        Binding("p", "project", "this project"),
    ]

    def __init__(self, desk: Desk) -> None:
        """Show the threads of a desk's store."""
        super().__init__(desk)
        self.threads = Threads(desk)
        self.wanted = Wanted()
        self._next: Cursor | None = None
        self._note = ""
        self._timer: Timer | None = None
        self._reading: Wanted | None = None
        self._stale = False
        self._rest_until = 0.0

    def compose(self) -> ComposeResult:
        """A field, the rows, one line about them, the keys."""
        yield Input(placeholder="filter: name or first question, #tag, model: provider: branch: note:", id="filter")
        yield Rows(self.threads, id="threads")
        yield Static("", id="details", markup=False)
        yield Static("reading…", id="status", markup=False)
        yield Keys()

    def on_mount(self) -> None:
        """Read the first page; where that takes its time, first the threads that were begun last."""
        self.set_focus(self.query_one(Rows))
        if self.desk.is_slow:
            self.read(self.wanted._replace(soon=True))
        else:
            self._ask()
            self.set_timer(_SOON_S, self._hurry)
        self.set_interval(_AGAIN_S, self._again)

    def meant(self) -> Item | None:
        """The marked thread."""
        return self.threads.item(self.query_one(Rows).marked)

    def changed(self) -> None:
        """Read anew, and stay where one was."""
        self._ask()

    def on_screen_resume(self) -> None:
        """Another screen may have changed something."""
        if self.threads.items:
            self._ask()

    def _ask(self, cursor: Cursor | None = None) -> None:
        """Read a page of what is wanted; once more after what is being read now, which may be something else."""
        if self._reading is None:
            self._reading = self.wanted
            self.read(self.wanted, cursor)
        else:
            self._stale = self._stale or cursor is None

    def _hurry(self) -> None:
        """The list takes its time: show the threads that were begun last."""
        if self._reading == self.wanted and not self.threads.items:
            self.read(self.wanted._replace(soon=True))

    @work(thread=True)
    def read(self, wanted: Wanted, cursor: Cursor | None = None) -> None:
        """Read a page beside the screen."""
        began = time.monotonic()
        try:
            found: Listed | str = listed(self.desk.quick_store() if wanted.soon else self.desk.store, wanted, cursor)
        except (RolloutError, OSError) as error:
            found = safe_line(str(error))
        if self.app.is_running:
            self._rest_until = time.monotonic() + _REST * (time.monotonic() - began)
            self.app.call_from_thread(self._came, wanted, found, cursor)

    def _came(self, wanted: Wanted, found: Listed | str, cursor: Cursor | None) -> None:
        """Show what came; the application may be on its way out by now."""
        if not self.query(Rows):
            return
        if wanted.soon:
            self._take_soon(wanted._replace(soon=False), found)
            return
        self._reading, stale, self._stale = None, self._stale, False
        if isinstance(found, str):
            self._tell(found)
        elif wanted == self.wanted:
            self._take(found, cursor)
        if stale or wanted != self.wanted:
            self._ask()

    def _take_soon(self, wanted: Wanted, found: Listed | str) -> None:
        """Show what came first, unless the list is there by now."""
        if self.wanted == wanted and not self.threads.items and isinstance(found, Listed) and found.items:
            self.threads.items = list(found.items)
            self._arrange(None, "reading on…")
        if self._reading is None:
            self._ask()

    def _take(self, found: Listed, cursor: Cursor | None) -> None:
        """Show what came; who has moved the mark keeps the thread, in the line where it stands."""
        rows = self.query_one(Rows)
        before = self.meant() if rows.marked > 1 or rows.scroll_offset.y else None
        fresh = {item.id for item in found.items}
        if cursor is None and len(self.threads.items) > len(found.items) and found.next is not None:
            self.threads.items = [*found.items, *(item for item in self.threads.items if item.id not in fresh)]
        else:
            self.threads.items = [*(self.threads.items if cursor else ()), *found.items]
            self._next = found.next
        self._note = found.note
        self._arrange(before)
        if self._next and len(self.threads.items) < rows.size.height:
            self._more()

    def _arrange(self, before: Item | None, told: str = "") -> None:
        rows = self.query_one(Rows)
        line = rows.marked - rows.scroll_offset.y if before else None
        self.threads.arrange()
        rows.renew(self.threads.at(before.id) if before else 0, line=line)
        count = len(self.threads.items)
        parts = [f"{count:,}+ threads" if self._next or told else counted(count, "thread"), told or f"grouped by {self.threads.grouping}"]
        parts += ["all kinds"] if self.wanted.everything else []
        parts += [f"in {safe_line(self.wanted.cwd)}"] if self.wanted.cwd else []
        if not self.threads.items and not told:
            parts = [safe_line(self.desk.why_empty()) if self.wanted == Wanted() else "no thread fits: Esc shows all"]
        self._tell(" · ".join(filter(None, [*parts, self._note])))
        self._tell_details()

    def _tell(self, told: str) -> None:
        self.query_one("#status", Static).update(fit(told, self.size.width - 2))

    def _tell_details(self) -> None:
        item = self.meant()
        self.query_one("#details", Static).update(fit(self.threads.details(item), self.size.width - 2) if item else "")

    def _again(self) -> None:
        """Threads that are being written come to the top."""
        is_due = self._reading is None and time.monotonic() > self._rest_until
        if self.is_current and is_due and self.query_one(Rows).scroll_offset.y == 0:
            self._ask()

    def _want(self, wanted: Wanted) -> None:
        self.wanted = wanted
        self.refresh_bindings()
        self.threads.items = []
        self._next = None
        self._ask()

    @on(Rows.Edge)
    def _beyond(self, event: Rows.Edge) -> None:
        if event.side > 0:
            self._more()

    @on(Rows.Moved)
    def _moved(self) -> None:
        """Tell about the row, and read on before the end is reached."""
        self._tell_details()
        if self.query_one(Rows).marked > len(self.threads) - 60:
            self._more()

    def _more(self) -> None:
        if self._next is not None and self._reading is None:
            self._ask(self._next)

    @on(Rows.Chosen)
    def _chosen(self) -> None:
        from rollout.tui.thread_screen import ThreadScreen  # noqa: PLC0415 - the first paint does not need it

        item = self.meant()
        if item is None:
            return
        try:
            self.app.push_screen(ThreadScreen(self.desk, item))
        except (RolloutError, OSError) as error:
            self.notify(safe_line(str(error)), severity="error", markup=False)

    @on(Input.Changed, "#filter")
    def _typed(self, event: Input.Changed) -> None:
        """Filter once the person pauses."""
        if self._timer:
            self._timer.stop()
        text = event.value.strip()
        self._timer = self.set_timer(_PATIENCE_S, lambda: self._want(self.wanted._replace(text=text)))

    @on(Input.Submitted, "#filter")
    def _typed_all(self) -> None:
        self.set_focus(self.query_one(Rows))

    def action_filter(self) -> None:
        """Go to the field."""
        self.set_focus(self.query_one("#filter", Input))

    def action_clear(self) -> None:
        """Show everything again."""
        self.query_one("#filter", Input).value = ""
        self.set_focus(self.query_one(Rows))
        if self.wanted.cwd:
            self._want(self.wanted._replace(cwd=""))

    def action_group(self) -> None:
        """The next way to group."""
        before = self.meant()
        at = GROUPINGS.index(self.threads.grouping) + 1
        self.threads.grouping = GROUPINGS[at % len(GROUPINGS)]
        self._arrange(before)

    def action_all(self) -> None:
        """Everything, or what a person began and did not archive."""
        self._want(self.wanted._replace(everything=not self.wanted.everything))

    def action_project(self) -> None:
        """Only threads of the marked one's folder, or of all again."""
        item = self.meant()
        self._want(self.wanted._replace(cwd="" if self.wanted.cwd or item is None else item.cwd))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """What is all there already is not shown again."""
        if action == "clear":
            return self.wanted._replace(everything=False) != Wanted() or isinstance(self.focused, Input)
        return super().check_action(action, parameters)
