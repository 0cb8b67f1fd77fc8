"""Delete: into the trash, restorable byte for byte, or for good; never what others build on, never half a family."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

from rollout.errors import ChildrenError, InUseError, NotFoundError, PinnedError, RolloutError
from rollout.labels import PINNED
from rollout.lifecycle.at_home import at_home, check_free, refresh_row
from rollout.lifecycle.codex_index import CodexNote, mentions_of
from rollout.query import EVERYTHING, Order
from rollout.recording import Options
from rollout.store.pages import rows_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rollout.query import Thread, ThreadQuery
    from rollout.store.base import Healed, Receipt, ThreadStore

Children: TypeAlias = Literal["refuse", "with", "keep"]
_PAGE = 1000


class DeletePlan(NamedTuple):
    """What a delete takes away, in this order, and what stays: sub-agents, and copies made by forks.

    ``in_trash``: those of the threads that had been deleted before, and are destroyed now.
    """

    thread_id: str
    threads: tuple[str, ...]
    kept_children: tuple[str, ...]
    copies: tuple[str, ...]
    files: tuple[str, ...]
    bytes: int
    in_trash: tuple[str, ...] = ()


class Deleted(NamedTuple):
    """What was taken away; ``receipts`` restore it, unless it is gone for good (``destroyed``).

    ``codex_keeps``: the files of Codex's own in which an id still stands; they are not ours to cut. ``before``: the
    thread had been deleted before.
    """

    plan: DeletePlan
    receipts: tuple[Receipt, ...]
    destroyed: bool
    codex_keeps: tuple[str, ...]
    before: bool = False


class Restored(NamedTuple):
    """A thread that is back."""

    thread_id: str
    names: tuple[str, ...]
    codex: CodexNote


def delete(store: ThreadStore, thread_id: str, *, children: Children = "refuse", now: bool = False) -> Deleted:
    """Take a thread away with all its files and names; ``now``: for good, else into the trash.

    Durable when it returns. All or nothing: raises, with everything as it was, BusyError (somebody writes one of the
    threads), InUseError, PinnedError, ChildrenError (``children`` is "refuse" and there are some), NotFoundError, WriteError.

    May be repeated, which also ends what a crash has cut off: a thread that is in the trash already is left there, or
    with ``now`` destroyed, and so are then the sub-agents of its that are in the trash, if they are to go ``with`` it.
    """
    healed = store.heal()
    try:
        planned = _plan(store, thread_id, children)
    except NotFoundError:
        gone = _gone_before(store, thread_id, children, healed)
        if gone is None:
            raise
    else:
        gone = Deleted(planned, tuple(_remove_all(store, planned.threads)), False, ())
        if now and children == "with":
            gone = _with_more(gone, _below_in_trash(store, planned.threads))
    if now:
        for receipt in gone.receipts:
            store.purge(receipt)
    return gone._replace(destroyed=gone.destroyed or now, codex_keeps=_kept_by_codex(store, gone.plan.threads))


def _with_more(gone: Deleted, receipts: Sequence[Receipt]) -> Deleted:
    """A delete that takes along what had been removed before."""
    more = [one for one in receipts if one not in gone.receipts]
    plan = gone.plan._replace(
        threads=tuple(dict.fromkeys((*(one.thread_id for one in more), *gone.plan.threads))),
        files=(*(name for one in more for name in one.names), *gone.plan.files),
        bytes=gone.plan.bytes + sum(one.bytes for one in more),
        in_trash=tuple(dict.fromkeys(one.thread_id for one in more)),
    )
    return gone._replace(plan=plan, receipts=(*more, *gone.receipts))


def _gone_before(
    store: ThreadStore, thread_id: str, children: Children, healed: Sequence[Healed]
) -> Deleted | None:
    """What an earlier delete has taken away; None when there was none that could be told."""
    receipts = [one.receipt for one in store.removed() if one.receipt.thread_id == thread_id][:1]
    destroyed = any((one.thread_id, one.outcome) == (thread_id, "purged") for one in healed)
    if not receipts and not destroyed:
        return None
    gone = Deleted(DeletePlan(thread_id, (thread_id,), (), (), (), 0), (), destroyed and not receipts, (), before=True)
    below = _below_in_trash(store, [thread_id]) if children == "with" else ()
    return _with_more(gone, (*below, *receipts))


def _below_in_trash(store: ThreadStore, threads: Sequence[str]) -> list[Receipt]:
    """The removals of the descendants of threads, those farthest away first; of the threads themselves none."""
    rows = store.removed()
    family, found = {*threads}, [one for one in rows if one.parent_id in threads]
    for one in found:
        if one.receipt.thread_id not in family:
            family.add(one.receipt.thread_id)
            found += [below for below in rows if below.parent_id == one.receipt.thread_id]
    return [one.receipt for one in reversed(found) if one.receipt.thread_id not in threads]


def plan_delete(
    store: ThreadStore, thread_id: str, *, children: Children = "refuse", now: bool = False
) -> DeletePlan:
    """What ``delete`` would do; nothing is changed. Raises what ``delete`` would raise.

    Of a thread that is in the trash already: what ``now`` would destroy.
    """
    try:
        planned = Deleted(_plan(store, thread_id, children), (), False, ())
    except NotFoundError:
        gone = _gone_before(store, thread_id, children, ())
        if gone is None:
            raise
        return gone.plan
    below = _below_in_trash(store, planned.plan.threads) if now and children == "with" else ()
    return _with_more(planned, below).plan


def _plan(store: ThreadStore, thread_id: str, children: Children) -> DeletePlan:
    """What a delete takes away of what is there. Raises NotFoundError, ChildrenError, PinnedError, BusyError, InUseError."""
    store.segments(thread_id)
    family = _Family(store)
    below = family.below(thread_id)
    if below and children == "refuse":
        raise ChildrenError(thread_id, below)
    threads = (*below[::-1], thread_id) if children == "with" else (thread_id,)
    given = store.labels()
    for one in threads:
        if one in given and PINNED in given[one].tags:
            raise PinnedError(one)
        check_free(store, one)
        if forks := [fork for fork in store.references(one) if fork not in threads]:
            raise InUseError(one, forks)
    segments = [segment for one in threads for segment in store.segments(one)]
    return DeletePlan(
        thread_id,
        threads,
        () if children == "with" else tuple(below),
        tuple(copy for one in threads for copy in family.forks(one) if copy not in threads),
        tuple(segment.name for segment in segments),
        sum(segment.bytes for segment in segments),
    )


def restore(
    store: ThreadStore, receipt: Receipt, *, leave_codex_index: bool = False, options: Options | None = None
) -> Restored:
    """Bring a removed thread back: bytes, places, file times, names. Raises NotFoundError, ExistsError, BusyError.

    One that was cut off is finished.
    """
    if (receipt.thread_id, receipt.token, "restored") not in store.heal():
        store.restore(receipt)
    now_ms = (options or Options()).now_ms()
    codex = refresh_row(store, receipt.thread_id, now_ms, leave=leave_codex_index, locked=False)
    return Restored(receipt.thread_id, tuple(segment.name for segment in store.segments(receipt.thread_id)), codex)


def _kept_by_codex(store: ThreadStore, threads: Sequence[str]) -> tuple[str, ...]:
    home = at_home(store)
    found = (path for one in threads for path in mentions_of(home.home, one)) if home is not None else ()
    return tuple(dict.fromkeys(found))


def _remove_all(store: ThreadStore, threads: Sequence[str]) -> list[Receipt]:
    """Remove threads in order; when one cannot be, those before it are brought back."""
    receipts: list[Receipt] = []
    try:
        for one in threads:
            receipts.append(store.remove(one))  # noqa: PERF401 - those that are gone must be known when the next fails
    except BaseException:
        for receipt in reversed(receipts):
            with suppress(RolloutError):
                store.restore(receipt)
        raise
    return receipts


class _Family:
    """Who was spawned by whom, and who was forked from whom.

    The files of a home are read once, the heads of all; an index or a server is asked for each thread, which it answers
    among a million.
    """

    def __init__(self, store: ThreadStore) -> None:
        self._store = store
        self._read: tuple[dict[str, list[str]], dict[str, list[str]]] | None = None
        home = at_home(store)
        rows = home.every_row() if home is not None else None
        if rows is not None:
            children, forks = self._read = {}, {}
            for row in rows:
                if row.summary.parent_id:
                    children.setdefault(row.summary.parent_id, []).append(row.id)
                if row.summary.forked_from_id:
                    forks.setdefault(row.summary.forked_from_id, []).append(row.id)

    def children(self, thread_id: str) -> list[str]:
        """The threads that a thread spawned."""
        if self._read is not None:
            return self._read[0].get(thread_id, [])
        return [row.id for row in _rows(self._store, EVERYTHING._replace(parent=thread_id))]

    def forks(self, thread_id: str) -> list[str]:
        """The threads that were forked from a thread."""
        if self._read is not None:
            return self._read[1].get(thread_id, [])
        return [row.id for row in _rows(self._store, EVERYTHING._replace(forked_from=thread_id))]

    def below(self, thread_id: str) -> list[str]:
        """All descendants, those nearer to the thread first."""
        found: list[str] = []
        waiting = [thread_id]
        while waiting:
            for child in self.children(waiting.pop(0)):
                if child not in found and child != thread_id:
                    found.append(child)
                    waiting.append(child)
        return found


def _rows(store: ThreadStore, query: ThreadQuery) -> Iterator[Thread]:
    return rows_of(store, query._replace(order=Order("created"), limit=_PAGE))
