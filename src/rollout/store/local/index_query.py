"""A page from the index: which threads, in which order, and how many a query leaves out.

The broad filters (archive, source, provider, titled or not) look at kinds of threads, of which there are few and
whose numbers are kept: the page is merged from one ordered range of each wanted kind, and what they hide is known
without counting. A narrow filter with few threads (at most ``FEW``) is answered from its own index, all others
along the order. So the time of a page does not grow with the home.

All statements of one answer see one state: call inside ``Index.reading``.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from rollout.errors import InvalidQueryError
from rollout.query import TIMES, Kind, narrowed, plain_id, wanted_text, why_kind_hidden
from rollout.store.local.cwd import Folders
from rollout.store.local.index_rows import KNOWN_CHARACTERS, STORED, UNKNOWN, Stored, fid_of, kept_text, to_text
from rollout.tuples import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rollout.query import ThreadQuery
    from rollout.store.local.index import Index

FEW = 5000
_FAR = 1 << 62
_MOST_KINDS = 200
_COLUMNS = {
    "created": "created", "updated": "updated", "active": "active", "name": "title", "size": "size", "tokens": "tokens",
}  # fmt: skip


class Place(NamedTuple):
    """Where a thread stands in an order, and its number in the index."""

    key: Any
    fid: bytes
    number: int


class Answer(NamedTuple):
    """The places of a page, whether more follow, and what was left out."""

    places: list[Place]
    more: bool
    hidden: dict[str, int]
    complete: bool
    total: int


class Narrow(NamedTuple):
    """One narrow filter: a condition on ``thread``; where its threads are found; the same, to be counted."""

    sql: str
    source: str
    values: dict[str, Any]
    counting: str = ""


def answer(index: Index, query: ThreadQuery, where: tuple[str, ...] = ()) -> Answer:
    """The answer to a checked query whose default provider is known. Raises InvalidQueryError for a bad cursor.

    ``where``: only threads that began in one of these folders, or that may have had their last turn there.
    """
    return _Asked(index, query, where).answer()


def stored_rows(index: Index, places: list[Place]) -> list[Stored]:
    """What the index has of the threads of a page, in its order."""
    numbers = f"[{','.join([str(place.number) for place in places])}]"
    sql = f"SELECT {STORED} WHERE t.id IN (SELECT value FROM json_each(?))"  # noqa: S608 - our own words, values are bound
    rows = {row[0]: tuple.__new__(Stored, row) for row in index.rows(sql, (numbers,))}  # half the price of `_make`
    return [rows[place.number] for place in places if place.number in rows]


class _Asked:
    """One query to one index."""

    def __init__(self, index: Index, query: ThreadQuery, where: tuple[str, ...]) -> None:
        self._index, self._query, self._order = index, query, query.order
        self._where = [_been(index, where)] if where else []
        self._column = _COLUMNS[query.order.key]
        self._ticks = query.order.key in TIMES and query.order.tick_ms > 1
        self._kinds: list[int] = []
        self._wanted = self._total = 0
        self._hidden: dict[str, int] = {}
        self._mark: tuple[Any, bytes] | None = None
        if query.cursor is not None:
            try:
                self._mark = query.cursor.key, fid_of(query.cursor.id)
            except ValueError:
                raise InvalidQueryError(f"invalid cursor: {query.cursor}") from None

    def answer(self) -> Answer:
        segments = self._look_at_kinds()
        self._count_files(segments)
        filters = [*self._where, *narrow_filters(self._index, self._query)]
        source = self._source_of_few(filters) if filters and self._kinds else ""
        places, count = self._of_few(source, filters) if source else self._along(filters)
        limit = max(1, self._query.limit)
        page, more = places[:limit], len(places) > limit
        whole = not filters or bool(source) or (not more and self._mark is None)
        if filters:
            left_out = self._wanted - (count if source else len(page)) if whole else self._passed_over(page, more=more)
            self._hide(narrowed(self._query), left_out)
        return Answer(page, more, self._hidden, whole, self._total)

    def _look_at_kinds(self) -> int:
        """Which kinds of threads are wanted, and how many threads the others hide; all segments are returned."""
        all_segments = 0
        columns = "id, archived, state, source, provider, threads, segments"
        for number, archived, state, source, provider, threads, segments in self._index.rows(
            f"SELECT {columns} FROM kind WHERE threads > 0"  # noqa: S608 - our own words, values are bound
        ):
            kind = Kind(bool(archived), state, kept_text(source) or "", kept_text(provider) or "")
            all_segments += segments
            if self._query.archived in (None, kind.archived) and state != "duplicate":
                self._total += threads
            reason = why_kind_hidden(kind, self._query)
            if reason is None:
                self._kinds.append(number)
                self._wanted += threads
            else:
                self._hide(reason, threads)
        return all_segments

    def _count_files(self, segments: int) -> None:
        """What hides single files: copies, and what could not be told apart; and what was here and is not."""
        self._hide("duplicate", (self._index.one("SELECT sum(files) FROM folder") or 0) - segments)
        self._hide("missing", self._index.one("SELECT count(*) FROM missing"))
        for (skipped,) in self._index.rows("SELECT skipped FROM folder WHERE skipped <> '{}'"):
            for reason, number in json.loads(skipped).items():
                self._hide(reason, number)

    def _hide(self, reason: str, number: int) -> None:
        if number:
            self._hidden[reason] = self._hidden.get(reason, 0) + number

    def _source_of_few(self, filters: list[Narrow]) -> str:
        """From where few threads have to be looked at, "" when there is no such place."""
        kinds = f"kind IN ({', '.join(map(str, self._kinds))})"
        if self._wanted <= FEW:
            return f"thread INDEXED BY thread_{self._order.key} WHERE {kinds}"
        for one in filters:
            count = f"SELECT count(*) FROM (SELECT 1 FROM {one.counting.format(kinds=kinds)} LIMIT {FEW + 1})"  # noqa: S608 - our own words, values are bound
            if one.counting and self._index.one(count, one.values) <= FEW:
                return one.source.format(kinds=kinds)
        return ""

    def _of_few(self, source: str, filters: list[Narrow]) -> tuple[list[Place], int]:
        """All places behind the cursor, and how many there are in all."""
        conditions = " AND ".join(one.sql for one in filters)
        sql = f"SELECT {self._column}, fid, id FROM {source} AND {conditions}"  # noqa: S608 - our own words, values are bound
        places = self._places(self._index.rows(sql, _values(filters)))
        behind = [place for place in places if self._is_past(place)]
        behind.sort(reverse=not self._order.ascending)
        return behind, len(places)

    def _along(self, filters: list[Narrow]) -> tuple[list[Place], int]:
        """One place more than the page holds, along the order."""
        count = max(1, self._query.limit) + 1
        places = self._ticked(filters, count) if self._ticks else self._merged(filters, count)
        return places, len(places)

    def _merged(self, filters: list[Narrow], count: int, until: int | None = None) -> list[Place]:
        """The first places behind the cursor, merged from every wanted kind; ``until``: not beyond this time."""
        conditions = [one.sql for one in filters]
        if self._mark:
            conditions.append(self._behind())
        if until is not None:
            conditions.append(f"{self._column} {'<' if self._order.ascending else '>='} :until")
        way = "ASC" if self._order.ascending else "DESC"
        order = f"ORDER BY 1 {way}, 2 {way} LIMIT {count}"
        terms = [
            f"SELECT * FROM (SELECT {self._column}, fid, id FROM thread INDEXED BY thread_{self._order.key}"  # noqa: S608 - our own words, values are bound
            f" WHERE {' AND '.join([kind, *conditions])} {order})"
            for kind in self._ranges()
        ]
        if not terms:
            return []
        values = {**_values(filters), "until": until, **self._marked()}
        return self._places(self._index.rows(f"{' UNION ALL '.join(terms)} {order}", values))

    def _ranges(self) -> list[str]:
        """The wanted kinds one by one; a great many together, at the price of a sort."""
        if len(self._kinds) > _MOST_KINDS:
            return [f"kind IN ({', '.join(map(str, self._kinds))})"]
        return [f"kind = {kind}" for kind in self._kinds]

    def _behind(self) -> str:
        """What stands behind the cursor; with coarse times also what stands in the cursor's own tick."""
        if self._ticks:
            return f"{self._column} {'>=' if self._order.ascending else '<'} :key"
        return f"({self._column}, fid) {'>' if self._order.ascending else '<'} (:key, :fid)"

    def _marked(self) -> dict[str, Any]:
        if self._mark is None:
            return {}
        key, fid = self._mark
        return {"key": key + self._order.tick_ms if self._ticks and not self._order.ascending else key, "fid": fid}

    def _ticked(self, filters: list[Narrow], count: int) -> list[Place]:
        """The same where times are coarse: within a tick the ids decide, so a tick is always taken whole."""
        wanted = count
        while True:
            found = self._merged(filters, wanted)
            last = len(found) < wanted
            if not last:
                edge = found[-1].key + (self._order.tick_ms if self._order.ascending else 0)
                found = self._merged(filters, -1, edge)
            places = sorted(filter(self._is_past, found), reverse=not self._order.ascending)
            if last or len(places) >= count:
                return places
            wanted *= 4

    def _places(self, rows: list[tuple[Any, bytes, int]]) -> list[Place]:
        if self._ticks:
            return [Place(self._order.cut(time), fid, number) for time, fid, number in rows]
        return [tuple.__new__(Place, row) for row in rows]  # half the price of `_make`

    def _is_past(self, place: Place) -> bool:
        if self._mark is None:
            return True
        return place[:2] > self._mark if self._order.ascending else place[:2] < self._mark

    def _passed_over(self, page: list[Place], *, more: bool) -> int:
        """How many threads of the wanted kinds the narrow filters left out on the way to this page."""
        conditions = [self._behind()] if self._mark else []
        if more:
            conditions.append(f"({self._column}, fid) {'<=' if self._order.ascending else '>='} (:last, :last_fid)")
        sql = " UNION ALL ".join(
            f"SELECT count(*) AS n FROM thread INDEXED BY thread_{self._order.key}"  # noqa: S608 - our own words, values are bound
            f" WHERE {' AND '.join([kind, *conditions])}"
            for kind in self._ranges()
        )
        values = {**self._marked(), "last": page[-1].key if page else None, "last_fid": page[-1].fid if page else None}
        whole = f"SELECT sum(n) FROM ({sql})"  # noqa: S608 - our own words, values are bound
        return max(0, int(self._index.one(whole, values) or 0) - len(page))


