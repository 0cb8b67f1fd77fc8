from __future__ import annotations

import inspect
import os
import subprocess
import sys

import pytest

import rollout

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def test_the_facade_is_sorted_and_says_each_name_once() -> None:
    """``__all__`` is in order and without repetition."""
    assert sorted(set(rollout.__all__)) == list(rollout.__all__)


@pytest.mark.parametrize("name", rollout.__all__)
def test_every_public_name_is_there_and_documented(name: str) -> None:
    """Each name of the facade can be had, and its docstring says what it is."""
    found = getattr(rollout, name)

    assert isinstance(found, str) or inspect.getdoc(found)


@pytest.mark.parametrize("name", rollout.__all__)
def test_every_public_name_is_in_the_reference(name: str) -> None:
    """Each name of the facade stands in docs/reference/api.md."""
    with open(os.path.join(ROOT, "docs", "reference", "api.md"), encoding="utf-8") as file:
        assert f"`{name}" in file.read()


def test_the_facade_holds_nothing_else() -> None:
    """``dir(rollout)`` shows the public names, and besides them only modules and dunder names."""
    shown = {name for name in dir(rollout) if not name.startswith("_")}
    others = shown.difference(rollout.__all__)

    assert [name for name in sorted(others) if not inspect.ismodule(getattr(rollout, name))] == []


def test_no_public_name_is_shadowed_by_a_module() -> None:
    """A public name means the same whether a module of that name was imported before or not."""
    asked = (
        "import pkgutil, importlib, inspect, rollout\n"
        "for found in pkgutil.iter_modules(rollout.__path__, 'rollout.'): importlib.import_module(found.name)\n"
        "print([name for name in rollout.__all__ if inspect.ismodule(getattr(rollout, name))])"
    )
    environment = {**os.environ, "PYTHONPATH": os.path.join(ROOT, "src")}
    answer = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, env=environment, check=True)

    assert answer.stdout.strip() == "[]"


def test_an_unknown_name_is_an_attribute_error() -> None:
    """The lazy facade answers for an unknown name as any module does."""
    with pytest.raises(AttributeError, match="no_such_name"):
        rollout.no_such_name  # noqa: B018 - to look it up is the test


def test_importing_the_facade_imports_nothing_heavy() -> None:
    """``import rollout`` alone loads neither asyncio nor msgspec: a command line must start at once."""
    asked = "import sys, rollout; print(*sorted({'asyncio', 'msgspec', 'dataclasses'} & set(sys.modules)))"
    environment = {**os.environ, "PYTHONPATH": os.path.join(ROOT, "src")}
    answer = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, env=environment, check=True)

    assert answer.stdout.strip() == ""
