"""What ``thread/start``, ``thread/resume`` and ``thread/fork`` answer beside the thread."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rollout.appserver.settings import Settings

Fields = dict[str, Any]


def opened(thread: Fields, settings: Settings, cwd: str, *, later: bool) -> Fields:
    """The thread, and what its next turn runs with."""
    told: Fields = {
        "thread": thread,
        "model": settings.model,
        "modelProvider": settings.model_provider,
        "cwd": cwd,
        "approvalPolicy": settings.approval_policy,
        "sandbox": settings.sandbox_policy,
        "reasoningEffort": settings.effort,
    }
    if not later:
        return told
    return told | {
        "serviceTier": None,
        "disabledPluginIds": [],
        "runtimeWorkspaceRoots": [cwd],
        "instructionSources": instructions(cwd),
        "approvalsReviewer": settings.approvals_reviewer,
        "activePermissionProfile": None,
        "multiAgentMode": "explicitRequestOnly",
    }


def collaboration(settings: Settings) -> Fields:
    """How agent and person work together: there is one way."""
    told = {"model": settings.model, "reasoning_effort": settings.effort, "developer_instructions": None}
    return {"mode": "default", "settings": told}


def instructions(cwd: str) -> list[str]:
    """The file with instructions for agents in a folder, if there is one."""
    path = os.path.join(cwd, "AGENTS.md")
    return [path] if os.path.isfile(path) else []
