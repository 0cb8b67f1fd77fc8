"""Connections to a PostgreSQL server cut at every byte, in both directions: nothing acknowledged is lost or doubled."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

pytest.importorskip("psycopg", reason="the postgres extra is not installed")

from campaign.postgres_words import Steps, numbers, told
from campaign.words import FULL
from postgres_proxy import DOWN, UP, Cut, Proxy
from rollout.query import EVERYTHING
from rollout.store.postgres.store import PostgresStore
from rollout.store.postgres.target import parse
from rollout.testing import builders as b

if TYPE_CHECKING:
    from postgres_server import Server

pytestmark = pytest.mark.slow
STEPS = ("flush", "sync", "begin", "put", "archive", "rename", "remove", "open")


def behind(proxy: Proxy, tenant: str, **options: str) -> PostgresStore:
    """A tenant's store that is reached through the proxy."""
    return PostgresStore(parse(proxy.url(tenant, lease="1", **options)))


def places(passed: int, step: str) -> list[int]:
    """Where to cut: behind every byte of a flush, every few of the others; or a sample."""
    stride = (1 if step == "flush" else 5) if FULL else max(1, passed // 6)
    return sorted({*range(1, min(4, passed + 1)), *range(1, passed + 1, stride), passed})


def removed(store: PostgresStore) -> set[str]:
    """The threads that can be restored."""
    return {one.receipt.thread_id for one in store.removed()}


@pytest.mark.parametrize("step", STEPS)
def test_cut_behind_every_byte(server: Server, proxy: Proxy, step: str) -> None:
    """Whatever is cut, and whether the next try is cut too: what was acknowledged is there once and in order."""
    tenant = uuid4().hex
    store, direct = behind(proxy, tenant), server.store(tenant)
    steps = Steps(store)
    act = getattr(steps, step)
    act(0)
    before = dict(proxy.passed)
    act(1)
    sizes = {way: proxy.passed[way] - before[way] for way in (UP, DOWN)}
    for way in (UP, DOWN):
        for number, place in enumerate(places(sizes[way], step)):
            again = Cut(DOWN if number % 2 else UP, place, reset=True)
            proxy.arm(Cut(way, place, reset=bool(number % 3)), *([again] * (number % 4 == 0)))
            act(number)
            proxy.disarm()

    found = numbers(direct.lines(b.thread_id(1)))
    rows = {row.id: row for row in direct.list(EVERYTHING._replace(limit=100_000)).threads}
    told(step, proxy.injected)
    assert list(range(steps.count)) == found
    assert {b.thread_id(number) for number in range(1, steps.made + 1)} == set(rows) | removed(direct)
    steps.close()
    store.close()
    direct.close()
