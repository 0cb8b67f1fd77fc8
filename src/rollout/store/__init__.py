"""Where threads live: the contract (``base``), the reference (``memory``), a Codex home (``local``), PostgreSQL.

``open_store`` finds the store that a path or URL means; each backend is imported only when it is asked for.
"""

from __future__ import annotations

import os

from rollout.errors import RolloutError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rollout.store.base import ThreadStore


def open_store(url_or_path: str | os.PathLike[str] = "") -> ThreadStore:
    """The store that a text means: a path or ``file:`` URL is a home, ``memory:`` a new store in memory.

    ``postgresql://[user@]host[:port]/database[?tenant=name]`` are the threads of a tenant on a server. Without a
    text: the home of ``ROLLOUT_HOME``, else of ``CODEX_HOME``, else ``~/.codex``. A home is listed through the index in
    the user's cache folder, as commands do it; ``ROLLOUT_INDEX`` names another file or is ``off``.
    Raises RolloutError for anything else, saying which forms there are.
    """
    text = os.fspath(url_or_path)
    scheme, colon, rest = text.partition(":")
    if not colon or "/" in scheme or len(scheme) < 2:
        return _open_home(text)
    opener = _OPENERS.get(scheme.lower())
    if opener is None:
        raise RolloutError(f"{text!r}: no store is known by {scheme}:; give a folder, file:<path>, postgresql:<server> or memory:")
    return opener(rest)


def _open_home(path: str) -> ThreadStore:
    from rollout.store.local.home import find_home  # noqa: PLC0415 - only who opens a home pays for it
    from rollout.store.local.index_path import index_place  # noqa: PLC0415 - the same
    from rollout.store.local.store import LocalStore  # noqa: PLC0415 - the same

    home = find_home(path)
    return LocalStore(home, index=lambda: index_place(home))


def _open_file_url(rest: str) -> ThreadStore:
    from urllib.parse import unquote, urlsplit  # noqa: PLC0415 - a plain path needs none of it

    parts = urlsplit(f"file:{rest}")
    if parts.netloc not in ("", "localhost"):
        raise RolloutError(f"'file:{rest}': a home is a folder of this machine; give file:///<path>")
    return _open_home(unquote(parts.path))


def _open_memory(rest: str) -> ThreadStore:
    from rollout.store.memory import MemoryStore  # noqa: PLC0415 - only who asks for it pays for it

    if rest.strip("/"):
        raise RolloutError(f"'memory:{rest}': a store in memory has no name; give memory:")
    return MemoryStore()


def _open_postgres(rest: str) -> ThreadStore:
    try:
        from rollout.store.postgres.store import PostgresStore  # noqa: PLC0415 - an extra, and it takes its time
        from rollout.store.postgres.target import parse  # noqa: PLC0415 - the same
    except ModuleNotFoundError as missing:
        if missing.name != "psycopg":
            raise
        raise RolloutError("postgresql: needs the extra: pip install 'rollout-recorder[postgres]'") from None
    return PostgresStore(parse(f"postgresql:{rest}"))


_OPENERS = {
    "file": _open_file_url,
    "memory": _open_memory,
    "postgresql": _open_postgres,
    "postgres": _open_postgres,
}
