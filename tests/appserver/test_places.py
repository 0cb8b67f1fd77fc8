"""Where the server may listen, as its options say it."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest

from rollout.appserver.transports.places import default_path, listening, parse_place
from rollout.cli.main import main
from rollout.errors import ListenError
from support import ROOT

if TYPE_CHECKING:
    from collections.abc import Generator

PROGRAM = [sys.executable, "-W", "error", "-c", "from rollout.cli.main import entry; entry()", "app-server"]
SHORT = f"--ws-token-sha256={'a' * 63}"


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--listen", "tcp://127.0.0.1:1"], "cannot listen on 'tcp://127.0.0.1:1'"),
        (["--listen", "ws://0.0.0.0:1", "--ws-open"], "only on loopback"),
        (["--listen", "ws://example.com:1", "--ws-open"], "only on loopback"),
        (["--listen", "ws://127.0.0.1", "--ws-open"], "only on loopback"),
        (["--listen", "ws://127.0.0.1:x", "--ws-open"], "a port from 0 to 65535"),
        (["--listen", "ws://127.0.0.1:0"], "--ws-open"),
        (["--listen", "ws://127.0.0.1:0", "--ws-open", SHORT], "needs one of"),
        (["--listen", "ws://127.0.0.1:0", SHORT], "64 hexadecimal digits"),
        (["--listen", "ws://127.0.0.1:0", "--ws-token-file", "/nonexistent"], "No such file"),
        (["--listen", "ws://127.0.0.1:0", "--ws-token-file", os.devnull], "at least 16 bytes"),
        (["--listen", "unix:///tmp/x", "--stdio"], "stand alone"),
        (["--listen", "off", "--listen", "unix:///tmp/x"], "stand alone"),
    ],
)
def test_what_cannot_be_is_refused_on_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], expected: str
) -> None:
    """Before anything is opened; the status is that of a wrong usage."""
    status = main(["--home", str(tmp_path), "app-server", *options])
    said = capsys.readouterr().err

    assert (2, 1, True) == (status, said.count("\n"), expected in said)


@pytest.mark.parametrize(("text", "expected"), [("ws://127.0.0.1:80", "ws://127.0.0.1:80"), ("ws://localhost:0/", "ws://127.0.0.1:0"),
                                                ("ws://[::1]:7", "ws://[::1]:7"), ("unix:///a/b", "unix:///a/b")])  # fmt: skip
def test_places_have_names(text: str, expected: str) -> None:
    """That can be given again."""
    assert expected == str(parse_place(text, "/home"))


@pytest.fixture
def runtime(monkeypatch: pytest.MonkeyPatch) -> Generator[Path]:
    """The user's folder for sockets, under a short name: the path of a socket has at most 107 bytes."""
    with TemporaryDirectory(prefix="run-") as folder:
        monkeypatch.setenv("XDG_RUNTIME_DIR", folder)
        yield Path(folder)


def test_a_home_has_a_socket_of_its_own(runtime: Path) -> None:
    """In a folder that nobody else can enter; in somebody else's, or an open one, nothing is made."""
    paths = {default_path(home) for home in ("/a", "/b", "/a/")}
    with listening(parse_place("unix://", "/a"), "/a") as (_, place):
        private = os.stat(runtime / "rollout").st_mode & 0o777
    (runtime / "rollout").chmod(0o755)

    assert (2, 0o700, f"unix://{default_path('/a')}") == (len(paths), private, str(place))
    with pytest.raises(ListenError, match="nobody else can enter"), listening(parse_place("unix://", "/a"), "/a"):
        pass


def test_what_is_no_socket_stays(tmp_path: Path) -> None:
    """A file at the path is refused, and so is a path that is too long; the lock is given back."""
    (tmp_path / "file").write_text("precious")
    for name, message in (("file", "is no socket"), ("x" * 108, "at most 107 bytes"), ("no/folder", "No such file")):
        with pytest.raises(ListenError, match=message), listening(parse_place(f"unix://{tmp_path}/{name}", ""), ""):
            pass

    assert ["file"] == os.listdir(tmp_path)
    assert "precious" == (tmp_path / "file").read_text()


def test_somebody_elses_socket_stays(tmp_path: Path) -> None:
    """One that takes no lock; and one that was put there while we listened."""
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(path))
        other.listen()
        with pytest.raises(ListenError, match="in use"), listening(parse_place(f"unix://{path}", ""), ""):
            pass
    with listening(parse_place(f"unix://{path}", ""), ""):
        path.unlink()
        path.write_text("new")

    assert "new" == path.read_text()


def test_nothing_is_served_when_it_is_off(tmp_path: Path) -> None:
    """The settings are checked, and that is all."""
    assert 0 == main(["--home", str(tmp_path), "app-server", "--listen", "off", "--agent", "echo"])


@pytest.mark.slow
def test_a_server_on_two_sockets_says_where_it_is(tmp_path: Path) -> None:
    """One line for each; a signal ends it with nothing left behind."""
    token = tmp_path / "token"
    token.write_text("a token that is long enough\n")
    options = ["--listen", f"unix://{tmp_path}/s", "--listen", "ws://127.0.0.1:0", "--ws-token-file", str(token)]
    environment = {**os.environ, "ROLLOUT_HOME": str(tmp_path / "home"), "PYTHONPATH": str(ROOT / "src")}
    with subprocess.Popen([*PROGRAM, *options], stderr=subprocess.PIPE, env=environment) as server:
        assert server.stderr is not None
        said = [server.stderr.readline().decode() for _ in range(2)]
        found = re.search(r"ws://127\.0\.0\.1:(\d+)", said[1])
        with socket.create_connection(("127.0.0.1", int(found[1] if found else 0))) as asked:
            asked.sendall(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            answer = asked.recv(1000)
        server.send_signal(signal.SIGTERM)
        ended = server.wait(20), server.stderr.read()

    assert f"rollout app-server: listening on unix://{tmp_path}/s\n" == said[0]
    assert (True, (0, b"")) == (answer.startswith(b"HTTP/1.1 200 OK"), ended)
    assert {"token"} == set(os.listdir(tmp_path)) - {"home"}


def test_a_token_is_known_by_its_digest() -> None:
    """So that it need not be written down on the server's side."""
    from rollout.appserver.transports.door import Door

    door = Door(sha256(b"secret").digest())

    assert [True, False, False, False] == [
        door._knows(given) for given in (["Bearer secret"], ["Bearer Secret"], [], ["Bearer secret", "Bearer secret"])  # pyright: ignore[reportPrivateUsage] - a door has no other way to be asked
    ]


def test_without_the_extra_sockets_are_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The line says what to install; standard streams need none of it."""
    for name in [name for name in sys.modules if name.startswith(("websockets", "rollout.appserver.transports"))]:
        monkeypatch.delitem(sys.modules, name)
    for name in ("websockets", "websockets.frames"):
        monkeypatch.setitem(sys.modules, name, None)

    assert 2 == main(["--home", str(tmp_path), "app-server", "--listen", f"unix://{tmp_path}/s"])
    assert "rollout-recorder[server]" in capsys.readouterr().err
