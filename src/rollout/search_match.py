"""Whether a passage matches, and where: the one matcher behind scan, index and memory.

Texts are compared folded: upper and lower case alike in every script, composed and decomposed letters alike. A word
is a run of letters and digits. Scripts that are written without spaces (Han, kana, Hangul, Thai and their like)
have no words to go by: each of their characters counts as one, so any part of such a text is found.

``Sieve`` tells from the bytes of a line, or of many, that nothing in them can match; ``index_text`` and
``index_expression`` make of texts and queries what a full-text table needs to find at least every match. Both only
narrow down; what counts is the matcher.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple
from unicodedata import is_normalized, normalize

from rollout.codec import decode
from rollout.errors import InvalidQueryError
from rollout.long_lines import LONG, pieces
from rollout.search_bytes import without_sealed
from rollout.search_text import passages
from rollout.times import parse_ms

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from rollout.codec import Record
    from rollout.lines import Line, Position
    from rollout.search_query import SearchQuery
    from rollout.search_text import Passage

BEFORE, AFTER = 48, 96
_UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1100-\u11ff\u1780-\u17ff\u2e80-\u2fdf\u3005-\u3007\u3021-\u3029\u3031-\u31ff"
    "\u3200-\u4dbf\u4e00-\ua4cf\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff\uff66-\uffdc\U0001aff0-\U0001b16f"
    "\U00020000-\U0003ffff"
)
_IS_UNSPACED = re.compile(f"[{_UNSPACED}]")
_BEYOND_ASCII = re.compile(r"[^\x00-\x7f]+")
# What is beyond ASCII but for the small letters of Latin, Greek and Cyrillic that fold to themselves
_CHANGED = re.compile("[^\x00-\x7f\u00e0-\u00f6\u00f8-\u00ff\u03ac-\u03af\u03b1-\u03c1\u03c3-\u03ce\u0430-\u045f]+")
_BETWEEN_TOKENS = re.compile(r"[^0-9a-z\x80-\U0010ffff]+")
_WEIGHTS = {"user": 3.0, "agent": 2.0, "note": 2.0, "file": 2.0, "reasoning": 1.5, "tool": 1.0, "context": 0.5}
_USUAL_LENGTH = 1000
_NEAR = 1 << 18
_REMEMBERED = 4096
_STEPS = 8
_LONGEST_ANCHOR = 200  # its beginning will do
_LONGEST_KNOWN = 64
_MOST_TOKENS = 64  # more would not narrow down any further, and SQLite has its limits


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


def fold(text: str) -> str:
    """A text as it is compared."""
    return text.lower() if text.isascii() else normalize("NFC", text.casefold())


class Matcher:
    """One query, compiled. Safe from any thread."""

    def __init__(self, query: SearchQuery) -> None:
        """Raises InvalidQueryError for an expression that Python cannot read."""
        self.query = query
        self._folds = query.mode != "regex"
        self._roles = frozenset(query.roles)
        self._patterns = list(map(_compiled, _expressions(query)))
        anchors = sorted(set(_ascii_anchors(query)), key=len)
        self._anchors = [_Anchor(anchor[:_LONGEST_ANCHOR]) for anchor in anchors[:_MOST_TOKENS] if len(anchors) > 1]

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
    return char.isalnum() and (char.isascii() or not _IS_UNSPACED.match(char))


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


# -- narrowing down --------------------------------------------------------------------------------------------

_ANCHOR = re.compile(r"[0-9a-z!#$%&'()*+,\-.:<=>?@\[\]^_{|}~]+")
_PLAIN = re.compile(r"[\u3041-\u3096\u30a1-\u30fa\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3]+")
# Everything beyond ASCII whose folded form has an ASCII character, but for `;` and a grave accent
_FOLDS_TO_ASCII = ("ß", "İ", "ŉ", "\u017f", "ẚ", "ẞ", "\u212a", "ﬀ", "ﬁ", "ﬂ", "ﬃ", "ﬄ", "ﬅ", "ﬆ")
# Each written out from its beginning: ripgrep looks for several literals at once, twice as fast as for their common part
_ESCAPES_OF_ASCII = re.compile(rb"\\u00[2-7]|\\u00[dD][fF]|\\u01[347][0-9fF]|\\u1[eE]9|\\u212[aA]|\\u[fF][bB]0")
# What composes to a character of these scripts or stands for one: jamo, marks of kana, compatibility characters
_ODD_PLAIN_PARTS = (
    r"\\u(?:[^0]|0[^0])", r"\xe1[\x84-\x87]", r"\xe3\x82[\x99\x9a]", r"\xef[\xa4-\xab]", r"\xf0\xaf",
)  # fmt: skip
_ODD_PLAIN = re.compile("|".join(_ODD_PLAIN_PARTS).encode())


REACH = 1024
"""So many bytes are enough to hold what a sieve looks for: pieces that overlap by them can be asked one by one."""


class _Anchor:
    """A part of a query in small letters of ASCII, which stands in a match as it is, or as what folds to it.

    ``odd``: how that may begin which folds to it.
    """

    def __init__(self, anchor: str) -> None:
        self._literal = re.compile(re.escape(anchor.encode()))  # finds them in less time than bytes.find
        self.odd = sorted(set(_odd_beginnings(anchor))) if anchor.isascii() else []
        self._odd_chars = sorted({odd.decode()[-1].encode() for odd in self.odd})  # single bytes are found fastest

    def may_stand_in(self, data: bytes, lower: bytes) -> bool:
        """Whether bytes, and the same in small letters, may hold it."""
        if self._literal.search(lower) or _ESCAPES_OF_ASCII.search(data):
            return True
        return any(all(map(data.__contains__, char)) for char in self._odd_chars) and any(odd in lower for odd in self.odd)


class Sieve:
    """Tells from bytes of rollouts that nothing in them matches a query. False is certain, True is not.

    ``anchor`` is the part of the query that is looked for, folded, "" when bytes tell nothing.
    """

    def __init__(self, query: SearchQuery) -> None:
        """Pick what to look for."""
        words = _folded_words(query)
        anchors = _ascii_anchors(query)
        plain = [found for word in words for found in _PLAIN.findall(word)]
        self.is_ascii = bool(anchors) and (max(map(len, anchors)) > 1 or not plain)
        self.anchor: str = max(anchors if self.is_ascii else plain, key=len, default="")[:_LONGEST_ANCHOR]
        self._bytes = self.anchor.encode()
        self._ascii = _Anchor(self.anchor)
        self._is_beyond_ascii = any(not word.isascii() for word in words)
        self._is_everything = query.everything

    def may_hold(self, data: bytes) -> bool:
        """Whether a line, or any number of whole lines, may hold a match."""
        if not self.anchor:
            return not self._is_beyond_ascii or not data.isascii() or b"\\u" in data
        if not self.is_ascii:
            return self._bytes in data or _ODD_PLAIN.search(data) is not None
        if not self._is_everything:
            data = without_sealed(data)
        return self._ascii.may_stand_in(data, data.lower())

    @property
    def expression(self) -> str:
        """The same as an expression of ripgrep; "" when bytes tell nothing."""
        if not self.anchor:
            return ""
        found = _hexed(self._bytes)
        if self.is_ascii:
            parts = [f"(?i:{found})", _ESCAPES_OF_ASCII.pattern.decode("latin-1")]
            parts += [f"(?i:{_hexed(odd)})" for odd in self._ascii.odd]
        else:
            parts = [found, *_ODD_PLAIN_PARTS]
        return "(?-u)" + "|".join(parts)


def _folded_words(query: SearchQuery) -> list[str]:
    return fold(query.text).split() if query.mode != "regex" else []


def _ascii_anchors(query: SearchQuery) -> list[str]:
    """The parts of a query that stand in the bytes of a match as they are, but for their case."""
    return [found for word in _folded_words(query) for found in _ANCHOR.findall(word)]


def _odd_beginnings(anchor: str) -> Iterator[bytes]:
    """How a text may begin that folds to an anchor, up to its first character beyond ASCII."""
    for at in range(len(anchor)):
        for char in _FOLDS_TO_ASCII:
            folded = fold(char)
            for skipped in range(1 if at else len(folded)):  # an anchor may begin inside of what one character gives
                common = min(len(folded) - skipped, len(anchor) - at)
                if folded[skipped : skipped + common] == anchor[at : at + common]:
                    yield anchor[:at].encode() + char.encode()


def _hexed(data: bytes) -> str:
    return "".join(f"\\x{byte:02x}" for byte in data)


def index_text(texts: Iterable[str]) -> str:
    """Passages for a full-text table whose tokens are runs of ASCII letters and digits and of everything else."""
    return "\n".join(text if text.isascii() else _by_words(text) for text in texts)


def index_expression(query: SearchQuery) -> str:
    """What to ask such a table for to get at least every line that matches; "" when it cannot tell."""
    if query.mode in ("part", "regex") or query.everything:
        return ""
    parts = query.text.split() if query.mode == "words" else [query.text]
    phrases = [_BETWEEN_TOKENS.sub(" ", _spaced(fold(part))).split()[:_MOST_TOKENS] for part in parts]
    ends = "*" if query.mode == "prefix" else ""
    told = [f'"{" ".join(phrase)}"{ends}' for phrase in phrases if phrase]
    return " AND ".join(told[:_MOST_TOKENS])


def _by_words(text: str) -> str:
    """Only what is beyond ASCII costs anything, and the same stretches of it come again and again.

    A mark that composes with a letter of ASCII stands in another stretch than that letter: such texts are folded whole.
    """
    return _CHANGED.sub(_stretch, text) if is_normalized("NFC", text) else _spaced(fold(text))


def _stretch(found: re.Match[str]) -> str:
    stretch = found[0]
    return _known_stretch(stretch) if len(stretch) <= _LONGEST_KNOWN else _spaced(fold(stretch))


@lru_cache(maxsize=1 << 14)
def _known_stretch(stretch: str) -> str:
    return _spaced(fold(stretch))


def _spaced(folded: str) -> str:
    return folded if folded.isascii() else _BEYOND_ASCII.sub(_translated, folded)


def _translated(found: re.Match[str]) -> str:
    return found[0].translate(_TRANSLATION)


class _Translation(dict[int, str]):
    """How a character beyond ASCII goes into a full-text table: alone, as part of a word, or as a gap."""

    def __missing__(self, code: int) -> str:
        char = chr(code)
        alone = _IS_UNSPACED.match(char)
        given = self[code] = f" {char} " if alone and char.isalnum() else char if char.isalnum() else " "
        return given


_TRANSLATION = _Translation()
