"""The model-visible history of a thread: what the model would be sent when the thread goes on.

Compaction, rollback and forks are applied (spec: rollout-format 7.5, 7.6), then the edits that a prompt gets. The
versions of Codex differ; each difference is a named rule (``Rules``), and the rules of a file's own era are the
default. Pure: lines in, plain objects out.

Tool outputs are not cut again. Codex cuts them to the limit of the model that the resuming session uses; a file
does not tell which model that will be, and the outputs of commands were cut once when they were recorded. Who knows
the model can cut. The same holds for images that a model cannot see.

Items of a kind that no known version writes are kept: whoever wrote them would send them. Fields likewise.
"""

from rollout.history.fork_cut import Cut, cut_before_user_turn
from rollout.history.prompt import EDITS
from rollout.history.rebuild import history, history_back, rebuild
from rollout.history.rules import RULES_0_100, RULES_0_169, Rules, era_of, rules_for

__all__ = [
    "EDITS",
    "RULES_0_100",
    "RULES_0_169",
    "Cut",
    "Rules",
    "cut_before_user_turn",
    "era_of",
    "history",
    "history_back",
    "rebuild",
    "rules_for",
]
