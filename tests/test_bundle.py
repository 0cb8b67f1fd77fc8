"""A bundle carries threads from store to store, byte for byte, and never replaces anything."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollout.bundle import contents_of, import_bundle, open_bundle, read_bundle, write_bundle
from rollout.bundle.layout import FileHead, Head, encode_bundle
from rollout.errors import BusyError, ExistsError, FormatError
from rollout.query import EVERYTHING
from rollout.store.base import Segment
from rollout.store.local.store import LocalStore
from rollout.store.memory import MemoryStore
from rollout.testing import builders as b
from support import DATA, corpus_homes, needs_shared, rollouts

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from rollout.store.base import ThreadStore

WHEN_NS = 1_770_600_000_123_456_789


def segment(number: int = 1, *, mode: int = 0o640, archived: bool = False, at_ms: int = b.START_MS) -> Segment:
    """A file of a thread."""
    identity = b.thread_id(number)
    return Segment(b.rollout_name(identity, at_ms), identity, -1, WHEN_NS, mode, archived, compressed=False)


def store_with(data: bytes, number: int = 1, **facts: Any) -> MemoryStore:
    """A store with one thread of any bytes."""
    store = MemoryStore()
    store.put(segment(number, **facts), [data])
    return store


def bundled(store: ThreadStore, *ids: str) -> bytes:
    """The bundle of some threads."""
    return b"".join(write_bundle(store, contents_of(store, ids or [b.thread_id(1)]), "test"))


def imported(bundle: bytes, store: ThreadStore, step: int = 1 << 16) -> Any:
    """Import a bundle that comes in chunks."""
    return import_bundle(store, lambda: (bundle[at : at + step] for at in range(0, len(bundle), step)))


def state(store: ThreadStore) -> dict[str, tuple[bytes, int, int, bool]]:
    """Every file of a store: bytes, time, mode, side."""
    rows = store.list(EVERYTHING._replace(limit=10_000)).threads
    found = [(row.id, one) for row in rows for one in store.segments(row.id)]
    return {
        one.name: (b"".join(store.raw(thread_id, one.rollout_id)), one.modified_ns, one.mode, one.archived)
        for thread_id, one in found
    }


@given(st.binary(max_size=2000), st.integers(1, 200))
def test_any_bytes_come_back(data: bytes, step: int) -> None:
    """Whatever a file holds, text or not, cut anywhere: the same bytes, time, mode and side come back."""
    store = store_with(data, archived=True)
    other = MemoryStore()
    imported(bundled(store), other, step)

    assert b"".join(store.raw(b.thread_id(1))) == b"".join(other.raw(b.thread_id(1)))
    assert store.segments(b.thread_id(1)) == other.segments(b.thread_id(1))


@given(
    st.lists(
        st.sampled_from([b"\xc3", b"\xa9", b"a", b"\n", b"\xff", b"\xf0\x9f\x98", b"\x80", b'"', b"\\", b"\x00"]),
        max_size=30,
    )
)
def test_characters_may_be_split_between_blocks(blocks: list[bytes]) -> None:
    """Blocks that cut a character in two, or hold no text at all, lose nothing."""
    head = FileHead(b.thread_id(1), "own", segment())
    bundle = b"".join(encode_bundle(Head((b.thread_id(1),), {}), [(head, blocks)], "test"))
    found = b"".join(event for event in read_bundle([bundle]) if isinstance(event, bytes))

    assert b"".join(blocks) == found


def test_text_stays_readable() -> None:
    """What is UTF-8 stands as text in the bundle; only what is not is base64."""
    bundle = bundled(store_with('{"text":"héllo"}\n'.encode()))
    elements = json.loads(bundle)["stream"]

    assert '{"text":"héllo"}\n' in elements
    assert not any("base64" in element for element in elements if isinstance(element, dict))


@pytest.mark.parametrize("indent", [None, 1, 4])
@pytest.mark.parametrize("sort_keys", [False, True])
def test_a_bundle_may_be_reformatted(indent: int | None, sort_keys: bool) -> None:
    """Indented, minified or with sorted keys, it stays a bundle."""
    data = b.rollout_bytes(b.thread_id(1), *b.turn("a\u2028é", "b")) + b"\xff torn"
    again = json.dumps(json.loads(bundled(store_with(data))), indent=indent, sort_keys=sort_keys).encode()
    other = MemoryStore()
    imported(again, other)

    assert data == b"".join(other.raw(b.thread_id(1)))


def cuts(bundle: bytes) -> Iterator[bytes]:
    """The bundle cut at many places."""
    return (bundle[:at] for at in range(0, len(bundle) - 1, 7))


def test_a_cut_bundle_imports_nothing() -> None:
    """Wherever a bundle is cut, that is said and nothing is written."""
    bundle = bundled(store_with(b.rollout_bytes(b.thread_id(1), *b.turn("a", "b"))))
    for cut in cuts(bundle.rstrip()):
        other = MemoryStore()
        with pytest.raises(FormatError):
            imported(cut, other)

        assert state(other) == {}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"question", b"QUESTION"),
        (b'"files":1', b'"files":2'),
        (b"rollout.bundle/1", b"rollout.bundle/9"),
        (b'"role":"own"', b'"role":"x"'),
        (b'"mode":"0640"', b'"mode":"rw"'),
        (b'"name":"rollout-', b'"name":"../rollout-'),
        (b'"name":"rollout-2026', b'"name":"rollout-20/6'),
        (b'"stream":[', b'"stream":[1,'),
        (b'"thread_id":"', b'"thread_id":"x'),
    ],
)
def test_a_changed_bundle_imports_nothing(old: bytes, new: bytes, tmp_path: Path) -> None:
    """A bundle that is not as it was made, or names a file that is no rollout of its thread, is refused."""
    bundle = bundled(store_with(b.rollout_bytes(b.thread_id(1), *b.turn("question", "b"))))
    assert old in bundle
    with pytest.raises(FormatError):
        imported(bundle.replace(old, new, 1), LocalStore(tmp_path / "home"))

    assert list(tmp_path.rglob("*.jsonl")) == []


def test_no_mode_can_be_smuggled_in(tmp_path: Path) -> None:
    """A bundle cannot make a file that runs as somebody else."""
    bundle = bundled(store_with(b"{}\n")).replace(b'"mode":"0640"', b'"mode":"6640"')
    imported(bundle, LocalStore(tmp_path))

    assert next(tmp_path.rglob("*.jsonl")).stat().st_mode & 0o7777 == 0o640


def test_twice_is_once() -> None:
    """What is there already with the same bytes is passed over, also when it has grown since."""
    bundle = bundled(store_with(b.rollout_bytes(b.thread_id(1), *b.turn("a", "b"))))
    grown = store_with(b.rollout_bytes(b.thread_id(1), *b.turn("a", "b"), *b.turn("c", "d")))
    same = MemoryStore()

    assert imported(bundle, same).written
    for store in (same, grown):
        before = state(store)
        again = imported(bundle, store)
        assert (again.written, len(again.present)) == ((), 1)
        assert before == state(store)


def test_other_bytes_are_never_replaced() -> None:
    """A file that stands there with other bytes stops the whole import: nothing is written."""
    source = MemoryStore()
    for number in (1, 2):
        source.put(
            segment(number, at_ms=b.START_MS + number), [b.rollout_bytes(b.thread_id(number), *b.turn("a", "b"))]
        )
    other = store_with(b"{}\n", 2, at_ms=b.START_MS + 2)
    before = state(other)
    with pytest.raises(ExistsError, match="other bytes"):
        imported(bundled(source, b.thread_id(1), b.thread_id(2)), other)

    assert before == state(other)


def test_a_thread_that_went_on_otherwise_is_left_alone() -> None:
    """A newer file is not put over a thread that has a newest file of its own."""
    other = store_with(b"{}\n")
    before = state(other)
    newer = store_with(b"{}\n", at_ms=b.START_MS + 60_000)
    with pytest.raises(ExistsError, match="went on otherwise"):
        imported(bundled(newer), other)

    assert before == state(other)


def test_a_dry_run_writes_nothing() -> None:
    """A dry run tells what would be made."""
    other = MemoryStore()
    bundle = bundled(store_with(b"{}\n"))
    told = import_bundle(other, lambda: [bundle], dry_run=True)

    assert told.written == (segment().name,)
    assert state(other) == {}


def test_names_are_given_but_not_taken() -> None:
    """A thread gets the bundle's name when it has none, and keeps its own."""
    source = store_with(b"{}\n")
    source.set_name(b.thread_id(1), "theirs")
    bundle = bundled(source)
    fresh, named = MemoryStore(), store_with(b"{}\n")
    named.set_name(b.thread_id(1), "mine")

    imported(bundle, fresh)
    imported(bundle, named)
    assert fresh.names()[b.thread_id(1)] == "theirs"
    assert named.names()[b.thread_id(1)] == "mine"


