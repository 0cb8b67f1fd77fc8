"""The direction of imports: down the layers, never sideways between siblings, never in a circle."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

import pytest

from support import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SOURCE = ROOT / "src" / "rollout"
LAYERS: dict[str, int] = {
    **dict.fromkeys(
        (
            "errors", "ids", "times", "tuples", "sources", "boundaries", "codec", "items", "lines", "policy", "summary",
            "folders", "history", "initial_history", "labels", "long_lines", "origins", "turns", "usage", "query",
            "search_bytes", "search_match", "search_query", "search_sieve", "search_text", "search_words",
        ),
        0,
    ),
    "journal": 1,
    "store": 2,
    **dict.fromkeys(
        (
            "recording", "recorder", "recorder_sync", "ephemeral", "group_commit", "loop_syncs", "git_info", "loading", "seed", "worktrees",
            "lifecycle", "lineage", "bundle", "verify", "repair", "copying", "moving",
        ),
        3,
    ),
    "render": 4,
    **dict.fromkeys(("appserver", "web", "tui", "adapters"), 5),
    "cli": 6,
    "__main__": 7,
    "__init__": 7,
}  # fmt: skip
SIBLINGS = {name for name, layer in LAYERS.items() if layer == 5}
TESTING_MAY_USE = 3
CONTRACT = ("store.base", "store.changes")
BACKENDS = ("memory", "local", "postgres")


def modules() -> dict[str, Path]:
    """Every module of the package by its name inside it (``store.local.paths``; ``store`` for a package)."""
    found: dict[str, Path] = {}
    for path in sorted(SOURCE.rglob("*.py")):
        parts = path.relative_to(SOURCE).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)] = path
    return found


MODULES = modules()


def imports_of(path: Path) -> Iterator[str]:
    """The modules of the package that a file imports: at the top, inside functions, for type checking."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level:
            yield f"(relative import in line {node.lineno})"
        elif isinstance(node, ast.ImportFrom) and node.module and _is_ours(node.module):
            base = node.module.removeprefix("rollout").removeprefix(".")
            for alias in node.names:
                inner = f"{base}.{alias.name}".removeprefix(".")
                if inner in MODULES or base:
                    yield inner if inner in MODULES else base
        elif isinstance(node, ast.Import):
            yield from (alias.name.removeprefix("rollout.") for alias in node.names if _is_ours(alias.name))


def _is_ours(module: str) -> bool:
    return module == "rollout" or module.startswith("rollout.")


EDGES = {name: sorted(set(imports_of(path))) for name, path in MODULES.items()}


def top(module: str) -> str:
    """The first part of a module's name."""
    return module.partition(".")[0]


def backend(module: str) -> str:
    """Which backend a module of the store belongs to, "" for none."""
    second = module.partition(".")[2]
    return next((one for one in BACKENDS if module.startswith("store.") and second.startswith(one)), "")


def complaint(importer: str, imported: str) -> str | None:
    """Why an import points the wrong way, None when it does not."""
    ours, theirs = top(importer), top(imported)
    if ours == "testing":
        return None if theirs == "testing" or LAYERS[theirs] <= TESTING_MAY_USE else "testing stands beside layer 3"
    if theirs == "testing":
        return "nothing but tests may use testing"
    if LAYERS[theirs] > LAYERS[ours]:
        return f"layer {LAYERS[ours]} must not know layer {LAYERS[theirs]}"
    if ours != theirs and {ours, theirs} <= SIBLINGS:
        return "siblings of layer 5 must not know each other"
    return _within_the_store(importer, imported) if ours == theirs == "store" else None


def _within_the_store(importer: str, imported: str) -> str | None:
    ours, theirs = backend(importer), backend(imported)
    if importer in CONTRACT:
        return None if imported in CONTRACT else "the contract knows no store"
    if theirs and importer != "store" and ours != theirs:
        return "a backend knows itself and the contract, no other backend"
    return "a backend must not know who opens it" if ours and imported == "store" else None


@pytest.mark.parametrize("module", MODULES)
def test_every_module_has_its_layer(module: str) -> None:
    """A module that stands nowhere in the table must be given its layer in the same change."""
    assert top(module) == "testing" or top(module) in LAYERS


@pytest.mark.parametrize("module", MODULES)
def test_imports_point_down(module: str) -> None:
    """No module imports from a layer above it, a sibling, or a backend that is not its own."""
    wrong = {imported: complaint(module, imported) for imported in EDGES[module] if imported != module}

    assert {imported: why for imported, why in wrong.items() if why is not None} == {}


def test_there_are_no_circles() -> None:
    """Following imports, those for type checking included, never leads back."""
    assert circles() == []


def circles() -> list[list[str]]:
    """Every circle that a walk along the imports meets."""
    found: list[list[str]] = []
    done: set[str] = set()

    def walk(module: str, path: list[str]) -> None:
        if module in path:
            found.append([*path[path.index(module) :], module])
        elif module not in done:
            for imported in EDGES.get(module, ()):
                if imported != "__init__":
                    walk(imported, [*path, module])
            done.add(module)

    for module in MODULES:
        walk(module, [])
    return found


@pytest.mark.parametrize(
    ("importer", "imported", "allowed"),
    [
        ("ids", "journal.reader", False),
        ("journal.reader", "codec", True),
        ("journal.reader", "store.base", False),
        ("store.local.store", "journal.writer", True),
        ("store.local.store", "store.base", True),
        ("store.local.store", "store.memory", False),
        ("store.memory", "store.local.paths", False),
        ("store.memory", "store", False),
        ("store.base", "store.memory", False),
        ("store", "store.local.store", True),
        ("recorder", "store.base", True),
        ("store.base", "recorder", False),
        ("web", "appserver.messages", False),
        ("cli.main", "appserver", True),
        ("testing.builders", "render.text", False),
        ("testing.stateful", "store.memory", True),
        ("cli.main", "testing.builders", False),
    ],
)
def test_the_rules_bite(importer: str, imported: str, allowed: bool) -> None:
    """Each rule allows what it should and refuses the rest."""
    assert allowed == (complaint(importer, imported) is None)


def test_testing_needs_no_test_tools() -> None:
    """Only the modules that are about Hypothesis import it, and none imports pytest."""
    tools = {name: _roots(path) & {"hypothesis", "pytest"} for name, path in MODULES.items() if top(name) == "testing"}

    about = {"testing.stateful", "testing.stateful_comparing", "testing.stateful_lifecycle", "testing.strategies"}
    assert about == {name for name, found in tools.items() if found}
    assert {"hypothesis"} == set().union(*tools.values())


def _roots(path: Path) -> set[str]:
    tree = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    names = [node.module for node in tree if isinstance(node, ast.ImportFrom) and node.module]
    plain = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    names += [alias.name for node in plain if isinstance(node, ast.Import) for alias in node.names]
    return {name.partition(".")[0] for name in names}
