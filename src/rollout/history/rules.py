"""The rules by which versions of Codex rebuild a history, named; settled by experiment with the real binaries."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from rollout.codec import Era, Record


class Rules(NamedTuple):
    """One version's way to rebuild a history.

    ``context_in_compaction``: a compaction without replacement history begins with the context of the session
    that resumes. ``joined_texts``: such a compaction keeps a user message as one text; otherwise its texts stay
    parts, and a cut one has three. ``later_boundaries``: user turns are told in the later way (``boundaries``).
    ``rollback_undoes_compaction``: turns that were rolled back take the compactions inside them along, so that
    what those had replaced is visible again. ``rollback_takes_context``: context directly above the first turn
    that is dropped goes too. ``edits``: the prompt's edits in order, by their names in ``EDITS``.
    """

    name: str
    context_in_compaction: bool
    joined_texts: bool
    later_boundaries: bool
    rollback_undoes_compaction: bool
    rollback_takes_context: bool
    edits: tuple[str, ...]


RULES_0_100 = Rules(
    name="0.100",
    context_in_compaction=True,
    joined_texts=True,
    later_boundaries=False,
    rollback_undoes_compaction=False,
    rollback_takes_context=False,
    edits=(
        "open_calls_answered",
        "orphan_outputs_removed",
        "ghost_snapshots_removed",
        "unsent_items_removed",
        "shell_results_as_text",
        "unsealed_reasoning_removed",
        "ids_removed",
    ),
)
RULES_0_169 = Rules(
    name="0.169",
    context_in_compaction=False,
    joined_texts=False,
    later_boundaries=True,
    rollback_undoes_compaction=True,
    rollback_takes_context=True,
    edits=(
        "open_calls_answered",
        "orphan_outputs_removed",
        "ghost_snapshots_removed",
        "unsealed_reasoning_removed",
        "metadata_removed",
    ),
)


def rules_for(era: Era) -> Rules:
    """The rules of the version that writes this era: 0.169 for ``paginated``, 0.100 for ``legacy`` and ``bare``."""
    return RULES_0_169 if era == "paginated" else RULES_0_100


def era_of(record: Record) -> Era:
    """The era that one line tells of its file: by its ordinal, or by the envelope that it lacks."""
    if record.ordinal is not None:
        return "paginated"
    return "bare" if record.bare else "legacy"
