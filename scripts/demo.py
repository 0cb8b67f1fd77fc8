"""What ``make demo`` shows: an agent is killed in the middle of a turn, resumes, and no acknowledged line is lost.

A real agent (examples/agent.py) works in a git repository with a scripted model. While the model is asked for
the third time, the agent is killed with SIGKILL; then it resumes and finishes. Every item that the agent told
to be safe is compared with the file, byte by byte. Status 1 when that is not proven.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "examples"))

from rollout.codec import decode_item  # noqa: E402 - behind the path that was just set
from scripted_model import ScriptedModel, say, shell  # noqa: E402 - the same

TASK = "The greeting is misspelt. Find it, mend it, run it."
SCRIPT = (
    shell("grep -n helo greet.py"),
    shell("sed -i.old s/helo/hello/ greet.py && rm greet.py.old && git diff --stat"),
    shell("python3 -B greet.py && git commit -qam 'Spell the greeting' && git log --oneline"),
    say("Mended: greet.py says “hello”. The program runs, and the change is committed."),
)
HELD = 2
Safe = list[tuple[str, bytes]]


class Stage:
    """A git repository, a home of rollouts and an environment, all in one temporary folder."""

    def __init__(self, folder: str, endpoint: str) -> None:
        """Make them."""
        self.repository = os.path.join(folder, "greeter")
        self.home = os.path.join(folder, "home")
        names = {f"GIT_{role}_{what}": f"demo{at}" for role in ("AUTHOR", "COMMITTER") for what, at in (("NAME", ""), ("EMAIL", "@localhost"))}
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("OPENAI_", "CODEX_", "ROLLOUT_"))}
        self.environment = {
            **kept, **names, "ROLLOUT_HOME": self.home, "OPENAI_BASE_URL": endpoint, "XDG_CACHE_HOME": os.path.join(folder, "cache"),
            "NO_PROXY": "127.0.0.1,localhost", "no_proxy": "127.0.0.1,localhost",
        }  # fmt: skip
        os.mkdir(self.repository)
        with open(os.path.join(self.repository, "greet.py"), "w", encoding="utf-8") as file:
            file.write('print("helo, world")\n')
        for command in ("git init -q -b main .", "git add greet.py", "git commit -qm First"):
            subprocess.run(command.split(), cwd=self.repository, env=self.environment, check=True)

    def agent(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Start the agent."""
        command = [sys.executable, os.path.join(ROOT, "examples", "agent.py"), "--json", *arguments]
        return subprocess.Popen(
            command, cwd=self.repository, env=self.environment, stdout=subprocess.PIPE
        )

    def rollout(self, *arguments: str) -> None:
        """Show a command and what it prints."""
        print(f"\n$ rollout {' '.join(arguments)}", flush=True)
        program = os.path.join(os.path.dirname(sys.executable), "rollout")
        subprocess.run([program, *arguments], env=self.environment, cwd=self.repository, check=True)

    def file(self) -> str:
        """The one rollout in the home."""
        (found,) = (
            os.path.join(place, name)
            for place, _, names in os.walk(os.path.join(self.home, "sessions"))
            for name in names
        )
        return found


def main() -> int:
    """Play the scene and judge it."""
    with tempfile.TemporaryDirectory() as folder, ScriptedModel(SCRIPT, hold_at=HELD) as model:
        stage = Stage(folder, model.base_url)
        print(f"An agent works: {TASK}")
        safe = killed_in_mid_turn(stage, model)
        path = stage.file()
        before = contents(path)
        thread = json.loads(before.splitlines()[0])["payload"]["id"]
        print(f"Killed (SIGKILL) while the model was thinking; it had told {len(safe)} items to be safe.")
        model.release()
        print(f"It resumes thread {thread} and finishes.")
        after_kill = finished(stage.agent("--resume", thread))
        stage.rollout("list")
        stage.rollout("show", thread)
        stage.rollout("history", thread)
        return judge(contents(path), before, safe, after_kill)


def killed_in_mid_turn(stage: Stage, model: ScriptedModel) -> Safe:
    """Run the agent until it waits for the held step, kill it there; what it told to be safe."""
    agent = stage.agent(TASK)
    for _ in range(300):
        if model.reached.wait(0.1) or agent.poll() is not None:
            break
    agent.kill()
    told, _ = agent.communicate()
    if not model.reached.is_set():
        sys.exit("demo: the agent never asked the model for the third time")
    return told_safe(told)


def finished(agent: subprocess.Popen[bytes]) -> Safe:
    """Wait for an agent to end well; what it told to be safe."""
    told, _ = agent.communicate(timeout=60)
    if agent.returncode:
        sys.exit(f"demo: the resumed agent ended with status {agent.returncode}")
    return told_safe(told)


def told_safe(told: bytes) -> Safe:
    """The items that an agent printed: line type and payload."""
    items = [json.loads(line) for line in told.splitlines()]
    return [(item["type"], item["payload"].encode()) for item in items]


def contents(path: str) -> bytes:
    """The whole file."""
    with open(path, "rb") as file:
        return file.read()


def judge(after: bytes, before: bytes, first: Safe, second: Safe) -> int:
    """Compare what was told to be safe with the file, and say what was proven."""
    stored = [decode_item(line) for line in after.splitlines(keepends=True)]
    promised = first + second
    kept = after.startswith(before) and len(first) < len(before.splitlines()) and stored[1:] == promised
    print()
    if not (kept and first and second):
        print(f"NOT PROVEN: {len(promised)} lines were acknowledged, the file holds {len(stored) - 1}")
        return 1
    print(
        f"Proven: all {len(promised)} acknowledged lines stand in the file, once each, in order and byte for byte:"
        f" {len(first)} from before the kill, {len(second)} from after it; one thread, {len(stored)} lines, {len(after)} bytes."
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
