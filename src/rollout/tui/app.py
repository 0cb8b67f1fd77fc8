"""The application: one look, and the list as its first screen."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, ClassVar

from textual.app import App

from rollout.tui.acting import Acting
from rollout.tui.list_screen import ListScreen

if TYPE_CHECKING:
    from rollout.tui.desk import Desk


_LIGHT = ("7", "15")
"""The grounds that terminals tell of in COLORFGBG, where they do."""


class ViewApp(App[None]):
    """Look at threads. Nothing is changed unless a key of an action is pressed and, where it matters, confirmed."""

    TITLE = "rollout"
    ENABLE_COMMAND_PALETTE = False
    CSS: ClassVar[str] = """
    Screen { layout: vertical; }
    Input { height: 1; border: none; padding: 0 1; }
    Input:focus { border: none; }
    Rows { height: 1fr; scrollbar-size-vertical: 1; overflow-x: hidden; }
    #heading { height: 1; background: $panel; padding: 0 1; text-style: bold; }
    #keys { height: 1; background: $footer-background; color: $footer-foreground;
            link-style: none; link-color: $footer-foreground; link-background: $footer-background; }
    #details { height: 1; padding: 0 1; color: $text-muted; }
    #status { height: 1; background: $panel; padding: 0 1; color: $text-muted; }
    ModalScreen { align: center middle; }
    .dialog { width: 70; height: auto; max-height: 80%; border: round $primary; background: $surface; padding: 1 2; }
    .wide { width: 96; max-width: 100%; }
    OptionList { height: auto; max-height: 20; border: none; }
    """

    def __init__(self, desk: Desk) -> None:
        """Show what a desk has."""
        super().__init__()
        self.animation_level = "none"
        if os.environ.get("COLORFGBG", "").rpartition(";")[2] in _LIGHT:
            self.theme = "textual-light"
        self._desk = desk

    def get_default_screen(self) -> ListScreen:
        """The list, with no empty screen below it."""
        return ListScreen(self._desk)

    def action_light(self) -> None:
        """Dark letters on a light ground, or the other way round."""
        self.theme = "textual-dark" if self.theme == "textual-light" else "textual-light"

    def action_lineage(self) -> None:
        """Show the family of the thread that is meant."""
        from rollout.tui.tree_screen import TreeScreen  # noqa: PLC0415 - the first paint does not need it

        item = self.screen.meant() if isinstance(self.screen, Acting) else None
        if item is not None:
            self.push_screen(TreeScreen(self._desk, item))
