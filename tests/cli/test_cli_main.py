"""What all commands share: globals, statuses, errors, start-up, completion."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from cli.homes import PYTHON, environment, thread_id
from rollout import errors
from rollout.cli.commands import COMMANDS
from rollout.cli.main import main
from rollout.cli.options import command_parser
from rollout.cli.progress import Progress
from rollout.cli.statuses import UsageError, message_of, status_of

if TYPE_CHECKING:
    from pathlib import Path

    from cli.conftest import Rollout
    from cli.homes import Home

HEAVY = ("msgspec", "dataclasses", "asyncio")


@pytest.mark.parametrize("argv", [["list"], ["path", thread_id(1)], ["--version"]], ids=lambda argv: argv[0])
def test_quick_commands_import_nothing_heavy(home: Home, argv: list[str]) -> None:
    """list, path and --version load neither msgspec nor dataclasses nor asyncio."""
    home.add(1)
    script = (
        "import sys; from rollout.cli.main import main; status = main(sys.argv[1:]);"
        f"print(status, *[name for name in {HEAVY} if name in sys.modules], file=sys.stderr)"
    )

    done = subprocess.run(
        [sys.executable, "-c", script, *argv], env=environment(home.path), capture_output=True, check=True
    )

    assert done.stdout
    assert done.stderr == b"0\n"


def test_the_version_is_told(rollout: Rollout) -> None:
    """As text, and as a document."""
    assert rollout("--version").out == "rollout 0.1.0\n"
    assert {"schema": "rollout.version/1", "version": "0.1.0"} == rollout("--version", "--json").document


@pytest.mark.parametrize(
    "argv", [[], ["--quiet"], ["lsit"], ["--nonsense", "list"], ["list", "--nonsense"], ["list", "extra"], ["show"]]
)
def test_wrong_usage_is_one_line(rollout: Rollout, argv: list[str]) -> None:
    """A command line that cannot be understood is status 2 and one line that leads to help."""
    run = rollout(*argv)

    assert (2, "", 1) == (run.status, run.out, run.err.count("\n"))
    assert "--help" in run.err


def test_a_mistyped_command_is_guessed(rollout: Rollout) -> None:
    """A similar command is named."""
    assert "did you mean 'list'" in rollout("lsit").err


@pytest.mark.parametrize("name", [None, *COMMANDS])
def test_help_is_data(rollout: Rollout, name: str | None) -> None:
    """--help of every command prints on standard output, status 0."""
    run = rollout(*([name] if name else []), "--help")

    assert (0, "") == (run.status, run.err)
    assert run.out.startswith("usage: rollout")


def test_global_options_stand_anywhere(home: Home, rollout: Rollout, tmp_path: Path) -> None:
    """Before or after the command they mean the same; --home wins over the environment."""
    path = home.add(1)
    found = [str(path)]

    for argv in (["--json", "list"], ["list", "--json"], ["--home", str(home.path), "list", "--json"]):
        assert found == [row["path"] for row in rollout(*argv).document["threads"]]
    (tmp_path / "other").mkdir()
    assert rollout(f"--home={tmp_path / 'other'}", "list", "--json").document["threads"] == []


@pytest.mark.parametrize("variable", ["ROLLOUT_HOME", "CODEX_HOME"])
def test_the_environment_names_the_home(
    home: Home, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], variable: str
) -> None:
    """ROLLOUT_HOME, else CODEX_HOME."""
    path = home.add(1)
    monkeypatch.delenv("ROLLOUT_HOME", raising=False)
    monkeypatch.setenv(variable, str(home.path))

    assert main(["path", thread_id(1)]) == 0
    assert f"{path}\n" == capfd.readouterr().out


def test_a_home_that_is_not_there_is_told(rollout: Rollout, tmp_path: Path) -> None:
    """A mistyped --home is no empty home."""
    run = rollout("list", "--home", str(tmp_path / "nowhere"))

    assert (3, "") == (run.status, run.out)
    assert str(tmp_path / "nowhere") in run.err


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (UsageError("x"), 2),
        (errors.InvalidQueryError("x"), 2),
        (errors.NotFoundError("x"), 3),
        (errors.AmbiguousError("x", ["a", "b"]), 3),
        (errors.BusyError("x", {}), 4),
        (errors.FencedError("x"), 4),
        (errors.FormatError("x"), 1),
        (errors.DamagedError("x"), 1),
        (errors.WriteError("p", "x"), 5),
        (errors.LockError("x"), 5),
        (OSError(errno.ENOSPC, "No space left on device", "/x"), 5),
        (KeyboardInterrupt(), 130),
        (ZeroDivisionError("x"), 5),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else "",
)
def test_every_error_has_a_status_and_one_line(error: BaseException, status: int) -> None:
    """The error tree maps to the statuses, each with a message of one line."""
    assert status == status_of(error)
    assert message_of(error)
    assert "\n" not in message_of(error)


@pytest.mark.parametrize(
    "error", [ZeroDivisionError("bug\n\x1b[2J"), PermissionError(13, "Permission denied", "/x"), KeyboardInterrupt()]
)
def test_no_traceback_ever(home: Home, rollout: Rollout, monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    """Whatever fails inside a command, standard error gets one line without control characters."""

    def fail(*_: object) -> int:
        raise error

    assert home
    monkeypatch.setattr(command_parser("list")[0], "run", fail)

    run = rollout("list")

    assert status_of(error) == run.status
    assert run.err.count("\n") == 1
    assert "Traceback" not in run.err
    assert "\x1b" not in run.err


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full")
def test_a_full_disk_behind_standard_output_is_told(home: Home) -> None:
    """Data that cannot be written is status 5, not silence."""
    home.add(1)
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [*PYTHON, "list"], env=environment(home.path), stdout=full, stderr=subprocess.PIPE, check=False
        )

    assert (5, 1) == (done.returncode, done.stderr.count(b"\n"))
    assert b"No space left" in done.stderr


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-", "<&-"])
def test_closed_streams_do_no_harm(home: Home, closed: str) -> None:
    """A stream that was closed before the program began is no reason for a traceback."""
    home.add(1)
    script = f'"{sys.executable}" -W ignore -m rollout list {closed}'

    done = subprocess.run(["sh", "-c", script], env=environment(home.path), capture_output=True, check=False)

    assert (0, b"") == (done.returncode, done.stderr)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_knows_every_command_and_option(rollout: Rollout, shell: str) -> None:
    """Each script names the commands and their options."""
    script = rollout("completion", shell).out

    assert all(name in script for name in COMMANDS)
    assert "--archived" in script


def test_the_bash_script_completes(home: Home, rollout: Rollout, tmp_path: Path) -> None:
    """In a real bash: commands, options, choices and the ids of threads."""
    home.add(1)
    script = tmp_path / "completion.bash"
    script.write_text(rollout("completion", "bash").out)
    (tmp_path / "rollout").write_text(f'#!/bin/sh\nexec {sys.executable} -m rollout "$@"\n')
    (tmp_path / "rollout").chmod(0o755)
    path = f"{tmp_path}:{os.environ['PATH']}"

    def complete(*words: str) -> list[str]:
        asked = (
            f"source {script}; COMP_WORDS=({' '.join(map(repr, words))}); COMP_CWORD={len(words) - 1};"
            " _rollout; printf '%s\\n' \"${COMPREPLY[@]}\""
        )
        env = environment(home.path, PATH=path)
        done = subprocess.run(["bash", "--norc", "-c", asked], env=env, capture_output=True, text=True, check=True)
        return done.stdout.split()

    assert complete("rollout", "li") == ["list"]
    assert complete("rollout", "list", "--arch") == ["--archived"]
    assert complete("rollout", "list", "cre") == ["created"]
    assert complete("rollout", "show", "0000") == [thread_id(1)]
    assert "--home" in complete("rollout", "--")


class Watched:
    """An output whose standard error somebody watches."""

    has_watcher = True

    def __init__(self) -> None:
        """Nothing was drawn."""
        self.drawn: list[str] = []

    def status(self, text: str) -> None:
        """Remember the line."""
        self.drawn.append(text)


def test_progress_waits_a_second_and_goes_away() -> None:
    """Quick work draws nothing; long work draws amount, rate and rest, and takes its line away."""
    now, out = [0.0], Watched()
    progress = Progress(out, "reading", 10_000_000, clock=lambda: now[0])  # type: ignore[arg-type]  # a double

    progress.add(1_000_000)
    now[0] = 2.0
    progress.add(1_000_000)
    progress.add(1)
    progress.done()

    assert ["reading: 2 MB, 1 MB/s, 20%, 8 s left", ""] == out.drawn
