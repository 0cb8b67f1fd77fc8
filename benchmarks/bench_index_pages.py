"""A page from an index of a million threads, against the bare statements and against ten thousand threads: CPU time."""

from __future__ import annotations

import os
from statistics import median
from time import process_time
from typing import TYPE_CHECKING, Any, NamedTuple

from harness import Asked, Figure, at_most, main, seconds, times
from rollout.ids import ThreadId
from rollout.query import EVERYTHING, ORDERS, Cursor, Order, ThreadQuery
from rollout.store.local.index import Index, open_index
from rollout.store.local.index_path import IndexPlace, identity_of
from rollout.store.local.index_query import answer, stored_rows
from rollout.store.local.index_rows import thread_of

if TYPE_CHECKING:
    from collections.abc import Iterator

ROWS = 50
BARE, GROWN, FILTER_S = 2.0, 1.5, 0.010
START_MS = 1_767_225_600_000
MAKE = """
INSERT INTO folder VALUES (1, 'sessions/2026/01/01', :n, '{}', x'00');
INSERT INTO kind SELECT value, value = 4, 'titled', CASE value % 4 WHEN 0 THEN 'cli' WHEN 1 THEN 'vscode' WHEN 2 THEN 'exec' ELSE 'subagent:review' END, CASE WHEN value < 5 THEN 'openai' WHEN value = 40 THEN 'other' ELSE 'p' || value END, 0, 0 FROM (WITH RECURSIVE n(value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM n LIMIT 40) SELECT value FROM n);
INSERT OR IGNORE INTO cwd SELECT value, '/home/dev/project-' || value FROM (WITH RECURSIVE n(value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM n LIMIT 1000) SELECT value FROM n);
CREATE TEMP TABLE made AS SELECT value AS id, abs(random()) AS chance, abs(random()) AS other, randomblob(6) AS part FROM (WITH RECURSIVE n(value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM n LIMIT :n) SELECT value FROM n);
INSERT INTO file SELECT id, 1, 'rollout-2026-01-01T00-00-00-' || hex(part) || id || '.jsonl', '65024:' || id || ':28000:1770000000000000000', '2026-01-01T00-00-00', 'thread-' || id, 'thread-' || id, 1, 1, 0 FROM made;
INSERT INTO thread SELECT id, unhex(printf('%s%020d', hex(part), id)), CASE WHEN chance % 1000 = 0 THEN 40 ELSE 1 + chance % 4 END, :start + chance % 31536000000, :start + chance % 31536000000 + 60000, :start + chance % 31536000000 + 60000, 'title ' || (other % 100000), other % 1000000, other % 200000, 1 + CASE WHEN other % 4 = 0 THEN 0 ELSE other % 1000 END, CASE WHEN other % 500 = 0 THEN -1 END, CASE WHEN other % 3 = 0 THEN NULL ELSE 'branch-' || (other % 500) END, CASE WHEN other % 3 = 0 THEN NULL ELSE 'git@host:us/' || (other % 700) END, CASE WHEN other % 10 = 0 THEN 'parent-' || (other % 5000) END, NULL, CASE WHEN other % 100 = 0 THEN 'name ' || (other % 1000) END, NULL FROM made;
INSERT INTO facts SELECT id, '019c5166-7694-7593-8030-' || printf('%012d', id), id, :start, 1, NULL, '{"id":"019c5166-7694-7593-8030-4683b6e2f9c0","cwd":"/home/dev/project","cli_version":"0.100.0","source":"cli","model":"gpt-5.2-codex","model_provider":"openai","git":{"branch":"main","commit_hash":"4683b6e2f9c04683b6e2f9c04683b6e2f9c04683"},"preview":"please look at the parser of the thing and mend what is wrong with line ' || id || '","title":true,"has_meta":true,"has_user_event":true,"tokens":12345,"lines":40}', NULL, CASE WHEN other % 5 = 0 THEN '["common"]' END, NULL FROM made;
INSERT INTO tag SELECT CASE WHEN other % 5 = 0 THEN 'common' ELSE 'rare' END, id FROM made WHERE other % 5 = 0 OR other % 9973 = 0;
INSERT INTO words SELECT id, 'please look at the ' || CASE WHEN other % 2 THEN 'parser' ELSE 'writer' END || ' of the thing and mend line ' || id, 0 FROM made;
INSERT INTO titles (rowid, text) SELECT thread, text FROM words;
UPDATE kind SET (threads, segments) = (SELECT count(*), count(*) FROM thread WHERE thread.kind = kind.id);
DROP TABLE made;
"""
FILTERS: dict[str, ThreadQuery] = {
    "archive": ThreadQuery(archived=True),
    "rare source": EVERYTHING._replace(sources=("custom",)),
    "source": ThreadQuery(sources=("exec",)),
    "rare provider": EVERYTHING._replace(providers=("other",)),
    "rare folder": ThreadQuery(cwds=("/home/dev/project-77",)),
    "common folder": ThreadQuery(cwds=("/home/dev/project-1",)),
    "unknown folder": ThreadQuery(cwds=("/home/dev",)),
    "branch": ThreadQuery(branches=("branch-7",)),
    "repository": ThreadQuery(origins=("git@host:us/7",)),
    "rare tag": ThreadQuery(tags=("rare",)),
    "common tag": ThreadQuery(tags=("common",)),
    "no such tag": ThreadQuery(tags=("common", "none")),
    "parent": EVERYTHING._replace(parent="parent-70"),
    "fork": EVERYTHING._replace(forked_from="nobody"),
    "name": EVERYTHING._replace(name="name 100"),
    "an hour": EVERYTHING._replace(since_ms=START_MS + 10**9, until_ms=START_MS + 10**9 + 3_600_000),
    "half a year": EVERYTHING._replace(since_ms=START_MS + 15_768_000_000),
    "common text": ThreadQuery(text="PARSER"),
    "rare text": ThreadQuery(text="line 77777"),
    "no such text": ThreadQuery(text="nothing like this"),
}


