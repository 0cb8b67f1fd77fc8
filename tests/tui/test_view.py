"""The application: a person finds a thread, reads it, and does something with it."""

from __future__ import annotations

import json
import shutil
from threading import Event
from typing import TYPE_CHECKING, Any

import pytest

from cli.homes import line, thread_id, turn
from rollout.lifecycle import ForkParams, fork
from rollout.store.local.store import LocalStore

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from cli.homes import Home
    from rollout.query import Page, ThreadQuery
    from tui.conftest import FixedDesk, Screen

    View = Callable[..., None]

pytestmark = pytest.mark.slow

STAMP = "2026-02-01T12:30:00.000Z"


def test_an_empty_home_says_so(view: View) -> None:
    """Nothing is there, and no key fails."""

    async def scene(screen: Screen) -> None:
        assert screen.rows == []
        assert "no threads" in screen.status
        await screen.press("enter", "down", "end", "l", "R", "A", "i", "c", "g")
        assert "no threads" in screen.status

    view(scene)


def test_threads_are_listed_newest_first_in_groups(home: Home, view: View) -> None:
    """Each with its age, project, and name or first question."""
    home.add(1)
    home.add(70, git={"branch": "main"})
    home.name(1, "The name")

    async def scene(screen: Screen) -> None:
        assert [row.split() for row in screen.rows] == [
            ["Yesterday"], ["23h", "ago", "app", "[main]", "question", "70"],
            ["The", "last", "7", "days"], ["1d", "ago", "app", "The", "name"],
        ]  # fmt: skip
        await screen.press("g")
        assert screen.rows[0] == "/work/app"
        await screen.press("g")
        assert len(screen.rows) == 2
        assert "grouped by none" in screen.status

    view(scene)


def test_headings_are_never_marked(home: Home, view: View) -> None:
    """The first thread is marked at first, and moving goes from thread to thread."""
    for number in (1, 70, 71):
        home.add(number)

    async def scene(screen: Screen) -> None:
        marked = [screen.marked]
        for key in ("down", "down", "up", "up", "up"):
            await screen.press(key)
            marked.append(screen.marked)
        assert [int(row.rpartition(" ")[2]) for row in marked] == [71, 70, 1, 70, 71, 71]

    view(scene)


def test_a_click_on_a_key_presses_it(home: Home, view: View) -> None:
    """The last line tells the keys that do something, and each of them can be clicked."""
    home.add(1)

    async def scene(screen: Screen) -> None:
        told = screen.drawn.split("\n")[23]
        assert "g group" in told
        await screen.click(told.index("group"), 23)
        assert "grouped by project" in screen.status

    view(scene)


def test_the_list_filters_while_one_types(home: Home, view: View) -> None:
    """Name and first question; Esc shows everything again."""
    for number in range(1, 6):
        home.add(number)

    async def scene(screen: Screen) -> None:
        await screen.press("slash", *"question 3")
        await screen.until(lambda: len(screen.rows) == 2)
        assert "question 3" in screen.rows[1]
        await screen.press(*"zzz")
        await screen.until(lambda: "no thread fits" in screen.status)
        await screen.press("escape")
        await screen.until(lambda: len(screen.rows) == 6)

    view(scene)


def test_only_this_project_and_all_kinds(home: Home, view: View) -> None:
    """Key p narrows to the folder of the marked thread and back, key a shows sub-agents, archived and untitled ones too."""
    home.add(1, cwd="/work/lib")
    home.add(2)
    home.add(3, archived=True)
    home.add(4, source="exec")

    async def scene(screen: Screen) -> None:
        assert "hidden: " in screen.status
        await screen.press("p")
        assert len(screen.rows) == 2
        assert "in /work/app" in screen.status
        await screen.press("p", "a")
        await screen.until(lambda: len(screen.rows) == 5)

    view(scene)


def test_a_long_list_is_read_page_by_page(home: Home, view: View) -> None:
    """The next page comes when the end is near."""
    for number in range(250):
        home.write(number, b"".join(line(STAMP, kind, payload) for kind, payload in [("session_meta", {"id": thread_id(number), "cwd": "/w", "source": "cli"}), *turn(f"q {number}", "a")]))

    async def scene(screen: Screen) -> None:
        assert "200+ threads" in screen.status
        await screen.press("end")
        await screen.until(lambda: "250 threads" in screen.status)

    view(scene)


