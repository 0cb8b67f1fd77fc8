"""One answer, whoever is asked: the memory store, the files alone, ripgrep and the index of words."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rollout.query import EVERYTHING, Order, ThreadQuery
from rollout.search_query import MODES, SearchQuery
from rollout.store.base import Hit, Segment
from rollout.store.local import searching
from rollout.store.local.fulltext import Use
from rollout.store.local.index_path import IndexPlace
from rollout.store.local.store import LocalStore
from rollout.store.memory import MemoryStore
from rollout.testing import builders as b
from support import corpus_homes, needs_shared

if TYPE_CHECKING:
    from rollout.store.base import SearchPage

ALL = EVERYTHING._replace(limit=100_000)
FEW = EVERYTHING._replace(limit=3, order=Order("created"))
SOME = ThreadQuery(limit=10, archived=None, order=Order("updated", ascending=True))


def answer(page: SearchPage) -> tuple[object, ...]:
    """What must be the same: the hits, the order of their threads, and where the next page begins."""
    return page.hits, tuple(thread.id for thread in page.threads), page.complete, page.next


class Ways:
    """The ways to search one home."""

    def __init__(self, home: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """The index is made at the first search."""
        self.store = LocalStore(home)
        self._indexed = LocalStore(home, index=IndexPlace(str(folder / "threads.sqlite"), ours=True))
        self._indexed.list(ALL)
        self._place = IndexPlace(str(folder / "words.sqlite"), ours=True)
        self._monkeypatch = monkeypatch
        self._ripgrep = shutil.which("rg")

    def files(self, query: SearchQuery, threads: ThreadQuery) -> SearchPage:
        """The files alone."""
        self._monkeypatch.setattr(searching, "find_ripgrep", lambda: None)
        return self.store.search(query, threads, use=Use())

    def words(self, query: SearchQuery, threads: ThreadQuery) -> SearchPage:
        """The index of words."""
        return self.store.search(query, threads, use=Use(self._place, new=True))

    def rows(self, query: SearchQuery, threads: ThreadQuery) -> SearchPage:
        """The index of words, and the rows of the index of threads."""
        self._monkeypatch.setattr(searching, "_FEW_ROWS", -1)
        self._monkeypatch.setattr(searching, "_needs_rows", bool)
        found = self._indexed.search(query, threads, use=Use(self._place, new=True))
        self._monkeypatch.undo()
        return found

    def ripgrep(self, query: SearchQuery, threads: ThreadQuery) -> SearchPage | None:
        """The files that ripgrep names."""
        self._monkeypatch.setattr(searching, "find_ripgrep", lambda: self._ripgrep)
        return self.store.search(query, threads, use=Use()) if self._ripgrep else None

    def check(self, query: SearchQuery, threads: ThreadQuery) -> SearchPage:
        """All ways give the answer of the files, which is returned."""
        found = self.files(query, threads)
        expected = answer(found)

        assert expected == answer(self.words(query, threads)), query
        assert expected == answer(self.rows(query, threads)), query
        with_ripgrep = self.ripgrep(query, threads)
        assert with_ripgrep is None or expected == answer(with_ripgrep), query
        return found


@needs_shared
@pytest.mark.slow
@pytest.mark.parametrize("home", corpus_homes(), ids=lambda home: home.name)
@pytest.mark.parametrize("text", ["login", "the", "ls -la", "README", "error", "apply_patch", "読む", "é", "src/"])
def test_real_homes(home: Path, text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Homes that the real Codex wrote, in every mode and order."""
    ways = Ways(home, tmp_path, monkeypatch)
    for mode in MODES:
        ways.check(SearchQuery(text, mode), ALL)
    for threads in (FEW, SOME):
        ways.check(SearchQuery(text), threads)
    ways.check(SearchQuery(text, ranked=True), FEW)
    ways.check(SearchQuery(text, roles=("tool", "file")), ALL)
    ways.check(SearchQuery(text, everything=True), FEW)


TEXTS = st.text(
    'aAbkKsSiI _-./"\\\n\tß\u017fİﬁéÉe\u0301がか\u3099読樂\uf914한\u1112\u1161\u11abпП✓\u200d\0', max_size=12
)
ITEMS = st.one_of(
    TEXTS.map(b.user),
    TEXTS.map(b.agent),
    TEXTS.map(lambda text: b.message("user", text)),
    TEXTS.map(lambda text: b.message("assistant", text)),
    TEXTS.map(lambda text: b.tool_call("shell", text)),
    TEXTS.map(b.tool_output),
    TEXTS.map(lambda text: b.turn_item("AgentMessage", text)),
)
BETWEEN = st.sampled_from([b"", b"\n", b"garbage\n", b"\0\0\0", b"\xef\xbb\xbf", b"{}\n", b'{"torn\n', b"\xff\xfe\n"])
ENDS = st.sampled_from([b"", b"\n", b"\0\0", b'{"torn'])


