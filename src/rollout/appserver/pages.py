"""Pages of turns and of items, each read from the stretch of lines that holds it.

A page begins at an anchor, the place of a row; rows stand in the order of their places.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rollout.appserver.library import Library
    from rollout.turns import Outline, Turn, TurnItem

Row = TypeVar("Row")


class Anchor(NamedTuple):
    """Where a page begins: at a place, with the row that stands there or behind it."""

    place: int
    include: bool


class Wish(NamedTuple):
    """How a page is wanted."""

    anchor: Anchor | None
    limit: int
    ascending: bool


class Rows(NamedTuple):
    """The turns of a page, with their items, and whether there are more behind it."""

    turns: list[Turn]
    more: bool


class ItemRow(NamedTuple):
    """An item and its turn."""

    turn_id: str
    item: TurnItem


class ItemRows(NamedTuple):
    """The items of a page, and whether there are more behind it."""

    items: list[ItemRow]
    more: bool


def turns_page(library: Library, thread_id: str, outlined: Outline, wish: Wish) -> Rows:
    """A page of the turns that stand; an anchor's place is a turn's ``seq``."""
    behind = _behind(outlined.standing, wish, lambda turn: turn.seq)
    wanted = behind[: wish.limit]
    found = {turn.seq: turn for turn in library.turns(thread_id, outlined, {turn.seq for turn in wanted})}
    return Rows([found[turn.seq] for turn in wanted], len(behind) > wish.limit)


def items_page(library: Library, thread_id: str, outlined: Outline, turns: Sequence[Turn], wish: Wish) -> ItemRows:
    """A page of the items of some turns, in the order in which they first appear; an anchor's place is an ordinal.

    Holds the turns that the page touches.
    """
    chosen = _touched(turns, wish)
    read = library.turns(thread_id, outlined, {turn.seq for turn in chosen})
    rows = sorted((ItemRow(turn.id, item) for turn in read for item in turn.items), key=_place)
    behind = _behind(rows, wish, _place)
    more = len(behind) > wish.limit or any(_is_behind(turn, chosen, wish) for turn in turns)
    return ItemRows(behind[: wish.limit], more)


def _place(row: ItemRow) -> int:
    return row.item.ordinal or 0


def _behind(rows: Sequence[Row], wish: Wish, place: Callable[[Row], int]) -> list[Row]:
    """The rows from the anchor on, in the wanted direction."""
    ordered = list(rows) if wish.ascending else list(reversed(rows))
    if wish.anchor is None:
        return ordered
    at, include = wish.anchor
    sign = 1 if wish.ascending else -1
    return [row for row in ordered if sign * (place(row) - at) > 0 or (include and place(row) == at)]


def _touched(turns: Sequence[Turn], wish: Wish) -> list[Turn]:
    """The turns in which the page's items may lie: from the anchor on as many as fill it, and those between them."""
    ordered = sorted(turns, key=lambda turn: turn.n if wish.ascending else -turn.last_n)
    chosen: list[Turn] = []
    sure = 0
    for turn in ordered:
        if sure > wish.limit and not _overlaps(turn, chosen):
            break
        if wish.anchor is None or _reaches(turn, wish.anchor.place, ascending=wish.ascending):
            chosen.append(turn)
            sure += turn.item_count if wish.anchor is None or not _holds(turn, wish.anchor.place) else 0
    return chosen


def _reaches(turn: Turn, place: int, *, ascending: bool) -> bool:
    return turn.last_ordinal >= place if ascending else turn.first_ordinal <= place


def _holds(turn: Turn, place: int) -> bool:
    return turn.first_ordinal <= place <= turn.last_ordinal


def _overlaps(turn: Turn, chosen: Sequence[Turn]) -> bool:
    return any(turn.n <= one.last_n and turn.last_n >= one.n for one in chosen)


def _is_behind(turn: Turn, chosen: Sequence[Turn], wish: Wish) -> bool:
    """Whether a turn that was not read lies behind those that were, and has items."""
    if not chosen or turn in chosen or not turn.item_count:
        return False
    return turn.n > chosen[-1].n if wish.ascending else turn.last_n < chosen[-1].last_n
