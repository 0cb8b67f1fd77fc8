"""Questions that stand over a screen: a text, yes or no, one of several, and the help."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList, Static

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.app import ComposeResult
    from textual.binding import BindingType

HELP = """\
[b]Everywhere[/b]      ? help · Esc back · q quit · arrows or j k, PageUp/Down, Home End move
[b]List[/b]            / filter by name or first question · Enter read · g group by time, project, nothing
                a also sub-agents, archived and untitled · p threads of this project only
                l lineage: what it was forked from, its forks and sub-agents
[b]Thread[/b]          / find · n N next, previous hit · Enter fold or unfold · f fold or unfold all
                r the raw records · End follow while it is written
[b]Both[/b]            R rename · A archive or bring back · F fork · x export as HTML
                i copy the id · c copy the command that resumes it · o open its folder"""


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
            yield Static(HELP, id="help")
