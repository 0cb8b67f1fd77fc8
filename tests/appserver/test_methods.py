"""The table of methods."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

import pytest

from appserver_words import BOTH
from rollout.appserver.methods import HOMES, find

if TYPE_CHECKING:
    from rollout.appserver.levels import Level


@pytest.mark.parametrize("level", BOTH)
def test_every_method_is_in_the_table(level: Level) -> None:
    """What a module has can be called by its name."""
    modules = {home for homes in HOMES.values() for home in homes}
    methods = {
        name: method
        for module in sorted(modules)
        for name, method in import_module(f"rollout.appserver.methods.{module}").methods(level).items()
    }

    assert methods == {name: find(level, name) for name in methods}


def test_every_name_in_the_table_is_a_method_of_some_level() -> None:
    """The table promises nothing that is not there."""
    assert [] == [name for name in HOMES if all(find(level, name) is None for level in BOTH)]
