"""What the pages show: lists by keyset pages, transcripts by pages, images, long texts, growth, changes, damage."""

from __future__ import annotations

import base64
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import pytest

from render.shared_threads import HOSTILE
from render.test_html import ACTING
from rollout.query import EVERYTHING
from rollout.testing import builders as b
from rollout.web.live import Follow
from rollout.web.paging import LONGEST, PAGE, Cutter
from rollout.web.starts import Start
from support import DATA
from web.site import Site, address, headings, onward, put, turns

if TYPE_CHECKING:
    from collections.abc import Callable

PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n0000").decode()


def test_an_empty_home_says_so(tmp_path: Path) -> None:
    """Where nothing is, the page says that, and not that nothing matched."""
    site = Site(tmp_path).enter()

    assert "There are no threads here yet." in site.page("/")
    assert "No thread is like that." in site.page("/?text=x")


def test_threads_are_listed_page_by_page(tmp_path: Path) -> None:
    """Following the pages gives every thread once, newest first."""
    for number in range(1, 121):
        put(tmp_path, number, *b.turn(f"question {number}", "a"))
    site, found, where = Site(tmp_path).enter(), [], "/"
    while where:
        page = site.page(where)
        found += re.findall(r">question (\d+)<", page)
        where = onward(page) or ""

    assert [str(number) for number in range(120, 0, -1)] == found


def test_filters_narrow_and_tell_what_they_hide(tmp_path: Path) -> None:
    """A filter by title leaves what has it, and says how many others there are."""
    put(tmp_path, 1, *b.turn("about <cats>", "a"))
    put(tmp_path, 2, *b.turn("about dogs", "a"))
    page = Site(tmp_path).enter().page("/?text=cats")

    assert "about &lt;cats&gt;" in page
    assert "about dogs" not in page
    assert "Not shown" in page


def test_tags_and_notes_are_shown_and_filter(tmp_path: Path) -> None:
    """A thread shows its tags and its note, in the list, on its page and in its family; a tag leads to the threads that bear it."""
    put(tmp_path, 1, *b.turn("about cats", "a"))
    put(tmp_path, 2, *b.turn("about dogs", "a"))
    site = Site(tmp_path).enter()
    site.threads.store.set_tags(b.thread_id(1), ["pets"])
    site.threads.store.set_note(b.thread_id(1), "feed <them>\ntwice")

    assert '<a class="tag" href="/?tag=pets">pets</a>' in site.page("/")
    assert "feed &lt;them&gt;" in site.page("/")
    assert "about dogs" not in site.page("/?tag=pets")
    assert '<dt>Note</dt><dd><span class="remark">feed &lt;them&gt;\ntwice</span></dd>' in site.page(address(1))
    assert "<dt>Tags</dt>" in site.page(address(1))
    assert "<span>pets</span>" in site.page(f"{address(1)}/family")


@pytest.mark.parametrize("asked", ["/?cursor=nonsense", "/?tag=%00", "/?sort=nonsense", "/search?q=a&mode=nonsense", "/search?q=a&cursor=x"])
def test_a_bad_address_is_one_clear_line(tmp_path: Path, asked: str) -> None:
    """What cannot be honoured is told, with status 400."""
    answer = Site(tmp_path).enter().browser.get(asked)

    assert answer.status_code == 400
    assert 'class="mark bad"' in answer.text


@pytest.mark.parametrize("asked", ["/thread/nothing", "/thread/nothing/family", "/thread/nothing/export/html", "/thread/nothing/live", "/nowhere", "/static/../app.py", "/static/x"])
def test_what_is_not_there_is_told(tmp_path: Path, asked: str) -> None:
    """An unknown thread or page gives 404 and a way back."""
    answer = Site(tmp_path).enter().browser.get(asked)

    assert answer.status_code == 404
    assert 'href="/"' in answer.text


def test_a_search_leads_to_the_line(tmp_path: Path) -> None:
    """A hit is marked in its text, and its link opens the page that holds its line."""
    put(tmp_path, 1, *turns(2), *b.turn("where is zanzibar <now>", "there"), *turns(2))
    site = Site(tmp_path).enter()
    page = site.page("/search?q=zanzibar")
    link = re.search(r'href="(/thread/[^"#]*)#found"', page)
    shown = site.page(link[1].replace("&amp;", "&")) if link else ""

    assert "where is <mark>zanzibar</mark> &lt;now&gt;" in page
    assert headings(shown)[0] == 3
    assert shown.count('id="found"') == 1


