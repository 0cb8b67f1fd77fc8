"""Whether a text matches, and that what narrows a search down never loses a match."""

from __future__ import annotations

import re
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollout.codec import decode
from rollout.errors import InvalidQueryError
from rollout.lines import Line, Position
from rollout.search_match import Candidate, Match, Matcher, without_twins
from rollout.search_query import MODES, SearchCursor, SearchQuery, search_query
from rollout.search_sieve import Sieve
from rollout.search_words import fold, index_expression, index_text
from rollout.testing import builders as b

LETTERS = 'aAbkKsSiI1_ -./"\\\n\tß\u017fİﬁﬆéÉe\u0301がか\u3099読樂\uf914한\u1112\u1161\u11abпП✓🙂\u200d\0'


def match(text: str, wanted: str, mode: str = "phrase", **facts: object) -> Match | None:
    """Where an agent's text matches."""
    query = SearchQuery(wanted, mode)._replace(**facts)  # type: ignore[arg-type]  # any field
    return Matcher(query).match(decode(b.line(b.agent(text))))


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("the Login page", "login"), ("LOGIN.md", "login"), ("fix the\n  login", "fix THE login"), ("a(b)c", "(b)"),
        ("snake_case_name", "case"), ("src/a.py", "src/a.py"), ("Größe", "GRÖSSE"), ("straße", "strasse"),
        ("cafe\u0301", "café"), ("本を読む人", "読む"), ("abc読def", "abc"), ("파일을", "파일"), ("ОШИБКА", "ошибка"),
        ("done ✓", "✓"), ("x  ", "x"), ("limit=5;", "limit=5"),
    ],
)  # fmt: skip
def test_a_phrase_matches(text: str, wanted: str) -> None:
    """From word edge to word edge, case and composition ignored; scripts without spaces match anywhere."""
    assert match(text, wanted) is not None


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("logins", "login"),
        ("blogin", "login"),
        ("login  page", "loginpage"),
        ("a b", "a-b"),
        ("page login", "login page"),
    ],
)
def test_a_phrase_does_not_match(text: str, wanted: str) -> None:
    """Parts of words are no words, and order and punctuation count."""
    assert match(text, wanted) is None


def test_modes() -> None:
    """A prefix goes on at its end only; words may stand anywhere; an expression is taken as it is, case ignored."""
    assert match("two logins", "login", "prefix")
    assert not match("blogins", "login", "prefix")
    assert match("one and two", "two one", "words")
    assert not match("one and two", "two three", "words")
    assert match("Error 42", r"error \d+", "regex")
    assert not match("Error 42", r"(?-i:error)", "regex")
    assert not match("anything", "z*", "regex")


def test_a_later_place_is_found() -> None:
    """A place inside a word does not hide a place that overlaps with it."""
    assert match("ba a a", "a a")
    assert match("xaa aa", "aa")


def test_the_snippet_shows_the_match() -> None:
    """One line, white space folded, and the place of the match in it."""
    found = match(f"{'w ' * 100}before\n\nthe   NEEDLE after {'w ' * 100}", "the needle")

    assert found is not None
    assert "the NEEDLE" == found.snippet[found.at : found.at + found.length]
    assert 120 < len(found.snippet) < 160


def test_time_and_roles() -> None:
    """A line counts within its time, a passage by its role; a line without a time has none to be in."""
    assert match("x", "x", since_ms=b.START_MS, until_ms=b.START_MS + 1)
    assert not match("x", "x", since_ms=b.START_MS + 1)
    assert not match("x", "x", until_ms=b.START_MS)
    assert match("x", "x", roles=("agent", "user"))
    assert not match("x", "x", roles=("user",))


def test_ranks() -> None:
    """More often is better, in a shorter text is better, a person's word is better than a tool's."""

    def score(line: bytes) -> float:
        found = Matcher(SearchQuery("x", ranked=True)).match(decode(line))
        return found.score if found else 0.0

    once, twice, long = (score(b.line(b.agent(text))) for text in ("x", "x x", "x" + " y" * 900))
    assert twice > once > long > 0
    assert score(b.line(b.user("x"))) > once > score(b.line(b.tool_output("x")))


def test_queries_that_cannot_be_honoured() -> None:
    """Unknown modes and roles, ranks with a cursor and broken expressions are refused."""
    cursor = SearchCursor.parse("2026-02-08T00:00:00Z|0194f5a0-7c3e-7b1a-9a55-0c2d1e4f6a7b|0:77")
    for query in (
        SearchQuery("a", "fuzzy"),
        SearchQuery("a", roles=("cat",)),
        SearchQuery("a", ranked=True, cursor=cursor),
    ):
        with pytest.raises(InvalidQueryError):
            search_query(query)
    with pytest.raises(InvalidQueryError, match="not a regular expression"):
        Matcher(SearchQuery("(", "regex"))


