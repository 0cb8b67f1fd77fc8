"""Agents by name: those in the box, and those of other modules."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from rollout.appserver.agent import echo
from rollout.appserver.responses.agent import responses

if TYPE_CHECKING:
    from rollout.appserver.agent import Agent


def load(name: str) -> Agent | None:
    """The agent that a name or ``module:factory`` means. Raises ImportError, AttributeError, ValueError."""
    if name == "none":
        return None
    if name == "echo":
        return echo()
    if name == "responses":
        return responses()
    module, colon, factory = name.partition(":")
    if not colon or not module or not factory:
        raise ValueError(f"{name!r} names no agent: it is responses, echo, none, or module:factory")
    made: Agent = getattr(import_module(module), factory)()
    return made