def _values(filters: list[Narrow]) -> dict[str, Any]:
    return {name: value for one in filters for name, value in one.values.items()}


def narrow_filters(index: Index, query: ThreadQuery) -> list[Narrow]:
    """The narrow filters of a query, those first that are likely to find fewest."""
    found: list[Narrow] = []
    for column, wanted in (("parent", query.parent), ("forked", query.forked_from)):
        if wanted is not None:
            found.append(_equal(column, [plain_id(wanted)]))
    if query.name is not None:
        found.append(_equal("name", [query.name.strip()]))
    found += [_tag(at, tag) for at, tag in enumerate(query.tags)]
    if query.branches:
        found.append(_equal("branch", [*query.branches]))
    if query.cwds:
        found.append(_one_of("cwd", _numbers(_cwds(index, query.cwds)), {}))
    if query.origins:
        found.append(_equal("origin", [*query.origins]))
    if query.since_ms is not None or query.until_ms is not None:
        found.append(_time(query))
    if query.text:
        found.append(_text(wanted_text(query.text)))
    return found


def _equal(column: str, wanted: list[str | None]) -> Narrow:
    values: dict[str, Any] = {f"{column}{at}": to_text(one) for at, one in enumerate(wanted)}
    return _one_of(column, ", ".join(f":{name}" for name in values), values)


