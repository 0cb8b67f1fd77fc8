"""Real homes, copied to a server: every answer is the one that the files give."""

from __future__ import annotations

import io
import json
import os
import shutil
from contextlib import redirect_stdout
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from index_homes import orders, queries, told
from rollout.cli.main import main
from rollout.copying import copy_thread, wanted_threads
from rollout.lines import Line, Position
from rollout.query import EVERYTHING, Cursor
from rollout.search_query import SearchQuery
from rollout.store import open_store
from rollout.store.local.store import LocalStore
from support import corpus_homes, corpus_marks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from postgres_server import Server
    from rollout.lines import Found
    from rollout.query import Thread, ThreadQuery
    from rollout.store.base import ThreadStore

pytestmark = [*corpus_marks, pytest.mark.slow]


ALL = EVERYTHING._replace(limit=100_000)
PLACES = frozenset({"path", "home", "store", "position", "file", "bytes", "index", "open"})


class Pair(NamedTuple):
    """A home, and a server that has all of its threads."""

    home: str
    url: str
    files: LocalStore
    served: ThreadStore
    threads: list[str]

    def both(self, ask: Callable[[ThreadStore], object]) -> tuple[object, object]:
        """What both say."""
        return ask(self.files), ask(self.served)

    def commands(self, *argv: str) -> tuple[object, object]:
        """The status and the document of a command on both, without where things stand."""
        places = PLACES | {"largest"} if self.packed else PLACES
        return document(places, *argv, "--home", self.home), document(places, *argv, "--store", self.url)

    @property
    def packed(self) -> bool:
        """Whether files lie compressed in the home; a server tells of all how long they are, so orders by size differ."""
        return any(name.endswith(".zst") for _, _, names in os.walk(self.home) for name in names)


@pytest.fixture(scope="module", params=corpus_homes(), ids=lambda path: path.name)
def pair(request: Any, server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """Each home of the corpus, and its copy."""
    home = tmp_path_factory.mktemp("corpus") / "home"
    shutil.copytree(request.param, home, ignore=shutil.ignore_patterns("expected*"))
    restore_times(request.param / "expected" / "MTIMES.json", home)
    files, url = LocalStore(home), server.url()
    served = open_store(url)
    for thread in wanted_threads(files):
        copy_thread(files, served, thread)
    yield Pair(str(home), url, files, served, [row.id for row in files.list(ALL).threads])
    served.close()


def restore_times(recorded: Path, home: Path) -> None:
    """Give the files of a copy the times that were recorded, where some were."""
    for name, modified in json.loads(recorded.read_text()).items() if recorded.exists() else ():
        if (home / name).exists():
            os.utime(home / name, ns=(modified, modified))


def walked(store: ThreadStore, query: ThreadQuery) -> list[object]:
    """The rows of all pages of a query."""
    found: list[object] = []
    while True:
        page = store.list(query)
        found += map(facts_of, page.threads)
        if page.next is None:
            return found
        query = query._replace(cursor=Cursor.parse(str(page.next)))


def facts_of(row: Thread) -> dict[str, Any]:
    """What a row tells, but for where it stands, what that takes, and what a listing of files does not read."""
    facts = told(row)
    for name in ("base_instructions", "lines", "partial"):
        del facts["summary"][name]
    return {name: fact for name, fact in facts.items() if name not in ("path", "bytes")}


def stored(found: Iterable[Found]) -> list[tuple[object, ...]]:
    """Lines and damage by number."""
    return [(one.n, one.data) if isinstance(one, Line) else (one.n, one.length, one.reason) for one in found]


def whole(store: ThreadStore, thread: str) -> dict[str, object]:
    """Everything that a store tells of one thread."""
    summary = store.summary(thread)
    return {
        "lines": stored(store.lines(thread)),
        "backwards": [one[1:] for one in stored(store.lines_back(thread))],
        "from a number": stored(store.lines(thread, 5)),
        "own": stored(store.lines(thread, own=True)),
        "references": store.references(thread),
        "summary": {name: getattr(summary, name) for name in summary.__slots__},
        "resolved": [store.resolve(text) for text in (thread, thread[:13], thread.replace("-", "").upper())],
        "files": [one._replace(compressed=False, bytes=0, data_length=0) for one in store.segments(thread)],
    }


def document(places: frozenset[str], *argv: str) -> object:
    """The status and the document of a command, without where things stand."""
    out = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    with redirect_stdout(out):
        status = main([*argv, "--json"])
        out.flush()
    assert isinstance(out.buffer, io.BytesIO)
    return status, without(places, json.loads(out.buffer.getvalue()))


def without(places: frozenset[str], value: object) -> object:
    """A document without what tells where things stand and what they take there."""
    if isinstance(value, dict):
        return {key: without(places, one) for key, one in value.items() if key not in places}
    return [without(places, one) for one in value] if isinstance(value, list) else value


def test_listings(pair: Pair) -> None:
    """Every order and filter, whole and page by page, and what is left out."""
    for number, query in enumerate(queries(list(pair.files.list(ALL).threads[::60]))):
        order = list(orders())[number % 18]
        order = order._replace(key="tokens") if pair.packed and order.key == "size" else order
        for limit in (7, 100_000):
            asked = query._replace(order=order, limit=limit)
            expected, actual = pair.both(lambda store, asked=asked: walked(store, asked))  # type: ignore[misc] # bound early

            assert expected == actual, asked
        first, second = pair.files.list(query._replace(limit=100_000)), pair.served.list(query._replace(limit=100_000))

        assert (first.hidden, first.complete) == (second.hidden, second.complete), query


def test_each_thread(pair: Pair) -> None:
    """Lines in all ways to read them, lineage, facts, what texts resolve to, the files."""
    for thread in pair.threads:
        expected, actual = whole(pair.files, thread), whole(pair.served, thread)

        assert [] == [what for what in expected if expected[what] != actual[what]], thread
    here = set(pair.threads)
    assert {one: name for one, name in pair.files.names().items() if one in here} == dict(pair.served.names())


@pytest.mark.parametrize("text", ["the", "marker", "file", "Done.", "質", "a", "turn aborted", "error"])
def test_searches(pair: Pair, text: str) -> None:
    """The same hits in the same order."""
    for ranked in (False, True):
        query = SearchQuery(text, ranked=ranked)
        first, second = (store.search(query, EVERYTHING._replace(limit=300)) for store in (pair.files, pair.served))
        hits = [[hit._replace(position=Position(0, 0)) for hit in one.hits] for one in (first, second)]

        assert hits[0] == hits[1]
        assert (first.complete, first.note) == (second.complete, second.note)


@pytest.mark.parametrize("command", ["usage", "usage --by model", "stats", "list --all", "list", "search the"])
def test_commands_on_all_threads(pair: Pair, command: str) -> None:
    """The documents of commands that look at all threads."""
    expected, actual = pair.commands(*command.split())

    assert expected == actual


@pytest.mark.parametrize("command", ["show", "history"])
def test_commands_on_each_thread(pair: Pair, command: str) -> None:
    """What is shown of each thread, and what the model would be sent."""
    for thread in pair.threads:
        expected, actual = pair.commands(command, thread)

        assert expected == actual, thread
