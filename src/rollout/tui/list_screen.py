"""The list of threads: filtered while one types, grouped, read page by page."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual import on, work
from textual.binding import Binding, BindingType
from textual.widgets import Input, Static
from textual.worker import get_current_worker

from rollout.errors import RolloutError
from rollout.render.naming import ago, tilde
from rollout.render.safe import fit, pad, safe_line
from rollout.render.sharing import counted
from rollout.tui.acting import Acting
from rollout.tui.keys import Keys
from rollout.tui.rows import Rows
from rollout.tui.threads import GROUPINGS, Item, Listed, Wanted, grouped, listed

if TYPE_CHECKING:
    from textual.app import ComposeResult
    from textual.timer import Timer

    from rollout.query import Cursor
    from rollout.tui.desk import Desk

_PATIENCE_S = 0.12
_AGAIN_S = 3.0


class Threads:
    """The rows of the list: headings and threads."""

    def __init__(self, desk: Desk) -> None:
        """Nothing was read."""
        self._desk = desk
        self.items: list[Item] = []
        self.rows: list[Item | str] = []
        self.grouping = GROUPINGS[0]

    def __len__(self) -> int:
        return len(self.rows)

    def arrange(self) -> None:
        """Group what was read."""
        self.rows = grouped(self.items, self.grouping, self._desk.now_ms())

    def item(self, at: int) -> Item | None:
        """The thread in a row."""
        row = self.rows[at] if at < len(self.rows) else None
        return row if isinstance(row, Item) else None

    def is_heading(self, at: int, /) -> bool:
        """Whether a row is the heading of a group."""
        return isinstance(self.rows[at], str)

    def at(self, thread_id: str) -> int:
        """The row of a thread, 0 when it is not there."""
        return next((at for at, row in enumerate(self.rows) if isinstance(row, Item) and row.id == thread_id), 0)

    def line(self, at: int, columns: int) -> Text:
        """One row."""
        row = self.rows[at]
        if isinstance(row, str):
            return Text(fit(row, columns), style="bold underline")
        folder = tilde(safe_line(row.cwd or "?"), self._desk.user_home)
        place = folder.rpartition("/")[2] + (f" [{row.branch}]" if row.branch else "")
        text = Text().append(f" {pad(ago(row.active_ms, self._desk.now_ms()), 10)} ", style="dim")
        text.append(pad(place, max(12, columns // 5)), style="cyan")
        text.append("  " + ("⑂ " if row.forked_from else ""), style="magenta")
        text.append(fit(row.title, max(10, columns - columns // 5 - 18)), style="dim" if row.archived else "bold" if row.name else "")
        return text


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
        self._is_loading = False

    def compose(self) -> ComposeResult:
        """A field, the rows, one line about them, the keys."""
        yield Input(placeholder="filter by name or first question", id="filter")
        yield Rows(self.threads, id="threads")
        yield Static("reading…", id="status", markup=False)
        yield Keys()

    def on_mount(self) -> None:
        """Read the first page."""
        self.set_focus(self.query_one(Rows))
        self.read(self.wanted)
        self.set_interval(_AGAIN_S, self._again)

    def meant(self) -> Item | None:
        """The marked thread."""
        return self.threads.item(self.query_one(Rows).marked)

    def changed(self) -> None:
        """Read anew, and stay where one was."""
        self.read(self.wanted)

    def on_screen_resume(self) -> None:
        """Another screen may have changed something."""
        if self.threads.items:
            self.read(self.wanted)

    @work(thread=True, exclusive=True)
    def read(self, wanted: Wanted, cursor: Cursor | None = None) -> None:
        """Read a page beside the screen."""
        worker = get_current_worker()
        try:
            found: Listed | str = listed(self.desk.store, wanted, cursor)
        except (RolloutError, OSError) as error:
            found = safe_line(str(error))
        if not worker.is_cancelled and self.app.is_running:
            self.app.call_from_thread(self._came, wanted, found, cursor)

    def _came(self, wanted: Wanted, found: Listed | str, cursor: Cursor | None) -> None:
        """Show what came; the application may be on its way out by now."""
        if not self.query(Rows):
            return
        if isinstance(found, str):
            self._failed(found)
        else:
            self._take(wanted, found, cursor)

    def _failed(self, reason: str) -> None:
        self._is_loading = False
        self.query_one("#status", Static).update(reason)

    def _take(self, wanted: Wanted, found: Listed, cursor: Cursor | None) -> None:
        """Show what came, unless something else is wanted by now."""
        self._is_loading = False
        if wanted != self.wanted:
            return
        before = self.meant()
        fresh = {item.id for item in found.items}
        if cursor is None and len(self.threads.items) > len(found.items) and found.next is not None:
            self.threads.items = [*found.items, *(item for item in self.threads.items if item.id not in fresh)]
        else:
            self.threads.items = [*(self.threads.items if cursor else ()), *found.items]
            self._next = found.next
        self._note = found.note
        self._arrange(before)

    def _arrange(self, before: Item | None) -> None:
        self.threads.arrange()
        rows = self.query_one(Rows)
        rows.renew(self.threads.at(before.id) if before else 0)
        count = len(self.threads.items)
        parts = [f"{count:,}+ threads" if self._next else counted(count, "thread"), f"grouped by {self.threads.grouping}"]
        parts += [f"in {safe_line(self.wanted.cwd)}"] if self.wanted.cwd else []
        if not self.threads.items:
            parts = ["no threads" if self.wanted == Wanted() else "no thread fits: Esc shows all"]
        self.query_one("#status", Static).update(" · ".join(filter(None, [*parts, self._note])))

    def _again(self) -> None:
        """Threads that are being written come to the top."""
        if self.is_current and not self._is_loading and self.query_one(Rows).scroll_offset.y == 0:
            self.read(self.wanted)

    def _want(self, wanted: Wanted) -> None:
        self.wanted = wanted
        self.refresh_bindings()
        self.threads.items = []
        self.read(wanted)

    @on(Rows.Edge)
    def _beyond(self, event: Rows.Edge) -> None:
        if event.side > 0:
            self._more()

    @on(Rows.Moved)
    def _moved(self) -> None:
        """Read on before the end is reached."""
        if self.query_one(Rows).marked > len(self.threads) - 60:
            self._more()

    def _more(self) -> None:
        if self._next is not None and not self._is_loading:
            self._is_loading = True
            self.read(self.wanted, self._next)

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
