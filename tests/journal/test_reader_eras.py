"""Golden files of every era are read whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from rollout.codec import encode_record
from rollout.journal.examine import examine
from rollout.journal.reader import backward, forward, open_source
from rollout.lines import Line
from support import DATA, rollouts

if TYPE_CHECKING:
    from pathlib import Path

HOMES = ("bare", "codex-0.100.0", "codex-0.169.0")
golden = pytest.mark.parametrize(
    "path", [path for home in HOMES for path in rollouts(DATA / home)], ids=lambda path: path.name[8:27]
)


def lines_of(path: Path) -> list[Line]:
    """The lines of a rollout that has no damage."""
    with open_source(str(path)) as source:
        found = list(forward(source))
    lines = [each for each in found if isinstance(each, Line)]
    assert lines == found
    return lines


@golden
def test_a_golden_file_is_read_whole_and_written_as_it_was(path: Path) -> None:
    """No damage and no findings; the bytes come out as they went in, from the file and from the decoding."""
    lines = lines_of(path)
    with open_source(str(path)) as source:
        whole = b"".join(source.blocks())
        back = [each.data for each in backward(source) if isinstance(each, Line)]

    assert whole == b"".join(line.data for line in lines) == b"".join(back[::-1])
    assert whole == b"".join(encode_record(line.record) for line in lines)
    assert list(examine(iter(lines))) == []


@pytest.mark.parametrize(
    ("home", "files", "types"),
    [
        ("bare", 1, {"session_meta", "state", "response_item"}),
        ("codex-0.100.0", 6, {"session_meta", "response_item", "event_msg", "turn_context", "compacted"}),
        (
            "codex-0.169.0",
            7,
            {"session_meta", "response_item", "event_msg", "turn_context", "world_state", "token_usage_record"},
        ),
    ],
)
def test_each_era_has_its_line_types(home: str, files: int, types: set[str]) -> None:
    """The golden files hold what each era writes, and the bare ones decode to the same words."""
    paths = list(rollouts(DATA / home))

    assert files == len(paths)
    assert types == {line.record.type for path in paths for line in lines_of(path)}


def test_ordinals_tell_the_eras_apart() -> None:
    """Every line of a paginated rollout has an ordinal, no line of the older eras has one."""
    for home in HOMES:
        ordinals = {line.record.ordinal is None for path in rollouts(DATA / home) for line in lines_of(path)}

        assert {home != "codex-0.169.0"} == ordinals


def test_bare_lines_are_told() -> None:
    """The lines of the hand-made file are known as bare, with the header's time as their only timestamp."""
    (path,) = rollouts(DATA / "bare")
    first, *others = lines_of(path)

    assert (first.record.timestamp, first.record.bare) == ("2025-05-07T17:24:21.597Z", True)
    assert {("", True)} == {(line.record.timestamp, line.record.bare) for line in others}
