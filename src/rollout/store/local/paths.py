"""Names and folders of a home, both ways; pure (spec: rollout-format 1, 6.2, 10.17, 10.20).

A rollout is ``rollout-<YYYY-MM-DDThh-mm-ss>-<thread id>[_<rollout id>].jsonl[.zst]``. Active ones lie in
``sessions/YYYY/MM/DD``, archived ones flat in ``archived_sessions``. The time in the name is local time; it
is read as if it were UTC. The logical name is the one without ``.zst``.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from time import gmtime, strftime
from typing import TYPE_CHECKING

from rollout.ids import ThreadId, try_parse
from rollout.times import day_ms, days_in
from rollout.tuples import NamedTuple

if TYPE_CHECKING:
    from rollout.store.base import Place

SESSIONS = "sessions"
ARCHIVED = "archived_sessions"
NAME_INDEX = "session_index.jsonl"
TAGS_FILE = "rollout_tags.jsonl"
TRASH = "trash"
UNDERWAY = ".underway"  # in there: removals that are being made, restored or purged
PREFIX = "rollout-"
SUFFIX = ".jsonl"
ZST = ".zst"

_UUID = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_TIME = r"\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])T(?:[01]\d|2[0-3])-[0-5]\d-[0-5]\d"


@cache
def _name() -> re.Pattern[str]:
    """Compiled when it is first asked for: a listing through the index asks for none of these patterns."""
    return re.compile(rf"rollout-({_TIME})-({_UUID})(?:_({_UUID}))?\.jsonl(\.zst)?", re.ASCII)


class RolloutName(NamedTuple):
    """What a file name tells.

    ``rollout_id`` is the physical file's id; it equals the thread's where the name has only one.
    """

    time: str
    thread_id: ThreadId
    rollout_id: ThreadId
    compressed: bool


class Bounds(NamedTuple):
    """The first and the last file-name time that belong to a folder."""

    low: str = "0000-00-00T00-00-00"
    high: str = "9999-99-99T99-99-99"

    def clamp(self, time: str) -> str:
        """A time, moved to the nearest edge when it lies outside."""
        if self.low <= time <= self.high:
            return time
        return self.low if time < self.low else self.high


ANY_TIME = Bounds()


def parse_name(name: str) -> RolloutName | None:
    """Read a file name; None for a name that Codex would ignore."""
    match = _name().fullmatch(name)
    if match is None:
        return _parse_unusual(name)
    time, thread, rollout, zst = match.groups()
    if time[8:10] > "28" and not _is_time(time):
        return None
    thread_id = ThreadId(thread)
    return RolloutName(time, thread_id, ThreadId(rollout) if rollout else thread_id, zst is not None)


def _parse_unusual(name: str) -> RolloutName | None:
    """The same for ids in one of the other textual forms."""
    logical = logical_name(name)
    if not is_rollout(name) or len(logical) < 28 or logical[27] != "-":
        return None
    time = logical[8:27]
    thread, bar, rollout = logical[28 : -len(SUFFIX)].partition("_")
    thread_id = try_parse(thread)
    rollout_id = try_parse(rollout) if bar else thread_id
    if thread_id is None or rollout_id is None or not _is_time(time):
        return None
    return RolloutName(time, thread_id, rollout_id, name.endswith(ZST))


def is_rollout(name: str) -> bool:
    """Whether a file of this name is meant to be a rollout, though its name may not parse."""
    return name.startswith(PREFIX) and name.endswith((SUFFIX, SUFFIX + ZST))


def is_canonical(name: str) -> bool:
    """Whether a name is spelled as Codex spells it."""
    return _name().fullmatch(name) is not None


def logical_name(name: str) -> str:
    """The name without ``.zst``."""
    return name.removesuffix(ZST)


def time_in(name: str) -> str | None:
    """The time in a name whose rest may not parse, None when there is none."""
    time = name[8:27]
    return time if name.startswith(PREFIX) and _is_time(time) else None


def time_ms(time: str) -> int:
    """A file-name time as milliseconds, read as UTC."""
    seconds = int(time[11:13]) * 3600 + int(time[14:16]) * 60 + int(time[17:19])
    return _midnight(time[:10]) + seconds * 1000


@lru_cache(maxsize=4096)
def _midnight(date: str) -> int:
    year, month, day = date.split("-")
    return day_ms(int(year), int(month), int(day))


def _is_time(text: str) -> bool:
    """Whether this is a file-name time of a day that exists."""
    if re.fullmatch(_TIME, text) is None:
        return False
    return int(text[8:10]) <= days_in(max(1, int(text[:4])), int(text[5:7]))


def id_in(name: str) -> ThreadId | None:
    """A thread id somewhere in a name that does not parse: the last one that stands there."""
    found = re.findall(_UUID, name, re.IGNORECASE | re.ASCII)
    return try_parse(found[-1]) if found else None


def time_text(unix_ms: int) -> str:
    """The file-name form of a time, read as UTC; times that it cannot tell become its edges."""
    if unix_ms < 0:
        return "0000-01-01T00-00-00" if unix_ms < -62_135_596_800_000 else _spell(unix_ms)
    return "9999-12-31T23-59-59" if unix_ms >= 253_402_300_800_000 else _spell(unix_ms)


def _spell(unix_ms: int) -> str:
    moment = gmtime(unix_ms // 1000)
    return f"{moment.tm_year:04d}{strftime('-%m-%dT%H-%M-%S', moment)}"


def file_name(place: Place, thread_id: str, rollout_id: str | None = None) -> str:
    """The name of a new rollout: the local time of its creation and its ids."""
    ids = thread_id if rollout_id in (None, thread_id) else f"{thread_id}_{rollout_id}"
    return f"{PREFIX}{time_text(place.unix_ms + place.utc_offset_s * 1000)}-{ids}{SUFFIX}"


def new_rollout_path(home: str, thread_id: str, place: Place, rollout_id: str | None = None) -> str:
    """Where a new rollout is put: its dated folder and its name agree, both in local time (spec 1.1)."""
    name = file_name(place, thread_id, rollout_id)
    return f"{home}/{active_folder(name)}/{name}"


def date_parts(name: str) -> tuple[str, str, str] | None:
    """Year, month and day as they stand in a name, None when they do not (spec 1.3)."""
    date = name[8:18]
    return (date[:4], date[5:7], date[8:10]) if name.startswith(PREFIX) and len(date) == 10 else None


def active_folder(name: str) -> str:
    """The folder inside a home in which an active rollout of this name belongs.

    It is taken from the name and never recomputed; a name without a date belongs in ``sessions`` itself.
    """
    parts = date_parts(name)
    if parts is None or not all(part.isascii() and part.isdigit() for part in parts):
        return SESSIONS
    return f"{SESSIONS}/{int(parts[0])}/{parts[1]}/{parts[2]}"


def folder_for(name: str, *, archived: bool) -> str:
    """The folder inside a home in which a rollout of this name belongs."""
    return ARCHIVED if archived else active_folder(name)


def bounds_of(numbers: tuple[int, ...]) -> Bounds | None:
    """The times that belong to a dated folder (year; year, month; …); None when it is no dated folder."""
    if not numbers or not 1000 <= numbers[0] <= 9999:
        return None
    year = numbers[0]
    month, last_month = (numbers[1], numbers[1]) if len(numbers) > 1 else (1, 12)
    if not 1 <= month <= 12:
        return None
    end = days_in(year, last_month)
    day, last_day = (numbers[2], numbers[2]) if len(numbers) > 2 else (1, end)
    if not 1 <= day <= end:
        return None
    return Bounds(f"{year}-{month:02d}-{day:02d}T00-00-00", f"{year}-{last_month:02d}-{last_day:02d}T23-59-59")


def number_of(name: str) -> int | None:
    """A folder name as a number, None when it is none."""
    return int(name) if name.isascii() and name.isdigit() and len(name) <= 5 else None