def test_a_thread_is_read_from_its_end(home: Home, view: View) -> None:
    """Enter opens it at the end; what is above comes when it is wanted; Esc goes back."""
    home.add(1, [one for number in range(300) for one in turn(f"ask {number}", f"say {number}")])

    async def scene(screen: Screen) -> None:
        await screen.press("enter")
        assert "> ask 299" in screen.rows
        assert "> ask 0" not in screen.rows
        assert "there is more above" in screen.status
        await screen.press("home")
        assert "> ask 0" in screen.rows
        assert "> ask 299" not in screen.rows
        await screen.press("end")
        assert "> ask 299" in screen.rows
        await screen.press("escape")
        assert "question" not in screen.status
        assert "1 thread" in screen.status

    view(scene)


def test_scrolling_up_reads_on_and_stays_in_place(home: Home, view: View) -> None:
    """Going up row by row meets every turn, once."""
    home.add(1, [one for number in range(120) for one in turn(f"ask {number}", f"say {number}")])

    async def scene(screen: Screen) -> None:
        await screen.press("enter")
        for _ in range(36):
            await screen.press("pageup")
        asked = [row for row in screen.rows if row.startswith("> ask")]
        assert asked == [f"> ask {number}" for number in range(120)]
        assert screen.marked.startswith("thread ")

    view(scene)


def outputs(text: str) -> list[tuple[str, dict[str, Any]]]:
    """A command with a long output."""
    call = {"type": "function_call", "name": "exec_command", "arguments": json.dumps({"cmd": "make"}), "call_id": "c"}
    return [("response_item", call), ("response_item", {"type": "function_call_output", "call_id": "c", "output": text})]


def test_outputs_fold_and_unfold(home: Home, view: View) -> None:
    """Enter unfolds what is marked, f everything."""
    home.add(1, [*turn("q", "a"), *outputs("\n".join(f"row {number}" for number in range(50)))])

    async def scene(screen: Screen) -> None:
        await screen.press("enter")
        assert "  row 49" not in screen.rows
        await screen.press("up", "enter")
        assert "  row 49" in screen.rows
        await screen.press("enter")
        assert "  row 49" not in screen.rows
        await screen.press("f")
        assert "  row 49" in screen.rows

    view(scene)


def test_another_look_stays_at_what_is_marked(home: Home, view: View) -> None:
    """Folding all, the raw records and another width leave the mark on the same record."""
    home.add(1, [*outputs("\n".join(f"row {number}" for number in range(50))), *turn("here", "a"), *outputs("b\n" * 40)])

    async def scene(screen: Screen) -> None:
        await screen.press("enter", "slash", *"> here", "enter")
        assert screen.marked == "> here"
        await screen.press("f")
        assert screen.marked == "> here"
        await screen.press("r", "enter")
        assert any('"here"' in row for row in screen.from_mark(20))
        await screen.press("r", "f")
        assert "> here" in screen.from_mark(3)
        await screen.resize(60, 20)
        assert "> here" in screen.from_mark(3)

    view(scene)


def test_the_raw_records(home: Home, view: View) -> None:
    """Key r shows each record on a row and goes back; Enter shows one indented."""
    home.add(1)

    async def scene(screen: Screen) -> None:
        await screen.press("enter", "r")
        assert len(screen.rows) == 5
        assert all(row.startswith('{"timestamp"') for row in screen.rows)
        await screen.press("enter")
        assert '    "message": "answer 1"' in screen.rows
        await screen.press("r")
        assert "> question 1" in screen.rows

    view(scene)


def test_find_goes_up_and_down(home: Home, view: View) -> None:
    """A text is found in what was not read yet; n and N go on; what is not there is said."""
    home.add(1, [one for number in range(200) for one in turn(f"ask {number}", "needle" if number in (3, 60) else "hay")])

    async def scene(screen: Screen) -> None:
        await screen.press("enter", "slash", *"NEEDLE", "enter")
        assert screen.marked == "needle"
        assert "found: NEEDLE" in screen.status
        await screen.press("N")
        assert screen.marked == "needle"
        assert "> ask 3" in screen.rows
        await screen.press("N")
        assert "not found above" in screen.status
        await screen.press("n", "n")
        assert screen.marked == "needle"

    view(scene)


