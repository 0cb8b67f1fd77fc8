"""A list of rows of any length, of which only those on the screen are drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Protocol

from rich.style import Style as RichStyle
from rich.text import Text
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

if TYPE_CHECKING:
    from textual import events

FOUND = RichStyle(color="black", bgcolor="yellow")
"""What was looked for, also in the marked row."""
_CURSOR = RichStyle(reverse=True)


class Source(Protocol):
    """Where rows come from; ``line`` gives safe text."""

    def __len__(self) -> int: ...

    def line(self, at: int, columns: int) -> Text:
        """A row in so many columns."""
        ...

    def is_heading(self, at: int, /) -> bool:
        """Whether the row only tells what the rows below it are; such a row is never marked."""
        ...


class Rows(ScrollView, can_focus=True):
    """Rows with one that is marked. ``Edge`` is sent when it is moved beyond the first (-1) or last row (1)."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j", "move(1)", "down", show=False),
        Binding("up,k", "move(-1)", "up", show=False),
        Binding("pagedown,space", "page(1)", "page down", show=False),
        Binding("pageup,b", "page(-1)", "page up", show=False),
        Binding("home", "edge(-1)", "first", show=False),
        Binding("end,G", "edge(1)", "last", show=False),
        Binding("enter", "choose", "open"),
    ]
    marked: reactive[int] = reactive(0)

    class Moved(Message):
        """Another row is marked."""

    class Chosen(Message):
        """The marked row was chosen."""

    class Edge(Message):
        """The person wants to go beyond an end; ``jump``: to the very end of everything."""

        def __init__(self, side: int, *, jump: bool) -> None:
            """Which side: -1 the first row, 1 the last."""
            self.side, self.jump = side, jump
            super().__init__()

    def __init__(self, source: Source, *, id: str) -> None:  # noqa: A002 - textual's name
        """Show a source."""
        super().__init__(id=id)
        self.source = source

    def renew(self, marked: int | None = None, *, keep: int = 0, line: int | None = None) -> None:
        """Draw anew after the source changed. ``keep``: so many rows came before what was shown; ``line`` of the screen: there the row stands."""
        count = len(self.source)
        self.virtual_size = Size(self.size.width, count)
        if keep:
            self.scroll_to(y=self.scroll_offset.y + keep, animate=False, force=True, immediate=True)
        self.marked = self._near(self.marked + keep if marked is None else marked, 1)
        if line is not None:
            self.scroll_to(y=self.marked - line, animate=False, force=True, immediate=True)
        self._follow()
        self.refresh()

    @property
    def middle(self) -> int:
        """The line in the middle."""
        return self.size.height // 2

    def on_resize(self) -> None:
        """Rows fill the width."""
        self.virtual_size = Size(self.size.width, len(self.source))

    def render_line(self, y: int) -> Strip:
        """One line of the screen."""
        at, columns = self.scroll_offset.y + y, self.size.width
        if not 0 <= at < len(self.source):
            return Strip.blank(columns, self.rich_style)
        text, style = self.source.line(at, columns), self.rich_style
        if at == self.marked and self.has_focus:
            found = [span for span in text.spans if span.style is FOUND]
            text, style = Text(text.plain, spans=found, end="", no_wrap=True), style + _CURSOR
        strip = Strip(text.render(self.app.console)).apply_style(style)
        return strip.crop(0, columns).extend_cell_length(columns, style)

    def watch_marked(self) -> None:
        """Tell, and draw."""
        self.post_message(self.Moved())
        self.refresh()

    def action_move(self, step: int) -> None:
        """Mark the next or previous row."""
        self._mark(self.marked + step)

    def action_page(self, step: int) -> None:
        """Mark the row a screen further."""
        self._mark(self.marked + step * max(1, self.size.height - 1))

    def action_edge(self, side: int) -> None:
        """Mark the first or last row of all."""
        self._mark(0 if side < 0 else len(self.source) - 1, ask=False)
        self.post_message(self.Edge(side, jump=True))

    def action_choose(self) -> None:
        """Choose the marked row."""
        if len(self.source):
            self.post_message(self.Chosen())

    def on_click(self, event: events.Click) -> None:
        """A click marks, a second one on the same row chooses."""
        at = self.scroll_offset.y + event.y
        if at == self.marked:
            self.action_choose()
        elif at < len(self.source):
            self._mark(at)

    def on_mouse_scroll_up(self) -> None:
        """The wheel asks for more at the top."""
        if self.scroll_offset.y == 0:
            self.post_message(self.Edge(-1, jump=False))

    def on_mouse_scroll_down(self) -> None:
        """The wheel asks for more at the bottom."""
        if self.scroll_offset.y >= len(self.source) - self.size.height:
            self.post_message(self.Edge(1, jump=False))

    def _mark(self, at: int, *, ask: bool = True) -> None:
        last = len(self.source) - 1
        if ask and (at < 0 or at > last):
            self.post_message(self.Edge(-1 if at < 0 else 1, jump=False))
        self.marked = self._near(at, -1 if at < self.marked else 1)
        self._follow()

    def _near(self, at: int, step: int) -> int:
        """A row that can be marked: the given one, or the next in a direction that is no heading."""
        last = len(self.source) - 1
        at = max(0, min(last, at))
        while 0 <= at <= last and self.source.is_heading(at):
            at += step
        return at if 0 <= at <= last else max(0, min(last, self.marked))

    def _follow(self) -> None:
        """Keep the marked row on the screen, and with it the heading directly above."""
        top, height = self.scroll_offset.y, self.size.height
        first = self.marked - (0 < self.marked < len(self.source) and self.source.is_heading(self.marked - 1))
        if first < top:
            self.scroll_to(y=first, animate=False, force=True, immediate=True)
        elif height and self.marked >= top + height:
            self.scroll_to(y=self.marked - height + 1, animate=False, force=True, immediate=True)
