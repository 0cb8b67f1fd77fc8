"""Connections to one server: made when needed, kept while healthy, at most so many at once.

An own stack of them and no pool library: a pool hides for how long a server has been away behind retries of its own,
and the writer must know at once (docs/decisions/0040-own-connections.md).
"""

from __future__ import annotations

from contextlib import contextmanager
from threading import BoundedSemaphore, Lock
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import finalize

import psycopg
from psycopg.pq import TransactionStatus

from rollout.errors import RolloutError
from rollout.store.postgres import arrays
from rollout.store.postgres.schema import check_version
from rollout.store.postgres.target import DEFAULT_TENANT
from rollout.store.postgres.watching import QUESTION, Watch

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping
    from contextlib import AbstractContextManager
    from typing import TypeAlias

    from rollout.store.postgres.target import Target

    Connection: TypeAlias = psycopg.Connection[tuple[Any, ...]]
    Row: TypeAlias = tuple[Any, ...]
    Fetch: TypeAlias = Callable[[str, Mapping[str, Any]], list[Row]]

T = TypeVar("T")
AWAY = (psycopg.OperationalError, psycopg.InterfaceError)
_TRIES = 2
# A process that is stopped between two statements must not keep a lease's row locked for longer than the lease.
_LEAST_IDLE_S = 1.0


class UnreachableError(RolloutError):
    """The server of the store cannot be reached, or refuses; the message says why, without credentials."""


class Connections:
    """The connections of one store and of its writers; closed when the last of them is. Safe from any thread."""

    def __init__(self, target: Target) -> None:
        """Nothing is connected yet."""
        self.target = target
        self.tenant = target.tenant
        self._watch = Watch(target.answer_s)
        self._idle: list[Connection] = []
        finalize(self, _close_all, self._idle)  # a store that nobody closes gives them back when it goes
        self._lock = Lock()
        self._slots = BoundedSemaphore(target.connections)
        self._users = 1
        self._checked = False

    def retain(self) -> None:
        """One more user."""
        with self._lock:
            self._users += 1

    def release(self) -> None:
        """One user less; the last one closes the connections."""
        with self._lock:
            self._users -= 1
            if self._users <= 0:
                _close_all(self._idle)

    @contextmanager
    def use(self) -> Generator[Connection]:
        """A connection in autocommit; one in an unknown state is thrown away. Errors of the driver come through."""
        with self._slots:
            found = self._take()
            try:
                yield found
            except BaseException:
                if found.closed or found.info.transaction_status != TransactionStatus.IDLE:
                    found.close()
                self._give(found)
                raise
            self._give(found)

    @contextmanager
    def writing(self) -> Generator[Connection]:
        """A connection in autocommit that is ended when the server does not answer."""
        with self.use() as connection, self._watch.over(connection):
            yield connection

    def answering(self, connection: Connection) -> AbstractContextManager[None]:
        """The block's statements on a connection of the caller's own, which is ended when the server does not answer."""
        return self._watch.over(connection)

    def fetch(self, sql: str, values: Mapping[str, Any]) -> list[Row]:
        """The rows of one statement that only reads, tried twice. Raises UnreachableError."""
        return self.reading(lambda fetch: fetch(sql, values))

    def reading(self, work: Callable[[Fetch], T]) -> T:
        """Do work that may be repeated: once more on a new connection when the first is gone."""
        for left in reversed(range(_TRIES)):
            try:
                with self.use() as connection, self._watch.over(connection, QUESTION):
                    return work(fetching(connection))
            except AWAY as error:
                self.forget_idle()
                if not left:
                    raise self.unreachable(error) from None
            except psycopg.Error as error:
                raise self.unreachable(error) from None
        raise AssertionError("unreachable")

    @contextmanager
    def changing(self, *, watched: bool = False) -> Generator[Connection]:
        """A transaction, which is ended when the server does not answer if it is ``watched``. Raises UnreachableError."""
        try:
            with self.writing() if watched else self.use() as connection, connection.transaction():
                yield connection
        except psycopg.Error as error:
            if isinstance(error, AWAY):
                self.forget_idle()
            raise self.unreachable(error) from None

    def unreachable(self, error: BaseException) -> UnreachableError:
        """The error in words, without credentials."""
        return UnreachableError(f"{self.target.shown}: {self.target.safe(error)}")

    def forget_idle(self) -> None:
        """Throw away what is kept: after one connection broke the others probably did."""
        with self._lock:
            _close_all(self._idle)

    def connect(self) -> Connection:
        """A new connection, of which the caller takes care; it sees one tenant."""
        try:
            made = psycopg.connect(self.target.conninfo, autocommit=True)
        except psycopg.ProgrammingError as error:  # an option of the URL that the driver does not know
            raise RolloutError(f"{self.target.shown}: {self.target.safe(error)}") from None
        try:
            with self._watch.over(made):
                self._prepare(made)
        except BaseException:
            made.close()
            raise
        return made

    def _prepare(self, made: Connection) -> None:
        arrays.register(made)
        if not self._checked:
            check_version(made)
        wanted = self.target.tenant or DEFAULT_TENANT
        made.execute(
            "SELECT set_config('rollout.tenant', %s, false), set_config('search_path', 'rollout', false),"
            " set_config('synchronous_commit', %s, false), set_config('lock_timeout', '10s', false),"
            " set_config('idle_in_transaction_session_timeout', %s, false), set_config('jit', 'off', false)",
            (wanted, self.target.flush_commit, f"{max(_LEAST_IDLE_S, self.target.lease_s)}s"),
        )
        row = made.execute("SELECT rollout.tenant()").fetchone()
        bound = str(row[0]) if row else wanted
        if self.target.tenant and bound != wanted:
            raise RolloutError(f"{self.target.shown}: this role belongs to another tenant than {wanted!r}")
        self.tenant, self._checked = bound, True

    def _take(self) -> Connection:
        while True:
            with self._lock:
                found = self._idle.pop() if self._idle else None
            if found is None:
                return self.connect()
            if not found.closed:
                return found

    def _give(self, connection: Connection) -> None:
        with self._lock:
            if self._users > 0 and not connection.closed:
                self._idle.append(connection)
                return
        connection.close()


class Planned(str):
    """A statement whose best plan depends on its values: it is planned anew each time, all others once."""

    __slots__ = ()


def _close_all(connections: list[Connection]) -> None:
    while connections:
        connections.pop().close()


def fetching(connection: Connection) -> Fetch:
    """How to ask one connection; answers come in binary form, which bytes and numbers need not be spelled for."""

    def fetch(sql: str, values: Mapping[str, Any]) -> list[Row]:
        once = False if isinstance(sql, Planned) else None
        return connection.execute(sql.encode(), values, prepare=once, binary=True).fetchall()

    return fetch
