"""What new turns run with: ``config.toml`` of the home, and ``--config key=value`` above it.

Only what answers have to tell is read; keys that are not known here are accepted and passed over, and a file that
cannot be read counts as empty, as it does for Codex.
"""

from __future__ import annotations

import os
from typing import Any, NamedTuple

Table = dict[str, Any]
_SANDBOXES = {"read-only": "readOnly", "workspace-write": "workspaceWrite", "danger-full-access": "dangerFullAccess"}


class Settings(NamedTuple):
    """The settings that a thread begins with, in the words of the wire."""

    model: str = "gpt-5.2-codex"
    model_provider: str = "openai"
    approval_policy: str = "on-request"
    sandbox: str = "read-only"
    effort: str | None = None
    approvals_reviewer: str = "user"
    providers: Table = {}  # noqa: RUF012 - never changed
    instructions: str | None = None
    context_window: int | None = None

    @property
    def provider(self) -> Table:
        """What is set up of the model provider that counts; empty for one that nobody set up."""
        found = self.providers.get(self.model_provider)
        return found if isinstance(found, dict) else {}

    @property
    def sandbox_policy(self) -> Table:
        """The sandbox as answers tell it."""
        return sandbox_on_wire(self.recorded_sandbox)

    @property
    def recorded_sandbox(self) -> Table:
        """The sandbox as files tell it."""
        if self.sandbox != "workspace-write":
            return {"type": self.sandbox}
        flags = ("network_access", "exclude_tmpdir_env_var", "exclude_slash_tmp")
        return {"type": self.sandbox, "writable_roots": [], **dict.fromkeys(flags, False)}


def read_settings(home: str | None, overrides: tuple[str, ...] = ()) -> Settings:
    """The settings of a home (None: of no home), with overrides above them."""
    table = _read(os.path.join(home, "config.toml")) if home else {}
    for override in overrides:
        _override(table, override)
    settings = settings_of(table, Settings())
    path = table.get("model_instructions_file")
    return settings._replace(instructions=_text_of_file(home, path)) if isinstance(path, str) else settings


def settings_of(table: Table, base: Settings) -> Settings:
    """Settings with what a table, whose keys may be dotted, says above those of ``base``."""
    table = _nested(table)
    providers, window = table.get("model_providers"), table.get("model_context_window")
    return Settings(
        model=_text(table.get("model")) or base.model,
        model_provider=_text(table.get("model_provider")) or base.model_provider,
        approval_policy=_text(table.get("approval_policy")) or base.approval_policy,
        sandbox=_text(table.get("sandbox_mode")) or base.sandbox,
        effort=_text(table.get("model_reasoning_effort")) or base.effort,
        approvals_reviewer=_text(table.get("approvals_reviewer")) or base.approvals_reviewer,
        providers={**base.providers, **providers} if isinstance(providers, dict) else base.providers,
        instructions=base.instructions,
        context_window=window if isinstance(window, int) else base.context_window,
    )


def sandbox_on_wire(policy: Any) -> Table:  # noqa: ANN401 - JSON as it comes
    """A sandbox policy of a file as answers tell it."""
    kind = policy.get("type") if isinstance(policy, dict) else None
    told: Table = {"type": _SANDBOXES.get(str(kind), "readOnly")}
    if kind != "workspace-write":
        return told
    flags = {
        "networkAccess": "network_access",
        "excludeTmpdirEnvVar": "exclude_tmpdir_env_var",
        "excludeSlashTmp": "exclude_slash_tmp",
    }
    return {
        **told,
        "writableRoots": list(policy.get("writable_roots") or []),
        **{wire: bool(policy.get(name)) for wire, name in flags.items()},
    }


def _read(path: str) -> Table:
    import tomllib  # noqa: PLC0415 - only who needs it pays for it

    try:
        with open(path, "rb") as file:
            return tomllib.load(file)
    except (OSError, ValueError, RecursionError):
        return {}


def _override(table: Table, override: str) -> None:
    """``a.b=value``: the value is TOML, or a plain text where it is none."""
    import tomllib  # noqa: PLC0415 - only who needs it pays for it

    key, _, text = override.partition("=")
    try:
        value = tomllib.loads(f"value = {text.strip()}")["value"]
    except ValueError:
        value = text.strip()
    _place(table, key, value)


def _nested(table: Table) -> Table:
    """A table without dotted keys."""
    found: Table = {}
    for key, value in table.items():
        _place(found, key, value)
    return found


def _text_of_file(home: str | None, path: str) -> str | None:
    try:
        with open(os.path.join(home or "", path), encoding="utf-8") as file:
            return file.read()
    except (OSError, ValueError):
        return None


def _place(table: Table, key: str, value: object) -> None:
    *path, last = key.strip().split(".")
    for name in path:
        inner = table.setdefault(name, {})
        if not isinstance(inner, dict):
            return
        table = inner
    table[last] = value


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def sandbox_of_wire(policy: Any) -> str | None:  # noqa: ANN401 - JSON as it comes
    """The kind of a sandbox policy on the wire, as files spell it; None for no policy."""
    kind = policy.get("type") if isinstance(policy, dict) else None
    return next((name for name, wire in _SANDBOXES.items() if wire == kind), None)
