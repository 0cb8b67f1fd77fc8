"""A PostgreSQL store compared with the reference over random histories."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

from rollout.testing.stateful import StoreComparison

if TYPE_CHECKING:
    from postgres_server import Server
    from rollout.store.postgres.store import PostgresStore


class PostgresComparison(StoreComparison):
    """Random histories, each of a tenant of its own."""

    server: Server
    mine: PostgresStore

    def make_store(self) -> PostgresStore:
        """A store of a new tenant."""
        return self.server.store()

    def restarted(self) -> PostgresStore:
        """The same tenant's, over new connections."""
        tenant = self.mine.tenant
        self.mine.close()
        return self.server.store(tenant)


@pytest.mark.slow
def test_random_histories(server: Server) -> None:
    """Whatever is done, the answers are those of the reference."""
    PostgresComparison.server = server
    case = PostgresComparison.TestCase
    case.settings = settings(
        max_examples=20, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck)
    )
    case("runTest").runTest()
