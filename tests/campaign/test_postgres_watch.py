"""The connections of a listener cut at every byte, in both directions, or swallowed: everything is heard, each act once."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

pytest.importorskip("psycopg", reason="the postgres extra is not installed")

from campaign.postgres_words import told
from campaign.words import FULL
from postgres_proxy import DOWN, UP, Cut, Proxy
from rollout.store.postgres.connections import UnreachableError
from rollout.store.postgres.store import PostgresStore
from rollout.store.postgres.target import parse
from rollout.testing import builders as b
from rollout.testing.facts import segment

if TYPE_CHECKING:

    from postgres_server import Server
    from rollout.store.changes import Change, Watch

pytestmark = pytest.mark.slow
ONE = b.thread_id(1)


def heard(watch: Watch) -> list[Change]:
    """What is told next, however often it has to be asked."""
    while True:
        with suppress(UnreachableError):
            changes = watch.wait(2.0)
            assert changes.complete
            if changes.told:
                return list(changes.told)


def test_a_listener_cut_behind_every_byte(server: Server, proxy: Proxy) -> None:
    """Names are given meanwhile, and each is heard once, whichever of the listener's connections ends, hangs, or ends again."""
    tenant = uuid4().hex
    direct, store = server.store(tenant), PostgresStore(parse(proxy.url(tenant, answer="0.3")))
    data = b.rollout_bytes(ONE, *b.turn("question", "answer"))
    direct.put(segment(1, data), [data])
    watch = store.watch()
    direct.set_name(ONE, "first")
    found = heard(watch)
    before = dict(proxy.passed)
    direct.set_name(ONE, "second")
    found += heard(watch)
    sizes = {way: proxy.passed[way] - before[way] for way in (UP, DOWN)}
    given = 2
    for way in (UP, DOWN):
        for place in range(1, sizes[way] + 1, 1 if FULL else max(1, sizes[way] // 6)):
            again = Cut(DOWN, place, reset=True)
            proxy.arm(Cut(way, place, swallow=given % 5 == 0, reset=given % 3 == 0), *([again] * (given % 4 == 0)))
            direct.set_name(ONE, f"name {given}")
            given += 1
            found += heard(watch)
            proxy.disarm()

    told("watch", proxy.injected)
    assert [(ONE, "named")] * given == [tuple(one) for one in found]
    watch.close()
    store.close()
    direct.close()
