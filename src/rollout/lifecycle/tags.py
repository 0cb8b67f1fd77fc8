"""Tags and notes: given and taken beside the threads, so that neither lock nor rollout is touched."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from rollout.labels import NO_LABELS, Labels, checked_note, checked_tags

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rollout.store.base import ThreadStore


class Labelled(NamedTuple):
    """A thread with its tags and its note, and what it had before."""

    thread_id: str
    now: Labels
    before: Labels

    @property
    def changed(self) -> bool:
        """Whether anything was or would be written."""
        return self.now != self.before


def tag(store: ThreadStore, thread_id: str, add: Sequence[str] = (), remove: Sequence[str] = ()) -> Labelled:
    """Give a thread tags and take tags from it. Raises InvalidQueryError, NotFoundError, WriteError."""
    planned = plan_tag(store, thread_id, add, remove)
    tags = store.set_tags(thread_id, add, remove)
    return planned._replace(now=planned.now._replace(tags=tags))


def plan_tag(store: ThreadStore, thread_id: str, add: Sequence[str] = (), remove: Sequence[str] = ()) -> Labelled:
    """What ``tag`` would do; nothing is changed. Raises what ``tag`` would raise."""
    added, removed, before = checked_tags(add), checked_tags(remove), _labels_of(store, thread_id)
    return Labelled(thread_id, before.tagged(added, removed), before)


def annotate(store: ThreadStore, thread_id: str, note: str) -> Labelled:
    """Write the note of a thread, "" for none. Raises InvalidQueryError, NotFoundError, WriteError."""
    planned = plan_annotate(store, thread_id, note)
    store.set_note(thread_id, note)
    return planned


def plan_annotate(store: ThreadStore, thread_id: str, note: str) -> Labelled:
    """What ``annotate`` would do; nothing is changed. Raises what ``annotate`` would raise."""
    text, before = checked_note(note), _labels_of(store, thread_id)
    return Labelled(thread_id, before._replace(note=text), before)


def _labels_of(store: ThreadStore, thread_id: str) -> Labels:
    store.segments(thread_id)
    return store.labels().get(thread_id, NO_LABELS)
