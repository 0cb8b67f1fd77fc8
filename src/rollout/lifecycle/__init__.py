"""What happens to a thread as a whole: fork, rollback, archive, rename, tag, delete; written once, over any store.

Each function is durable when it returns and names in its answer what it did. The ``plan_`` functions tell what
would be done and change nothing. What a crash has cut off is made whole first (``ThreadStore.heal``). Beside a
running Codex: what changes a thread takes its lock, so that a thread that is loaded elsewhere raises BusyError and
stays as it is.
"""

from rollout.lifecycle.archive import Moved, archive, plan_move, unarchive
from rollout.lifecycle.codex_index import CodexNote
from rollout.lifecycle.delete import (
    Deleted,
    DeletePlan,
    Restored,
    delete,
    plan_delete,
    restore,
)
from rollout.lifecycle.fork import Forked, ForkPlan, fork, lineage, plan_fork
from rollout.lifecycle.fork_meta import ForkParams
from rollout.lifecycle.rename import Renamed, plan_rename, rename
from rollout.lifecycle.rollback import RolledBack, dropped_lines, plan_rollback, plan_undo, rollback, undo
from rollout.lifecycle.tags import Labelled, annotate, plan_annotate, plan_tag, tag
from rollout.lifecycle.trash import destroy, find_removed, removed
from rollout.store.base import Removed

__all__ = [
    "CodexNote",
    "DeletePlan",
    "Deleted",
    "ForkParams",
    "ForkPlan",
    "Forked",
    "Labelled",
    "Moved",
    "Removed",
    "Renamed",
    "Restored",
    "RolledBack",
    "annotate",
    "archive",
    "delete",
    "destroy",
    "dropped_lines",
    "find_removed",
    "fork",
    "lineage",
    "plan_annotate",
    "plan_delete",
    "plan_fork",
    "plan_move",
    "plan_rename",
    "plan_rollback",
    "plan_tag",
    "plan_undo",
    "removed",
    "rename",
    "restore",
    "rollback",
    "tag",
    "unarchive",
    "undo",
]
