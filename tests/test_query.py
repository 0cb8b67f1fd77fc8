"""Queries: orders, cursors, filters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollout.errors import InvalidQueryError
from rollout.query import (
    EVERYTHING,
    Cursor,
    Order,
    Thread,
    ThreadQuery,
    checked,
    is_past,
    query_from,
    sort_key,
    why_hidden,
)
from rollout.summary import Summary
from rollout.testing import builders as b
from rollout.testing.strategies import thread_ids

if TYPE_CHECKING:
    from rollout.ids import ThreadId

MOMENT = 1_770_534_303_041
_TIMES = st.integers(0, 253_402_300_799_999)


def row(number: int = 1, created_ms: int = MOMENT, **facts: Any) -> Thread:
    """A thread in which somebody asked something; ``facts`` are those of its summary."""
    summary = Summary()
    for name, value in {"has_meta": True, "preview": "hello", "source": "cli", **facts}.items():
        setattr(summary, name, value)
    return Thread(b.thread_id(number), "path", False, 10, created_ms, MOMENT + 1, MOMENT + 2, None, summary)


@pytest.mark.parametrize(("key", "expected"), [("created", MOMENT), ("updated", MOMENT + 1), ("active", MOMENT + 2)])
def test_each_order_has_its_time(key: str, expected: int) -> None:
    """The key of a row is the time of its order, and its id."""
    assert sort_key(row(), Order(key)) == (expected, b.thread_id(1))


@pytest.mark.parametrize(
    ("key", "name", "expected"),
    [
        ("name", None, "what was ärsst"),
        ("name", "The STRASSE", "the strasse"),
        ("name", "x" * 300, "x" * 200),
        ("name", "half \ud800", "half ?"),
        ("size", None, 10),
        ("tokens", None, 77),
    ],
)
def test_orders_that_are_no_times(key: str, name: str | None, expected: int | str) -> None:
    """By name the key is what a listing calls the thread, without case; by size and tokens it is the number."""
    thread = row(preview="What was ÄRßT", tokens=77)._replace(name=name)

    assert sort_key(thread, Order(key, tick_ms=1000)) == (expected, b.thread_id(1))


def test_numbers_that_no_cursor_can_tell() -> None:
    """A number beyond all times sorts last, and its cursor survives its text."""
    key, identity = sort_key(row(tokens=10**30), Order("tokens"))
    cursor = Cursor(key, identity)

    assert cursor == Cursor.parse(str(cursor))


@given(st.text(st.characters(codec="utf-8")), thread_ids)
def test_a_cursor_by_name_survives_its_text(name: str, identity: ThreadId) -> None:
    """Any name is read from the cursor's text as it was; a shell's single quotes can hold the text."""
    cursor = Cursor(name, identity)

    assert cursor == Cursor.parse(str(cursor))
    assert "'" not in str(cursor)


@pytest.mark.parametrize("order", ["active", "size", "name"])
def test_a_cursor_of_another_order(order: str) -> None:
    """A cursor by name belongs to no other order, and no other one to it."""
    for key, fits in (("a name", order == "name"), (MOMENT, order != "name")):
        query = ThreadQuery(order=Order(order), cursor=Cursor(key, b.thread_id(1)))
        if fits:
            assert query == checked(query)
        else:
            with pytest.raises(InvalidQueryError, match=f"is not of a listing by {order}"):
                checked(query)


def test_an_order_may_be_coarse() -> None:
    """A tick of a second cuts the key to whole seconds, as the seed has it."""
    assert sort_key(row(), Order("active", tick_ms=1000))[0] == MOMENT - 41


@given(_TIMES, thread_ids)
def test_a_cursor_survives_its_text(key_ms: int, identity: ThreadId) -> None:
    """A cursor is read from its text as it was."""
    cursor = Cursor(key_ms, identity)

    assert cursor == Cursor.parse(str(cursor))


@pytest.mark.parametrize(
    ("text", "key_ms"),
    [("2026-02-08T07:05:03Z", MOMENT - 41), ("2026-02-08T07-05-03", MOMENT - 41), ("2026-02-08T07:05:03.041Z", MOMENT)],
)
def test_cursors_of_the_seed(text: str, key_ms: int) -> None:
    """The seed's cursors are understood: a time in either spelling, a bar, any form of an id."""
    assert Cursor.parse(f"{text}|{b.thread_id(1).upper()}") == Cursor(key_ms, b.thread_id(1))


