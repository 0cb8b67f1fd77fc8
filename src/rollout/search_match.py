"""Whether a passage matches, and where: the one matcher behind scan, index and memory.

Texts are compared folded: upper and lower case alike in every script, composed and decomposed letters alike. A word
is a run of letters and digits. Scripts that are written without spaces (Han, kana, Hangul, Thai and their like)
have no words to go by: each of their characters counts as one, so any part of such a text is found.

A sieve of bytes (``search_sieve``) and a full-text table (``search_words``) only narrow down; what counts is the matcher.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from rollout.codec import decode
from rollout.errors import InvalidQueryError
from rollout.long_lines import LONG, pieces
from rollout.search_sieve import LONGEST_ANCHOR, Anchor, ascii_anchors
from rollout.search_text import passages
from rollout.search_words import IS_UNSPACED, MOST_TOKENS, fold
from rollout.times import parse_ms

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from rollout.codec import Record
    from rollout.lines import Line, Position
    from rollout.search_query import SearchQuery
    from rollout.search_text import Passage

BEFORE, AFTER = 48, 96
_WEIGHTS = {"user": 3.0, "agent": 2.0, "note": 2.0, "file": 2.0, "reasoning": 1.5, "tool": 1.0, "context": 0.5}
_USUAL_LENGTH = 1000
_NEAR = 1 << 18
_REMEMBERED = 4096
_STEPS = 8


class Match(NamedTuple):
    """What matched in a line: whose text it is, the words around it, and where in them it stands.

    ``twin`` is the same for the two forms of one thing, whose ``carrier`` differs.
    """

    role: str
    snippet: str
    at: int
    length: int
    score: float
    carrier: str
    twin: tuple[str, str | int]


class Candidate(NamedTuple):
    """A line that matches; ``n`` and ``turn`` are -1 while nobody has counted."""

    position: Position
    timestamp: str
    match: Match
    n: int = -1
    turn: int = -1


class Matcher:
    """One query, compiled. Safe from any thread."""

    def __init__(self, query: SearchQuery) -> None:
        """Raises InvalidQueryError for an expression that Python cannot read."""
        self.query = query
        self._folds = query.mode != "regex"
        self._roles = frozenset(query.roles)
        self._patterns = list(map(_compiled, _expressions(query)))
        anchors = sorted(set(ascii_anchors(query)), key=len)
        self._anchors = [Anchor(anchor[:LONGEST_ANCHOR]) for anchor in anchors[:MOST_TOKENS] if len(anchors) > 1]

    @property
    def finds_nothing(self) -> bool:
        """Whether there is nothing to look for."""
        return not self._patterns

    def match_line(self, line: Line) -> Match | None:
        """Where a line of any length matches, None when it does not."""
        if len(line.data) >= LONG:
            return self._match_long(line)
        return self.match(line.record) if not self._anchors or self._may_match(line.data) else None

    def _may_match(self, data: bytes) -> bool:
        """Whether a line has every part that is looked for; a sieve has asked for one of them only."""
        lower = data.lower()
        return all(anchor.may_stand_in(data, lower) for anchor in self._anchors)

    def match(self, record: Record) -> Match | None:
        """Where a line matches, None when it does not.

        It is told by its first passage that does; of several words every one must stand in some passage.
        """
        if self.query.bounded and not self._is_in_time(record.timestamp):
            return None
        texts = passages(record, everything=self.query.everything)
        if self._roles:
            texts = [one for one in texts if one.role in self._roles]
        return self._match(texts) if texts and self._patterns else None

    def _match_long(self, line: Line) -> Match | None:
        """For a line that is too long to be taken apart whole: its long texts are looked through in pieces.

        What reaches over more than 64 KiB is not found in them, nor is JSON in such a text taken apart.
        """
        if self.query.bounded and not self._is_in_time(line.record.timestamp):
            return None
        first: Match | None = None
        for pattern in self._patterns:
            found = next(self._told_in(line, pattern), None)
            if found is None:
                return None
            first = first or found
        return first

    def _told_in(self, line: Line, pattern: re.Pattern[str]) -> Iterator[Match]:
        for piece in pieces(line.data):
            for one in passages(decode(piece), everything=self.query.everything):
                if not self._roles or one.role in self._roles:
                    folded = fold(one.text) if self._folds else one.text
                    yield from (self._told(one, folded, span) for span in self._spans(pattern, folded))

    def _match(self, texts: Sequence[Passage]) -> Match | None:
        folded = [fold(one.text) if self._folds else one.text for one in texts]
        places: list[tuple[int, tuple[int, int]]] = []
        for pattern in self._patterns:
            found = next(((at, span) for at, text in enumerate(folded) for span in self._spans(pattern, text)), None)
            if found is None:
                return None
            places.append(found)
        at, span = places[0]
        return self._told(texts[at], folded[at], span)

    def _told(self, passage: Passage, folded: str, span: tuple[int, int]) -> Match:
        start, end = _unfolded(passage.text, folded, span)
        shown, at = snippet(passage.text, start, end)
        twin = (passage.role, passage.call_id or hash(passage.text.strip()))
        length = min(len(" ".join(passage.text[start : end + 1].rstrip().split())), len(shown) - at)
        return Match(passage.role, shown, at, length, self._score(passage, folded), passage.carrier, twin)

    def _score(self, passage: Passage, folded: str) -> float:
        """How often it occurs, in how long a text, by whom; the same wherever it is computed."""
        if not self.query.ranked:
            return 0.0
        length = 1.2 * (0.25 + 0.75 * len(folded) / _USUAL_LENGTH)
        counts = (sum(1 for _ in self._spans(pattern, folded)) for pattern in self._patterns)
        return round(_WEIGHTS[passage.role] * sum(2.2 * count / (count + length) for count in counts), 9)

    def _spans(self, pattern: re.Pattern[str], text: str) -> Iterator[tuple[int, int]]:
        """Where a pattern matches: from edge to edge of words, an expression wherever it holds something."""
        found = pattern.search(text)
        while found:
            start, end = found.span()
            good = self._has_edges(text, start, end) if self._folds else end > start
            if good:
                yield start, end
            start = end if good else start + 1
            found = pattern.search(text, start) if start <= len(text) else None

    def _has_edges(self, text: str, start: int, end: int) -> bool:
        """Whether no letter or digit goes on beyond a letter or digit at either end."""
        if self.query.mode == "part":
            return True
        if start and _is_letter(text[start]) and _is_letter(text[start - 1]):
            return False
        ends = self.query.mode == "prefix" or end == len(text)
        return ends or not (_is_letter(text[end - 1]) and _is_letter(text[end]))

    def _is_in_time(self, timestamp: str) -> bool:
        time = parse_ms(timestamp)
        return time is not None and self.query.since_ms <= time < self.query.until_ms


def _expressions(query: SearchQuery) -> list[tuple[str, int]]:
    """What to look for, word edges left to the matcher: an expression that begins with a letter is found fast."""
    if query.mode == "regex":
        return [(query.text, re.IGNORECASE | re.MULTILINE)] if query.text else []
    words = [re.escape(word) for word in fold(query.text).split()]
    return [(word, 0) for word in (words if query.mode == "words" else [r"\s+".join(words)]) if word]


def _is_letter(char: str) -> bool:
    return char.isalnum() and (char.isascii() or not IS_UNSPACED.match(char))


@lru_cache(maxsize=64)
def _compiled(expression: tuple[str, int]) -> re.Pattern[str]:
    try:
        return re.compile(*expression)
    except (re.error, RecursionError, OverflowError) as error:
        raise InvalidQueryError(f"not a regular expression: {error}") from None


def _unfolded(text: str, folded: str, span: tuple[int, int]) -> tuple[int, int]:
    """Where a stretch of the folded text stands in the text."""
    if len(text) == len(folded):
        return span
    return _origin(text, span[0]), max(_origin(text, span[1]), _origin(text, span[0]) + 1)


def _origin(text: str, target: int) -> int:
    """The beginning of a text that folds to so many characters, as near as a few steps come."""
    at = target
    for _ in range(_STEPS):
        missing = target - len(fold(text[:at]))
        if not missing or not 0 <= at + missing <= len(text):
            break
        at += missing
    return min(at, len(text))


def snippet(text: str, start: int, end: int) -> tuple[str, int]:
    """A stretch of a text with what stands around it, on one line, and where in that line the stretch begins."""
    before = " ".join(text[max(0, start - BEFORE) : start].split())
    gap = " " if before and text[start - 1 : start].isspace() else ""
    found = " ".join(text[start : min(end, start + AFTER * 4) + AFTER].split())
    return before + gap + found, len(before + gap)


def without_twins(candidates: Iterable[Candidate]) -> Iterator[Candidate]:
    """Candidates of one thread, newest first, without the second form of what was given in the other one.

    A text must stand near its twin (256 KiB); a call is known by its id.
    """
    waiting: dict[tuple[str, str | int], Candidate] = {}
    for one in candidates:
        match = one.match
        known = waiting.get(match.twin) if match.carrier else None
        if known is None or known.match.carrier == match.carrier or not _is_near(one, known):
            if match.carrier:
                waiting[match.twin] = one
            yield one
        elif not isinstance(match.twin[1], str):
            del waiting[match.twin]
        if len(waiting) > _REMEMBERED:
            del waiting[next(iter(waiting))]


def _is_near(one: Candidate, known: Candidate) -> bool:
    if isinstance(one.match.twin[1], str):
        return True
    same = one.position.segment == known.position.segment
    return same and known.position.offset - one.position.offset <= _NEAR
