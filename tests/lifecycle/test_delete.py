from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

from lifecycle.test_archive import places
from lifecycle.words import LATER, files, keep, legacy, options, paginated
from rollout import BusyError, NotFoundError, RolloutError
from rollout.errors import ChildrenError, InUseError, PinnedError
from rollout.journal.compression import compress_to
from rollout.labels import PINNED
from rollout.lifecycle import (
    archive,
    delete,
    destroy,
    find_removed,
    fork,
    plan_delete,
    removed,
    rename,
    restore,
    rollback,
)
from rollout.query import EVERYTHING
from rollout.store.local.index_path import IndexPlace
from rollout.store.local.store import LocalStore

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from rollout.store.base import ThreadStore


def child(store: ThreadStore, number: int, parent: str) -> str:
    """A sub-agent's thread."""
    spawn = {"subagent": {"thread_spawn": {"parent_thread_id": parent, "depth": 1}}}
    return keep(store, legacy(number, source=spawn), number)


def family(store: ThreadStore) -> list[str]:
    """A thread, its child and its grandchild."""
    root = keep(store, legacy())
    below = child(store, 2, root)
    return [root, below, child(store, 3, below)]


def holding(folder: str, text: str) -> list[str]:
    """The files below a folder in which a text stands, the trash left out."""
    found: list[str] = []
    for place, folders, names in os.walk(folder):
        if place == folder and "trash" in folders:
            folders.remove("trash")
        for name in names:
            with open(os.path.join(place, name), "rb") as file:
                if text.encode() in file.read() or text in name:
                    found.append(os.path.join(place, name))
    return found


def test_a_deleted_thread_is_gone_and_comes_back_byte_for_byte(store: ThreadStore) -> None:
    """All its files and its name."""
    thread = keep(store, paginated())
    rollback(store, thread, options=options())
    rename(store, thread, "login")
    before = files(store, thread), store.segments(thread), store.names()

    gone = delete(store, thread)
    with pytest.raises(NotFoundError):
        store.segments(thread)
    restore(store, gone.receipts[0], options=options())

    assert before == (files(store, thread), store.segments(thread), store.names())
    assert (2, sum(map(len, before[0].values()))) == (len(gone.plan.files), gone.plan.bytes)


def test_afterwards_its_id_stands_nowhere_outside_the_trash(home: LocalStore) -> None:
    """Rollouts, further files, compressed twins, names and locks: a search for the bytes finds nothing."""
    thread = keep(home, paginated())
    rollback(home, thread, options=options())
    path = home.find_path(thread) or ""
    compress_to(path, path + ".zst")
    rename(home, thread, "login")

    gone = delete(home, thread)

    assert [] == holding(home.home, thread)
    assert not any(name.startswith("rollout-") for _, _, names in os.walk(home.home) for name in names)
    assert () == gone.codex_keeps


def test_a_thread_that_is_deleted_for_good_leaves_nothing(home: LocalStore) -> None:
    """Not in the trash either."""
    thread = keep(home, legacy())

    gone = delete(home, thread, now=True)

    assert gone.destroyed
    assert [] == removed(home)
    assert [] == [name for _, _, names in os.walk(os.path.join(home.home, "trash")) for name in names]
    with pytest.raises(NotFoundError):
        restore(home, gone.receipts[0])


@pytest.mark.parametrize("step", [delete, plan_delete])
def test_a_thread_in_use_is_not_deleted(store: ThreadStore, step: Any) -> None:
    """Nor any of its family, when one of them is in use."""
    threads = family(store)
    writer = store.open_writer(threads[2])
    try:
        with pytest.raises(BusyError):
            step(store, threads[0], children="with")
    finally:
        writer.close()

    assert all(store.segments(one) for one in threads)


def test_a_thread_that_forks_build_on_is_not_deleted(store: ThreadStore) -> None:
    """They are named; without them it can be."""
    thread = keep(store, paginated())
    forks = sorted(fork(store, thread, None, options(LATER + at * 1000)).thread_id for at in range(2))

    with pytest.raises(InUseError) as refused:
        delete(store, thread)
    for one in forks:
        delete(store, one)
    delete(store, thread)

    assert tuple(forks) == refused.value.forks


def test_sub_agents_are_asked_about(store: ThreadStore) -> None:
    """Without an answer nothing is deleted; all below are named, the nearest first."""
    threads = family(store)

    with pytest.raises(ChildrenError) as asked:
        delete(store, threads[0])

    assert tuple(threads[1:]) == asked.value.children
    assert all(store.segments(one) for one in threads)


def test_sub_agents_go_with_their_thread(store: ThreadStore) -> None:
    """Those that are farthest first; each can be restored."""
    threads = family(store)
    before = {one: files(store, one) for one in threads}

    gone = delete(store, threads[0], children="with")
    for receipt in gone.receipts:
        restore(store, receipt, options=options())

    assert threads[::-1] == list(gone.plan.threads)
    assert before == {one: files(store, one) for one in threads}


def test_sub_agents_are_kept_when_that_is_wanted(store: ThreadStore) -> None:
    """They are named in the answer, since they still name their parent."""
    threads = family(store)

    gone = delete(store, threads[0], children="keep")

    assert (tuple(threads[1:]), (threads[0],)) == (gone.plan.kept_children, gone.plan.threads)
    assert store.segments(threads[2])


def test_copies_that_forks_made_are_named(store: ThreadStore) -> None:
    """A legacy fork does not need its source, and still holds its lines."""
    thread = keep(store, legacy())
    copy = fork(store, thread, None, options()).thread_id

    gone = delete(store, thread)

    assert (copy,) == gone.plan.copies