@pytest.mark.parametrize("text", ["", "|", f"'a'|{b.thread_id(1)}", f'"a|{b.thread_id(1)}', f"1|{b.thread_id(1)}", "2026-02-08T07:05:03Z", f"soon|{b.thread_id(1)}", "2026-02-08T07:05:03Z|me"])
def test_what_is_no_cursor(text: str) -> None:
    """Anything else is refused, naming it."""
    with pytest.raises(InvalidQueryError, match="invalid cursor"):
        Cursor.parse(text)


@given(st.lists(st.tuples(st.integers(0, 5), thread_ids), unique=True), st.booleans())
def test_a_cursor_cuts_between_two_rows(keys: list[tuple[int, ThreadId]], ascending: bool) -> None:
    """Behind the cursor of a row stand exactly the rows that follow it in the order."""
    order = Order(ascending=ascending)
    ordered = sorted(keys, reverse=not ascending)
    for at, key in enumerate(ordered):
        assert ordered[at + 1 :] == [other for other in ordered if is_past(other, Cursor(*key), order)]
    assert all(is_past(key, None, order) for key in keys)


@pytest.mark.parametrize(
    ("thread", "query", "reason"),
    [
        (row(), ThreadQuery(), None),
        (row(), ThreadQuery(archived=True), "active"),
        (row()._replace(archived=True), ThreadQuery(), "archived"),
        (row()._replace(archived=True), ThreadQuery(archived=None), None),
        (row()._replace(problem="no session metadata"), ThreadQuery(), "unreadable"),
        (row()._replace(problem="no session metadata"), ThreadQuery(untitled=True), None),
        (row(source="exec"), ThreadQuery(), "exec"),
        (row(source={"subagent": "review"}), ThreadQuery(), "subagent"),
        (row(source=None), ThreadQuery(), None),
        (row(model_provider="other"), ThreadQuery(providers=("openai",)), "provider"),
        (row(), ThreadQuery(providers=("openai",)), "provider"),
        (row(), ThreadQuery(providers=("openai",), default_provider="openai"), None),
        (row(preview=""), ThreadQuery(), "no user message"),
        (row(preview="", partial=True), ThreadQuery(), None),
        (row(preview="", has_user_event=True), ThreadQuery(), None),
        (row(preview="", source="exec")._replace(archived=True, problem="bad"), EVERYTHING, None),
        (row(git={"branch": "main"}), ThreadQuery(branches=("main", "other")), None),
        (row(git={"branch": None}), ThreadQuery(branches=("main",)), "branch"),
        (row(), ThreadQuery(branches=("main",)), "branch"),
        (row(), ThreadQuery(since_ms=MOMENT + 2, until_ms=MOMENT + 2), None),
        (row(), ThreadQuery(since_ms=MOMENT + 3), "time"),
        (row(), ThreadQuery(until_ms=MOMENT + 1), "time"),
        (row(parent_id=b.thread_id(2).upper()), ThreadQuery(parent=b.thread_id(2)), None),
        (row(), ThreadQuery(parent=b.thread_id(2)), "parent"),
        (row(forked_from_id="no id"), ThreadQuery(forked_from="no id"), None),
        (row(forked_from_id=b.thread_id(2)), ThreadQuery(forked_from=b.thread_id(3)), "fork"),
        (row()._replace(name="this one"), ThreadQuery(name=" this one "), None),
        (row()._replace(name="this one"), ThreadQuery(name="this"), "name"),
        (row(), ThreadQuery(text="HELL"), None),
        (row(title="a tïtle"), ThreadQuery(text="TÏT"), None),
        (row()._replace(name="Straße"), ThreadQuery(text="STRASSE"), None),
        (row(), ThreadQuery(text="goodbye"), "text"),
        (row(), ThreadQuery(text="hello", branches=("main",), cwds=("/x",)), "cwd, branch, text"),
        (row(source="exec"), ThreadQuery(text="goodbye"), "exec"),
    ],
)
def test_why_a_thread_is_hidden(thread: Thread, query: ThreadQuery, reason: str | None) -> None:
    """Each filter gives its reason, the first one counts, and the widest query hides nothing."""
    assert reason == why_hidden(thread, query)


def test_queries_from_keywords() -> None:
    """Keywords make a query; an order that there is not is refused with those that there are."""
    assert query_from(limit=3).limit == 3
    with pytest.raises(InvalidQueryError, match="active, created, updated"):
        query_from(order=Order("colour"))
