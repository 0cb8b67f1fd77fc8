"""Does the wheel work on its own? Build it, install it into a new environment, use it, and weigh it.

Status 1 when a thread does not come back, or when the package with all that it needs takes more than 20 MB.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
LIMIT = 20_000_000
TOOLS = ("pip", "setuptools", "_distutils_hack", "distutils-precedence", "pkg_resources")
RECORD = """
from rollout import CreateParams, SyncRolloutRecorder, open_store
from rollout.items import AgentMessage, UserMessage

with SyncRolloutRecorder.create(open_store(), CreateParams(originator="check_wheel")) as recorder:
    recorder.record([UserMessage(message="Is the wheel round?"), AgentMessage(message="It is.")])
    recorder.persist()
    print(recorder.thread_id)
"""


def main() -> int:
    """Take every step; the first that fails ends it."""
    with tempfile.TemporaryDirectory() as folder:
        wheel = built(folder)
        print(f"-- built {os.path.basename(wheel)}, {os.path.getsize(wheel):,} bytes", flush=True)
        python = installed(wheel, os.path.join(folder, "env"))
        environment = {**os.environ, "ROLLOUT_HOME": os.path.join(folder, "home"), "XDG_CACHE_HOME": os.path.join(folder, "cache")}
        environment.pop("PYTHONPATH", None)
        program = os.path.join(os.path.dirname(python), "rollout")
        version = output([program, "--version"], environment)
        print(f"-- {version}", flush=True)
        recorded = output([python, "-c", RECORD], environment)
        listed = [thread["id"] for thread in json.loads(output([program, "list", "--json"], environment))["threads"]]
        weight = weighed(python)
    print(f"-- recorded {recorded}, listed {', '.join(listed) or 'nothing'}; installed it takes {weight:,} bytes")
    if [recorded] != listed:
        print("check_wheel: the recorded thread was not listed", file=sys.stderr)
    if weight > LIMIT:
        print(f"check_wheel: more than {LIMIT:,} bytes", file=sys.stderr)
    return 0 if [recorded] == listed and weight <= LIMIT else 1


def built(folder: str) -> str:
    """Build the wheel; its path."""
    command = [sys.executable, "-m", "build", "--wheel", "--outdir", folder, ROOT]
    made = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if made.returncode:
        sys.exit(f"check_wheel: the wheel was not built:\n{made.stdout}")
    (name,) = (name for name in os.listdir(folder) if name.endswith(".whl"))
    return os.path.join(folder, name)


def installed(wheel: str, folder: str) -> str:
    """Install the wheel into a new environment; its interpreter."""
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    python = os.path.join(folder, "bin", "python")
    subprocess.run([python, "-m", "pip", "install", "-qq", "--no-compile", wheel], check=True)
    return python


def output(command: list[str], environment: dict[str, str]) -> str:
    """What a command prints, run outside the checkout."""
    made = subprocess.run(command, env=environment, cwd=os.path.dirname(environment["ROLLOUT_HOME"]), capture_output=True, text=True, check=False)
    if made.returncode:
        sys.exit(f"check_wheel: {' '.join(command[:2])} ended with status {made.returncode}: {made.stderr}")
    return made.stdout.strip()


def weighed(python: str) -> int:
    """The bytes of everything installed but the tools that every environment has."""
    asked = "import sysconfig; print(sysconfig.get_path('purelib'))"
    packages = subprocess.run([python, "-c", asked], capture_output=True, text=True, check=True).stdout.strip()
    return sum(
        os.path.getsize(os.path.join(place, name))
        for top in os.listdir(packages)
        if not top.startswith(TOOLS)
        for place, _, names in os.walk(os.path.join(packages, top))
        if os.path.basename(place) != "__pycache__"
        for name in names
    )


if __name__ == "__main__":
    sys.exit(main())
