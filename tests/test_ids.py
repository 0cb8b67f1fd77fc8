"""Ids: every textual form of a UUID is read, one is printed."""

from __future__ import annotations

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollout.ids import ThreadId, try_parse
from rollout.testing.strategies import thread_ids

ONE = "0194f5a0-7c3e-7b1a-9a55-0c2d1e4f6a7b"
FORMS = {
    "hyphenated": ONE,
    "simple": ONE.replace("-", ""),
    "braced": f"{{{ONE}}}",
    "braced simple": f"{{{ONE.replace('-', '')}}}",
    "urn": f"urn:uuid:{ONE}",
    "upper case": ONE.upper(),
    "mixed case": ONE[:18].upper() + ONE[18:],
}
NO_FORMS = (
    "", "0194f5a0", ONE[:-1], ONE + "0", ONE.replace("-", "_"), f"{{{ONE}", f"{ONE}}}", f"URN:UUID:{ONE}", f" {ONE}",
    ONE.replace("a", "g"), "0194f5a07c3e-7b1a-9a55-0c2d1e4f6a7b-", ONE.replace("0", "\u0660"), f"urn:uuid:{{{ONE}}}",
)  # fmt: skip


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_every_form_is_read(form: str) -> None:
    """Each textual form of a UUID is the same thread id, printed hyphenated in lower case."""
    assert ThreadId.parse(form) == ONE
    assert try_parse(form) == ONE


@pytest.mark.parametrize("text", NO_FORMS)
def test_anything_else_is_refused(text: str) -> None:
    """What is no UUID raises, naming the text; ``try_parse`` gives None."""
    with pytest.raises(ValueError, match="not a thread id"):
        ThreadId.parse(text)
    assert try_parse(text) is None


def test_an_id_is_a_string() -> None:
    """An id can be used wherever a text can."""
    names: dict[str, int] = {ThreadId.parse(ONE): 1}

    assert names[ONE] == 1
    assert isinstance(ThreadId.parse(ONE), str)


@given(st.uuids())
def test_any_uuid_is_read(value: UUID) -> None:
    """Ids of every version are accepted, whoever made them."""
    assert str(value) == ThreadId.parse(value.hex) == ThreadId.parse(value.urn) == ThreadId.parse(str(value).upper())


@given(st.integers(0, 2**48 - 1), st.binary(min_size=10, max_size=10))
def test_a_new_id_holds_its_time(unix_ms: int, randomness: bytes) -> None:
    """A new id is a proper version 7 UUID from which its milliseconds can be read."""
    made = ThreadId.new(unix_ms, randomness)
    proper = UUID(made)

    assert (proper.version, proper.variant, made.unix_ms) == (7, "specified in RFC 4122", unix_ms)


def test_randomness_is_used() -> None:
    """All 74 random bits of an id come from the caller's bytes."""
    ones, zeros = (int(UUID(ThreadId.new(0, byte * 10))) for byte in (b"\xff", b"\0"))

    assert (ones ^ zeros).bit_count() == 74


@given(thread_ids, thread_ids)
def test_ids_sort_by_creation(one: ThreadId, two: ThreadId) -> None:
    """Sorted as text, ids made in different milliseconds stand in the order of their times."""
    if one.unix_ms != two.unix_ms:
        assert (one < two) == ((one.unix_ms or 0) < (two.unix_ms or 0))


def test_other_versions_have_no_time() -> None:
    """Only version 7 tells when an id was made."""
    assert ThreadId.parse("d9428888-122b-41e1-b85c-61a9c6dd0b2e").unix_ms is None
