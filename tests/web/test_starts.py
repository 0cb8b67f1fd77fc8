"""Where pages begin: from the end of a thread, back from a page, at a place; with and without counted turns."""

from __future__ import annotations

import re
from threading import Event
from typing import TYPE_CHECKING

from rollout.testing import builders as b
from web.site import Site, address, headings, onward, put, turns

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def backward(page: str) -> str | None:
    """Where the page before is."""
    found = re.search(r'<a rel="prev" href="([^"]*)"', page)
    return found[1].replace("&amp;", "&") if found else None


def questions(page: str) -> list[str]:
    """What was asked on a page."""
    return re.findall(r'<div class="user"><div class="text">([^<]*)</div>', page)


def uncounted(site: Site, monkeypatch: pytest.MonkeyPatch) -> Site:
    """A site whose timelines never get ready, as while a long thread is read."""
    watched = site.threads.timeline(b.thread_id(1))
    watched.ready.wait()
    watched.timeline.turns.clear()
    watched.ready = _Never()
    monkeypatch.setattr(watched, "catch_up", lambda: None)
    return site


class _Never(Event):
    """An event that nobody sets and nobody waits for."""

    def wait(self, timeout: float | None = None) -> bool:
        return timeout is None


def test_pages_lead_back_from_the_end(tmp_path: Path) -> None:
    """From the last page the earlier ones show every turn down to the first, each under its number."""
    put(tmp_path, 1, *turns(300, 5_000))
    site, seen = Site(tmp_path).enter(), set[int]()
    where: str | None = f"{address(1)}?turn=last"
    pages = 0
    while where:
        page = site.page(where)
        assert all(f"question {number}" in page for number in headings(page))
        seen.update(headings(page))
        where, pages = backward(page), pages + 1

    assert set(range(1, 301)) == seen
    assert pages < 20


def test_a_page_at_a_place_is_the_page_at_its_line(tmp_path: Path) -> None:
    """With the place of its first line a page is what it is without, in a thread with blank, damaged and joined lines too."""
    path = put(tmp_path, 1, *turns(250, 6_000))
    lines = path.read_bytes().splitlines(keepends=True)
    odd = [*lines[:40], b"\n\n", *lines[40:60], b"\0 no JSON\n", *lines[60:90], lines[90][:-1], *lines[91:]]
    path.write_bytes(b"".join(odd))
    site = Site(tmp_path).enter()
    second = onward(site.page(address(1))) or ""
    third = onward(site.page(second)) or ""

    for where in (second, third):
        assert "&at=0-" in where
        assert headings(site.page(where)) == headings(site.page(re.sub(r"&at=[\d-]+", "", where)))
        lines_linked = re.findall(r"/line/(\d+)", site.page(where))
        assert lines_linked == re.findall(r"/line/(\d+)", site.page(re.sub(r"&at=[\d-]+", "", where)))


def test_the_end_is_shown_before_turns_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last page does not wait for the timeline; its turns have no numbers then, and the page asks for them."""
    put(tmp_path, 1, *turns(300, 5_000))
    site = uncounted(Site(tmp_path).enter(), monkeypatch)
    page = site.page(f"{address(1)}?turn=last")
    before = site.page(backward(page) or "")

    assert headings(page) == []
    assert questions(page)[-1] == "question 300"
    assert '<main id="main" data-uncounted>' in page
    assert "data-ready" not in page
    assert int(questions(before)[0].split()[1]) < int(questions(page)[0].split()[1])
    assert int(questions(before)[-1].split()[1]) >= int(questions(page)[0].split()[1]) - 1


def test_an_outline_tells_how_many_turns_stand_before_a_page(tmp_path: Path) -> None:
    """A page that came without numbers gets the number of its first turn with the outline."""
    put(tmp_path, 1, *turns(20))
    site = Site(tmp_path).enter()
    site.page(address(1))
    eleventh = site.threads.timeline(b.thread_id(1)).timeline.turns[10]
    answer = site.browser.get(f"{address(1)}/outline?n={eleventh.n}")

    assert answer.headers["turns-before"] == "10"


def test_the_end_begins_with_a_question_not_with_its_other_form(tmp_path: Path) -> None:
    """Where a question stands as item and as event, a page from the end begins with the first of the two."""
    asked = [item for n in range(200) for item in (b.message("user", f"question {n}"), b.user(f"question {n}"), b.message("assistant", "x" * 3000))]
    put(tmp_path, 1, *asked)
    site = Site(tmp_path).enter()
    page = site.page(f"{address(1)}?turn=last")

    assert len(headings(page)) == len(questions(page))
    assert [f"question {number - 1}" for number in headings(page)] == questions(page)


def test_a_line_that_was_half_written_is_counted_when_it_is_whole(tmp_path: Path) -> None:
    """A timeline that was read while a line was being written has that line later."""
    path = put(tmp_path, 1, *turns(2))
    whole = b"".join(b.lines_of(b.turn("third", "answer")))
    site = Site(tmp_path).enter()
    path.write_bytes(path.read_bytes() + whole[:50])
    site.page(address(1))
    with path.open("ab") as file:
        file.write(whole[50:])
    watched = site.threads.timeline(b.thread_id(1))
    watched.ready.wait(10)

    assert [turn.text for turn in watched.timeline.turns] == ["question 1", "question 2", "third"]


def test_a_place_that_is_none_is_no_trouble(tmp_path: Path) -> None:
    """An address with a place beyond the thread, or with none that can be one, is answered."""
    put(tmp_path, 1, *turns(3))
    site = Site(tmp_path).enter()

    for place in ("0-999999999", "7-0", "x", "0-5", "0-0"):
        assert site.browser.get(f"{address(1)}?from=2&before=1&at={place}").status_code == 200
        assert site.browser.get(f"{address(1)}?until=2&before=1&at={place}").status_code == 200
