"""Questions that stand over a screen: a text, yes or no, one of several, and the help."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.table import Table
from rich.text import Text
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList, Static

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.app import ComposeResult
    from textual.binding import BindingType

HELP = (
    ("Everywhere", "arrows or j k, PageUp PageDown, Home End move · Esc back · q quit"),
    ("", "? help · T light or dark"),
    ("List", "/ filter: words, #tag, model: provider: branch: note: · Enter read · g group"),
    ("", "a also sub-agents, archived and untitled · p this project only"),
    ("Thread", "/ find · n N next and previous hit · Enter fold or unfold · f all of it"),
    ("", "r the raw records · 1 to 9 that tenth of it · End the end, and follow it"),
    ("All", "l lineage: what it was forked from, its forks and sub-agents"),
    ("", "R rename · A archive or bring back · F fork · x export as HTML"),
    ("", "i copy the id · c copy the command that resumes it · o open its folder"),
)


class Ask(ModalScreen[str | None]):
    """Asks for a text; None when it was left."""

    BINDINGS: ClassVar[list[BindingType]] = [("escape", "dismiss", "cancel")]

    def __init__(self, question: str, value: str = "") -> None:
        """Ask, with something to begin with."""
        super().__init__()
        self._question, self._value = question, value

    def compose(self) -> ComposeResult:
        """A question and a field."""
        with Vertical(classes="dialog"):
            yield Static(Text(self._question))
            yield Input(self._value, id="answer")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """The answer."""
        event.stop()
        self.dismiss(event.value)


class Choose(ModalScreen[int | None]):
    """Asks for one of several; its number, None when it was left."""

    BINDINGS: ClassVar[list[BindingType]] = [("escape", "dismiss", "cancel")]

    def __init__(self, question: str, choices: Sequence[str]) -> None:
        """Ask."""
        super().__init__()
        self._question, self._choices = question, choices

    def compose(self) -> ComposeResult:
        """A question and its answers."""
        with Vertical(classes="dialog"):
            yield Static(Text(self._question))
            yield OptionList(*map(Text, self._choices))

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """The answer."""
        event.stop()
        self.dismiss(event.option_index)


class Help(ModalScreen[None]):
    """The keys."""

    BINDINGS: ClassVar[list[BindingType]] = [("escape,question_mark,q,enter", "dismiss", "close")]

    def compose(self) -> ComposeResult:
        """One page."""
        with Vertical(classes="dialog wide"):
            table = Table.grid(padding=(0, 2))
            table.add_column(no_wrap=True, style="bold")
            for where, keys in HELP:
                table.add_row(where, keys)
            yield Static(table, id="help")
