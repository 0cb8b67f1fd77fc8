from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from interop.lab import ANSWER
from interop.threads import seen, turn
from rollout import BusyError, SyncRolloutRecorder
from rollout.testing.builders import paginated_turn
from support import corpus_marks

if TYPE_CHECKING:
    from interop.lab import Lab

pytestmark = [*corpus_marks, pytest.mark.codex]


@pytest.mark.parametrize("reader", ["0.100.0", "0.169.0"])
def test_a_thread_of_0_100_goes_through_our_hands(lab: Lab, reader: str) -> None:
    """A file of 0.100.0 that we resumed is read and resumed by both versions, its bytes and ours still a prefix."""
    with lab.codex("0.100.0") as codex:
        thread_id = codex.start(lab.project, "first")
    theirs = lab.file(thread_id).read_bytes()
    lab.record(turn("second", "2"), thread_id)
    ours = lab.file(thread_id).read_bytes()
    expected = [*seen(("first", ANSWER), ("second", "2"))]

    with lab.codex(reader) as codex:
        read, resumed = codex.read(thread_id), codex.resume(thread_id)
        codex.turn(thread_id, "third")

    assert [expected, expected] == [read, resumed]
    assert ours.startswith(theirs)
    assert lab.file(thread_id).read_bytes().startswith(ours)


def test_a_thread_of_0_169_goes_through_our_hands(lab: Lab) -> None:
    """A paginated file that we resumed goes on with its ordinals, and 0.169.0 shows our turn and takes another."""
    with lab.codex("0.169.0") as codex:
        thread_id = codex.start(lab.project, "first")
    theirs = lab.file(thread_id).read_bytes()
    lab.record(paginated_turn("second", "2", turn_id="0194f5a0-7c3e-7b1a-9a55-0c2d1e4f6a7b"), thread_id)
    ours = lab.file(thread_id).read_bytes()

    with lab.codex("0.169.0") as codex:
        resumed = codex.resume(thread_id)
        codex.turn(thread_id, "third")

    assert seen(("first", ANSWER), ("second", "2")) == resumed
    assert ours.startswith(theirs)
    assert lab.file(thread_id).read_bytes().startswith(ours)
    assert lab.ordinals(thread_id) == list(range(len(lab.ordinals(thread_id))))


def test_codex_cannot_resume_what_we_hold(lab: Lab) -> None:
    """While our recorder is open Codex is refused and may read; once it is shut down Codex resumes."""
    thread_id = lab.record(turn("first", "1"))
    with lab.codex("0.169.0") as codex:
        with SyncRolloutRecorder.resume(lab.store, thread_id):
            refused = codex.refusal("thread/resume", thread_id)
            read = codex.read(thread_id)
        resumed = codex.resume(thread_id)

    assert "active writer" in refused
    assert seen(("first", "1")) == read == resumed


def test_we_cannot_resume_what_codex_holds(lab: Lab) -> None:
    """While Codex holds a thread we are refused, with its pid, and may read; once it has ended we resume."""
    thread_id = lab.record(turn("first", "1"))
    with lab.codex("0.169.0") as codex:
        codex.resume(thread_id)
        with pytest.raises(BusyError) as refused:
            SyncRolloutRecorder.resume(lab.store, thread_id)
        owner = lab.store.owner(thread_id)
        lines = list(lab.store.lines(thread_id))
    lab.record(turn("second", "2"), thread_id)

    assert (codex.pid, codex.pid) == (refused.value.owner["pid"], owner.pid if owner else None)
    assert len(lines) > len(turn("first", "1"))


def test_a_thread_that_is_not_yet_stored_is_nobodys(lab: Lab) -> None:
    """A created and not yet persisted thread takes no lock and leaves nothing in the home."""
    recorder = SyncRolloutRecorder.create(lab.store)
    held = lab.store.owner(recorder.thread_id)
    recorder.record(turn("first", "1"))
    recorder.shutdown()

    assert held is None
    assert not (lab.home / "sessions").exists()