def test_a_gzip_that_was_cut_is_refused(tmp_path: Path) -> None:
    """A compressed bundle is read as it is, and one that was cut is said to be."""
    bundle = gzip.compress(bundled(store_with(b"{}\n")))
    path = tmp_path / "bundle.json.gz"
    path.write_bytes(bundle)
    assert len(list(read_bundle(open_bundle(str(path))))) == 4

    path.write_bytes(bundle[:-12])
    with pytest.raises(FormatError, match="cut"):
        list(read_bundle(open_bundle(str(path))))


def test_a_fork_by_reference_takes_its_bases_along(tmp_path: Path) -> None:
    """A fork of a fork, alone, can be read in an empty home; its bases are whole files."""
    source = LocalStore(DATA / "codex-0.169.0")
    forks = [row.id for row in source.list(EVERYTHING._replace(limit=100)).threads if row.summary.history_base]
    assert forks
    for fork in forks:
        home = LocalStore(tmp_path / fork)
        imported(bundled(source, fork), home)
        there = list(source.lines(fork))

        assert there == list(home.lines(fork))


def test_a_missing_base_is_told() -> None:
    """A fork whose base is gone is bundled without it, and the bundle says so."""
    base = b.paginated_bytes(b.thread_id(1), *b.paginated_turn("a", "b"))
    fork = b.fork_bytes(b.thread_id(2), b.thread_id(1), base)
    contents = contents_of(store_with(fork, 2), [b.thread_id(2)])

    assert contents.head.missing == (b.thread_id(1),)
    assert len(contents.files) == 1


