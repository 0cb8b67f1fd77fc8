"""The names that Codex's recorder has, in Python spelling, as thin fronts over our own shape.

For people who port code that talks to ``rollout/recorder.rs``. New code uses ``RolloutRecorder.create`` and
``resume``, a store's ``list``, and ``rollout.loading``.
"""

from __future__ import annotations

import asyncio
import errno
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from rollout.codec import encode, timestamp_text
from rollout.errors import FormatError, InvalidQueryError, NotFoundError
from rollout.items import payload_bytes, to_item
from rollout.loading import get_rollout_history, load_rollout_items
from rollout.query import Cursor, Order, Thread, ThreadQuery
from rollout.recording import CreateParams, Options
from rollout.sources import source_key
from rollout.times import to_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Self

    from rollout.initial_history import InitialHistory
    from rollout.loading import Loaded
    from rollout.query import Page

SORT_KEYS = {"created_at": "created", "updated_at": "updated"}


@dataclass(frozen=True, slots=True, kw_only=True)
class RecorderConfig:
    """The five settings that the seed's recorder looks at (spec: rollout-format 10.9)."""

    codex_home: str
    cwd: str
    model_provider_id: str
    sqlite_home: str | None = None
    generate_memories: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Create:
    """Parameters of a new thread."""

    conversation_id: str
    source: Any = "cli"
    base_instructions: str | None = None
    dynamic_tools: tuple[Any, ...] = ()
    forked_from_id: str | None = None


@dataclass(frozen=True, slots=True)
class Resume:
    """Parameters of an existing thread."""

    path: str


class ThreadItem(NamedTuple):
    """One row of a page, with the seed's fields; times are RFC 3339 texts."""

    path: str
    thread_id: str | None
    first_user_message: str | None
    cwd: str | None
    git_branch: str | None
    git_sha: str | None
    git_origin_url: str | None
    source: Any
    model_provider: str | None
    cli_version: str | None
    created_at: str | None
    updated_at: str | None


class ThreadsPage(NamedTuple):
    """One page, with the seed's fields."""

    items: tuple[ThreadItem, ...]
    next_cursor: Cursor | None
    num_scanned_files: int
    reached_scan_cap: bool


class SeedNames:
    """The seed's functions on RolloutRecorder; each is one call of ours."""

    @classmethod
    async def new(cls, config: RecorderConfig, params: Create | Resume) -> Self:
        """Create or resume, as the seed's constructor; nothing is stored for a new thread."""
        from rollout.store import open_store  # noqa: PLC0415 - stores are imported when one is opened

        store = open_store(config.codex_home)
        if isinstance(params, Resume):
            return await cls.resume(store, params.path)  # type: ignore[attr-defined,no-any-return]  # of the recorder this is mixed into
        wanted = CreateParams(
            cwd=config.cwd,
            model_provider=config.model_provider_id,
            thread_id=params.conversation_id,
            forked_from_id=params.forked_from_id,
            source=params.source,
            base_instructions=params.base_instructions,
            dynamic_tools=params.dynamic_tools,
        )
        return await cls.create(store, wanted)  # type: ignore[attr-defined,no-any-return]  # of the recorder this is mixed into

    def rollout_path(self) -> str:
        """Where the thread is (or will be) stored."""
        return self.path  # type: ignore[attr-defined,no-any-return]  # of the recorder this is mixed into

    async def record_items(self, items: Iterable[object]) -> None:
        """``record``, without its count."""
        await self.record(items)  # type: ignore[attr-defined]  # of the recorder this is mixed into

    @staticmethod
    async def list_threads(  # noqa: PLR0913, PLR0917 - the seed's arguments
        codex_home: str,
        page_size: int,
        cursor: Cursor | str | None,
        sort_key: str,
        allowed_sources: Sequence[Any],
        model_providers: Sequence[str] | None,
        default_provider: str,
    ) -> ThreadsPage:
        """Active threads, newest first. ``sort_key``: ``created_at`` or ``updated_at``."""
        asked = _Asked(page_size, cursor, sort_key, tuple(allowed_sources), model_providers, default_provider)
        return await asyncio.to_thread(asked.page, codex_home, archived=False)

    @staticmethod
    async def list_archived_threads(  # noqa: PLR0913, PLR0917 - the seed's arguments
        codex_home: str,
        page_size: int,
        cursor: Cursor | str | None,
        sort_key: str,
        allowed_sources: Sequence[Any],
        model_providers: Sequence[str] | None,
        default_provider: str,
    ) -> ThreadsPage:
        """Archived threads, newest first."""
        asked = _Asked(page_size, cursor, sort_key, tuple(allowed_sources), model_providers, default_provider)
        return await asyncio.to_thread(asked.page, codex_home, archived=True)

    @staticmethod
    async def find_latest_thread_path(  # noqa: PLR0913, PLR0917 - the seed's arguments
        codex_home: str,
        page_size: int,
        cursor: Cursor | str | None,
        sort_key: str,
        allowed_sources: Sequence[Any],
        model_providers: Sequence[str] | None,
        default_provider: str,
        filter_cwd: str | None,
    ) -> str | None:
        """The newest active thread, with a folder the newest one that worked there; None when there is none."""
        asked = _Asked(page_size, cursor, sort_key, tuple(allowed_sources), model_providers, default_provider)
        return await asyncio.to_thread(asked.latest, codex_home, filter_cwd)

    @staticmethod
    async def load_rollout_items(path: str) -> Loaded:
        """Items, thread id and error count of a file; see ``rollout.loading``."""
        return await asyncio.to_thread(load_rollout_items, path)

    @staticmethod
    async def get_rollout_history(path: str) -> InitialHistory:
        """The history to resume from a file."""
        return await asyncio.to_thread(get_rollout_history, path)


