"""Search in SQL: an ordinary role's question comes from the index of words, and few threads are asked for by id."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest

from rollout.query import EVERYTHING
from rollout.store.postgres import searching
from rollout.store.postgres.connections import Connections
from rollout.testing import builders as b
from rollout.testing.facts import segment

if TYPE_CHECKING:
    from postgres_server import Server

_WORDS = """
INSERT INTO rollout.words (tenant, thread_id, segment, n, words)
SELECT 'crowded', md5((i / 10)::text)::uuid, 1, i, array_to_tsvector(ARRAY['w' || i % 1000, 'all']) FROM generate_series(1, 20000) i
"""


def test_words_come_from_the_index(server: Server) -> None:
    """Row-level security forbids the index to an ordinary role's own statement; the function of the owner uses it."""
    with server.admin() as boss:
        boss.execute(_WORDS)
        boss.execute("ANALYZE rollout.words")
        boss.execute("SELECT pg_stat_force_next_flush()")
        before = boss.execute("SELECT idx_scan FROM pg_stat_user_indexes WHERE indexrelname = 'words_by_word'").fetchone()
        with psycopg.connect(f"host={server.folder} dbname=threads user=keeper", autocommit=True) as keeper:
            keeper.execute("SELECT set_config('rollout.tenant', 'crowded', false)")
            found = len(keeper.execute("SELECT rollout.threads_with('w77', 1000)").fetchall())
            keeper.execute("SELECT pg_stat_force_next_flush()")
        with server.admin() as other:
            after = other.execute("SELECT idx_scan FROM pg_stat_user_indexes WHERE indexrelname = 'words_by_word'").fetchone()

    assert 20 == found
    assert before is not None
    assert after is not None
    assert int(str(after[0])) > int(str(before[0]))


@pytest.mark.parametrize("said", ["naïve café", "データ完了", "O'Neill \\ 'quoted'", "a\u00a0b c\u3000d", "проверка"])
def test_any_script_is_found(server: Server, said: str) -> None:
    """What was said is found by its words, whatever the server's locale takes for a space or a quote."""
    store = server.store()
    data = b.rollout_bytes(b.thread_id(1), *b.turn(said, "answer"))
    store.put(segment(1, data), [data])
    wanted = said.split(maxsplit=1)[0].strip("'")
    hits = store.search(wanted, EVERYTHING).hits
    store.close()

    assert [b.thread_id(1)] == [hit.thread_id for hit in hits][:1]


def test_few_threads_are_asked_for_by_id(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """A rare word does not walk through the listing: its rows are asked for with the ids of the threads."""
    store = server.store()
    for number in range(1, 6):
        data = b.rollout_bytes(b.thread_id(number), *b.turn("needle" if number == 3 else "hay", "answer"))
        store.put(segment(number, data), [data])
    ask, asked = Connections.fetch, list[object]()

    def told(self: Connections, sql: str, values: dict[str, object]) -> list[tuple[object, ...]]:
        asked.extend([values["few"]] if "few" in values and "summary" in sql else [])
        return ask(self, sql, values)

    monkeypatch.setattr(Connections, "fetch", told)
    hits = store.search("needle", EVERYTHING).hits
    store.close()

    assert {b.thread_id(3)} == {hit.thread_id for hit in hits}
    assert [[b.thread_id(3)]] == asked


@pytest.mark.parametrize("first", [1, 220])
def test_a_word_that_is_everywhere(server: Server, monkeypatch: pytest.MonkeyPatch, first: int) -> None:
    """The first threads are looked through without asking which ones have it; only where none has, all are named."""
    store, asked, fetch = server.store(), list[str](), Connections.fetch
    for thread in range(1, 222):
        text = "everywhere" if thread in (first, first + 1) else "elsewhere"
        data = b.rollout_bytes(b.thread_id(thread), *b.turn(text, "answer"))
        store.put(segment(thread, data), [data])

    def listening(self: Connections, sql: str, values: dict[str, object]) -> object:
        asked.append(sql)
        return fetch(self, sql, values)

    monkeypatch.setattr(Connections, "fetch", listening)
    monkeypatch.setattr(searching, "_COMMON", 0)
    hits = store.search("everywhere", EVERYTHING._replace(limit=1)).hits
    store.close()
    named = any("threads_with" in sql for sql in asked)

    assert ([b.thread_id(first + 1)], first == 1) == ([hit.thread_id for hit in hits], named)
