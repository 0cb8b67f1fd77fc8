"""What a home's ``config.toml`` says that a store must know; it is read, never written.

A file that cannot be read means Codex's defaults, as it does there, and one line in ``warning``.
"""

from __future__ import annotations

import os
from typing import Any

from rollout.tuples import NamedTuple

DEFAULT_PROVIDER = "openai"


class Config(NamedTuple):
    """What counts here of a home's settings.

    ``model_provider`` is what a thread without one counts as, ``model_providers`` are those that are set up,
    ``sqlite_home`` is where Codex's databases lie (None: in the home).
    """

    model_provider: str = DEFAULT_PROVIDER
    model_providers: tuple[str, ...] = ()
    sqlite_home: str | None = None
    warning: str | None = None


def read_config(home: str) -> Config:
    """Read ``config.toml``; a missing one means the defaults, an unreadable one also a warning."""
    import tomllib  # noqa: PLC0415 - most commands never ask

    path = os.path.join(home, "config.toml")
    try:
        with open(path, "rb") as file:
            return _config(tomllib.load(file))
    except FileNotFoundError:
        return Config()
    except (OSError, ValueError, RecursionError) as error:
        return Config(warning=f"{path} cannot be read, its defaults are used: {' '.join(str(error).split())}")


def _config(table: dict[str, Any]) -> Config:
    provider, providers, databases = (table.get(key) for key in ("model_provider", "model_providers", "sqlite_home"))
    return Config(
        provider if isinstance(provider, str) and provider else DEFAULT_PROVIDER,
        tuple(providers) if isinstance(providers, dict) else (),
        databases if isinstance(databases, str) and databases else None,
    )
