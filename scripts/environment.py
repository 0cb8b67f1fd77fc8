"""Make a virtual environment with the package (editable) and the development tools: ``environment.py FOLDER``.

Only the standard library, and every pip that Python 3.11 ships, is needed: the tools are read from the
``dev`` group of pyproject.toml here, because old versions of pip do not know groups.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
OLDEST = (3, 11)


def main(arguments: list[str]) -> int:
    """Make or refresh the environment; one line tells each step."""
    if sys.version_info < OLDEST:
        return _fail(f"Python {sys.version.split()[0]} is too old, 3.11 or newer is needed: make PYTHON=/path/to/python")
    if len(arguments) != 1:
        return _fail("usage: environment.py FOLDER")
    folder = os.path.abspath(arguments[0])
    python = os.path.join(folder, "bin", "python")
    print(f"-- making {os.path.relpath(folder)} with Python {sys.version.split()[0]}", flush=True)
    if status := _make(folder, python):
        return status
    print("-- installing the package and its development tools", flush=True)
    return _install(python)


def _make(folder: str, python: str) -> int:
    """A new environment, unless a working one of this version is there."""
    if _version(python) == sys.version_info[:2]:
        return 0
    made = subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=False)
    return made.returncode and _fail("python -m venv failed; on Debian and Ubuntu install the package python3-venv")


def _version(python: str) -> tuple[int, ...] | None:
    """The version of an interpreter that works and has pip, else None."""
    asked = "import sys, pip; print(*sys.version_info[:2])"
    try:
        answer = subprocess.run([python, "-c", asked], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return tuple(map(int, answer.stdout.split()))


def _install(python: str) -> int:
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as wanted:
        wanted.write("\n".join(_development_tools()))
        wanted.flush()
        pip = [python, "-m", "pip", "install", "-qq", "--disable-pip-version-check", "-r", wanted.name, "-e", ROOT]
        return subprocess.run(pip, check=False).returncode


def _development_tools() -> list[str]:
    import tomllib  # noqa: PLC0415 - absent from the versions that main turns away

    with open(os.path.join(ROOT, "pyproject.toml"), "rb") as file:
        return [str(tool) for tool in tomllib.load(file)["dependency-groups"]["dev"]]


def _fail(message: str) -> int:
    print(f"environment: {message}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
