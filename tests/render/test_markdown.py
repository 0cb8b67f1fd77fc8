"""An export as Markdown reads well, and nothing in a thread can act in it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given, settings

from render.shared_threads import ABOUT, HOSTILE, TEXTS, everywhere, lines, sharing, written
from rollout.lines import Damage, Position
from rollout.render.markdown import markdown, markdown_index
from rollout.render.markdown_prose import code_span, fenced, parts, spans, tame
from rollout.render.redaction import redactor
from rollout.render.sharing import Sharing
from rollout.testing import builders as b

if TYPE_CHECKING:
    from collections.abc import Iterator

    from markdown_it.token import Token

parser = pytest.importorskip("markdown_it", reason="a reader of Markdown comes with rich")
ACTING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u2028]")


def tokens(text: str) -> Iterator[Token]:
    """Everything that a reader of CommonMark, raw HTML allowed, makes of a document."""
    for token in parser.MarkdownIt("commonmark", {"html": True}).parse(text):
        yield token
        yield from token.children or ()


def active(text: str) -> list[str]:
    """What of a document could run, be fetched, or lead somewhere dangerous."""
    found: list[str] = []
    for token in tokens(text):
        if token.type == "image" or (token.type.startswith("html") and not is_ours(token.content)):
            found.append(token.content)
        href = str(token.attrs.get("href", ""))
        if token.type == "link_open" and not href.startswith(("https://", "http://", "mailto:", "#", "./")):
            found.append(href)
    return found


def is_ours(content: str) -> bool:
    """Whether raw HTML is the anchor of a turn."""
    return re.fullmatch(r'<a id="turn-\d+">|</a>', content.strip()) is not None


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_nothing_in_a_thread_acts(text: str) -> None:
    """No script, no image, no dangerous link, no control character survives, wherever it stands."""
    page = written(markdown(ABOUT._replace(title=text), sharing(full=True), everywhere(text)))

    assert active(page) == []
    assert ACTING.search(page) is None


@given(TEXTS)
@settings(max_examples=300, deadline=None)
def test_no_text_acts(text: str) -> None:
    """The same for texts made of what Markdown is made of."""
    page = written(markdown(ABOUT, sharing(full=True), everywhere(text)))

    assert active(page) == []


@given(TEXTS)
@settings(max_examples=300, deadline=None)
def test_a_fence_holds_whatever_it_holds(text: str) -> None:
    """A code block is one block with exactly the text, and what follows it is outside."""
    found = [token for token in tokens(fenced(text) + "\nbehind\n") if token.type in ("fence", "inline")]

    assert ["fence", "inline"] == [token.type for token in found]
    assert text.rstrip("\n") == found[0].content.rstrip("\n")
    assert found[1].content == "behind"


@given(TEXTS)
@example(">#")
@example("- # x")
@example("> a\n> ---")
@example("1. a\n   ===")
@settings(max_examples=300, deadline=None)
@pytest.mark.slow
def test_the_structure_of_a_page_is_its_own(text: str) -> None:
    """The headings of the first two levels are the title and the turns, whatever a thread says."""
    page = written(markdown(ABOUT, sharing(), everywhere(text)))
    found = list(tokens(page))
    heads = [
        found[at + 1].content
        for at, token in enumerate(found)
        if token.type == "heading_open" and token.tag in ("h1", "h2")
    ]

    assert heads[0] == "A title"
    assert all(head.startswith("Turn ") for head in heads[1:])


@pytest.mark.parametrize("text", ["a", "`", "``", " `x` ", "a``b`c", "```"])
def test_a_code_span_holds_backticks(text: str) -> None:
    """A code span shows backticks as they are."""
    found = [token.content for token in tokens(code_span(text)) if token.type == "code_inline"]

    assert [text.strip()] == [one.strip() for one in found]


def test_messages_keep_their_code_and_emphasis() -> None:
    """What an agent marks up stays marked up."""
    page = written(
        markdown(ABOUT, sharing(), lines(b.message("assistant", "Use **this**:\n\n```py\nx = '<b>'\n```\nor `a<b`.")))
    )

    assert "Use **this**:" in page
    assert "```py\nx = '<b>'\n```" in page
    assert "or `a<b`." in page


def test_context_is_hidden_with_a_note_and_shown_on_request() -> None:
    """Instructions and environment are left out and counted; ``full`` shows them."""
    found = lines(
        b.message("developer", "<permissions instructions>secret sauce</permissions instructions>"),
        b.message("user", "# AGENTS.md instructions for /work\n\nobey"),
        *b.turn("hello", "hi"),
    )
    short, full = (written(markdown(ABOUT, sharing(full=full), found)) for full in (False, True))

    assert "secret sauce" not in short
    assert "obey" not in short
    assert "2 messages from the program to the model not shown" in short
    assert "secret sauce" in full
    assert "obey" in full


def test_secrets_are_taken_out_and_counted() -> None:
    """A secret does not reach the page, and its kind is told at its end."""
    secret = "ghp_" + "a1B2" * 9
    page = written(markdown(ABOUT, sharing(redactor()), lines(*b.turn(f"use {secret}", "no"))))

    assert secret not in page
    assert "[redacted: github token]" in page.replace("\\", "")
    assert "Redacted (github token: 1)" in page


def test_what_was_rolled_back_is_marked() -> None:
    """Turns that a rollback took back are shown, with a note where they begin and end."""
    found = lines(*b.turn("one", "1"), *b.turn("two", "2"), b.rolled_back(1), *b.turn("three", "3"))
    from rollout.render.entries import dropped_stretches

    page = written(markdown(ABOUT, Sharing(None, dropped_stretches(found)), found))
    begin, end = page.index("was rolled back later"), page.index("Here ends what was rolled back")

    assert page.index("> one") < begin < page.index("> two") < end < page.index("> three")


def test_damage_stands_where_it_was_met() -> None:
    """A skipped stretch is told in its place, and counted at the end."""
    page = written(markdown(ABOUT, sharing(), [Damage(3, Position(0, 700), 12, "torn <b>record</b>")]))

    assert "12 bytes at offset 700" in page
    assert "each marked where it stands: 1." in page
    assert active(page) == []


def test_an_index_names_its_files() -> None:
    """Each thread has a row with its title and a link to its file; a title cannot break the table."""
    page = written(markdown_index([("a.md", "one | two <b>", "2026-02-08T07:05:03.041Z")]))

    assert "one \\| two &lt;b>" in page
    assert "(./a.md)" in page


def test_parts_and_spans() -> None:
    """Code blocks and code spans are told from prose; what nobody ended is prose, or goes to the end."""
    assert [("a", False), ("b", True), ("c", False)] == [(one.text, one.code) for one in parts("a\n```\nb\n```\nc")]
    assert [("b\n``` x", True)] == [(one.text, one.code) for one in parts("```py\nb\n``` x")]
    assert [("a ", False), ("b`c", True), (" `d", False)] == list(spans("a ``b`c`` `d"))
    assert tame("a `b` \\` c") == "a `b` \\\\\\` c"