def test_a_long_thread_comes_by_pages(tmp_path: Path) -> None:
    """Pages are bounded, every turn stands on one of them exactly once, under its number."""
    put(tmp_path, 1, *turns(300, 5_000))
    site, seen, sizes, where = Site(tmp_path).enter(), [], [], address(1)
    while where:
        page = site.page(where)
        seen += headings(page)
        sizes.append(len(page))
        where = onward(page) or ""

    assert list(range(1, 301)) == seen
    assert len(sizes) > 3
    assert max(sizes) < PAGE * 1.5 + 100_000


def test_one_endless_turn_comes_by_pages_too(tmp_path: Path) -> None:
    """A turn that is longer than a page goes on where the page ended, nothing twice and nothing lost."""
    calls = [item for n in range(400) for item in (b.tool_call("shell", f'{{"command":["c{n}"]}}', f"k{n}"), b.tool_output(f"out{n} " + "y" * 4000, f"k{n}"))]
    put(tmp_path, 1, b.user("go"), *calls, *b.turn("and now", "done"))
    site, seen, where = Site(tmp_path).enter(), [], address(1)
    turn_numbers: list[int] = []
    while where:
        page = site.page(where)
        seen += re.findall(r">out(\d+) ", page)
        turn_numbers += headings(page)
        where = onward(page) or ""

    assert [str(n) for n in range(400)] == list(dict.fromkeys(seen))
    assert turn_numbers == [1, 2]


def test_a_turn_can_be_linked_to(tmp_path: Path) -> None:
    """The address of a turn opens a page that begins with it; that of the last turns ends the thread."""
    put(tmp_path, 1, *turns(300, 5_000))
    site = Site(tmp_path).enter()

    assert headings(site.page(f"{address(1)}?turn=250"))[0] == 250
    assert headings(site.page(f"{address(1)}?turn=last"))[-1] == 300


def test_the_beginning_of_an_id_leads_to_its_thread(tmp_path: Path) -> None:
    """Short ids work as they do in the terminal."""
    put(tmp_path, 1, *b.turn("a", "b"))
    answer = Site(tmp_path).enter().browser.get(f"/thread/{b.thread_id(1)[:8]}")

    assert (answer.status_code, answer.headers["location"]) == (303, address(1))


def test_a_timeline_counts_each_turn(tmp_path: Path) -> None:
    """The drawing tells calls and failures of each turn, and leads to it."""
    put(tmp_path, 1, b.user("go"), b.tool_call("shell", "{}", "k"), b.tool_output("Exit code: 2\nWall time: 0 seconds\nOutput:\nno\n", "k"), *turns(1))
    page = Site(tmp_path).enter().page(address(1))

    assert re.search(r"<title>Turn 1: [^<]*1 call, 1 failed</title>", page)
    assert '<rect class="failed"' in page


def test_a_timeline_counts_requests_that_have_names(tmp_path: Path) -> None:
    """A thread that records each of its requests by name has tokens in its turns, as in the list."""
    shutil.copytree(DATA / "codex-0.169.0", tmp_path, dirs_exist_ok=True)
    site = Site(tmp_path).enter()
    rows = [row for row in site.threads.store.list(EVERYTHING).threads if row.summary.tokens and not row.summary.forked_from_id]
    for row in rows:
        watched = site.threads.timeline(row.id)
        watched.ready.wait(10)

        assert watched.timeline.tokens == row.summary.tokens, row.id
    assert rows


def test_what_was_rolled_back_is_marked(tmp_path: Path) -> None:
    """Turns that a rollback took back are dimmed."""
    put(tmp_path, 1, *b.turn("one", "1"), *b.turn("two", "2"), b.rolled_back(1))

    assert Site(tmp_path).enter().page(address(1)).count('class="user dropped"') == 1


def test_context_is_counted_and_can_be_had(tmp_path: Path) -> None:
    """What programs put in is not shown at first, which is told with a link to it."""
    put(tmp_path, 1, b.message("developer", "be zanzibar"), *b.turn("a", "b"))
    site = Site(tmp_path).enter()
    page = site.page(address(1))

    assert "zanzibar" not in page
    assert "1 message from the program to the model not shown" in page
    assert "be zanzibar" in site.page(f"{address(1)}?full=1")