def test_find_begins_with_the_marked_row(home: Home, view: View) -> None:
    """What stands in the last row is found from there."""
    home.add(1, turn("q", "the last needle"))

    async def scene(screen: Screen) -> None:
        await screen.press("enter", "slash", *"needle", "enter")
        assert screen.marked == "the last needle"
        assert "found: needle" in screen.status

    view(scene)


def test_a_growing_thread_is_followed(home: Home, view: View) -> None:
    """What is appended comes by itself; whoever reads further up is not moved."""
    path = home.add(1, [one for number in range(20) for one in turn(f"ask {number}", "ok")])

    def write(text: str) -> None:
        with path.open("ab") as file:
            file.write(line(STAMP, "event_msg", {"type": "agent_message", "message": text}))

    async def scene(screen: Screen) -> None:
        await screen.press("enter")
        write("came later")
        await screen.until(lambda: screen.marked == "came later")
        await screen.press("up", "up", "up")
        before = screen.marked
        write("and later")
        await screen.until(lambda: "and later" in screen.rows)
        assert screen.marked == before

    view(scene)


def test_damage_is_shown_where_it_is(home: Home, view: View) -> None:
    """A damaged thread shows its good lines and says how much was skipped; one that went away says so."""
    path = home.add(1)
    path.write_bytes(path.read_bytes() + b"{torn\n" + line(STAMP, "event_msg", {"type": "agent_message", "message": "after"}))
    gone = home.add(2)

    async def scene(screen: Screen) -> None:
        gone.unlink()
        await screen.press("down", "down", "enter")
        assert thread_id(2) in screen.status
        assert [] == screen.rows
        await screen.press("escape", "up", "enter")
        await screen.until(lambda: "after" in screen.rows)
        assert any(row.startswith("⚠ 6 bytes") for row in screen.rows)
        assert "damaged" in screen.status

    view(scene)


def test_actions_change_what_they_say(home: Home, view: View) -> None:
    """Rename, archive and fork, each asked for and confirmed; what was done is said."""
    home.add(1)
    store = LocalStore(home.path)

    async def scene(screen: Screen) -> None:
        await screen.press("R", *"A name", "enter")
        await screen.until(lambda: "A name" in " ".join(screen.rows))
        await screen.press("F", "enter")
        await screen.until(lambda: len(screen.rows) == 3 or len(screen.rows) == 4)
        await screen.press("A", "down", "enter")
        assert "archived" not in screen.said
        await screen.press("A", "enter")
        await screen.until(lambda: "archived" in screen.said)

    view(scene)

    assert list(store.names().values()).count("A name") >= 1
    assert len(list((home.path / "archived_sessions").rglob("*.jsonl"))) == 1


def test_copy_export_and_folder(home: Home, view: View) -> None:
    """The id, the command that resumes it, a file, its folder."""
    home.add(1, cwd="/work/my app")

    async def scene(screen: Screen) -> None:
        await screen.press("i", "c")
        assert screen.app.clipboard == f"cd '/work/my app' && codex resume {thread_id(1)}"
        await screen.press("x")
        await screen.press("o")
        assert screen.said == [
            f"copied: {thread_id(1)}", f"copied: {screen.app.clipboard}", "writing…",
            f"written to /out/{thread_id(1)}.html", f"opening the folder of {thread_id(1)}",
        ]  # fmt: skip

    view(scene)


def test_a_refused_action_is_an_error_and_nothing_else(home: Home, view: View) -> None:
    """A thread that another program writes is not archived."""
    home.add(1)
    writer = LocalStore(home.path).open_writer(thread_id(1))

    async def scene(screen: Screen) -> None:
        await screen.press("A", "enter")
        await screen.until(lambda: bool(screen.said))
        assert "archived" not in screen.said

    try:
        view(scene)
    finally:
        writer.close()

    assert not (home.path / "archived_sessions").exists()


