"""What a batch tells the server: plain values each time, the rest of the listing's row when it changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rollout.query import EVERYTHING
from rollout.store.base import Place
from rollout.testing import builders as b

if TYPE_CHECKING:
    from postgres_server import Server
    from rollout.store.base import Writer
    from rollout.store.postgres.store import PostgresStore

ME = b.thread_id(1)


def begun(store: PostgresStore) -> Writer:
    """A writer of a new thread."""
    writer = store.create(ME, Place(b.START_MS))
    writer.begin(b.meta_line(ME))
    return writer


def say(writer: Writer, *texts: str) -> None:
    """One batch."""
    writer.append(b"".join(b.line(b.user(text)) for text in texts), len(texts))
    writer.flush()


def test_a_row_follows_its_thread(server: Server) -> None:
    """What was asked first, a name from elsewhere, and the size are in the listing after each batch."""
    store = server.store()
    writer, seen = begun(store), list[tuple[str, str | None, bool]]()
    for text in ("first", "second", "", "third"):
        if text:
            say(writer, text)
        else:
            store.set_name(ME, "named")
        row = store.row(ME)
        seen.append((row.preview, row.name, row.bytes == sum(map(len, store.raw(ME)))))
    by_title = [row.id for row in store.list(EVERYTHING._replace(text="named")).threads]
    writer.close()
    store.close()

    assert [("first", None, True), ("first", None, True), ("first", "named", True), ("first", "named", True)] == seen
    assert [ME] == by_title


def test_all_batches_are_one_statement(server: Server) -> None:
    """However large the numbers grow, the driver prepares the statement once."""
    store = server.store(connections="1")
    writer = begun(store)
    for length in (1, 10, 100, 50_000, 1, 100_000, 10, 1_000, 1, 1):
        say(writer, "x" * length)
    found = store._connections.fetch(  # pyright: ignore[reportPrivateUsage] - its only connection
        "SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE %(like)s", {"like": "%rollout.append%"}
    )
    writer.close()
    store.close()

    assert [(1,)] == found
