"""Every rollout that the real Codex wrote is read whole, exactly, in both directions."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from rollout.codec import encode_record
from rollout.journal.examine import examine
from rollout.journal.reader import backward, count_lines, forward, open_source
from rollout.lines import Damage, Line
from support import SHARED, corpus_homes, corpus_marks, rollouts, shared_path

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = corpus_marks
homes = pytest.mark.parametrize("home", corpus_homes(), ids=lambda home: home.name)


def lines_of(path: Path) -> list[Line]:
    """All lines of a rollout; a damaged one fails the test."""
    with open_source(str(path)) as source:
        found = list(forward(source))
    assert [(path.name, each) for each in found if isinstance(each, Damage)] == []
    return [each for each in found if isinstance(each, Line)]


def uncompressed(path: Path) -> bytes:
    """The bytes of a rollout."""
    with open_source(str(path)) as source:
        return b"".join(source.blocks())


@homes
def test_every_line_comes_out_as_it_went_in(home: Path) -> None:
    """No damage, as many lines out as in, and their bytes together are the file."""
    for path in rollouts(home):
        whole = uncompressed(path)
        lines = lines_of(path)

        assert whole == b"".join(line.data for line in lines)
        assert list(range(whole.count(b"\n"))) == [line.n for line in lines]


@homes
def test_every_record_is_written_again_as_it_was(home: Path) -> None:
    """Decoding and encoding a line of the real Codex gives the same bytes."""
    for path in rollouts(home):
        for line in lines_of(path):
            assert line.data == encode_record(line.record)


@homes
def test_backward_is_forward_reversed(home: Path) -> None:
    """Reading backward yields the same lines at the same places, newest first."""
    for path in rollouts(home):
        with open_source(str(path)) as source:
            back = list(backward(source))

        assert [(line.data, line.position) for line in reversed(lines_of(path))] == [
            (line.data, line.position) for line in back if isinstance(line, Line)
        ]


@homes
def test_counting_agrees_with_reading(home: Path) -> None:
    """The number of lines is known without decoding them."""
    for path in rollouts(home):
        with open_source(str(path)) as source:
            assert len(lines_of(path)) == count_lines(source)


@homes
def test_healthy_rollouts_have_no_findings(home: Path) -> None:
    """Every real rollout begins with its session_meta, and its ordinals go on without a gap."""
    for path in rollouts(home):
        assert [(path.name, finding.what) for finding in examine(iter(lines_of(path)))] == []


def test_the_corpus_has_the_lines_it_says_it_has() -> None:
    """The homes hold as many lines as their description tells."""
    counted = Counter({home.name: sum(len(lines_of(path)) for path in rollouts(home)) for home in corpus_homes()[:2]})

    assert counted == {"codex-0.100.0": 5576, "codex-0.169.0": 5591}


def test_compressed_files_hold_what_the_plain_ones_hold() -> None:
    """A .zst written by the real Codex reads as the plain file it was made from."""
    extra, plain = (shared_path("corpus", *parts) for parts in (("extras", "v0.169.0-compressed"), ("codex-0.169.0",)))
    pairs = [
        (path, plain / path.relative_to(extra).with_suffix("")) for path in rollouts(extra) if path.suffix == ".zst"
    ]

    assert len(pairs) == 236
    assert [path.name for path, other in pairs if uncompressed(path) != other.read_bytes()] == []


def test_reading_leaves_the_file_times_alone(tmp_path: Path) -> None:
    """Neither the modification time nor the size of a file changes when it is read."""
    assert SHARED is not None
    original = next(rollouts(shared_path("corpus", "codex-0.100.0")))
    copy = tmp_path / original.name
    copy.write_bytes(original.read_bytes())
    before = copy.stat()

    lines_of(copy)

    assert (before.st_mtime_ns, before.st_size) == (copy.stat().st_mtime_ns, copy.stat().st_size)
