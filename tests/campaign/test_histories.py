"""Long random histories of a store beside the reference: lifecycle, restarts, a lost index; no answer differs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

from campaign.words import scaled
from store.local.test_index_conformance import IndexedComparison
from store.test_stateful_local import LocalComparison

if TYPE_CHECKING:
    from rollout.testing.stateful import StoreComparison

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("comparison", [LocalComparison, IndexedComparison])
def test_random_histories(comparison: type[StoreComparison]) -> None:
    """Whatever is done in whatever order, the answers are those of the reference."""
    case = comparison.TestCase
    case.settings = settings(
        max_examples=scaled(5, 600), stateful_step_count=50, deadline=None, suppress_health_check=list(HealthCheck)
    )

    case("runTest").runTest()