def test_a_text_that_is_too_long_for_a_page_is_had_whole(tmp_path: Path) -> None:
    """A long output is cut, which is told, and its link gives all of it as plain text."""
    put(tmp_path, 1, b.user("go"), b.tool_call("t"), b.tool_output("<" * 3_000_000))
    site = Site(tmp_path).enter()
    page = site.page(address(1))
    link = re.search(r'href="([^"]*/line/\d+)"', page)
    whole = site.browser.get(link[1]) if link else None

    assert f"{LONGEST:,} of 3,000,000 characters are shown" in page
    assert len(page) < 300_000
    assert whole is not None
    assert whole.headers["content-type"].startswith("text/plain")
    assert whole.text.count("<") == 3_000_000


def test_raster_images_are_shown_from_here_and_nothing_else_is(tmp_path: Path) -> None:
    """An image that the thread carries has an address of this server; remote ones and documents have none."""
    addresses = [f"data:image/png;base64,{PNG}", "https://evil.example/a.png", "data:image/svg+xml;base64,PHN2Zz4=", "data:text/html,<script>"]
    content = [{"type": "input_text", "text": "look"}, *({"type": "input_image", "image_url": one} for one in addresses)]
    put(tmp_path, 1, b.response("message", role="user", content=content))
    site = Site(tmp_path).enter()
    found = re.findall(r'<img [^>]*src="([^"]*)"', site.page(address(1)))
    image = site.browser.get(found[0])

    assert [f"{address(1)}/image/1/0"] == found
    assert (image.headers["content-type"], image.content) == ("image/png", base64.b64decode(PNG))
    assert site.browser.get(f"{address(1)}/image/1/2").status_code == 404


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_nothing_in_a_thread_acts(tmp_path: Path, text: str) -> None:
    """In list, search and transcript a hostile text is text: no tag, no control character, no foreign link."""
    put(tmp_path, 1, b.message("user", text), b.user(text), b.tool_call(text, text), b.tool_output(text), *b.turn("needle " + text, text))
    site = Site(tmp_path).enter()
    pages = site.page("/") + site.page("/search?q=needle") + site.page(address(1))

    assert re.findall(r"<(script|img|iframe|style)\b(?! src=\"/static/app.js\" defer)", pages) == []
    assert {link[:1] for link in re.findall(r'(?:href|src|action)="([^"]*)"', pages)} <= {"/", "#"}
    assert ACTING.search(pages) is None


def test_damage_is_marked(tmp_path: Path) -> None:
    """A damaged stretch stands where it is, is told above, and the rest is shown."""
    path = put(tmp_path, 1, *turns(1))
    path.write_bytes(path.read_bytes() + b"\0\0\0garbage\n" + b"".join(b.lines_of(b.turn("later", "b"))))
    page = Site(tmp_path).enter().page(address(1))

    assert '<div class="mark bad">Damage:' in page
    assert "Damage: 1 stretch of the thread could not be read" in page
    assert headings(page) == [1, 2]


def test_what_is_written_meanwhile_is_sent_once(tmp_path: Path) -> None:
    """A follower gets what stands behind its page, then what is appended; a new turn gets its number."""
    path = put(tmp_path, 1, *turns(2))
    site = Site(tmp_path)
    follow = Follow(site.threads, b.thread_id(1), Cutter(address(1), Start()), Start())

    def append() -> None:
        with path.open("ab") as file:
            file.writelines(b.lines_of(b.turn("a third <b>", "and its answer")))

    events = anyio.run(_events, follow, 11, append)

    assert [event.partition("\n")[0] for event in events] == ["event: item", "event: turn", "event: item"]
    assert 'id=\\"turn-3\\"' in events[1]
    assert "&lt;b&gt;" in events[1]


async def _events(follow: Follow, after: int, append: Callable[[], None]) -> list[str]:
    """What a follower gets until two things came after ``append``, which is done when it has its first."""
    found: list[str] = []
    async for event in follow.events(after, lambda: len(found) >= 3):
        if event.startswith("event"):
            found.append(event)
            if len(found) == 1:
                append()
    return found


def test_threads_are_renamed_and_archived_from_their_page(tmp_path: Path) -> None:
    """The forms of a page work, and lead back to it."""
    path = put(tmp_path, 1, *b.turn("a", "b"))
    site = Site(tmp_path, allow_changes=True).enter()
    stamp = re.search(r'name="stamp" value="([^"]*)"', site.page(address(1)))
    assert stamp is not None
    answers = [site.post(f"{address(1)}/rename", stamp=stamp[1], name="A <name>"), site.post(f"{address(1)}/archive", stamp=stamp[1])]
    page = site.page(address(1))

    assert [(answer.status_code, answer.headers["location"]) for answer in answers] == [(303, address(1))] * 2
    assert "<h1>A &lt;name&gt;</h1>" in page
    assert "Unarchive" in page
    assert not path.exists()
    assert site.post(f"{address(1)}/unarchive", stamp=stamp[1]).status_code == 303
    assert path.exists()


