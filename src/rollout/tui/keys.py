"""The line that tells the keys of a screen; a click on one presses it.

It stands in for textual's footer, which is a widget for each key and took a sixth of the time to the first frame.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.style import Style
from rich.text import Text
from textual.widgets import Input, Static

if TYPE_CHECKING:
    from textual.screen import Screen

_KEY = Style(bold=True)
_OF_FIELDS = ("escape", "enter")


class Keys(Static):
    """The keys that do something now, as the bindings of the screen and of what has the focus tell them."""

    def __init__(self) -> None:
        """Tell nothing yet."""
        super().__init__(id="keys")

    def on_mount(self) -> None:
        """Tell anew when the focus goes elsewhere."""
        self.screen.bindings_updated_signal.subscribe(self, self._tell)

    def _tell(self, screen: Screen[object]) -> None:
        text = Text(no_wrap=True, overflow="ellipsis")
        typing = isinstance(screen.focused, Input)
        for active in screen.active_bindings.values():
            if active.binding.show and active.enabled and (not typing or active.binding.key in _OF_FIELDS):
                press = Style(meta={"@click": f"app.simulate_key({active.binding.key!r})"})
                text.append(f" {self.app.get_key_display(active.binding)}", _KEY + press)
                text.append(f" {active.binding.description} ", press)
        self.update(text)