def _one_of(column: str, wanted: str, values: dict[str, Any]) -> Narrow:
    sql = f"{column} IN ({wanted})"
    count = f"thread INDEXED BY thread_by_{column} WHERE {sql}"
    return Narrow(sql, f"{count} AND +{{kinds}}", values, count)


def _tag(at: int, tag: str) -> Narrow:
    """The threads that bear a tag; each tag narrows further."""
    name = f"tag{at}"
    source = f"(SELECT thread FROM tag WHERE tag = :{name})"  # noqa: S608 - our own words, values are bound
    borne = f"EXISTS (SELECT 1 FROM tag WHERE tag.tag = :{name} AND tag.thread = thread.id)"  # noqa: S608 - our own words, values are bound
    return Narrow(borne, f"thread WHERE id IN {source} AND +{{kinds}}", {name: to_text(tag)}, source)


def _been(index: Index, folders: tuple[str, ...]) -> Narrow:
    """Threads that began in a folder, and those whose last turn was there or is not known."""
    wanted = _numbers(_cwds(index, folders))
    began, ended = f"cwd IN ({wanted})", f"last_cwd IN ({wanted}, {UNKNOWN})"
    both = f"(SELECT id FROM thread WHERE {began} UNION SELECT id FROM thread WHERE {ended})"  # noqa: S608 - our own words
    return Narrow(f"({began} OR {ended})", f"thread WHERE id IN {both} AND +{{kinds}}", {}, both)


def _numbers(numbers: Iterator[int]) -> str:
    return ", ".join(map(str, numbers)) or "NULL"


def _cwds(index: Index, wanted: tuple[str, ...]) -> Iterator[int]:
    """The recorded folders that are wanted ones; each spelling is looked at, as without an index."""
    folders = Folders(wanted)
    for number, kept in index.rows("SELECT id, path FROM cwd"):
        path = kept_text(kept) or ""
        if folders.may_match(path) and folders.match(path):
            yield number


def _time(query: ThreadQuery) -> Narrow:
    since = -_FAR if query.since_ms is None else query.since_ms
    until = _FAR if query.until_ms is None else query.until_ms
    sql = "active BETWEEN :since AND :latest"
    source = f"thread INDEXED BY thread_active WHERE {{kinds}} AND {sql}"
    return Narrow(sql, source, {"since": since, "latest": until}, source)


def _text(text: str) -> Narrow:
    """Threads by their words; a text of three characters or more is looked up first."""
    sql = "EXISTS (SELECT 1 FROM words WHERE words.thread = thread.id AND instr(words.text, :text))"
    threes = sorted({text[at : at + 3] for at in range(min(len(text), KNOWN_CHARACTERS) - 2)})[:16]
    if not threes:
        return Narrow(sql, "", {"text": text})
    match = " AND ".join('"{}"'.format(three.replace('"', '""')) for three in threes)
    known = "(SELECT rowid FROM titles WHERE titles MATCH :match UNION ALL SELECT thread FROM words WHERE long = 1)"
    return Narrow(sql, f"thread WHERE id IN {known} AND +{{kinds}}", {"text": text, "match": match}, known)