class _Asked(NamedTuple):
    """The seed's seven listing arguments as one value."""

    page_size: int
    cursor: Cursor | str | None
    sort_key: str
    sources: tuple[Any, ...]
    providers: Sequence[str] | None
    default_provider: str

    def query(self, *, archived: bool) -> ThreadQuery:
        """As our query, at the seed's precision of one second."""
        if self.sort_key not in SORT_KEYS:
            raise InvalidQueryError(f"unknown sort key {self.sort_key!r}; there are {', '.join(SORT_KEYS)}")
        return ThreadQuery(
            archived=archived,
            sources=tuple(source_key(source) if not _is_key(source) else source for source in self.sources),
            providers=tuple(self.providers or ()),
            default_provider=self.default_provider,
            order=Order(SORT_KEYS[self.sort_key], tick_ms=1000),
            cursor=Cursor.parse(self.cursor) if isinstance(self.cursor, str) else self.cursor,
            limit=self.page_size,
        )

    def page(self, codex_home: str, *, archived: bool) -> ThreadsPage:
        """Ask the store, and give the answer the seed's fields."""
        from rollout.store import open_store  # noqa: PLC0415 - stores are imported when one is opened

        return _page(open_store(codex_home).list(self.query(archived=archived)))

    def latest(self, codex_home: str, cwd: str | None) -> str | None:
        """The first match in the listing's order."""
        from rollout.store.local.index_path import index_place  # noqa: PLC0415 - stores are imported when one is opened
        from rollout.store.local.store import LocalStore  # noqa: PLC0415 - the same

        store = LocalStore(codex_home, index=index_place(codex_home))
        found = store.latest_for_cwd(cwd, self.query(archived=False))
        return found.path if found is not None else None


def _is_key(source: object) -> bool:
    """Whether a source is given by our key (``subagent:review``) and not as it stands in a file."""
    return isinstance(source, str) and ":" in source


def _page(page: Page) -> ThreadsPage:
    return ThreadsPage(tuple(map(_item, page.threads)), page.next, page.scanned, page.cap_reached)


def _item(thread: Thread) -> ThreadItem:
    summary = thread.summary
    git = summary.git or {}
    return ThreadItem(
        path=thread.path,
        thread_id=thread.id,
        first_user_message=summary.first_user_message or None,
        cwd=summary.cwd,
        git_branch=git.get("branch"),
        git_sha=git.get("commit_hash"),
        git_origin_url=git.get("repository_url"),
        source=summary.source,
        model_provider=summary.model_provider,
        cli_version=summary.cli_version,
        created_at=summary.created_at,
        updated_at=to_text(thread.modified_ms, millis=False),
    )


def append_rollout_item_to_path(path: str, item: object, options: Options | None = None) -> None:
    """Append one item to the existing file of a thread that nobody has open (spec: rollout-format 10.13).

    Under the thread's lock; a paginated file gets its next ordinal. Flushed on return. Raises NotFoundError,
    BusyError, WriteError.
    """
    from rollout.store.local.store import open_rollout  # noqa: PLC0415 - stores are imported when one is opened

    writer = open_rollout(path)
    try:
        now = timestamp_text((options or Options()).now_ms())
        kind = to_item(item)
        writer.append(encode(kind.line_type, payload_bytes(kind), now, writer.next_ordinal), 1)
        writer.flush()
    finally:
        writer.close()


_HINTS = {
    errno.EACCES: "Cannot access session files under {home}: permission denied. Make them yours (chown -R)",
    errno.ENOENT: "Session storage under {home} is missing. Make the folder, or choose another home",
    errno.EEXIST: "A file stands where a folder of {home} must be, e.g. {home}/sessions. Move it away",
    errno.EISDIR: "Session storage under {home} has an unexpected type: a folder stands where a file must be",
    errno.ENOTDIR: "Session storage under {home} has an unexpected type: a file stands where a folder must be",
    errno.EILSEQ: "Session data under {home} is corrupt or unreadable",
}
_KINDS: tuple[tuple[type[BaseException] | tuple[type[BaseException], ...], int], ...] = (
    (NotFoundError, errno.ENOENT),
    (PermissionError, errno.EACCES),
    ((ValueError, FormatError), errno.EILSEQ),
)


def session_start_hint(error: BaseException, codex_home: str) -> str:
    """One message for a failed session start, with what to do about it (spec: rollout-format 1.5).

    The first in the chain of causes that can be explained is explained; the rest is told as it is.
    """
    cause: BaseException | None = error
    while cause is not None:
        kind = cause.errno if isinstance(cause, OSError) else None
        kind = next((number for type_, number in _KINDS if isinstance(cause, type_)), kind)
        if kind in _HINTS:
            return f"{_HINTS[kind].format(home=codex_home)} (underlying error: {cause})"
        cause = cause.__cause__
    return f"Failed to initialize session: {error}"
