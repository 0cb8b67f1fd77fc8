"""The keys that do something with a thread, the same on every screen that shows one."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual import work
from textual.binding import Binding, BindingType
from textual.screen import Screen

from rollout.errors import RolloutError
from rollout.render.safe import safe_line
from rollout.tui.dialogs import Ask, Choose, Help

if TYPE_CHECKING:
    from collections.abc import Callable

    from rollout.tui.desk import Desk
    from rollout.tui.item import Item


class Acting(Screen[None]):
    """A screen on which one thread is meant. ``changed`` is called after an action that changed something."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("l", "app.lineage", "lineage"),
        Binding("R", "rename", "rename", show=False),
        Binding("A", "move", "archive", show=False),
        Binding("F", "fork", "fork", show=False),
        Binding("x", "export", "export", show=False),
        Binding("i", "copy_id", "copy id", show=False),
        Binding("c", "copy_command", "copy command", show=False),
        Binding("o", "open_folder", "folder", show=False),
        Binding("T", "app.light", "light or dark", show=False),
        Binding("question_mark", "help", "help"),
        Binding("q", "app.quit", "quit"),
    ]

    def __init__(self, desk: Desk) -> None:
        """Act through a desk."""
        super().__init__()
        self.desk = desk

    def meant(self) -> Item | None:
        """The thread that is meant, None when there is none."""
        raise NotImplementedError

    def changed(self) -> None:
        """Something was changed: the thread lies elsewhere, or there is one more."""

    def renamed(self, _name: str) -> None:
        """It has another name."""
        self.changed()

    def forked(self) -> None:
        """There is a fork of it."""
        self.changed()

    @work(thread=True, group="acts")
    def attempt(self, act: Callable[[], str], then: Callable[[], None] | None = None) -> None:
        """Do it beside the screen, say what was done or why not, and then what follows; a large thread takes its time."""
        try:
            told, why = act(), ""
        except (RolloutError, OSError) as error:
            told, why = "", str(error)
        if self.app.is_running:
            self.app.call_from_thread(self._attempted, told, why, then)

    def _attempted(self, told: str, why: str, then: Callable[[], None] | None) -> None:
        self.notify(safe_line(why or told), severity="error" if why else "information", markup=False)
        if then and not why and self.is_attached:
            then()

    def action_rename(self) -> None:
        """Ask for a name."""
        item = self.meant()
        if item is None:
            return

        def answered(name: str | None) -> None:
            if name:
                self.attempt(lambda: self.desk.rename(item, name), lambda: self.renamed(name))

        self.app.push_screen(Ask("New name", safe_line(item.name)), answered)

    def action_move(self) -> None:
        """Archive or bring back, when that is meant."""
        self._sure("Bring it back?" if self._is_archived() else "Archive it?", self.desk.move, self.changed)

    def action_fork(self) -> None:
        """Fork, when that is meant."""
        self._sure("Fork it?", self.desk.fork, self.forked)

    def action_export(self) -> None:
        """Write it to a file here."""
        item = self.meant()
        if item is not None:
            self.notify("writing…", timeout=1, markup=False)
            self.attempt(lambda: self.desk.export(item))

    def action_copy_id(self) -> None:
        """Put the id on the clipboard."""
        item = self.meant()
        if item is not None:
            self._copy(item.id)

    def action_copy_command(self) -> None:
        """Put the command that resumes it on the clipboard."""
        item = self.meant()
        if item is not None:
            self._copy(safe_line(self.desk.resume_command(item)))

    def action_open_folder(self) -> None:
        """Open its folder."""
        item = self.meant()
        if item is not None:
            self.attempt(lambda: self.desk.open_folder(item))

    def action_help(self) -> None:
        """Show the keys."""
        self.app.push_screen(Help())

    def _is_archived(self) -> bool:
        item = self.meant()
        return item is not None and item.archived

    def _copy(self, text: str) -> None:
        self.app.copy_to_clipboard(text)
        self.notify(f"copied: {text}", markup=False)

    def _sure(self, question: str, act: Callable[[Item], str], then: Callable[[], None]) -> None:
        item = self.meant()
        if item is None:
            return

        def answered(choice: int | None) -> None:
            if choice == 0:
                self.attempt(lambda: act(item), then)

        self.app.push_screen(Choose(f"{question}  {item.title[:60]}", ("yes", "no")), answered)
