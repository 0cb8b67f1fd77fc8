"""Reading past lines of other kinds finds what reading all lines finds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from rollout.journal.reader import forward, open_source
from rollout.journal.skim import kind_of, skim
from rollout.lines import Gap, Line, Position
from rollout.testing import builders as b

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

KINDS = frozenset({"user_message", "agent_message", "task_started", "item_completed", "compacted", "session_meta"})
GOOD = [
    *b.rollout_bytes(b.thread_id(1), *b.turn("question ünï 🙂", "answer")).splitlines(keepends=True),
    *b.paginated_bytes(b.thread_id(2), *b.paginated_turn("q", "a", turn_id="t1")).splitlines(keepends=True),
    b'{"timestamp":"2026-01-01T00:00:00.000Z","type":"event_msg","payload":{"type":"token_count","info":null}}\n',
    b'{"type": "event_msg", "timestamp": "2026", "payload": {"message": "hello", "type": "user_message"}}\n',
    b'{"timestamp":"2026-01-01T00:00:00.000Z","type":"event_msg","payload":[1]}\n',
    b'{"timestamp":"2026-01-01T00:00:00.000Z","type":"compacted","payload":{"message":"short"}}\n',
]
ODD = [b"\n", b"garbage\n", b" \t\n", b'{"a":1}\n', b"\0\0\n", b'{"timestamp":"x","type":"event_msg"', b"\xff\n"]


def written(folder: Path, data: bytes) -> str:
    """A file with these bytes."""
    path = folder / "rollout.jsonl"
    path.write_bytes(data)
    return str(path)


def told(lines: list[Line | Gap]) -> tuple[list[Line], list[int]]:
    """The lines, and before each the number of records."""
    count, found, before = 0, [], []
    for one in lines:
        if isinstance(one, Line):
            found.append(one)
            before.append(count)
        count += one.records if isinstance(one, Gap) else 1
    return found, before


@given(pieces=st.lists(st.sampled_from([*GOOD, *ODD]), max_size=30))
def test_the_wanted_lines_are_those_of_a_full_reading(tmp_path_factory: pytest.TempPathFactory, pieces: list[bytes]) -> None:
    """With number, place and record, and with as many records before each, whatever stands between them."""
    path = written(tmp_path_factory.mktemp("skim"), b"".join(pieces))
    with open_source(path) as source:
        records = [found for found in forward(source) if isinstance(found, Line) and found.record.type]
        skimmed = list(skim(source, KINDS))

    wanted = [(line, n) for n, line in enumerate(records) if kind_of(line.record) in KINDS]
    assert ([line for line, _ in wanted], [n for _, n in wanted]) == told(skimmed)


def test_it_begins_in_the_middle_and_ends_before_the_end(tmp_path: Path) -> None:
    """At the position of a line, with that line's number, as far as a byte."""
    path = written(tmp_path, b"".join(GOOD))
    with open_source(path) as source:
        whole = [found for found in skim(source, KINDS) if isinstance(found, Line)]
        second, last = whole[1], whole[-1]
        part = skim(source, KINDS, start=second.position, n=second.n, end=last.position.offset)

        assert whole[1:-1] == [found for found in part if isinstance(found, Line)]


def test_damage_in_a_line_of_another_kind_is_not_seen(tmp_path: Path) -> None:
    """It counts as a record: to tell it from one, the whole line would have to be decoded."""
    bad = b'{"timestamp":"2026-01-01T00:00:00.000Z","type":"response_item","payload":{"text":"\xff"}}\n'
    path = written(tmp_path, bad + GOOD[-1])
    with open_source(path) as source:
        found = list(skim(source, KINDS))

    assert ([Gap(1)], Position(0, len(bad))) == (found[:-1], found[-1].position if isinstance(found[-1], Line) else None)