class Page(NamedTuple):
    """What a page took: ours, and its statements alone."""

    ours: float
    bare: float


class Recording(Index):
    """An index that remembers its statements."""

    said: list[tuple[str, Any]]

    def rows(self, sql: str, values: Any = None) -> list[Any]:
        """Remember, and run."""
        self.said.append((sql, values))
        return super().rows(sql, values)

    def one(self, sql: str, values: Any = None) -> Any:
        """Remember, and run."""
        self.said.append((sql, values))
        return super().one(sql, values)


def figures(asked: Asked) -> Iterator[Figure]:
    """Every order, then every filter."""
    many = 100_000 if asked.quick else 1_000_000
    large, small = made(asked.folder, many), made(asked.folder, 10_000)
    rounds = asked.rounds(60)
    orders = [Order(key, ascending) for key in ORDERS for ascending in (False, True)]
    pages = {order: page(large, ThreadQuery(order=order), rounds) for order in orders}
    slowest = max(pages, key=lambda order: pages[order].ours / pages[order].bare)
    found = pages[slowest]
    yield Figure(
        job=f"page of {ROWS} of {many:,} threads, the slowest of {len(orders)} orders ({slowest.key})",
        ours=seconds(found.ours),
        baseline=f"{seconds(found.bare)}, its statements alone",
        ratio=times(found.ours / found.bare),
        target=at_most(BARE),
        met=found.ours <= BARE * found.bare,
    )
    order = max(pages, key=lambda order: pages[order].ours)
    few = page(small, ThreadQuery(order=order), rounds)
    yield Figure(
        job=f"the same page of {many:,} threads and of 10,000 (by {order.key})",
        ours=seconds(pages[order].ours),
        baseline=f"{seconds(few.ours)}, of 10,000",
        ratio=times(pages[order].ours / few.ours),
        target=at_most(GROWN),
        met=pages[order].ours <= GROWN * few.ours,
    )
    for name, query in FILTERS.items():
        asked_for = [query._replace(order=Order(key)) for key in ("active", "tokens")]
        took = [page(large, one, max(5, rounds // 4)).ours for one in asked_for]
        yield Figure(
            job=f"page of {ROWS} of {many:,} threads: {name}",
            ours=f"{seconds(took[0])} by activity, {seconds(took[1])} by tokens",
            baseline="",
            ratio="",
            target=f"≤ {seconds(FILTER_S)}",
            met=max(took) <= FILTER_S,
        )


def made(folder: str, threads: int) -> Recording:
    """An index of so many threads, without their files."""
    home = os.path.join(folder, "home")
    os.makedirs(home, exist_ok=True)
    place = IndexPlace(os.path.join(folder, f"{threads}.sqlite"), ours=False)
    index = open_index(place, identity_of(home))
    recording = Recording(index.db, place)
    recording.said = []
    indexes = index.rows("SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL")
    with recording.writing():
        for name, _ in indexes:
            index.db.execute(f"DROP INDEX {name}")
        index.db.execute(MAKE, {"n": threads, "start": START_MS})
        for _, sql in indexes:
            index.db.execute(sql)
    return recording


def page(index: Recording, query: ThreadQuery, rounds: int) -> Page:
    """The first page and one in the middle: medians."""
    query = query._replace(limit=ROWS)
    ours: list[float] = []
    bare: list[float] = []
    for number in range(rounds):
        middle = Cursor(*_middle(index, query.order)) if number % 2 and query.order.key != "name" else None
        index.said = []
        began = process_time()
        _answer(index, query._replace(cursor=middle))
        ours.append(process_time() - began)
        said = index.said
        began = process_time()
        for sql, values in said:
            index.db.execute(sql, values).fetchall()
        bare.append(process_time() - began)
    return Page(median(ours), median(bare))


def _answer(index: Recording, query: ThreadQuery) -> int:
    found = answer(index, query)
    return len([thread_of(one, "/home/dev/sessions", archived=False) for one in stored_rows(index, found.places)])


def _middle(index: Recording, order: Order) -> tuple[int, str]:
    column = {"created": "created", "updated": "updated", "active": "active", "size": "size", "tokens": "tokens"}[order.key]
    return index.one(f"SELECT {column} FROM thread WHERE id = 5000"), ThreadId("019c5166-7694-7593-8030-4683b6e2f9c0")


if __name__ == "__main__":
    main(figures)
