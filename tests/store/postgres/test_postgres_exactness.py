"""Whatever bytes a file has, the server gives back these bytes, and says of them what files say."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from index_homes import told
from rollout.copying import copy_thread
from rollout.errors import FormatError
from rollout.history import history_back
from rollout.query import EVERYTHING
from rollout.store.local.headtail import WINDOW
from rollout.store.local.store import LocalStore
from rollout.testing import builders as b
from rollout.testing.facts import segment, where
from rollout.testing.facts_reading import ODD_FILES
from rollout.testing.strategies import files

if TYPE_CHECKING:
    from pathlib import Path

    from postgres_server import Server
    from rollout.store.base import ThreadStore

pytestmark = pytest.mark.slow

ODD = b.rollout_bytes(
    b.thread_id(), b.user("a HALF b"), b.user("\0 nul"), cwd="/\0/HALF", git={"branch": "\0HALF"}, model_provider="HALF\0"
).replace(b"HALF", b"\\ud83d")
PIECES = (
    b"\xef\xbb\xbf", b"\r\n", b"\n", b"\0", b"\xff\xfe", b"\xc3", b" ", b"\xe2\x80\xa8", b"{", b'"', b"\x1a", b"[" * 300,
    b'{"timestamp":"\\u0000","type":"\\ud800","payload":{}}\n', b'{"timestamp":"x","type":"event_msg","payload":null}\n',
    b.line(b.user("a line")), b.meta_line(b.thread_id()), b.line(b.user("1" * 70_000)), ODD, b'{"n":1e999,"m":-0,"k":123456789012345678901}\n',
)  # fmt: skip
anything = st.one_of(files, st.lists(st.one_of(st.sampled_from(PIECES), st.binary(max_size=20)), max_size=12).map(b"".join))


def whole(store: ThreadStore) -> dict[str, object]:
    """All that a store says of the thread."""
    identity = b.thread_id()
    found, summary = list(store.lines(identity)), store.summary(identity)
    rows = [told(row) for row in store.list(EVERYTHING).threads]
    return {
        "bytes": b"".join(store.raw(identity)),
        "lines": [(one.n, *row[0:1], *row[2:]) for one, row in zip(found, where(found), strict=True)],
        "places": [one.position.offset for one in found],
        "backwards": [one.position.offset for one in store.lines_back(identity)][::-1],
        "end": store.end(identity).offset,
        "summary": {name: getattr(summary, name) for name in summary.__slots__},
        "history": history_back(store.lines_back(identity)),
        "rows": [{**row, "path": "", "summary": 0, "problem": row["problem"] is None} for row in rows],
        "hits": [(hit.n, hit.role, hit.snippet) for hit in store.search("a line", EVERYTHING).hits],
    }


@settings(max_examples=60, deadline=None)
@given(anything, st.booleans())
@example(ODD, True)
@example(b"", False)
@example(b"\xef\xbb\xbf\xef\xbb\xbf\0" + b.line(b.user("a line")), False)
@example(b'{"timestamp":"20\0\0' + b.line(b.user("a line")), False)
def test_any_bytes(server: Server, tmp_path_factory: pytest.TempPathFactory, data: bytes, grown: bool) -> None:
    """Bytes, lines, damage, offsets, facts, history and hits are those of a home; after an append too; and back again."""
    folder = tmp_path_factory.mktemp("exact")
    served, home = server.store(), LocalStore(folder / "home")
    (folder / "home").mkdir()
    (folder / "back").mkdir()
    for store in (served, home):
        store.put(segment(1, data), [data[:7], data[7:]])
    if grown:
        for store in (served, home):
            add(store)

    expected, actual = whole(home), whole(served)
    copy_thread(served, LocalStore(folder / "back"), b.thread_id(), verify=True)
    served.close()
    names = {name for name in expected if expected[name] != actual[name]}

    if grown or len(data) > 2 * WINDOW:  # each store has a clock of its own; a home reads no more of a file for its row
        names -= {"rows"}
    assert set() == names, {name: (expected[name], actual[name]) for name in names}
    assert stored(folder / "home") == stored(folder / "back") if not grown else True


def add(store: ThreadStore) -> None:
    """Append a line, as far as the store takes one."""
    try:
        writer = store.open_writer(b.thread_id())
    except FormatError:
        return
    writer.append(b.line(b.user("appended"), ordinal=writer.next_ordinal), 1)
    writer.flush()
    writer.close()


def stored(home: Path) -> dict[str, tuple[bytes, int, int]]:
    """Every rollout of a home: its bytes, time and mode."""
    found = (path for path in home.rglob("rollout-*"))
    return {str(path.relative_to(home)): (path.read_bytes(), path.stat().st_mtime_ns, path.stat().st_mode) for path in found}


@pytest.mark.parametrize("name", ODD_FILES)
def test_odd_files(server: Server, tmp_path: Path, name: str) -> None:
    """Each odd file goes to the server and comes back in a new home as the same file."""
    data = ODD_FILES[name]
    for folder in ("home", "back"):
        (tmp_path / folder).mkdir()
    home, served = LocalStore(tmp_path / "home"), server.store()
    home.put(segment(1, data, mode=0o640), [data])
    copy_thread(home, served, b.thread_id(), verify=True)
    copy_thread(served, LocalStore(tmp_path / "back"), b.thread_id(), verify=True)
    served.close()

    assert stored(tmp_path / "home") == stored(tmp_path / "back")
