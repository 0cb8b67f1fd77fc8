from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

pytest.importorskip("psycopg", reason="the postgres extra is not installed")

from postgres_server import Server, for_tests

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session", name="server")
def _server() -> Iterator[Server]:
    """One server for all tests of the run; each store is a tenant of its own."""
    yield from for_tests()


@pytest.fixture
def of_class(request: Any, server: Server) -> None:
    """Give the test's class the server."""
    request.cls.server = server