def test_a_thread_is_forked_from_its_page_and_shows_its_family(tmp_path: Path) -> None:
    """The fork is shown next; the tree has both, and what a thread began, and tells what is missing above."""
    put(tmp_path, 1, *b.turn("The first", "b"))
    lost = put(tmp_path, 2, *b.turn("Begun by another", "b"))
    lost.write_bytes(b.rollout_bytes(b.thread_id(2), *b.turn("Begun by another", "b"), source={"subagent": {"thread_spawn": {"parent_thread_id": b.thread_id(1), "depth": 1}}}))
    orphan = put(tmp_path, 3, *b.turn("An orphan", "b"))
    orphan.write_bytes(b.rollout_bytes(b.thread_id(3), *b.turn("An orphan", "b"), forked_from_id=b.thread_id(9)))
    site = Site(tmp_path, allow_changes=True).enter()
    stamp = re.search(r'name="stamp" value="([^"]*)"', site.page(address(1)))
    answer = site.post(f"{address(1)}/fork", stamp=stamp[1] if stamp else "")
    made = answer.headers["location"]
    family = site.page(f"{made}/family")

    assert (answer.status_code, made != address(1)) == (303, True)
    assert '<p class="note">3 threads.</p>' in family
    assert f'href="{made}" aria-current="true"' in family
    assert re.findall(r"<span>(the first|fork|sub-agent)</span>", family) in (["the first", "sub-agent", "fork"], ["the first", "fork", "sub-agent"])
    assert f"was made from {b.thread_id(9)}, which is not here" in site.page(f"{address(3)}/family")


@pytest.mark.parametrize(("kind", "expected"), [("html", "<!DOCTYPE html>"), ("md", "# A question"), ("json", '"rollout.bundle/1"'), ("jsonl", '"session_meta"')])
def test_a_thread_is_exported_from_its_page(tmp_path: Path, kind: str, expected: str) -> None:
    """As a file to keep, without secrets where it is for people; nothing has to be allowed for that."""
    put(tmp_path, 1, *b.turn("A question", f"the token is ghp_{'a1B2' * 9}"))
    answer = Site(tmp_path).enter().browser.get(f"{address(1)}/export/{kind}")

    assert answer.headers["content-disposition"] == f'attachment; filename="rollout-{b.thread_id(1)}.{kind}"'
    assert expected in answer.text
    assert ("[redacted: github token]" in answer.text) == (kind in ("html", "md"))


def test_the_model_is_the_model(tmp_path: Path) -> None:
    """A page names the newest model of a thread, and the provider beside it; where no model is known, none."""
    put(tmp_path, 1, b.user("a"), b.agent("b"))
    put(tmp_path, 2, *b.turn("a", "b"), b.turn_context(model="gpt-9"))
    site = Site(tmp_path).enter()
    facts = [dict(re.findall(r"<dt>(\w+)</dt><dd>(.*?)</dd>", site.page(address(number)))) for number in (1, 2)]

    assert [(one.get("Model"), one.get("Provider")) for one in facts] == [(None, "openai"), ("gpt-9", "openai")]


def test_an_empty_name_is_refused(tmp_path: Path) -> None:
    """What the command refuses, the page refuses in the same words."""
    put(tmp_path, 1, *b.turn("a", "b"))
    site = Site(tmp_path, allow_changes=True).enter()
    stamp = re.search(r'name="stamp" value="([^"]*)"', site.page(address(1)))
    answer = site.post(f"{address(1)}/rename", stamp=stamp[1] if stamp else "", name=" ")

    assert answer.status_code == 400
    assert "name cannot be empty" in answer.text


def test_looking_changes_nothing(tmp_path: Path) -> None:
    """No page changes a byte or a time in the home."""
    put(tmp_path, 1, *turns(3))
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in tmp_path.rglob("*.jsonl")}
    site = Site(tmp_path).enter()
    for asked in ("/", "/search?q=question", address(1), f"{address(1)}?turn=2", f"{address(1)}/outline", f"{address(1)}/line/1"):
        site.page(asked)

    assert before == {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in tmp_path.rglob("*.jsonl")}
    assert {path.name for path in tmp_path.iterdir()} == {"sessions"}
