"""Times: three spellings in, one out, milliseconds cut off and never rounded."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollout.codec import timestamp_text
from rollout.times import parse_ms, to_text

MOMENT = 1_770_534_303_041  # 2026-02-08T07:05:03.041Z
SPELLINGS = {
    "2026-02-08T07:05:03.041Z": MOMENT,
    "2026-02-08T07:05:03.041999999Z": MOMENT,
    "2026-02-08T07:05:03.0Z": MOMENT - 41,
    "2026-02-08T07:05:03Z": MOMENT - 41,
    "2026-02-08t07:05:03z": MOMENT - 41,
    "2026-02-08 07:05:03Z": MOMENT - 41,
    "2026-02-08T07:05:03": MOMENT - 41,
    "2026-02-08T07-05-03": MOMENT - 41,
    "2026-02-08T09:05:03.041+02:00": MOMENT,
    "2026-02-08T01:35:03.041-05:30": MOMENT,
    "2024-02-29T00:00:00Z": 1_709_164_800_000,
    "1969-12-31T23:59:59.999Z": -1,
}
NO_TIMES = (
    None, "", "yesterday", "2026-02-08", "2026-02-08T07:05", "2026-02-08T07:05:03.Z", "2026-02-08T07:05:03+2",
    "2026-02-30T00:00:00Z", "2026-13-01T00:00:00Z", "2026-00-01T00:00:00Z", "2026-02-08T24:00:00Z",
    "2026-02-08T07:60:03Z", "0000-01-01T00:00:00Z", "2026-02-08T07:05-03", "2026/02/08T07:05:03Z",
    "2026-02-08T07:05:03Z ", "\u0662026-02-08T07:05:03Z", "2025-02-29T00:00:00Z",
)  # fmt: skip
_YEAR_1_TO_9999 = st.integers(-62_135_596_800_000, 253_402_300_799_999)


@pytest.mark.parametrize(("text", "expected"), SPELLINGS.items())
def test_every_spelling_is_read(text: str, expected: int) -> None:
    """RFC 3339 of any precision and offset, and the form of file names, which is read as UTC."""
    assert expected == parse_ms(text)


@pytest.mark.parametrize("text", NO_TIMES)
def test_what_is_no_time(text: str | None) -> None:
    """Anything else, days that do not exist included, is no time."""
    assert parse_ms(text) is None


@given(_YEAR_1_TO_9999)
def test_text_and_back(unix_ms: int) -> None:
    """Any millisecond of the years 1 to 9999 is written so that it is read again."""
    assert unix_ms == parse_ms(to_text(unix_ms))


@given(_YEAR_1_TO_9999)
def test_cut_to_seconds(unix_ms: int) -> None:
    """Without milliseconds the text is that of the second that has begun."""
    assert unix_ms // 1000 * 1000 == parse_ms(to_text(unix_ms, millis=False))


@given(st.datetimes(datetime(1970, 1, 1), datetime(9998, 1, 1)), st.integers(-1439, 1439))  # noqa: DTZ001 - made aware below
def test_agrees_with_the_calendar(moment: datetime, minutes: int) -> None:
    """The standard library's spelling of any moment with any offset is read to the same millisecond, cut off."""
    aware = moment.replace(tzinfo=timezone(timedelta(minutes=minutes)))
    expected = (aware - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)

    assert expected == parse_ms(aware.isoformat())


@given(st.text(max_size=40))
def test_no_text_breaks_it(text: str) -> None:
    """A text is a time or it is not; nothing is raised."""
    found = parse_ms(text)

    assert found is None or isinstance(found, int)


@pytest.mark.parametrize("millis", [0, 1, 499, 500, 999])
def test_line_timestamps(millis: int) -> None:
    """A line's timestamp has three digits of milliseconds and a Z, also where its second is cached."""
    for second in (MOMENT // 1000, MOMENT // 1000 + 1, MOMENT // 1000):
        assert timestamp_text(second * 1000 + millis) == to_text(second * 1000 + millis)
    assert timestamp_text(MOMENT) == "2026-02-08T07:05:03.041Z"
