"""The contract of a store in executable form.

A backend's whole test file is::

    from rollout.testing.conformance import StoreConformance

    class TestMyStore(StoreConformance):
        def make_store(self, tmp_path):
            return MyStore(tmp_path)

and pytest runs every fact of ``rollout.store.base`` against it, each in a store of its own. The facts stand in
``facts_writing``, ``facts_reading``, ``facts_finding``, ``facts_changing`` and ``facts_watching``; ``stateful`` adds the
comparison with the reference over random histories.
"""

from __future__ import annotations

from rollout.testing.facts_changing import ChangingFacts
from rollout.testing.facts_finding import FindingFacts
from rollout.testing.facts_reading import ReadingFacts
from rollout.testing.facts_watching import WatchingFacts
from rollout.testing.facts_writing import WritingFacts

__all__ = ["StoreConformance"]


class StoreConformance(WritingFacts, ReadingFacts, FindingFacts, ChangingFacts, WatchingFacts):
    """Every fact that a ``ThreadStore`` must satisfy; define ``make_store``."""