@st.composite
def files(draw: st.DrawFn, number: int) -> bytes:
    """A thread with odd bytes between and behind its lines, its last newline perhaps missing."""
    data = b.meta_line(b.thread_id(number))
    for item in draw(st.lists(ITEMS, max_size=8)):
        data += draw(BETWEEN) + b.line(item, draw(st.integers(0, 9)))
    return (data if draw(st.booleans()) else data.removesuffix(b"\n")) + draw(ENDS)


def asked(text: str, mode: str, ranked: bool) -> SearchQuery:
    """A search, made by hand: built from its class, Hypothesis would draw its other fields too."""
    return SearchQuery(text, mode, ranked=ranked)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(
    datas=st.tuples(files(1), files(2)),
    base=st.integers(0, 9),
    query=st.builds(asked, TEXTS.filter(bool), st.sampled_from(MODES[:3]), st.booleans()),
    limit=st.sampled_from([1, 3, 1000]),
)
@pytest.mark.slow
def test_hostile_texts(
    datas: tuple[bytes, bytes],
    base: int,
    query: SearchQuery,
    limit: int,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """Any text in any file, forks by reference and damage included, is found or not found by all alike."""
    folder = tmp_path_factory.mktemp("hostile")
    memory, home = MemoryStore(), folder / "home"
    prefix = b.first_lines(datas[0], min(base, datas[0].count(b"\n")))
    fork = b.fork_bytes(b.thread_id(3), b.thread_id(1), prefix, b.user(query.text), b.agent("a"))
    with pytest.MonkeyPatch.context() as monkeypatch:
        ways = Ways(home, folder, monkeypatch)
        for number, data in enumerate((*datas, fork), 1):
            for store in (memory, ways.store):
                store.put(segment(number, data), [data])
        threads = EVERYTHING._replace(limit=limit, order=Order("created"))
        found = ways.check(query, threads)

        assert answer(memory.search(query, threads)) == answer(found)


def segment(number: int, data: bytes) -> Segment:
    """The only file of a thread."""
    identity = b.thread_id(number)
    name = b.rollout_name(identity, b.START_MS + number * 1000)
    return Segment(name, identity, len(data), 1_770_600_000_000_000_000, 0o600, number == 2, compressed=False)


def test_many_lines_of_one_word(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A word that stands in more lines than are held at once is found by all ways, page by page."""
    home = tmp_path / "home"
    ways = Ways(home, tmp_path, monkeypatch)
    for number in (1, 2, 3):
        data = b.rollout_bytes(b.thread_id(number), *(b.tool_output(f"word {at}", f"call_{at}") for at in range(500)))
        ways.store.put(segment(number, data), [data])
    whole = ways.check(SearchQuery("word"), ALL)
    query, paged = SearchQuery("word"), list[Hit]()
    while True:
        page = ways.words(query, EVERYTHING._replace(limit=400))
        paged += page.hits
        if page.next is None:
            break
        query = query._replace(cursor=page.next)

    assert 1500 == len(whole.hits)
    assert whole.hits == tuple(paged)
    assert whole.hits[:20] == ways.words(SearchQuery("word"), EVERYTHING._replace(limit=20)).hits


LONG_TEXT = "the beginning " + "größe of lines \n" * (1 << 20) + "a Needle-work with pins " + "und so weiter " * (1 << 19)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("query", "snippet"),
    [
        (SearchQuery("needle-WORK with"), "Needle-work with"),
        (SearchQuery("with pi", "prefix"), "with pin"),
        (SearchQuery("beginning pins weiter", "words"), "beginning"),
        (SearchQuery(r"^of \w+|Ne\w+-work", "regex"), "Needle-work"),
        (SearchQuery("eedle"), None),
        (SearchQuery("beginning missing", "words"), None),
    ],
)
def test_a_line_of_many_mebibytes(
    query: SearchQuery, snippet: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is looked through in pieces; what begins or ends where a piece does is no match."""
    home = tmp_path / "home"
    ways = Ways(home, tmp_path, monkeypatch)
    data = b.rollout_bytes(b.thread_id(1), b.user("before"), b.user(LONG_TEXT), b.agent("behind"))
    ways.store.put(segment(1, data), [data])

    hits = ways.check(query, ALL).hits

    assert ([snippet] if snippet else []) == [hit.snippet[hit.at : hit.at + hit.length] for hit in hits]
