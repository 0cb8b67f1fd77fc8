"""A PostgreSQL server for the tests: made in a temporary folder, run by an ordinary user, removed afterwards."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from contextlib import contextmanager, suppress
from glob import glob
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import psycopg
import pytest

from rollout.store.postgres.schema import Roles, migrate
from rollout.store.postgres.store import PostgresStore
from rollout.store.postgres.target import parse

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

MISSING = "no PostgreSQL server is installed (initdb in /usr/lib/postgresql/*/bin or on the path)"
_FAST = {"fsync": "off", "max_connections": "60", "shared_buffers": "32MB", "autovacuum": "off"}


def binaries() -> Path | None:
    """The folder with ``initdb``, the newest version's first."""
    found = sorted(glob("/usr/lib/postgresql/*/bin/initdb"), key=lambda path: int(path.split("/")[4]))
    on_path = shutil.which("initdb")
    newest = found[-1] if found else on_path
    return Path(newest).parent if newest else None


class Server:
    """One server on a socket in its own folder; ``settings`` go to its configuration."""

    def __init__(
        self, *, durable: bool = False, folder: Path | None = None, password: str = "", **settings: str
    ) -> None:
        """Make the cluster and start it; ``durable`` leaves fsync on, ``folder`` is an empty one to use.

        With a ``password`` it also listens on loopback, where the role keeper needs it (SCRAM).
        """
        found = binaries()
        assert found is not None, MISSING
        self.binaries = found
        self.folder = folder or Path(tempfile.mkdtemp(prefix="rollout-pg-"))
        self.data, self.log = self.folder / "data", self.folder / "log"
        self.user = "postgres" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
        if os.geteuid() == 0:
            shutil.chown(self.folder, "postgres", "postgres")
        self.run("initdb", "-D", str(self.data), "-U", "boss", "-A", "trust", "-E", "UTF8", "--no-locale", "-N")
        usual = {} if durable else dict(_FAST)
        self.port = free_port() if password else 5432
        if password:
            usual |= {"port": str(self.port), "password_encryption": "'scram-sha-256'"}
            settings = {"listen_addresses": "'127.0.0.1'", **settings}
            (self.data / "pg_hba.conf").write_text("local all all trust\nhost all all 127.0.0.1/32 scram-sha-256\n")
        lines = {"listen_addresses": "''", "unix_socket_directories": f"'{self.folder}'", **usual, **settings}
        with (self.data / "postgresql.conf").open("a", encoding="utf-8") as conf:
            conf.writelines(f"{name} = {value}\n" for name, value in lines.items())
        self.start()
        with self.admin("postgres") as connection:
            connection.execute("CREATE DATABASE threads")
            connection.execute("CREATE ROLE keeper LOGIN")
            connection.execute("CREATE ROLE looker LOGIN")
            if password:
                connection.execute(f"ALTER ROLE keeper PASSWORD '{password}'".encode())
        with self.admin() as connection:
            migrate(connection, roles=Roles("keeper", "looker"))

    def run(self, program: str, *arguments: str, check: bool = True) -> int:
        """Run a program of the server's as its user."""
        known = [str(self.binaries / program), *arguments]
        switch = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] if os.geteuid() == 0 else []
        quiet = subprocess.DEVNULL if program == "pg_ctl" else subprocess.PIPE  # a server keeps a pipe open
        found = subprocess.run([*switch, *known], cwd=self.folder, check=False, stdout=quiet, stderr=quiet)
        assert not check or found.returncode == 0, (arguments, found.stderr)
        return found.returncode

    def start(self) -> None:
        """Start it, and wait until it answers."""
        self.run("pg_ctl", "-D", str(self.data), "-l", str(self.log), "-w", "-t", "60", "start")

    def stop(self, mode: str = "immediate") -> None:
        """Stop it: smart, fast or immediate."""
        self.run("pg_ctl", "-D", str(self.data), "-m", mode, "-w", "stop", check=False)

    @property
    def pid(self) -> int:
        """The postmaster; the file that names it may be older than the process that has this number now."""
        pid = int((self.data / "postmaster.pid").read_text().split()[0])
        assert str(self.data) in _ps("command=", "-p", str(pid)), f"process {pid} is not this server"
        return pid

    def children(self) -> list[int]:
        """What the postmaster has started."""
        return [int(one) for one in _ps("pid=", "--ppid", str(self.pid)).split()]

    def kill(self) -> None:
        """End the postmaster and all it started with SIGKILL, and wait until none is left to hold the shared memory."""
        postmaster = self.pid
        os.kill(postmaster, signal.SIGSTOP)  # it starts nothing while its children are counted
        family = [*self.children(), postmaster]
        for one in family:
            with suppress(ProcessLookupError):
                os.kill(one, signal.SIGKILL)
        while any(map(_lives, family)):
            time.sleep(0.005)
        self._unlock()

    def recover(self) -> None:
        """Wait until it answers; start it when it has ended."""
        postmaster = None
        with suppress(FileNotFoundError):  # it has ended already, and taken the file along
            postmaster = self.pid
        while True:
            with suppress(psycopg.OperationalError), self.admin():
                return
            if postmaster is None or not _lives(postmaster):
                self._unlock()
                self.start()

    def _unlock(self) -> None:
        """It is dead; but while nobody has reaped the postmaster, the next one takes its lock files for held."""
        for lock in (self.data / "postmaster.pid", self.folder / ".s.PGSQL.5432.lock"):
            lock.unlink(missing_ok=True)

    def limit_files(self, size: str) -> None:
        """No file may grow beyond so many bytes, or ``unlimited``: to a process that is what a full disk is."""
        for pid in (self.pid, *self.children()):
            self.run(shutil.which("prlimit") or "prlimit", "--pid", str(pid), f"--fsize={size}:", check=False)

    def admin(self, database: str = "threads") -> psycopg.Connection[tuple[object, ...]]:
        """A connection of the superuser."""
        return psycopg.connect(f"host={self.folder} port={self.port} dbname={database} user=boss", autocommit=True)

    @contextmanager
    def inside(self, tenant: str, *, autocommit: bool = False) -> Generator[psycopg.Connection[tuple[object, ...]]]:
        """A connection of the usual role that sees one tenant; committed as the block ends."""
        with psycopg.connect(f"host={self.folder} dbname=threads user=keeper", autocommit=autocommit) as made:
            made.execute("SELECT set_config('rollout.tenant', %s, false)", (tenant,))
            yield made

    def url(self, tenant: str = "", *, user: str = "keeper", **options: str) -> str:
        """The URL of a tenant of its own."""
        more = "".join(f"&{name}={value}" for name, value in options.items())
        return f"postgresql:///threads?host={self.folder}&user={user}&tenant={tenant or uuid4().hex}{more}"

    def store(self, tenant: str = "", **options: str) -> PostgresStore:
        """The store of a tenant of its own."""
        return PostgresStore(parse(self.url(tenant, **options)))

    def remove(self) -> None:
        """Stop it and take its folder away."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


def for_tests(**settings: Any) -> Iterator[Server]:
    """The body of a fixture: a server, taken away afterwards; tests that want one skip where there is no PostgreSQL."""
    if binaries() is None:
        pytest.skip(MISSING)
    made = Server(**settings)
    yield made
    made.remove()


def free_port() -> int:
    """A port on loopback that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


def _lives(pid: int) -> bool:
    return bool(_ps("stat=", "-p", str(pid)).strip("Z<Nsl+ \n"))


def _ps(column: str, *which: str) -> str:
    """One column of some processes."""
    return subprocess.run(["ps", "-o", column, *which], capture_output=True, text=True, check=False).stdout