def test_lineage_is_a_tree(home: Home, view: View) -> None:
    """A thread's parent above, its forks and sub-agents below; one of them can be read."""
    home.add(1)
    made = fork(LocalStore(home.path), thread_id(1), ForkParams())
    spawn = {"subagent": {"thread_spawn": {"parent_thread_id": thread_id(1), "depth": 1}}}
    home.add(2, turn("child asks", "yes"), source=spawn)

    async def scene(screen: Screen) -> None:
        await screen.press("l")
        await screen.until(lambda: "3 threads" in screen.status)
        assert "⑂" in screen.drawn
        assert "⚙" in screen.drawn
        await screen.press("enter")
        await screen.until(lambda: "> question 1" in screen.drawn)
        await screen.press("escape", "escape")
        assert "threads" in screen.status

    view(scene)
    assert made.thread_id != thread_id(1)


def test_help_tells_the_keys(home: Home, view: View) -> None:
    """? opens it, Esc closes it."""
    home.add(1)

    async def scene(screen: Screen) -> None:
        await screen.press("question_mark")
        assert "copy the command that resumes it" in screen.drawn
        await screen.press("escape")
        assert "copy the command that resumes it" not in screen.drawn

    view(scene)


def test_what_is_drawn(home: Home, view: View) -> None:
    """The list and a transcript, character by character."""
    home.add(1, turn("Why?", "Because **it** is.\n\n- so"))
    home.name(1, "Reasons")

    async def scene(screen: Screen) -> None:
        listed = screen.drawn.split("\n")
        assert [row.rstrip() for row in listed[:3]] == [
            " filter: name or first question, #tag, model: provider: branch: note:",
            "The last 7 days",
            " 1d ago     app                   Reasons",
        ]
        assert listed[22].strip() == "1 thread · grouped by time"
        await screen.press("enter")
        rule = "── turn · 2026-02-01 12:01:00Z " + "─" * 67
        assert [row.rstrip() for row in screen.drawn.split("\n")[:10]] == [
            " Reasons", f"thread {thread_id(1)}", "/work/app · codex_cli_rs 0.100.0 · openai", "", rule, "> Why?", "",
            "Because it is.", "", " • so",
        ]  # fmt: skip

    view(scene)


@pytest.mark.parametrize("key", ["enter", "r"])
def test_hostile_text_stays_text(home: Home, view: View, key: str) -> None:
    """Escape sequences, bidirectional controls and markup are shown in list, transcript and records."""
    hostile = "\x1b[2J\x1b]52;c;AAAA\x07 [bold]x[/bold] \u202eabc \x9b31m"
    home.add(1, turn(hostile, hostile), cwd=f"/work/{hostile}")
    home.name(1, hostile)

    async def scene(screen: Screen) -> None:
        drawn = screen.drawn
        await screen.press("enter", key)
        drawn += screen.drawn
        assert not set(drawn) & set("\x1b\x07\x9b\u202e")
        assert "[bold]x[/bold]" in drawn

    view(scene)


def long_thread(home: Home, said: dict[int, str]) -> None:
    """A thread of many blocks, in which some turns say something else."""
    home.add(1, [one for number in range(900) for one in turn(f"ask {number}", said.get(number, f"say {number}"))])


def test_find_leads_to_any_place(home: Home, view: View) -> None:
    """From the end up to the nearest, from there with N on to the next one above and with n back down."""
    long_thread(home, {3: "it is zirconium", 450: "more Zirconium"})

    async def scene(screen: Screen) -> None:
        await screen.press("enter", "slash", *"zirconium", "enter")
        await screen.until(lambda: screen.status.startswith("found"))
        assert screen.marked == "more Zirconium"
        assert len(screen.rows) < 3000
        await screen.press("N")
        await screen.until(lambda: screen.marked == "it is zirconium")
        await screen.press("N")
        await screen.until(lambda: "not found above" in screen.status)
        await screen.press("n")
        await screen.until(lambda: screen.marked == "more Zirconium")
        await screen.press("n")
        await screen.until(lambda: "not found below" in screen.status)
        await screen.press("end")
        assert "> ask 899" in screen.rows

    view(scene)


def test_find_looks_below_where_nothing_is_above(home: Home, view: View) -> None:
    """What stands only below the marked row is found too, and what stands nowhere is said to."""
    long_thread(home, {700: "it is zirconium"})

    async def scene(screen: Screen) -> None:
        await screen.press("enter", "5", "slash", *"zirconium", "enter")
        await screen.until(lambda: screen.marked == "it is zirconium")
        await screen.press("slash", *"xyz", "enter")
        await screen.until(lambda: screen.status.startswith("not found: xyz"))

    view(scene)


