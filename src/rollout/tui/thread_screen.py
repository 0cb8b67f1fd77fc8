"""The screen of one thread: what ``Reading`` has, and finding in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual import on, work
from textual.binding import Binding, BindingType
from textual.widgets import Input
from textual.worker import get_current_worker

from rollout.errors import RolloutError
from rollout.render.safe import safe_line
from rollout.tui.document import Mark
from rollout.tui.finding import Finder, Hit, Progress, Wanted, Way
from rollout.tui.reading import Reading
from rollout.tui.rows import Rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rollout.tui.document import Document

_MIB = 1 << 20


class ThreadScreen(Reading):
    """A transcript, and what is found in it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", "back"),
        Binding("slash", "find", "find"),
        Binding("n", "again(1)", "next", show=False),
        Binding("N", "again(-1)", "previous", show=False),
        Binding("f", "fold", "fold all"),
        Binding("r", "raw", "raw"),
        *(Binding(str(tenths), f"part({tenths})", show=False) for tenths in range(1, 10)),
    ]

    def action_back(self) -> None:
        """Stop looking, or leave the field, or the thread."""
        field = self.query_one("#find", Input)
        if self.workers.cancel_group(self, "find"):
            self.tell("stopped looking")
        elif field.display:
            field.display = False
            self.set_focus(self.query_one(Rows))
        elif self.pages.found:
            self.pages.found = ""
            self.query_one(Rows).renew()
            self.tell()
        else:
            self.app.pop_screen()

    def action_find(self) -> None:
        """Ask what to find."""
        field = self.query_one("#find", Input)
        field.display = True
        self.set_focus(field)

    @on(Input.Submitted, "#find")
    def _asked(self, event: Input.Submitted) -> None:
        event.input.display = False
        self.set_focus(self.query_one(Rows))
        self.pages.found = event.value
        if event.value:
            self.attempt_with(self._find_anywhere)

    def _find_anywhere(self, document: Document) -> None:
        """Up from the marked row, which is the last one at first; where nothing is there, down from it."""
        if not len(document):
            return
        marked = self.query_one(Rows).marked
        here = document.row(marked).key[0]
        from_end = document.at_end and marked == len(document) - 1
        up = Way(document.end if from_end else here, back=True, row=self._row_with_it(document, marked, -1))
        down = Way(here, back=False, row=self._row_with_it(document, marked, 1))
        self._find(document, (down, up) if not marked else (up, down))

    def action_again(self, step: int) -> None:
        """The next hit below (1) or above (-1)."""
        if self.pages.found:
            self.attempt_with(lambda document: self._find_next(document, step))

    def _find_next(self, document: Document, step: int) -> None:
        marked = self.query_one(Rows).marked
        row, here = self._row_with_it(document, marked + step, step), document.row(marked).key[0]
        self._find(document, [Way(here, step < 0, row, passed=here)])

    def _row_with_it(self, document: Document, at: int, step: int) -> Hit | None:
        found = document.find(self.pages.found, at, step)
        return None if found is None else Hit(*document.mark(found), set())

    def _find(self, document: Document, ways: Sequence[Way]) -> None:
        row = ways[0].row
        if row and row.key[0] == document.row(self.query_one(Rows).marked).key[0]:
            self._found(row)
            return
        self.tell("looking…")
        wanted = Wanted(self.item.id, self.pages.found, document.look, frozenset(document.unfolded))
        self.find(Finder(self.desk.store, wanted), ways)

    @work(thread=True, exclusive=True, group="find")
    def find(self, finder: Finder, ways: Sequence[Way]) -> None:
        """Look on beside the screen until it is found or Esc is pressed."""
        worker, progress = get_current_worker(), Progress()
        try:
            for way in ways:
                for thing in finder.nearest(way):
                    if worker.is_cancelled:
                        return
                    if isinstance(thing, Hit):
                        self.later(self._found, thing)
                        return
                    if progress.is_worth_telling(thing):
                        self.later(self.tell, f"looking… {progress.bytes / _MIB:,.0f} MiB · Esc stops")
        except (RolloutError, OSError) as error:
            self.later(self.tell, safe_line(str(error)))
            return
        where = "" if len(ways) > 1 else " above" if ways[0].back else " below"
        self.later(self.tell, f"not found{where}: {safe_line(self.pages.found)}")

    def _found(self, hit: Hit) -> None:
        """Show it amid the screen."""
        self.attempt_with(lambda document: self._land(document, hit))

    def _land(self, document: Document, hit: Hit) -> None:
        place = hit.key[0]
        if not document.has(place):
            document.to(place)
        document.unfold(place, hit.unfolded)
        mark = Mark(hit.key, hit.below)
        if document.at(mark) is None:
            document.to(place)
        rows = self.query_one(Rows)
        rows.renew(self.fill(document.at(mark) or 0), line=rows.middle)
        self.tell(f"found: {safe_line(self.pages.found)} · n next, N previous, Esc ends")