def test_cursors_survive_as_texts() -> None:
    """A cursor's text reads back; anything else is refused."""
    cursor = SearchCursor.parse("2026-02-08T00:00:00Z|0194f5a0-7c3e-7b1a-9a55-0c2d1e4f6a7b|2:77")

    assert Position(2, 77) == cursor.position
    assert cursor == SearchCursor.parse(str(cursor))
    for text in ("", "x", "2026-02-08T00:00:00Z|0194f5a0-7c3e-7b1a-9a55-0c2d1e4f6a7b", f"{cursor}x", "a|b|1:2"):
        with pytest.raises(InvalidQueryError):
            SearchCursor.parse(text)


def test_the_two_forms_of_one_thing_are_one() -> None:
    """An item near its event is dropped once; what was said twice stays twice; calls are known by their ids."""

    def one(offset: int, carrier: str, key: str | int) -> Candidate:
        return Candidate(Position(0, offset), "", Match("user", "", 0, 0, 0.0, carrier, ("user", key)))

    newest_first = [
        one(900, "event", 1), one(800, "item", 1), one(700, "event", 1), one(600, "item", 1), one(590, "item", 1),
        one(500, "event", "call"), one(400, "item", "call"), one(300, "item", "call"), one(290, "", 5), one(280, "", 5),
    ]  # fmt: skip
    kept = [candidate.position.offset for candidate in without_twins(newest_first)]

    assert [900, 700, 590, 500, 290, 280] == kept
    far = [one(1 << 20, "event", 1), one(0, "item", 1)]
    assert far == list(without_twins(far))


def escaped(text: str, style: int) -> bytes:
    """A text as a line of a rollout: raw, with escapes, or inside of a call's arguments."""
    line = b.line(b.agent(text))
    if style == 1:
        return b"".join(
            b"\\u%04x" % ord(char) if 0x7F < ord(char) < 0x10000 else char.encode() for char in line.decode()
        )
    return line


@given(
    st.text(LETTERS, max_size=30),
    st.text(LETTERS, min_size=1, max_size=6),
    st.sampled_from(MODES[:4]),
    st.integers(0, 1),
)
def test_narrowing_down_loses_no_match(text: str, wanted: str, mode: str, style: int) -> None:
    """Bytes that the sieve passes over match nothing; nor do lines that the words of the index do not find."""
    query = SearchQuery(wanted, mode)
    line = escaped(text, style)
    if Matcher(query).match(decode(line)) is None:
        return

    assert Matcher(query).match_line(Line(line, 0, Position(0, 0), decode(line)))
    assert Sieve(query).may_hold(line)
    assert Sieve(query).may_hold(b"other line\n" + line)
    expression = Sieve(query).expression
    assert not expression or re.search(expression.removeprefix("(?-u)").encode(), line)
    assert finds(index_expression(query), index_text([text]))


def finds(expression: str, text: str) -> bool:
    """What a table of words whose tokens are ASCII words and everything beyond ASCII would say."""
    tokens = " ".join(re.findall(r"[0-9a-z\x80-\U0010ffff]+", text.translate(ASCII_LOWER)))
    phrases = expression.split(" AND ") if expression else []
    return all(
        f" {phrase.strip(chr(34) + '*')}{'' if phrase.endswith('*') else ' '}" in f" {tokens} " for phrase in phrases
    )


ASCII_LOWER = {code: code + 32 for code in range(65, 91)}


def test_everything_that_folds_to_ascii_is_known() -> None:
    """The sieve's table of characters beyond ASCII whose folded form has an ASCII letter or digit is whole."""
    characters = (chr(code) for code in range(128, sys.maxunicode + 1) if not 0xD800 <= code < 0xE000)
    for char in characters:
        folded = fold(char)
        if any(one.isascii() and one not in ";`" for one in folded):
            for one in folded:
                if one.isascii():
                    assert Sieve(SearchQuery(folded)).may_hold(f'"{char}"'.encode()), hex(ord(char))


def test_sealed_thoughts_are_passed_over_and_nothing_else() -> None:
    """Only the sealed part of a thought is left out, and not when everything is asked for."""
    sealed = {"summary": [], "encrypted_content": "gAAA-needle-" * 9}
    thought = b.line(b.response("reasoning", **sealed))
    call = b.line(b.response("function_call", arguments=sealed))
    said = b.line(b.response("reasoning", summary=[{"type": "summary_text", "text": "a needle"}]))
    query = SearchQuery("needle")
    assert not Sieve(query).may_hold(thought + thought)
    assert Sieve(query).may_hold(thought + call + thought)
    assert Sieve(query).may_hold(thought[:-20] + b"\0" + call)
    assert Sieve(query).may_hold(thought + said)
    assert Sieve(query._replace(everything=True)).may_hold(thought)


def test_a_sieve_passes_over_most() -> None:
    """Lines without the text are passed over, whatever else is in them."""
    assert not Sieve(SearchQuery("needle")).may_hold('{"text":"größe 読む \\u001b[1m"}'.encode())
    assert not Sieve(SearchQuery("読む")).may_hold('{"text":"größe 書く \\u001b[1m"}'.encode())
    assert not Sieve(SearchQuery("ошибка")).may_hold(b'{"text":"error"}')
    assert Sieve(SearchQuery('"')).may_hold(b"{}")
    assert Sieve(SearchQuery("n.*e", "regex")).may_hold(b"{}")
