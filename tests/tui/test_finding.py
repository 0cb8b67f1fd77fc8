"""Finding in a thread, moving about in it, and what rollbacks took back, without a screen."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from cli.homes import line, thread_id, turn
from rollout.lines import Position
from rollout.render.entries import dropped_in_thread
from rollout.render.text import Style
from rollout.store.local.store import LocalStore
from rollout.tui.document import Document, Mark
from rollout.tui.finding import Finder, Hit, Wanted, Way
from rollout.tui.painting import Look, plain
from rollout.tui.stretches import START, place_at

if TYPE_CHECKING:
    from cli.homes import Home, Payload

STAMP = "2026-02-01T12:30:00.000Z"
LOOK = Look(Style(width=100))
TURNS = 700


def outputs(text: str) -> list[Payload]:
    """A command with an output."""
    call = {"type": "function_call", "name": "exec_command", "arguments": json.dumps({"cmd": "make"}), "call_id": "c"}
    return [("response_item", call), ("response_item", {"type": "function_call_output", "call_id": "c", "output": text})]


def long_thread(home: Home, said: dict[int, str]) -> LocalStore:
    """A thread of many blocks, in which some turns say something else."""
    turns = [turn(f"ask {number}", said.get(number, f"say {number}")) for number in range(TURNS)]
    home.add(1, [one for each in turns for one in each])
    return LocalStore(home.path)


def find(store: LocalStore, text: str, way: Way, look: Look = LOOK) -> str | None:
    """The row that is found, as a document that goes there shows it."""
    document = Document(store, thread_id(1), look)
    hit = next((one for one in Finder(store, Wanted(thread_id(1), text, look)).nearest(way) if isinstance(one, Hit)), None)
    return shown(document, hit) if hit else None


def shown(document: Document, hit: Hit) -> str:
    """The row of a hit."""
    document.to(hit.key[0])
    document.unfold(hit.key[0], hit.unfolded)
    return plain(document.row(document.at(Mark(hit.key, hit.below)) or 0).text)


@pytest.mark.parametrize("turn_with_it", [0, 350, TURNS - 1])
@pytest.mark.parametrize("text", ["a rare Wörd", "RARE", "e wör"])
def test_a_text_is_found_wherever_it_stands(home: Home, turn_with_it: int, text: str) -> None:
    """At the beginning, in the middle and at the end; parts of words, and in any case."""
    store = long_thread(home, {turn_with_it: "this is a rare wörd."})
    down, up = Way(START, back=False), Way(store.end(thread_id(1)), back=True)

    assert [find(store, text, way) for way in (down, up)] == ["this is a rare wörd."] * 2


def test_a_text_that_is_not_there(home: Home) -> None:
    """Nothing is found, and how far it has got is told up to the end."""
    store = long_thread(home, {})
    told = list(Finder(store, Wanted(thread_id(1), "rare", LOOK)).nearest(Way(START, back=False)))

    assert told[-1] == store.end(thread_id(1))
    assert not [one for one in told if isinstance(one, Hit)]


def test_what_is_folded_is_unfolded(home: Home) -> None:
    """A find in the part of an output that is not shown leads to the row, shown."""
    home.add(1, [*turn("q", "a"), *outputs("\n".join(f"row {number}" for number in range(50)))])
    store = LocalStore(home.path)

    assert find(store, "row 31", Way(START, back=False)) == "  row 31"


def test_over_the_end_of_a_row(home: Home) -> None:
    """What reaches over two rows leads to the entry that has it."""
    home.add(1, turn("q", "one\ntwo"))
    store = LocalStore(home.path)

    assert find(store, "one two", Way(START, back=False)) == ""  # the empty row above the answer


def test_each_thing_is_found_once(home: Home) -> None:
    """The line that is not shown, because its twin is, is passed over in both directions."""
    store = long_thread(home, {10: "rare", 20: "rare"})
    finder = Finder(store, Wanted(thread_id(1), "rare", LOOK))
    hits: list[Hit] = []
    way = Way(store.end(thread_id(1)), back=True)
    while hit := next((one for one in finder.nearest(way) if isinstance(one, Hit)), None):
        hits.append(hit)
        way = Way(hit.key[0], back=True, passed=hit.key[0])

    assert len(hits) == 2


def test_a_row_that_is_nearer_is_found_first(home: Home) -> None:
    """What only the screen has (a heading, a status) is found where it comes before the next line that has it."""
    store = long_thread(home, {300: "rare"})
    finder = Finder(store, Wanted(thread_id(1), "rare", LOOK))
    far = next(one for one in finder.nearest(Way(START, back=False)) if isinstance(one, Hit))
    row = Hit((Position(0, 5000), 0), 0, set())
    near = [one for one in finder.nearest(Way(START, back=False, row=row)) if isinstance(one, Hit)]
    behind = [one for one in finder.nearest(Way(START, back=False, row=Hit((Position(0, 1 << 30), 0), 0, set()))) if isinstance(one, Hit)]

    assert (near, behind) == ([row], [far])


def test_records_are_found_as_they_stand(home: Home) -> None:
    """Among the raw records names of fields are found too."""
    store = long_thread(home, {})
    found = find(store, '"type": "user_message"', Way(START, back=False), LOOK._replace(raw=True))

    assert found is not None
    assert found.startswith('{"timestamp"')


@pytest.mark.slow
def test_a_document_begins_anywhere(home: Home) -> None:
    """From any tenth of a thread one comes to both ends, and meets every turn once."""
    store = long_thread(home, {})
    for tenths in range(10):
        document = Document(store, thread_id(1), LOOK)
        document.to(place_at(store, thread_id(1), tenths))
        while document.load_earlier() or document.load_later():
            pass
        asked = [row for row in (document.row(at).text for at in range(len(document))) if row.startswith("> ask")]

        assert asked == [f"> ask {number}" for number in range(TURNS)]
        assert (document.at_start, document.at_end) == (True, True)


def test_a_document_holds_little(home: Home) -> None:
    """After a jump only what stands around it was read."""
    store = long_thread(home, {})
    document = Document(store, thread_id(1), LOOK)
    document.to(place_at(store, thread_id(1), 5))

    assert 0 < len(document) < 2000


def rolled_back(home: Home) -> LocalStore:
    """A long thread whose last two turns were taken back, with many turns since."""
    before = [one for number in range(3) for one in turn(f"old {number}", "x")]
    marker: Payload = ("event_msg", {"type": "thread_rolled_back", "num_turns": 2})
    home.add(1, [*before, marker, *(one for number in range(TURNS) for one in turn(f"new {number}", "y"))])
    return LocalStore(home.path)


def test_rollbacks_of_a_whole_thread(home: Home) -> None:
    """What was taken back is found without its marker standing near; a thread without a marker has nothing."""
    store = rolled_back(home)
    found = dropped_in_thread(store, thread_id(1))
    home.add(2)

    assert found is not None
    assert len(found) == 1
    assert dropped_in_thread(store, thread_id(2)) == ()


def test_looking_for_rollbacks_can_be_stopped(home: Home) -> None:
    """Then nothing is told."""
    assert dropped_in_thread(rolled_back(home), thread_id(1), lambda: True) is None


def test_a_document_grows_by_lines_that_are_whole(home: Home) -> None:
    """What is appended is read once its line has ended."""
    home.add(1)
    store = LocalStore(home.path)
    document = Document(store, thread_id(1), LOOK)
    said = line(STAMP, "event_msg", {"type": "agent_message", "message": "came later"})
    path = next(home.path.rglob("*.jsonl"))
    came: list[int] = []
    for part in (said[:30], said[30:]):
        with path.open("ab") as file:
            file.write(part)
        came.append(document.grow())

    assert came == [0, 1]
