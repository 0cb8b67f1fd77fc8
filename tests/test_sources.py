"""Sources: who started a thread, under one key for every spelling."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from rollout.sources import INTERACTIVE, source_key, source_matches, spawn_of
from rollout.testing.strategies import json_values

SPAWN = {"parent_thread_id": "0194f5a0-7c3e-7b1a-9a55-0c2d1e4f6a7b", "depth": 1, "agent_nickname": None}
KEYS: list[tuple[Any, str]] = [
    ("cli", "cli"),
    ("vscode", "vscode"),
    ("exec", "exec"),
    ("mcp", "mcp"),
    ("unknown", "unknown"),
    ("VSCode", "unknown"),
    ("", "unknown"),
    ({"custom": "atlas"}, "custom:atlas"),
    ({"internal": "memory_consolidation"}, "internal:memory_consolidation"),
    ({"subagent": "review"}, "subagent:review"),
    ({"subagent": "compact"}, "subagent:compact"),
    ({"subagent": "memory_consolidation"}, "subagent:memory_consolidation"),
    ({"subagent": "new_kind"}, "unknown"),
    ({"subagent": {"thread_spawn": SPAWN}}, "subagent:thread_spawn"),
    ({"subagent": {"other": "anything"}}, "subagent:other"),
    ({"subagent": 1}, "unknown"),
    ({"custom": 1}, "unknown"),
    ({"custom": "a", "internal": "b"}, "unknown"),
    (None, "unknown"),
    (7, "unknown"),
    ([], "unknown"),
]


@pytest.mark.parametrize(("source", "expected"), KEYS)
def test_every_source_has_a_key(source: object, expected: str) -> None:
    """What any version writes has its key; what none writes is unknown."""
    assert expected == source_key(source)


@given(json_values)
def test_no_source_breaks_it(source: object) -> None:
    """Any JSON value has a key, and a sub-agent's facts are a mapping."""
    assert source_key(source)
    assert isinstance(spawn_of(source), dict)


def test_a_family_wants_its_members() -> None:
    """A filter names a key, or a family with all that belong to it."""
    assert source_matches("subagent:review", ("subagent",))
    assert source_matches("subagent:review", ("cli", "subagent:review"))
    assert not source_matches("subagent:review", ("subagent:compact", "review"))
    assert source_matches("custom:atlas", INTERACTIVE)
    assert not source_matches("custom:other", INTERACTIVE)


def test_facts_of_a_spawned_agent() -> None:
    """Only a spawned sub-agent has a parent."""
    assert spawn_of({"subagent": {"thread_spawn": SPAWN}}) == SPAWN
    assert spawn_of({"subagent": "review"}) == {}
    assert spawn_of("cli") == {}