def test_a_failure_brings_back_what_was_deleted_before(store: ThreadStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """A family goes as a whole or not at all."""
    threads = family(store)
    before = {one: files(store, one) for one in threads}
    remove = store.remove

    def failing(thread_id: str) -> object:
        if thread_id == threads[0]:
            raise RolloutError("no")
        return remove(thread_id)

    monkeypatch.setattr(store, "remove", failing)
    with pytest.raises(RolloutError):
        delete(store, threads[0], children="with")

    assert before == {one: files(store, one) for one in threads}


def test_what_is_in_the_trash_is_listed_and_found_by_id(home: LocalStore) -> None:
    """By token, id or the beginning of one, whatever its case; the newest removal of a thread comes first."""
    first, second = keep(home, legacy()), keep(home, legacy(90_000), 90_000)
    gone = [delete(home, one).receipts[0] for one in (first, second)]

    assert {receipt.token for receipt in gone} == {one.receipt.token for one in removed(home)}
    assert [gone[0]] == [*find_removed(home, first.upper())] == [*find_removed(home, gone[0].token)]
    with pytest.raises(NotFoundError):
        find_removed(home, "ffff")
    with pytest.raises(RolloutError, match="means 2 threads"):
        find_removed(home, first[:4])


def test_a_removal_that_was_interrupted_is_restored_with_the_one_that_finished_it(home: LocalStore) -> None:
    """Each part of the thread lies in one removal, and the id means both."""
    thread = keep(home, paginated())
    rollback(home, thread, options=options())
    before = places(home)
    newest, data = home.segments(thread)[-1], b"".join(home.raw(thread))
    receipt = delete(home, thread).receipts[0]
    _take_out(os.path.join(home.home, "trash", receipt.token), data)
    home.put(newest, [data])
    delete(home, thread)

    for part in find_removed(home, thread):
        restore(home, part, options=options())

    assert before == places(home)


def _take_out(folder: str, data: bytes) -> None:
    """As if the removal had been interrupted before it moved the file with these bytes."""
    for name in os.listdir(folder):
        path = os.path.join(folder, name)
        with open(path, "rb") as file:
            found = file.read()
        if found == data:
            os.unlink(path)


def test_destroying_twice_is_once(home: LocalStore) -> None:
    """What is gone is gone."""
    receipt = delete(home, keep(home, legacy())).receipts[0]

    destroy(home, receipt)
    destroy(home, receipt)

    assert [] == removed(home)


def test_no_byte_of_a_destroyed_thread_stays_in_the_caches(tmp_path: Path) -> None:
    """Though the index and the words of the home were told of it again and again, under other names and in other places."""
    place = IndexPlace(str(tmp_path / "cache" / "index.sqlite"), ours=True)
    home = LocalStore(tmp_path / "home", index=place)
    for number in range(2, 40):
        keep(home, legacy(number), number)
    thread = keep(home, paginated())
    steps: tuple[Callable[[], object], ...] = (
        lambda: rename(home, thread, "for now"),
        lambda: rollback(home, thread, options=options()),
        lambda: archive(home, thread),
        lambda: delete(home, thread),
    )
    for step in steps:
        home.list(EVERYTHING)
        home.search("question", EVERYTHING)
        assert {os.path.basename(path) for path in holding(str(tmp_path / "cache"), thread)} > {"index.sqlite"}
        step()

    (gone,) = removed(home)
    destroy(home, gone.receipt)

    assert [] == holding(str(tmp_path), thread)


def test_planning_a_delete_changes_nothing(store: ThreadStore) -> None:
    """It names what would go."""
    threads = family(store)
    before = {one: files(store, one) for one in threads}

    plan = plan_delete(store, threads[0], children="with")

    assert threads[::-1] == list(plan.threads)
    assert before == {one: files(store, one) for one in threads}


@pytest.mark.parametrize("step", [delete, plan_delete])
def test_what_is_pinned_stays(store: ThreadStore, step: Callable[..., object]) -> None:
    """Also a sub-agent that would go with its thread, with all of the family; once it is let go, it can be deleted."""
    threads = family(store)
    store.set_tags(threads[2], [PINNED])

    with pytest.raises(PinnedError):
        step(store, threads[2])
    with pytest.raises(PinnedError):
        step(store, threads[0], children="with")
    assert {*threads} <= {row.id for row in store.list(EVERYTHING).threads}
    store.set_tags(threads[2], remove=[PINNED])
    step(store, threads[0], children="with")


@pytest.mark.parametrize("gone_before", [(2,), (1, 2), (0, 1, 2), (0,)])
def test_the_plan_of_a_destruction_names_what_is_in_the_trash_already(store: ThreadStore, gone_before: tuple[int, ...]) -> None:
    """It is what the destruction then does: sub-agents that were deleted before go too, if all are to go."""
    threads = family(store)
    for number in gone_before:
        delete(store, threads[number], children="keep")

    plan = plan_delete(store, threads[0], children="with", now=True)

    assert plan == delete(store, threads[0], children="with", now=True).plan
    assert {threads[number] for number in gone_before} == {*plan.in_trash}


def test_what_codex_still_holds_is_named(home: LocalStore) -> None:
    """Its prompts and its databases, by a search for the id's bytes; they are left as they are."""
    thread = keep(home, legacy())
    held = [os.path.join(home.home, name) for name in ("state_5.sqlite", "history.jsonl")]
    for path in held:
        _write(path, b"x" * (1 << 20) + thread.encode())
    _write(os.path.join(home.home, "logs_2.sqlite"), b"nothing")

    assert held == list(delete(home, thread).codex_keeps)


def _write(path: str | Path, data: bytes) -> None:
    with open(path, "wb") as file:
        file.write(data)
