"""The rows of threads in their tables: kept, counted and taken away, inside the caller's transaction."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from rollout.query import Kind, Order, branch_of, kind_of, origin_of, plain_id, sort_key, text_of, title_key
from rollout.store.local.index_rows import (
    KNOWN_CHARACTERS,
    STORED,
    UNKNOWN,
    Stored,
    fid_of,
    kept_text,
    tags_json,
    thread_of,
    to_text,
)
from rollout.store.stored_summary import summary_json

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rollout.query import Thread
    from rollout.store.local.index import Index
    from rollout.summary import Summary

_THREAD = (
    "INSERT OR REPLACE INTO thread (id, fid, kind, created, updated, active, title, size, tokens, cwd, last_cwd, branch,"
    " origin, parent, forked, name, claims) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_BEFORE = (
    "SELECT t.fid, t.id, t.kind, f.segments, w.text, f.begun, f.tags FROM json_each(?) j JOIN thread t ON t.fid = unhex(j.value)"
    " JOIN facts f ON f.thread = t.id JOIN words w ON w.thread = t.id"
)
_SIZE, _TOKENS = Order("size"), Order("tokens")
_TABLES = (("thread", "id"), ("facts", "thread"), ("words", "thread"), ("titles", "rowid"), ("tag", "thread"))


class Before(NamedTuple):
    """What stands in the tables of a thread: its number, kind, segments, words, the head of a long file, its tags."""

    number: int
    kind: int
    segments: int
    words: str
    begun: str | None
    tags: str | None


class Place(NamedTuple):
    """What a row does not tell of itself: the id in the name, also as bytes, the created key, the newest file's number.

    ``knows_last_cwd``: whether it tells where the last turn was.
    """

    id: str
    fid: bytes
    created: int
    file: int
    knows_last_cwd: bool = True


class ThreadTable:
    """Collects rows, and writes them with ``settle`` at the end of the caller's transaction."""

    def __init__(self, index: Index) -> None:
        """Nothing is written yet."""
        self._index = index
        self._next = 0
        self._kept: list[tuple[object, ...]] = []
        self._facts: list[tuple[object, ...]] = []
        self._words: list[tuple[int, str, bool]] = []
        self._stale_words: list[tuple[int]] = []
        self._tags: list[tuple[str, int]] = []
        self._stale_tags: list[tuple[int]] = []
        self._removed: list[tuple[int]] = []
        self._kinds: dict[Kind, int] = {}
        self._cwds: dict[str, int] = {}
        self._threads: Counter[int] = Counter()
        self._segments: Counter[int] = Counter()

    def before(self, fids: Iterable[bytes]) -> dict[bytes, Before]:
        """What stands there of threads now, by the ids in their names."""
        rows = self._index.rows(_BEFORE, (json.dumps([fid.hex() for fid in fids]),))
        return {fid: Before(*row) for fid, *row in rows}

    def keep(self, row: Thread, place: Place, begun: str | None, before: Before | None) -> None:
        """Have a row written in place of the one before."""
        number = before.number if before else self._number()
        kind, summary, claims = self._kind_id(kind_of(row)), row.summary, None if row.id == place.id else fid_of(row.id)
        values = (
            number, place.fid, kind, place.created, row.modified_ms, row.active_ms, title_key(row),
            sort_key(row, _SIZE)[0], sort_key(row, _TOKENS)[0], self._cwd_id(summary.cwd), self._last_cwd(summary, place),
            to_text(branch_of(summary)), to_text(origin_of(summary)), to_text(plain_id(summary.parent_id)),
            to_text(plain_id(summary.forked_from_id)), to_text(row.name), claims,
        )  # fmt: skip
        self._kept.append(values)
        if before:
            self._count(before.kind, -1, -before.segments)
        self._count(kind, 1, row.segments)
        facts = (
            number, row.id, place.file, row.created_ms, row.segments, to_text(row.problem), summary_json(summary), begun,
            tags_json(row), to_text(row.note or None),
        )  # fmt: skip
        self._facts.append(facts)
        self._tagged(number, row.tags, before)
        self._keep_words(number, text_of(row), before)

    def remove(self, before: Before) -> None:
        """Have a row taken away."""
        self._count(before.kind, -1, -before.segments)
        self._removed.append((before.number,))

    def settle(self) -> None:
        """Write what was collected, and count the threads of each kind."""
        run = self._index.db.executemany
        for table, column in _TABLES:
            run(f"DELETE FROM {table} WHERE {column} = ?", self._removed)  # noqa: S608 - our own words, values are bound
        run("DELETE FROM titles WHERE rowid = ?", self._stale_words)
        run(_THREAD, self._kept)
        run("INSERT OR REPLACE INTO facts VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", self._facts)
        run("DELETE FROM tag WHERE thread = ?", self._stale_tags)
        run("INSERT INTO tag (tag, thread) VALUES (?, ?)", self._tags)
        run("INSERT OR REPLACE INTO words VALUES (?, ?, ?)", self._words)
        titles = [(number, text[:KNOWN_CHARACTERS]) for number, text, _ in self._words]
        run("INSERT INTO titles (rowid, text) VALUES (?, ?)", titles)
        counts = [(self._threads[kind], self._segments[kind], kind) for kind in self._threads]
        run("UPDATE kind SET threads = threads + ?, segments = segments + ? WHERE id = ?", counts)
        for done in (self._removed, self._stale_words, self._kept, self._facts, self._words, self._stale_tags, self._tags):
            done.clear()
        self._threads.clear()
        self._segments.clear()
        self._next = 0

    def _number(self) -> int:
        """A number for a new row, behind all others; nobody else writes meanwhile."""
        self._next = (self._next or self._index.one("SELECT max(id) FROM thread") or 0) + 1
        return self._next

    def settle_claims(self) -> None:
        """Tell apart threads whose metadata claim the id of another one, as long as that one is there."""
        for stored, claimed in self._claiming():
            own = kind_of(thread_of(stored, "", archived=self._kind_of_id(stored.kind).archived))
            kind = self._kind_id(own._replace(state="duplicate") if claimed else own)
            if kind != stored.kind:
                self._index.db.execute("UPDATE thread SET kind = ? WHERE id = ?", (kind, stored.thread))
                self._count(stored.kind, -1, -stored.segments)
                self._count(kind, 1, stored.segments)

    def _claiming(self) -> list[tuple[Stored, bool]]:
        """The threads that claim another id, and whether it is another thread's."""
        rows = self._index.rows(
            f"SELECT EXISTS (SELECT 1 FROM thread o WHERE o.fid = t.claims), {STORED} WHERE t.claims IS NOT NULL"  # noqa: S608 - our own words, values are bound
        )
        return [(Stored(*stored), bool(claimed)) for claimed, *stored in rows]

    def _count(self, kind: int, threads: int, segments: int) -> None:
        self._threads[kind] += threads
        self._segments[kind] += segments

    def _keep_words(self, number: int, text: str, before: Before | None) -> None:
        if before:
            if before.words == text:
                return
            self._stale_words.append((number,))
        self._words.append((number, text, len(text) > KNOWN_CHARACTERS))

    def _tagged(self, number: int, tags: tuple[str, ...], before: Before | None) -> None:
        if before and before.tags:
            self._stale_tags.append((number,))
        self._tags += [(tag, number) for tag in tags]

    def _kind_id(self, kind: Kind) -> int:
        known = self._kinds.get(kind)
        if known is None:
            values = (kind.archived, kind.state, to_text(kind.source), to_text(kind.provider))
            self._index.db.execute(
                "INSERT OR IGNORE INTO kind (archived, state, source, provider) VALUES (?, ?, ?, ?)", values
            )
            known = self._kinds[kind] = int(
                self._index.one(
                    "SELECT id FROM kind WHERE (archived, state, source, provider) = (?, ?, ?, ?)", values
                )
            )
        return known

    def _kind_of_id(self, number: int) -> Kind:
        row = self._index.rows("SELECT archived, state, source, provider FROM kind WHERE id = ?", (number,))[0]
        return Kind(bool(row[0]), row[1], kept_text(row[2]) or "", kept_text(row[3]) or "")

    def _last_cwd(self, summary: Summary, place: Place) -> int | None:
        """Where the last turn was, if that was elsewhere; ``UNKNOWN`` when the file has to be asked."""
        if not place.knows_last_cwd:
            return UNKNOWN
        return None if summary.last_cwd == summary.cwd else self._cwd_id(summary.last_cwd)

    def _cwd_id(self, cwd: str | None) -> int | None:
        if not cwd:
            return None
        known = self._cwds.get(cwd)
        if known is None:
            path = (to_text(cwd),)
            self._index.db.execute("INSERT OR IGNORE INTO cwd (path) VALUES (?)", path)
            known = self._cwds[cwd] = int(self._index.one("SELECT id FROM cwd WHERE path = ?", path))
        return known
