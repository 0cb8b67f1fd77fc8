"""Every screen, character by character, as the files in ``snapshots`` have it.

``SNAPSHOTS=write pytest tests/tui`` writes them anew; what changed is then read in the difference.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from cli.homes import line, thread_id, turn

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from cli.homes import Home, Payload
    from tui.conftest import Screen

    View = Callable[[Callable[[Screen], Awaitable[None]]], None]

pytestmark = pytest.mark.slow

FOLDER = Path(__file__).parent / "snapshots"
STAMP = "2026-02-01T12:30:00.000Z"
PATCH = "*** Begin Patch\n*** Update File: src/basket.py\n@@\n-    return None\n+    return self.load()\n*** End Patch"
SCENES = {
    "list": (),
    "list-by-project": ("g",),
    "list-all-kinds": ("a",),
    "filtered": ("slash", *"basket"),
    "nothing-fits": ("slash", *"zzz"),
    "thread": ("enter",),
    "thread-unfolded": ("enter", "f"),
    "thread-raw": ("enter", "r"),
    "thread-found": ("enter", "slash", *"stays", "enter"),
    "thread-damaged": ("down", "enter"),
    "lineage": ("l",),
    "rename": ("R",),
    "archive": ("A",),
    "help": ("question_mark",),
}


def furnish(home: Home) -> None:
    """A home with something of everything."""
    home.add(90, [*turn("Why is the basket empty?", "It is **never loaded**:\n\n- on start\n- on reload"), *work()], git={"branch": "main"})
    home.name(90, "The empty basket")
    damaged = home.add(80, turn("Mend the login", "Mended."), cwd="/work/login")
    damaged.write_bytes(damaged.read_bytes() + b"\0\0\0 no JSON\n" + line(STAMP, "event_msg", {"type": "agent_message", "message": "Still here."}))
    home.add(2, turn("Look into the cart service", "Looked."), source={"subagent": {"thread_spawn": {"parent_thread_id": thread_id(90), "depth": 1}}})
    home.add(3, turn("Try it the other way", "Tried."), forked_from_id=thread_id(90))
    home.add(4, turn("Old and done", "Yes."), archived=True)


def work() -> list[Payload]:
    """A command that fails, a patch, and an answer."""
    output = "Exit code: 2\nWall time: 1.4 seconds\nOutput:\n" + "\n".join(f"tests/test_basket.py:{n}: empty" for n in range(30))
    command = {"type": "function_call", "name": "shell", "arguments": json.dumps({"command": ["bash", "-lc", "make test"]}), "call_id": "a"}
    patch = {"type": "custom_tool_call", "name": "apply_patch", "input": PATCH, "call_id": "b"}
    return [
        ("response_item", command),
        ("response_item", {"type": "function_call_output", "call_id": "a", "output": output}),
        ("response_item", patch),
        ("response_item", {"type": "custom_tool_call_output", "call_id": "b", "output": "Success."}),
        *turn("Thanks!", "It stays now."),
    ]


@pytest.mark.parametrize("name", SCENES)
def test_a_screen(name: str, home: Home, view: View) -> None:
    """What is drawn is what was drawn."""
    furnish(home)
    drawn: list[str] = []

    async def scene(screen: Screen) -> None:
        await screen.press(*SCENES[name])
        await screen.rest()
        drawn.append(screen.drawn)

    view(scene)

    assert snapshot(name, drawn[0]) == drawn[0]


def test_an_empty_home(view: View) -> None:
    """It says what it is."""
    drawn: list[str] = []

    async def scene(screen: Screen) -> None:
        drawn.append(screen.drawn)

    view(scene)

    assert snapshot("empty", drawn[0]) == drawn[0]


def snapshot(name: str, drawn: str) -> str:
    """What is on file; what was drawn is put there when that is asked for."""
    path = FOLDER / f"{name}.txt"
    if os.environ.get("SNAPSHOTS") == "write":
        path.write_text(f"{drawn}\n", encoding="utf-8")
    return path.read_text(encoding="utf-8").removesuffix("\n")