def test_escape_ends_a_find_before_it_leaves(home: Home, view: View) -> None:
    """What was found is no longer shown; then the thread is left."""
    long_thread(home, {700: "it is zirconium"})

    async def scene(screen: Screen) -> None:
        await screen.press("enter", "slash", *"zirconium", "enter")
        await screen.until(lambda: screen.marked == "it is zirconium")
        await screen.press("escape")
        assert screen.marked == "it is zirconium"
        assert "found" not in screen.status
        await screen.press("escape")
        assert "1 thread" in screen.status

    view(scene)


def test_keys_lead_to_tenths(home: Home, view: View) -> None:
    """Key 5 shows the middle, from which one scrolls both ways."""
    long_thread(home, {})

    async def scene(screen: Screen) -> None:
        await screen.press("enter", "5")
        assert "> ask 450" in screen.rows
        assert "more above" in screen.status
        assert "more below" in screen.status
        for _ in range(40):
            await screen.press("pagedown")
        asked = [int(row.rpartition(" ")[2]) for row in screen.rows if row.startswith("> ask")]
        assert asked == list(range(asked[0], asked[-1] + 1))
        assert asked[-1] > 520

    view(scene)


def test_rolled_back_turns_are_dimmed_far_from_their_marker(home: Home, view: View) -> None:
    """A page that has the turn and not the marker shows that it was taken back; so does one when the marker comes."""
    marker = ("event_msg", {"type": "thread_rolled_back", "num_turns": 400})
    home.add(1, [*(one for number in range(400) for one in turn(f"old {number}", "x")), marker, *turn("new", "y")])
    path = next(home.path.rglob("*.jsonl"))

    async def scene(screen: Screen) -> None:
        await screen.press("enter", "home")
        assert "┊ > old 0" in screen.rows
        assert "┊ > old 399" not in screen.rows
        await screen.press("end")
        assert "> new" in screen.rows
        with path.open("ab") as file:
            file.write(line(STAMP, "event_msg", {"type": "thread_rolled_back", "num_turns": 1}))
        await screen.until(lambda: "┊ > new" in screen.rows)

    view(scene)


def test_tabs_are_spaces(home: Home, view: View) -> None:
    """A tab goes to the next eighth column, so that nothing of what stood there before stays on the screen."""
    home.add(1, [*turn("q", "a"), *outputs("1:\tone\n10:\ttwo")])

    async def scene(screen: Screen) -> None:
        await screen.press("enter")
        assert [row for row in screen.drawn.split("\n") if row.endswith(("one", "two"))] == ["  1:    one", "  10:   two"]

    view(scene)


def test_the_filter_takes_tags_models_and_notes(home: Home, view: View) -> None:
    """Parts with a name narrow to rows that have them; the rest is text."""
    context = ("turn_context", {"cwd": "/work/app", "model": "gpt-5.2-codex"})
    home.add(1, [context, *turn("ask one", "a")])
    home.add(2, turn("ask two", "a"), git={"branch": "fix/login"}, model_provider="labmock")
    home.add(3, turn("ask three", "a"))
    store = LocalStore(home.path)
    store.set_tags(thread_id(1), add=("release", "later"))
    store.set_note(thread_id(3), "Ask Anna about it")
    asked = {"#rel": "one", "model:GPT-5": "one", "provider:lab": "two", "branch:login": "two", "note:anna": "three", "ask note:it": "three"}

    async def scene(screen: Screen) -> None:
        for typed, expected in asked.items():
            await screen.press("slash", *typed)
            await screen.until(lambda: len(screen.rows) == 2)
            assert f"ask {expected}" in screen.rows[1]
            await screen.press("escape")
            await screen.until(lambda: len(screen.rows) == 4)

    view(scene)


def test_details_of_the_marked_thread(home: Home, view: View) -> None:
    """A line tells folder, model, provider, size, tags and note; tags stand in the row too."""
    home.add(1, [("turn_context", {"cwd": "/work/app", "model": "gpt-5.2-codex"}), *turn("ask one", "a")])
    store = LocalStore(home.path)
    store.set_tags(thread_id(1), add=("release",))
    store.set_note(thread_id(1), "Ask Anna\nabout it")

    async def scene(screen: Screen) -> None:
        assert screen.rows[1].endswith("ask one  #release")
        told = str(screen.app.screen.query_one("#details").render())
        assert told.startswith("/work/app · gpt-5.2-codex · openai · ")
        assert told.endswith(" · #release · Ask Anna about it")

    view(scene)


