"""Names and folders of a home, both ways."""

from __future__ import annotations

import pytest

from rollout.store.base import Place
from rollout.store.local.paths import (
    active_folder,
    bounds_of,
    date_parts,
    id_in,
    new_rollout_path,
    parse_name,
    time_ms,
    time_text,
)
from rollout.times import parse_ms

ONE = "0194f5a0-7c3e-7b1a-9a55-0c2d1e4f6a7b"
TWO = "0194f5a0-7c3e-7b1a-9a55-0c2d1e4f6a7c"
AT = "2026-02-08T07-05-03"


@pytest.mark.parametrize(
    "name",
    [
        f"rollout-{AT}-{ONE}.jsonl",
        f"rollout-{AT}-{ONE.upper()}.jsonl",
        f"rollout-{AT}-{ONE.replace('-', '')}.jsonl",
        f"rollout-{AT}-{{{ONE}}}.jsonl",
        f"rollout-{AT}-urn:uuid:{ONE}.jsonl",
    ],
)
def test_every_form_of_an_id_is_read(name: str) -> None:
    """A name gives time and id, whichever form of a UUID stands in it; without a second id both are the same."""
    assert parse_name(name) == (AT, ONE, ONE, False)


def test_a_further_file_of_a_thread() -> None:
    """What stands behind the underscore is the rollout's own id."""
    assert parse_name(f"rollout-{AT}-{ONE}_{TWO}.jsonl.zst") == (AT, ONE, TWO, True)


@pytest.mark.parametrize(
    "name",
    [
        f"rollout-{AT}-{ONE}.json",
        f"rollout-{AT}-{ONE}.jsonl.bak",
        f"rollout-{AT}-{ONE} (1).jsonl",
        f"rollout-{AT}-{ONE}_.jsonl",
        f"rollout-2026-02-30T07-05-03-{ONE}.jsonl",
        f"rollout-2026-02-08T24-05-03-{ONE}.jsonl",
        f"rollout-2026-2-8T07-05-03-{ONE}.jsonl",
        f"rollout-{ONE}.jsonl",
        f"session-{AT}-{ONE}.jsonl",
        "rollout-compress-1-abcd.tmp",
        "",
    ],
)
def test_other_names_are_none(name: str) -> None:
    """A name that Codex ignores does not parse."""
    assert parse_name(name) is None


def test_a_new_path_is_local_time() -> None:
    """Folder and name of a new rollout tell the same local time."""
    place = Place(parse_ms("2026-09-18T20:01:01.500Z") or 0, 9 * 3600)

    assert new_rollout_path("/h", ONE, place) == f"/h/sessions/2026/09/19/rollout-2026-09-19T05-01-01-{ONE}.jsonl"


def test_the_folder_is_in_the_name() -> None:
    """Where an active rollout belongs is taken from its name; one without a date belongs in ``sessions``."""
    assert date_parts("rollout-2025-03-01T09-00-00-123.jsonl") == ("2025", "03", "01")
    assert active_folder("rollout-2025-03-01T09-00-00-123.jsonl") == "sessions/2025/03/01"
    assert active_folder("rollout-without-a-date.jsonl") == "sessions"
    assert date_parts("other-2025-03-01") is None


def test_dated_folders_have_bounds() -> None:
    """A dated folder bounds the times in it by days that exist; what is no date bounds nothing."""
    assert bounds_of((2024, 2)) == ("2024-02-01T00-00-00", "2024-02-29T23-59-59")
    assert bounds_of((2026,)) == ("2026-01-01T00-00-00", "2026-12-31T23-59-59")
    assert bounds_of((2026, 9, 30)) == ("2026-09-30T00-00-00", "2026-09-30T23-59-59")
    assert [bounds_of(numbers) for numbers in ((), (26,), (2026, 13), (2026, 2, 29), (2026, 0))] == [None] * 5


def test_times_in_names() -> None:
    """A file-name time is read as UTC and spelled the same again."""
    unix_ms = time_ms(AT)

    assert unix_ms == parse_ms("2026-02-08T07:05:03Z")
    assert time_text(unix_ms + 999) == AT
    assert time_text(-(10**15)) < time_text(-1) < time_text(0) < time_text(10**15)


def test_an_id_somewhere_in_a_name() -> None:
    """The copies that file managers make still tell whose they are."""
    assert id_in(f"rollout-{AT}-{ONE} (1).jsonl") == ONE
    assert id_in("rollout-mine.jsonl") is None
