"""Times as integers: milliseconds since 1970, UTC; no clock is read here.

Three spellings stand in rollouts and cursors: RFC 3339 with any precision and offset, the file-name form
``YYYY-MM-DDThh-mm-ss`` (read as UTC, spec: rollout-format 1.1), and none at all.
"""

from __future__ import annotations

from functools import lru_cache
from time import gmtime

# The calendar module would cost a listing 3 ms: it brings locale and datetime along.
_DAYS = (0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_BEFORE = (0, 0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334)
_EPOCH = 719_163  # days from the first of January of year 1 to that of 1970


def parse_ms(text: str | None) -> int | None:
    """Milliseconds of an RFC 3339 or file-name time, sub-milliseconds cut off; None when it is neither."""
    if not text or len(text) < 19 or not text.isascii() or text[10] not in "Tt ":
        return None
    clock = text[11:19]
    if clock[2] != clock[5] or clock[2] not in ":-":
        return None
    digits = clock[:2] + clock[3:5] + clock[6:8]
    midnight = _midnight(text[:10])
    if midnight is None or not digits.isdigit():
        return None
    hour, minute, second = int(digits[:2]), int(digits[2:4]), int(digits[4:])
    if hour > 23 or minute > 59 or second > 60:
        return None
    rest = _fraction_and_zone(text[19:])
    return None if rest is None else midnight + (hour * 3600 + minute * 60 + second) * 1000 + rest


@lru_cache(maxsize=1024)
def _midnight(date: str) -> int | None:
    """The first millisecond of an ASCII date, None when there is no such day."""
    digits = date[:4] + date[5:7] + date[8:]
    if not digits.isdigit() or date[4] != "-" or date[7] != "-":
        return None
    year, month, day = int(digits[:4]), int(digits[4:6]), int(digits[6:])
    if not (year and 1 <= month <= 12 and 1 <= day <= days_in(year, month)):
        return None
    return day_ms(year, month, day)


def days_in(year: int, month: int) -> int:
    """How many days a month has."""
    return _DAYS[month] + (month == 2 and _is_leap(year))


def day_ms(year: int, month: int, day: int) -> int:
    """The first millisecond of a day, in UTC."""
    past = year - 1
    days = past * 365 + past // 4 - past // 100 + past // 400 + _BEFORE[month] + (month > 2 and _is_leap(year)) + day
    return (days - _EPOCH) * 86_400_000


def _is_leap(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def _fraction_and_zone(text: str) -> int | None:
    """What follows the seconds, as milliseconds to add."""
    if len(text) == 5 and text[0] == "." and text[4] == "Z" and text[1:4].isdigit():
        return int(text[1:4])  # as nearly all are written
    millis = 0
    if text.startswith("."):
        end = 1
        while end < len(text) and text[end].isdigit():
            end += 1
        if end == 1:
            return None
        millis = int((text[1:end] + "00")[:3])
        text = text[end:]
    if text in ("", "Z", "z"):
        return millis
    if len(text) == 6 and text[0] in "+-" and text[3] == ":" and text[1:3].isdigit() and text[4:].isdigit():
        offset = (int(text[1:3]) * 60 + int(text[4:])) * 60_000
        return millis - offset if text[0] == "+" else millis + offset
    return None


def to_text(unix_ms: int, *, millis: bool = True) -> str:
    """RFC 3339 in UTC with ``Z``, with or without milliseconds (cut off, not rounded)."""
    seconds, rest = divmod(unix_ms, 1000)
    year, month, day, hour, minute, second = gmtime(seconds)[:6]
    text = f"{year:04d}-{month:02d}-{day:02d}T{hour:02d}:{minute:02d}:{second:02d}"
    return f"{text}.{rest:03d}Z" if millis else f"{text}Z"