class Slow(LocalStore):
    """A store that takes its time for any order but that of the files' names."""

    def __init__(self, home: Path) -> None:
        super().__init__(home)
        self.go_on = Event()

    def list(self, query: ThreadQuery) -> Page:
        if query.order.key != "created":
            self.go_on.wait(10)
        return super().list(query)


@pytest.mark.parametrize("is_known", [False, True])
def test_a_slow_list_begins_with_the_newest(home: Home, desk: FixedDesk, view: View, *, is_known: bool) -> None:
    """Threads are there before their order is; then the mark stays with its thread, in its line."""
    home.add(1, [*turn("was begun first", "a")])
    for number in range(60, 90):
        home.add(number)
    desk.store, desk.is_slow = (store := Slow(home.path)), is_known
    later = "2026-02-03T11:00:00.000Z"
    path = next(home.path.rglob(f"*{thread_id(1)}*"))
    path.write_bytes(path.read_bytes() + line(later, "event_msg", {"type": "agent_message", "message": "go on"}))

    async def scene(screen: Screen) -> None:
        await screen.until(lambda: len(screen.rows) > 20)
        assert "reading on" in screen.status
        await screen.glance("down", "down", "down", "down")
        before = screen.marked
        at = next(at for at, row in enumerate(screen.drawn.split("\n")) if before in row)
        store.go_on.set()
        await screen.until(lambda: "was begun first" in screen.rows[1])
        assert screen.marked == before
        assert before in screen.drawn.split("\n")[at]

    view(scene, settled=False)


@pytest.mark.parametrize(("told", "expected"), [("15;0", "dark"), ("0;15", "light"), ("", "dark")])
def test_light_and_dark(home: Home, view: View, monkeypatch: pytest.MonkeyPatch, told: str, expected: str) -> None:
    """A terminal that tells of a light ground gets one, and T changes it."""
    monkeypatch.setenv("COLORFGBG", told)
    home.add(1)

    async def scene(screen: Screen) -> None:
        assert screen.app.theme == f"textual-{expected}"
        await screen.press("T")
        assert screen.app.theme != f"textual-{expected}"

    view(scene)


def test_what_goes_away_is_said(home: Home, desk: FixedDesk, view: View) -> None:
    """A thread that another program deletes while it is read, then the whole home: a line says so, and every key still works."""
    home.add(1, [one for number in range(300) for one in turn(f"ask {number}", f"say {number}")])
    desk.folder = str(home.path)

    async def scene(screen: Screen) -> None:
        await screen.press("enter")
        next(home.path.rglob("*.jsonl")).unlink()
        await screen.until(lambda: thread_id(1) in screen.status)
        await screen.press("pageup", "home", "r", "f", "enter", "5", "slash", *"ask", "enter", "n", "escape", "end", "A", "enter")
        assert "no thread" in " ".join([screen.status, *screen.said])
        await screen.press("escape", "escape")
        shutil.rmtree(home.path)
        await screen.until(lambda: screen.status.startswith("no threads: there is no folder"))
        await screen.press("enter", "R", "l", "g", "a", "slash", "x", "enter")

    view(scene)


def test_actions_in_a_thread_and_in_a_lineage(home: Home, view: View) -> None:
    """A rename shows in the heading, a fork leaves one where one reads, and the tree of a family is read anew after each."""
    home.add(1)

    async def scene(screen: Screen) -> None:
        await screen.press("enter", "R", *"First name", "enter")
        await screen.until(lambda: screen.drawn.split("\n")[0].strip() == "First name")
        await screen.press("F", "enter")
        await screen.until(lambda: any(said.startswith("forked") for said in screen.said))
        assert "> question 1" in screen.rows
        await screen.press("l")
        await screen.until(lambda: "2 threads" in screen.status)
        await screen.press("enter", "escape")
        assert "⑂" in screen.drawn
        await screen.press("R", "end", *" again", "enter")
        await screen.until(lambda: "First name again" in screen.drawn)
        await screen.press("F", "enter")
        await screen.until(lambda: "3 threads" in screen.status)

    view(scene)
