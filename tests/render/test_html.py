"""An exported page needs nothing but itself, and nothing in a thread can act in it."""

from __future__ import annotations

import re
from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given, settings

from render.shared_threads import ABOUT, HOSTILE, TEXTS, everywhere, lines, sharing, written
from rollout.render.entries import dropped_stretches
from rollout.render.html_page import POLICY, html, html_index
from rollout.render.html_style import STYLE
from rollout.render.redaction import redactor
from rollout.render.sharing import Sharing
from rollout.testing import builders as b

ACTING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u2028]")
TAGS = frozenset(
    [
        "a",
        "b",
        "body",
        "code",
        "dd",
        "details",
        "div",
        "dl",
        "dt",
        "footer",
        "h1",
        "h2",
        "head",
        "header",
        "html",
        "li",
        "main",
        "meta",
        "nav",
        "ol",
        "p",
        "pre",
        "section",
        "small",
        "span",
        "style",
        "summary",
        "table",
        "tbody",
        "td",
        "th",
        "thead",
        "time",
        "title",
        "tr",
        "ul",
    ]
)
ATTRIBUTES = frozenset(
    [
        "aria-label",
        "charset",
        "class",
        "content",
        "datetime",
        "href",
        "http-equiv",
        "id",
        "lang",
        "name",
        "open",
        "value",
    ]
)
VOID = frozenset({"meta"})


class Page(HTMLParser):
    """What a browser would see: tags, attributes, links and text; ``wrong`` tells what has no business there."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.wrong: list[str] = []
        self.links: list[str] = []
        self.ids: list[str] = []
        self.texts: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        self.wrong += [f"{tag} is not closed" for tag in self._open]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = dict(attrs)
        if tag not in TAGS or not set(names) <= ATTRIBUTES:
            self.wrong.append(f"{tag} {names}")
        self.links += [value or "" for name, value in attrs if name == "href"]
        self.ids += [value or "" for name, value in attrs if name == "id"]
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self._open or self._open.pop() != tag:
            self.wrong.append(f"/{tag}")

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    def handle_comment(self, data: str) -> None:
        self.wrong.append(f"comment {data}")

    def handle_pi(self, data: str) -> None:
        self.wrong.append(f"instruction {data}")


def page(*items: Any, full: bool = False) -> str:
    """The page of a small thread."""
    return written(html(ABOUT, sharing(full=full), lines(*items)))


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_nothing_in_a_thread_acts(text: str) -> None:
    """The tags of a page are its own, its links stay inside, and no control character survives."""
    made = written(html(ABOUT._replace(title=text), sharing(full=True), everywhere(text)))
    found = Page(made)

    assert found.wrong == []
    assert all(link.startswith("#turn-") for link in found.links)
    assert ACTING.search(made) is None


@given(TEXTS)
@settings(max_examples=200, deadline=None)
def test_no_text_acts(text: str) -> None:
    """The same for texts made of what markup is made of."""
    assert Page(written(html(ABOUT, sharing(full=True), everywhere(text)))).wrong == []


def test_the_policy_forbids_everything_but_the_page_s_own_style() -> None:
    """No script, no fetch, no form, no base: only the one style sheet, by its hash."""
    made = page(*b.turn("a", "b"))
    digest = b64encode(sha256(STYLE.encode()).digest()).decode()

    assert f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">' in made
    assert f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; form-action 'none'" == POLICY
    assert f"<style>{STYLE}</style>" in made
    assert "unsafe" not in POLICY
    assert "url(" not in STYLE
    assert "@import" not in STYLE


def test_light_and_dark() -> None:
    """The page follows the reader's colours."""
    assert "prefers-color-scheme:dark" in STYLE
    assert "color-scheme:light dark" in STYLE


def test_every_turn_has_an_anchor_and_is_listed() -> None:
    """Turns can be linked to, and the list of turns leads to each."""
    found = Page(page(*b.turn("one", "1"), *b.turn("two", "2")))

    assert ["turn-1", "turn-2"] == found.ids
    assert found.links.count("#turn-2") == 2


def test_long_outputs_are_folded_and_short_ones_open() -> None:
    """A long output stands behind its first line and its size; nothing is cut."""
    long = "\n".join(f"row {n}" for n in range(100))
    made = page(
        b.user("x"), b.tool_call("t"), b.tool_output(long), b.tool_call("t", call_id="2"), b.tool_output("ok", "2")
    )

    assert "<small>(100 lines, 689 characters)</small></summary><pre>row 0\n" in made
    assert "row 99</pre></details>" in made
    assert "<pre>ok</pre>" in made


def test_images_of_the_thread_are_in_the_page() -> None:
    """Raster images that the thread carries are shown and counted; remote ones and documents are named only."""
    own = "data:image/png;base64,iVBORw0KGgo="
    addresses = [own, "https://evil.example/a.png", "data:image/svg+xml;base64,PHN2Zz4=", own.replace("=", '"onerror="')]
    content = [{"type": "input_image", "image_url": address} for address in addresses]
    made = page(b.response("message", role="user", content=content))

    assert [own] == re.findall(r'<img [^>]*src="([^"]*)"', made)
    assert "1 image of the thread as they are" in made


def test_a_patch_is_coloured() -> None:
    """Added and removed lines of a patch have classes of their own."""
    patch = "*** Begin Patch\n*** Update File: a<b>.py\n@@\n-old\n+new\n*** End Patch"
    made = page(b.response("custom_tool_call", name="apply_patch", input=patch, call_id="1"))

    assert '<span class="d">-old</span><span class="a">+new</span>' in made
    assert '<span class="f">*** Update File: a&lt;b&gt;.py</span>' in made


def test_context_is_hidden_with_a_note_and_shown_on_request() -> None:
    """Instructions and environment are left out and counted; ``full`` shows them, folded."""
    items = [b.message("user", "<environment_context>zanzibar</environment_context>"), *b.turn("hello", "hi")]

    assert "zanzibar" not in page(*items)
    assert "1 message from the program to the model not shown" in page(*items)
    assert "&lt;environment_context&gt;zanzibar" in page(*items, full=True)


def test_secrets_are_taken_out_of_text_and_title() -> None:
    """A secret reaches neither the page nor its title, and is counted."""
    secret = "ghp_" + "a1B2" * 9
    about = ABOUT._replace(title=f"use {secret}")
    made = written(html(about, sharing(redactor()), lines(*b.turn(f"use {secret}", "no"))))

    assert secret not in made
    assert "<title>use [redacted: github token]</title>" in made


def test_what_was_rolled_back_is_marked() -> None:
    """Turns that a rollback took back are dimmed and say so."""
    found = lines(*b.turn("one", "1"), *b.turn("two", "2"), b.rolled_back(1))
    made = written(html(ABOUT, Sharing(None, dropped_stretches(found)), found))

    assert made.count('class="user dropped"') == 1
    assert "rolled back: the model no longer sees it" in made


def test_a_huge_line_comes_in_pieces() -> None:
    """An output of megabytes is whole, and no piece of the page is much longer than one."""
    pieces = list(html(ABOUT, sharing(), lines(b.user("x"), b.tool_call("t"), b.tool_output("<" * 3_000_000))))

    assert max(map(len, pieces)) < 5_000_000
    assert written(pieces).count("&lt;") >= 3_000_000


def test_an_index_links_its_files() -> None:
    """Each thread has a row with its title and a link to its file."""
    found = Page(written(html_index([("a.html", "<one>", "2026-02-08T07:05:03.041Z")])))

    assert found.wrong == []
    assert found.links == ["./a.html"]
    assert "<one>" in found.texts
