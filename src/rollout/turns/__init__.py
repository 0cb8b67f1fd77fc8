"""Turns and their items, as a client shows them: built from the lines of every era, streaming.

Whatever the era, an item is told in the words of the paginated era (the ``item`` of ``item_completed``, spec:
rollout-format 2.9), and so is what has to be rebuilt from events or response items; how a client's protocol
spells it is the business of who serves it.
"""

from rollout.turns.model import Status, Turn, TurnItem
from rollout.turns.reading import Outline, Reading, Spelled, first_line, outline, outline_as, read_turns

__all__ = [
    "Outline", "Reading", "Spelled", "Status", "Turn", "TurnItem", "first_line", "outline", "outline_as", "read_turns",
]  # fmt: skip
