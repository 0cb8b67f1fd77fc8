"""A PostgreSQL server of its own for each module, and a proxy before it. Imported where used: the extra may be absent."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from postgres_proxy import Proxy
    from postgres_server import Server


@pytest.fixture(scope="module", name="server")
def _server() -> Iterator[Server]:
    from postgres_server import for_tests

    yield from for_tests()


@pytest.fixture(name="proxy")
def _proxy(server: Server) -> Iterator[Proxy]:
    from postgres_proxy import Proxy, socket_of

    made = Proxy(socket_of(server.folder))
    yield made
    made.close()
