"""Where a server listens: the texts that name places, and a socket file that is its server's alone."""

from __future__ import annotations

import errno
import os
import socket
import stat
from contextlib import contextmanager, suppress
from hashlib import sha256
from ipaddress import ip_address
from typing import TYPE_CHECKING, NamedTuple

from rollout.errors import ListenError, PlaceInUseError
from rollout.journal.filesystem import OS
from rollout.journal.lock import holder_of, myself, try_lock

if TYPE_CHECKING:
    from collections.abc import Generator

_LONGEST = 107
BACKLOG = 512


class UnixPlace(NamedTuple):
    """A socket file."""

    path: str

    def __str__(self) -> str:
        return f"unix://{self.path}"


class TcpPlace(NamedTuple):
    """A port of loopback; 0 is any."""

    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"ws://{host}:{self.port}"


Place = UnixPlace | TcpPlace


def parse_place(text: str, home: str) -> Place:
    """The place that ``unix://PATH``, ``unix://`` or ``ws://HOST:PORT`` names. Raises ListenError."""
    kind, _, rest = text.partition("://")
    if kind == "unix":
        return UnixPlace(os.path.abspath(rest) if rest else default_path(home))
    if kind == "ws":
        return _tcp(text, rest)
    raise ListenError(f"cannot listen on {text!r}: stdio://, unix://, unix://PATH, ws://127.0.0.1:PORT or off")


def _tcp(text: str, rest: str) -> TcpPlace:
    host, colon, port = rest.removesuffix("/").rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    host = "127.0.0.1" if host == "localhost" else host
    try:
        local = ip_address(host).is_loopback
    except ValueError:
        local = False
    if not local:
        raise ListenError(
            f"cannot listen on {text!r}: only on loopback, as ws://127.0.0.1:PORT; for others put a server with TLS before it"
        )
    if not colon or not port.isascii() or not port.isdecimal() or int(port) > 65535:
        raise ListenError(f"cannot listen on {text!r}: a port from 0 to 65535 is missing; 0 takes any")
    return TcpPlace(host, int(port))


def default_path(home: str) -> str:
    """The socket of a home where none is named: in the user's folder for such things, else in one of our own."""
    name = f"app-server-{sha256(os.path.realpath(home).encode('utf-8', 'surrogateescape')).hexdigest()[:16]}.sock"
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    return os.path.join(runtime, "rollout", name) if runtime else f"/tmp/rollout-{os.getuid()}/{name}"  # noqa: S108 - checked by _private


@contextmanager
def listening(place: Place, home: str) -> Generator[tuple[socket.socket, Place]]:
    """A listening socket and the place where it is; at the end it is closed, and a socket file of its own is gone."""
    if isinstance(place, TcpPlace):
        with _bound(place) as bound:
            host, port = bound.getsockname()[:2]
            yield bound, TcpPlace(host, port)
        return
    if place.path == default_path(home):
        _private(os.path.dirname(place.path))
    with _alone(place), _bound_file(place) as bound:
        yield bound, place


def _bound(place: TcpPlace) -> socket.socket:
    made = socket.socket(socket.AF_INET6 if ":" in place.host else socket.AF_INET)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((place.host, place.port))
        made.listen(BACKLOG)
    except OSError as error:
        made.close()
        raise ListenError(f"cannot listen on {place}: {error.strerror}") from error
    return made


def _private(folder: str) -> None:
    """Make a folder that nobody else can enter; raises ListenError when it is somebody else's."""
    os.makedirs(folder, mode=0o700, exist_ok=True)
    found = os.lstat(folder)
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise ListenError(f"cannot listen in {folder}: it must be a folder of yours that nobody else can enter; name another with unix://PATH")


@contextmanager
def _alone(place: UnixPlace) -> Generator[None]:
    """Hold the lock beside the path, so that of two servers that start at once one listens."""
    path = f"{place.path}.lock"
    try:
        lock = try_lock(OS, path)
    except OSError as error:
        raise ListenError(f"cannot listen on {place}: {path}: {error.strerror}") from error
    if lock is None:
        holder = holder_of(path)
        raise PlaceInUseError(f"{place} is in use by {_named(holder.pid if holder else 0)}; stop it, or name another path")
    try:
        lock.sign(myself())
        yield
    finally:
        lock.release(unlink=True)


def _named(pid: int) -> str:
    return f"process {pid}" if pid else "another server"


@contextmanager
def _bound_file(place: UnixPlace) -> Generator[socket.socket]:
    if len(os.fsencode(place.path)) > _LONGEST:
        raise ListenError(f"cannot listen on {place}: paths of sockets have at most {_LONGEST} bytes; name a shorter one")
    _clear(place)
    with socket.socket(socket.AF_UNIX) as made:
        before = os.umask(0o177)  # the file is its user's alone from its first moment on
        try:
            made.bind(place.path)
        except OSError as error:
            raise ListenError(f"cannot listen on {place}: {error.strerror}") from error
        finally:
            os.umask(before)
        own = os.lstat(place.path)
        try:
            made.listen(BACKLOG)
            yield made
        finally:
            _remove(place.path, own)


def _remove(path: str, own: os.stat_result) -> None:
    """Take our socket file away, unless somebody has put another one there."""
    with suppress(OSError):
        found = os.lstat(path)
        if (found.st_dev, found.st_ino) == (own.st_dev, own.st_ino):
            os.unlink(path)


def _clear(place: UnixPlace) -> None:
    """Take away the socket of a server that is no more; raises when there is anything else, or somebody listens."""
    try:
        found = os.lstat(place.path)
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(found.st_mode) and not stat.S_ISLNK(found.st_mode):
        raise ListenError(f"cannot listen on {place}: there is something that is no socket; remove it, or name another path")
    if _answers(place.path):
        raise PlaceInUseError(f"{place} is in use by another server; stop it, or name another path")
    os.unlink(place.path)


def _answers(path: str) -> bool:
    """Whether somebody listens; what is not known counts as yes."""
    with socket.socket(socket.AF_UNIX) as asked:
        asked.settimeout(2)
        try:
            asked.connect(path)
        except OSError as error:
            return error.errno not in (errno.ECONNREFUSED, errno.ENOENT, errno.ENOTSOCK)
    return True
