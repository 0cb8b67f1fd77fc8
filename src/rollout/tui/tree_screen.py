"""The lineage of a thread: what it was forked from, its forks and its sub-agents."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual import work
from textual.binding import Binding, BindingType
from textual.widgets import Static, Tree
from textual.worker import get_current_worker

from rollout.errors import RolloutError
from rollout.lineage import Lineage, lineage
from rollout.render.naming import ago
from rollout.render.safe import fit, safe_line
from rollout.render.sharing import counted
from rollout.tui.acting import Acting
from rollout.tui.item import Item
from rollout.tui.keys import Keys
from rollout.tui.thread_screen import ThreadScreen

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.app import ComposeResult
    from textual.widgets.tree import TreeNode

    from rollout.query import Thread
    from rollout.tui.desk import Desk


class TreeScreen(Acting):
    """A tree of the threads around one."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "app.pop_screen", "back")]

    def __init__(self, desk: Desk, item: Item) -> None:
        """Show the family of a thread."""
        super().__init__(desk)
        self.item = item

    def compose(self) -> ComposeResult:
        """A tree, one line about it, the keys."""
        tree: Tree[Item] = Tree(Text("lineage"), id="lineage")
        tree.show_root = tree.auto_expand = False
        yield tree
        yield Static("reading…", id="status", markup=False)
        yield Keys()

    def on_mount(self) -> None:
        """Read beside the screen."""
        self.query_one(Tree).focus()
        self.read()

    def meant(self) -> Item | None:
        """The thread under the cursor."""
        node: TreeNode[Item] | None = self.query_one(Tree).cursor_node
        return node.data if node else None

    def changed(self) -> None:
        """Read the family anew."""
        self.read()

    @work(thread=True, exclusive=True)
    def read(self) -> None:
        """Read the family beside the screen."""
        try:
            found = lineage(self.desk.store, self.item.id)
        except (RolloutError, OSError) as error:
            self._later(self.query_one("#status", Static).update, safe_line(str(error)))
            return
        self._later(self._show, found)

    def _later(self, show: Callable[..., object], *what: object) -> None:
        """Back on the screen's own thread, unless it was left meanwhile."""
        if not get_current_worker().is_cancelled and self.app.is_running:
            self.app.call_from_thread(show, *what)

    def _show(self, found: Lineage) -> None:
        if not self.query(Tree):
            return
        tree: Tree[Item] = self.query_one(Tree)
        tree.clear()
        self._add(tree.root, found.top, found)
        tree.root.expand_all()
        told = [counted(found.size, "thread")]
        told += ["the family is larger than that"] if not found.complete else []
        told += [f"forked from {safe_line(found.missing)}, which is not there"] if found.missing else []
        self.query_one("#status", Static).update(" · ".join(told))

    def _add(self, node: TreeNode[Item], thread: Thread, found: Lineage) -> None:
        item = Item.of(thread)
        how = "⑂ " if item.forked_from else "⚙ " if item.parent else ""
        mine = item.id == self.item.id
        label = Text(fit(how + item.title, 200), style="bold reverse" if mine else "", no_wrap=True)
        label.append(f"  {ago(item.active_ms, self.desk.now_ms())}", style="not bold not reverse dim")
        children = found.below.get(item.id, ())
        branch = node.add(label, data=item, allow_expand=bool(children))
        if mine:
            self.query_one(Tree).move_cursor(branch)
        for child in children:
            self._add(branch, child, found)

    def on_tree_node_selected(self, event: Tree.NodeSelected[Item]) -> None:
        """Read it."""
        if event.node.data is not None:
            self.app.push_screen(ThreadScreen(self.desk, event.node.data))