def test_a_base_may_have_grown_since() -> None:
    """A fork is imported beside a base that went on: the base stays as it is, and the fork reads the same."""
    base = b.paginated_bytes(b.thread_id(1), *b.paginated_turn("a", "b"))
    fork = b.fork_bytes(b.thread_id(2), b.thread_id(1), base)
    source, other = store_with(base), store_with(base + b"{}\n")
    source.put(segment(2, at_ms=b.START_MS + 2000), [fork])
    told = imported(bundled(source, b.thread_id(2)), other)

    assert len(told.written) == 1
    assert [one.data for one in source.lines(b.thread_id(2))] == [one.data for one in other.lines(b.thread_id(2))]  # type: ignore[union-attr] # no damage


def test_a_thread_in_use_gets_no_further_files() -> None:
    """A thread that somebody writes is not added to."""
    source = store_with(b"{}\n")
    newer = f"{b.rollout_name(b.thread_id(1), b.START_MS + 1000)[:-6]}_{b.thread_id(9)}.jsonl"
    source.put(segment()._replace(name=newer, rollout_id=b.thread_id(9)), [b"{}\n"])
    other = store_with(b"{}\n")
    writer = other.open_writer(b.thread_id(1))

    with pytest.raises(BusyError):
        imported(bundled(source), other)
    writer.close()
    assert len(imported(bundled(source), other).written) == 1


@needs_shared
@pytest.mark.parametrize("home", corpus_homes(), ids=lambda home: home.name)
def test_every_real_thread_comes_back(home: Path, tmp_path: Path) -> None:
    """All threads of a real home in one bundle: every plain file comes back at its place, with bytes, mode and time."""
    source = LocalStore(home)
    ids = [row.id for row in source.list(EVERYTHING._replace(limit=10_000)).threads]
    bundle = tmp_path / "bundle"
    with bundle.open("wb") as file:
        file.writelines(write_bundle(source, contents_of(source, ids), "test"))
    other = LocalStore(tmp_path / "home")
    import_bundle(other, lambda: open_bundle(str(bundle)))

    assert {one.id for one in other.list(EVERYTHING._replace(limit=10_000)).threads} == set(ids)
    assert {name: facts[:3] for name, facts in state(source).items()} == {
        name: facts[:3] for name, facts in state(other).items()
    }
    for path in rollouts(home):
        if path.suffix == ".jsonl":
            twin = tmp_path / "home" / path.relative_to(home)
            assert path.read_bytes() == twin.read_bytes()
            assert (path.stat().st_mtime_ns, path.stat().st_mode) == (twin.stat().st_mtime_ns, twin.stat().st_mode)
