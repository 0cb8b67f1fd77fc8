from __future__ import annotations

import ast
import doctest
import importlib
import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING, NamedTuple

import pytest

from rollout.codec import decode

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
EXECUTED = ("README.md", "docs/tutorial.md")
SAME = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
OTHER_MACHINES = re.compile(r"(?<![\w.~-])/(?:root|work|Users|home/(?!dev\b))[/\w]*")
COMMAND = re.compile(r"(?m)^\s*(?:\$ )?rollout ([a-z][a-z-]+)\b|`rollout ([a-z][a-z-]+)\b[^`]*`")
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


class Block(NamedTuple):
    """A fenced block: the words behind the fence, and its text."""

    words: tuple[str, ...]
    text: str


def documents() -> list[str]:
    """Every document of the repository, relative to its root."""
    found = [name for name in sorted(os.listdir(ROOT)) if name.endswith(".md")]
    for place, folders, names in os.walk(os.path.join(ROOT, "docs")):
        folders.sort()
        found += [os.path.relpath(os.path.join(place, name), ROOT) for name in sorted(names) if name.endswith(".md")]
    return found


def read(document: str) -> str:
    """The text of a document."""
    with open(os.path.join(ROOT, document), encoding="utf-8") as file:
        return file.read()


def blocks(text: str) -> Iterator[Block]:
    """The fenced blocks of a text."""
    for fence in re.finditer(r"(?ms)^```([^\n]*)\n(.*?)^```$", text):
        yield Block(tuple(fence[1].split()), fence[2])


def without_blocks(text: str) -> str:
    """A text without its fenced blocks."""
    return re.sub(r"(?ms)^```.*?^```$", "", text)


def anchors(text: str) -> set[str]:
    """The anchors that a reader of Markdown makes of headings."""
    headings = re.findall(r"(?m)^#+ (.*)$", without_blocks(text))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def target_of(document: str, link: str) -> tuple[str, str]:
    """The file that a link leads to, and the anchor in it."""
    path, _, anchor = link.partition("#")
    return os.path.normpath(os.path.join(os.path.dirname(document), path)) if path else document, anchor


def broken_links(document: str) -> Iterator[str]:
    """The relative links that lead nowhere, and why."""
    for link in LINK.findall(without_blocks(read(document))):
        if "://" in link:
            continue
        target, anchor = target_of(document, link)
        if not os.path.exists(os.path.join(ROOT, target)):
            yield f"{link}: no such file"
        elif anchor and target.endswith(".md") and anchor not in anchors(read(target)):
            yield f"{link}: no such heading"


def run_script(folder: Path, block: Block) -> str:
    """Run a block as a program, under the name behind its fence if it has one; what it printed."""
    name = block.words[1] if len(block.words) > 1 else "block.py"
    (folder / name).write_text(block.text, encoding="utf-8")
    environment = {**os.environ, "ROLLOUT_HOME": str(folder / "home"), "XDG_CACHE_HOME": str(folder / "cache")}
    environment["PYTHONPATH"] = os.path.join(ROOT, "src")
    run = subprocess.run(
        [sys.executable, "-W", "error", name], cwd=folder, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert not run.returncode, f"{block.text}\n{run.stdout}\n{run.stderr}"
    return run.stdout


@pytest.mark.parametrize("document", EXECUTED)
def test_code_in_documents_runs_and_prints_what_they_say(document: str, tmp_path: Path) -> None:
    """Every block of Python runs, in order; an ``output`` block behind it is what it prints."""
    printed, ran = "", 0
    for block in blocks(read(document)):
        if block.words[:1] == ("python",):
            printed = run_script(tmp_path, block)
            ran += 1
        elif block.words[:1] == ("output",):
            assert doctest.OutputChecker().check_output(block.text, printed, SAME), f"{block.text}\nbut it was:\n{printed}"

    assert ran


@pytest.mark.parametrize("document", documents())
def test_code_in_documents_names_what_there_is(document: str) -> None:
    """Every block of Python is Python, and what it imports from this library can be had."""
    trees = [ast.parse(block.text) for block in blocks(read(document)) if block.words[:1] == ("python",)]

    assert [name for tree in trees for name in missing_names(tree)] == []


def missing_names(tree: ast.Module) -> Iterator[str]:
    """What a program imports from rollout and rollout does not have."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("rollout"):
            module = importlib.import_module(node.module or "")
            yield from (f"{node.module}.{alias.name}" for alias in node.names if not hasattr(module, alias.name))


@pytest.mark.parametrize("document", documents())
def test_links_lead_somewhere(document: str) -> None:
    """Every relative link leads to a file, and to a heading in it."""
    assert list(broken_links(document)) == []


@pytest.mark.parametrize("document", documents())
def test_documents_name_no_machine(document: str) -> None:
    """No document holds a path of somebody's machine; examples live in /home/dev."""
    assert OTHER_MACHINES.findall(read(document)) == []


def test_commands_in_documents_exist() -> None:
    """Every ``rollout`` command that a document names has a --help."""
    named = {one or other for document in documents() for one, other in COMMAND.findall(read(document))}

    assert [name for name in sorted(named) if not has_help(name)] == []


def has_help(command: str) -> bool:
    """Whether the program knows a command."""
    program = [sys.executable, "-c", "from rollout.cli.main import entry; entry()", command, "--help"]
    environment = {**os.environ, "PYTHONPATH": os.path.join(ROOT, "src")}
    return subprocess.run(program, capture_output=True, env=environment, timeout=30, check=False).returncode == 0


def test_every_decision_is_in_the_table() -> None:
    """The overview of decisions names each file."""
    files = {name for name in os.listdir(os.path.join(ROOT, "docs/decisions")) if name != "README.md"}

    assert files == {link for link in LINK.findall(read("docs/decisions/README.md")) if "/" not in link}


def test_the_worked_example_of_the_format_is_exact() -> None:
    """Offsets, lengths and types in the table are those of the example's bytes."""
    text = read("docs/design/format.md")
    (example,) = (block.text.encode() for block in blocks(text) if block.words == ("jsonl", "example"))
    rows, offset = [], 0
    for n, line in enumerate(example.splitlines(keepends=True)):
        rows.append((str(n), str(offset), str(len(line)), decode(line).type))
        offset += len(line)

    assert rows == re.findall(r"(?m)^\| (\d+) \| (\d+) \| (\d+) \| (\w+) \|$", text)
    assert f"The file is {offset} bytes long" in text
