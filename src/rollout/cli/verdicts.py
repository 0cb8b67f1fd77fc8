"""What a command that read a thread says of its damage, and its exit status."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rollout.cli.statuses import DONE, FINDING, INTERRUPTED

if TYPE_CHECKING:
    from rollout.cli.output import Output
    from rollout.cli.reading import Reading
    from rollout.ids import ThreadId


def verdict(reading: Reading, thread_id: ThreadId, out: Output) -> int:
    """Say on one line what was damaged."""
    out.flush()
    ended = INTERRUPTED if reading.interrupted else DONE
    if reading.problem:
        out.error(f"rollout: {reading.problem}; only its own lines are shown")
        ended = ended or FINDING
    if not reading.damaged:
        return ended
    first = reading.first_damage
    where = f", first at offset {first.position.offset}: {first.reason}" if first else ""
    stretches = "1 stretch" if reading.damaged == 1 else f"{reading.damaged} stretches"
    out.error(f"rollout: thread {thread_id} is damaged: {stretches}, {reading.damaged_bytes} bytes{where}")
    return ended or FINDING
