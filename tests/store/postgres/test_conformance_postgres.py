"""A PostgreSQL server must satisfy every fact of the contract."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from rollout.testing.conformance import StoreConformance

if TYPE_CHECKING:
    from postgres_server import Server
    from rollout.store.postgres.store import PostgresStore


@pytest.mark.slow
@pytest.mark.usefixtures("of_class")
class TestPostgresStore(StoreConformance):
    """The public suite, each fact as a tenant of its own."""

    server: Server

    def make_store(self, tmp_path: Path) -> PostgresStore:
        """An empty store; it needs no folder."""
        assert tmp_path.is_dir()
        return self.server.store()
