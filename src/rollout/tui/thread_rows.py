"""The rows of the list of threads: headings and threads, and what a row has no room for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.text import Text

from rollout.render.naming import ago, tilde
from rollout.render.safe import fit, pad, safe_line
from rollout.tui.item import Item
from rollout.tui.threads import GROUPINGS, grouped, size_text

if TYPE_CHECKING:
    from rollout.tui.desk import Desk


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
            return Text().append(fit(row, columns), style="bold underline")  # the style of a whole text is not drawn
        folder = tilde(safe_line(row.cwd or "?"), self._desk.user_home)
        place = folder.rpartition("/")[2] + (f" [{row.branch}]" if row.branch else "")
        text = Text().append(f" {pad(ago(row.active_ms, self._desk.now_ms()), 10)} ", style="dim")
        text.append(pad(place, max(12, columns // 5)), style="cyan")
        text.append("  " + ("⑂ " if row.forked_from else ""), style="magenta")
        tags = fit("".join(f"  #{tag}" for tag in row.tags), columns // 4)
        room = max(10, columns - columns // 5 - 18 - cell_len(tags))
        text.append(fit(row.title, room), style="dim" if row.archived else "bold" if row.name else "")
        return text.append(tags, style="green")

    def details(self, item: Item) -> str:
        """What a row has no room for."""
        told = [tilde(safe_line(item.cwd or "?"), self._desk.user_home), item.model, item.provider, size_text(item.bytes)]
        told += ["archived" if item.archived else "", " ".join(f"#{tag}" for tag in item.tags), item.note]
        return " · ".join(filter(None, told))
