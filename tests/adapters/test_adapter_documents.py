"""The examples and the code in the how-tos, run with the real SDKs."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest

from adapters.adapter_words import AGENTS_MISSING, PYDANTIC_MISSING
from rollout import ThreadQuery, open_store
from support import ROOT

if TYPE_CHECKING:
    from pathlib import Path

with_agents = pytest.mark.skipif(find_spec("agents") is None, reason=AGENTS_MISSING)
with_pydantic_ai = pytest.mark.skipif(find_spec("pydantic_ai") is None, reason=PYDANTIC_MISSING)
EACH = [
    pytest.param("openai_agents_session.py", marks=with_agents),
    pytest.param("pydantic_ai_store.py", marks=with_pydantic_ai),
]


def program(folder: Path, *arguments: str) -> str:
    """Run Python in a folder with a home of its own; what it printed."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("OPENAI_", "CODEX_", "PYDANTIC_"))
    }
    paths = os.pathsep.join([str(ROOT / "src"), str(ROOT / "examples")])
    environment = {**kept, "ROLLOUT_HOME": str(folder / "home"), "PYTHONPATH": paths}
    made = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert not made.returncode, made.stderr
    return made.stdout


@pytest.mark.parametrize("name", EACH)
def test_an_example_remembers_from_one_process_to_the_next(tmp_path: Path, name: str) -> None:
    """Run twice, it has heard two things; the thread is listed by the first."""
    example = str(ROOT / "examples" / name)
    answers = [program(tmp_path, example, "chat", text) for text in ("one", "two")]
    (row,) = open_store(tmp_path / "home").list(ThreadQuery()).threads

    assert ["You have said 1 things so far.\n", "You have said 2 things so far.\n"] == answers
    assert ("one", "chat") == (row.preview, row.name)


@with_agents
def test_the_how_to_of_the_agents_sdk_runs(tmp_path: Path) -> None:
    """Its blocks, in order, with the scripted model of the example in the place of a real one."""
    scripted = 'instructions="Be brief."'
    code = blocks("openai-agents.md").replace(scripted, f"{scripted}, model=ScriptedModel()")
    imports = "import asyncio\nfrom agents import set_tracing_disabled\nfrom openai_agents_session import ScriptedModel"
    program(tmp_path, "-c", f"{imports}\nset_tracing_disabled(True)\n{as_program(code)}")
    (row,) = open_store(tmp_path / "home").list(ThreadQuery()).threads

    assert ("What did we decide?", "chat with Ann") == (row.preview, row.name)


@with_pydantic_ai
def test_the_how_to_of_pydantic_ai_runs(tmp_path: Path) -> None:
    """As it stands: it uses the SDK's test model."""
    program(tmp_path, "-c", f"import asyncio\n{as_program(blocks('pydantic-ai.md'))}")
    (row,) = open_store(tmp_path / "home").list(ThreadQuery()).threads

    assert ("What did we decide?", "chat with Ann") == (row.preview, row.name)


def blocks(document: str) -> str:
    """The Python of a how-to."""
    text = (ROOT / "docs" / "howto" / document).read_text(encoding="utf-8")
    found = [part.partition("```")[0] for part in text.split("```py\n")[1:]]
    return "\n".join(found)


def as_program(code: str) -> str:
    """Code with ``await`` at its top level, as a program."""
    return f"async def main():\n{textwrap.indent(code, '    ')}\nasyncio.run(main())"
