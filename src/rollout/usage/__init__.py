"""Token accounting: what each model request of a thread cost, each token once.

``uses`` reads one rollout file and yields one ``Use`` a request. ``Tally`` adds uses up by day, model, cwd,
provider or thread. ``Prices`` makes money of them. ``roots`` finds the threads that sub-agents belong to.

Codex repeats itself: it writes a running total with every request and again before the next one, after a
compaction and after a rollback; forks and sub-agents carry a copy of another thread's lines. What is counted, and
by which rule, is told in docs/reference/usage.md.
"""

from __future__ import annotations

from rollout.usage.prices import Price, Prices
from rollout.usage.reading import Ancestry, Use, UseReader, uses
from rollout.usage.tally import KEYS, Cell, Tally, roots
from rollout.usage.tokens import ZERO, Tokens

__all__ = ["KEYS", "ZERO", "Ancestry", "Cell", "Price", "Prices", "Tally", "Tokens", "Use", "UseReader", "roots", "uses"]
