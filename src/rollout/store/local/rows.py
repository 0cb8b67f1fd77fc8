"""One row of a listing: the facts of a thread's newest file, its name, and what its base adds.

A fork by reference holds only what is its own; the question that it began with stands in its base (spec:
rollout-format 10.20), so it is taken from there, as Codex does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rollout.ids import ThreadId, try_parse
from rollout.query import Thread
from rollout.store.local.headtail import active_ms, read_facts
from rollout.store.local.paths import time_ms
from rollout.store.local.walk import wherever
from rollout.times import parse_ms

if TYPE_CHECKING:
    from collections.abc import Callable

    from rollout.journal.filesystem import Filesystem
    from rollout.store.local.given import Given
    from rollout.store.local.headtail import Facts
    from rollout.store.local.walk import File, Group
    from rollout.summary import Summary

_MOST_BASES = 32


def inherit(summary: Summary, whole: Summary) -> None:
    """Take what was asked first from a summary that saw the bases too; without it, it may still come."""
    summary.has_user_event = summary.has_user_event or whole.has_user_event
    for name in ("preview", "first_user_message", "title"):
        setattr(summary, name, getattr(whole, name))
    summary.partial = summary.partial or not summary.preview


class Rows:
    """Makes rows of groups of files; files are looked at, never changed."""

    def __init__(self, home: str, fs: Filesystem, given: Given, find_rollout: Callable[[str], File | None]) -> None:
        """``find_rollout`` finds the file with a rollout id, wherever it lies."""
        self._home = home
        self._fs = fs
        self._given = given
        self._find_rollout = find_rollout

    def row(self, group: Group) -> Thread | None:
        """The row of a thread; None when its file vanished while it was looked at."""
        found = self._facts(group.newest)
        if found is None:
            return None
        path, archived, facts = found
        summary = facts.summary
        summary.base_instructions = None  # long, and the same in most threads: ``summary()`` tells them
        self._inherit(summary)
        thread_id = try_parse(summary.id or "") or ThreadId(group.newest.thread_id)
        modified_ms = facts.modified_ns // 1_000_000
        created_ms = parse_ms(summary.created_at)
        tags, note = self._given.labels_of(thread_id)
        return Thread(
            id=thread_id,
            path=path,
            archived=archived,
            bytes=facts.size + sum(self._size(older) for older in group.files[1:]),
            created_ms=time_ms(group.newest.key) if created_ms is None else created_ms,
            modified_ms=modified_ms,
            active_ms=modified_ms if facts.active_ms is None else facts.active_ms,
            name=self._given.name_of(thread_id),
            summary=summary,
            segments=len(group.files),
            problem=facts.problem,
            tags=tags,
            note=note,
        )

    def modified_ms(self, group: Group) -> int | None:
        """The file time of a thread alone; None when its file vanished."""
        for path, _ in wherever(self._home, self._fs, group.newest):
            try:
                return self._fs.stat(path).st_mtime_ns // 1_000_000
            except OSError:
                continue
        return None

    def active_ms(self, group: Group) -> int | None:
        """The time of a thread's last record alone, its file time where that cannot be told; None when it vanished."""
        for path, _ in wherever(self._home, self._fs, group.newest):
            try:
                time = active_ms(path, self._fs)
            except FileNotFoundError:
                continue
            return self.modified_ms(group) if time is None else time
        return None

    def _facts(self, file: File) -> tuple[str, bool, Facts] | None:
        """Facts of a file, at another place of its when it was moved or compressed meanwhile, and perhaps back."""
        for path, archived in wherever(self._home, self._fs, file):
            try:
                return path, archived, self.read(path)
            except FileNotFoundError:
                continue
        return None

    def read(self, path: str) -> Facts:
        """The facts of a file. Raises FileNotFoundError."""
        return read_facts(path, self._fs)

    def _size(self, file: File) -> int:
        try:
            return self._fs.stat(file.path).st_size
        except OSError:
            return 0

    def _inherit(self, summary: Summary) -> None:
        """Take from the bases what was asked first: the oldest one's own question wins."""
        if not summary.history_base:
            return
        whole = summary
        base: dict[str, Any] | None = summary.history_base
        for _ in range(_MOST_BASES):
            found = self._base_facts(base)
            if found is None:
                break
            whole = found if found.preview else whole
            base = found.history_base
        inherit(summary, whole)

    def _base_facts(self, base: dict[str, Any] | None) -> Summary | None:
        rollout_id, end = (base.get("thread_id"), base.get("end_byte_offset")) if base else (None, None)
        file = self._find_rollout(rollout_id) if isinstance(rollout_id, str) else None
        if file is None or not isinstance(end, int):
            return None
        try:
            found = read_facts(file.path, self._fs, end=max(0, end)).summary
            if not found.has_meta:  # a prefix that ends before the metadata still builds on what they name
                found.history_base = read_facts(file.path, self._fs).summary.history_base
        except FileNotFoundError:
            return None
        return found
