"""Where a model is asked: what ``config.toml`` sets up of a model provider, read into an address and headers."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, NamedTuple

from rollout.errors import RolloutError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rollout.appserver.settings import Settings

Table = dict[str, Any]
_OPENAI: Table = {"base_url": "https://api.openai.com/v1", "env_key": "OPENAI_API_KEY"}


class ModelError(RolloutError):
    """A model could not be asked, or did not answer to the end."""


class Provider(NamedTuple):
    """Where and how a model is asked. ``retries``: how often once more, as long as nothing was answered."""

    name: str
    url: str
    headers: dict[str, str]
    query: dict[str, str]
    retries: int
    idle_seconds: float


def provider_of(settings: Settings, environ: Mapping[str, str] = os.environ) -> Provider:
    """The provider that settings name. Raises ModelError when it is not set up, or its key is missing."""
    name = settings.model_provider
    table = settings.provider or (_openai(environ) if name == "openai" else {})
    if not table:
        raise ModelError(f"there is no model provider {name!r}; set up [model_providers.{name}] in config.toml")
    if table.get("wire_api", "responses") != "responses":
        raise ModelError(f"model provider {name!r} speaks {table['wire_api']!r}; only 'responses' is known here")
    base = table.get("base_url") or _openai(environ)["base_url"]
    return Provider(
        name,
        f"{str(base).rstrip('/')}/responses",
        _headers(name, table, environ),
        _texts(table.get("query_params")),
        int(table.get("request_max_retries", 4)),
        float(table.get("stream_idle_timeout_ms", 300_000)) / 1000,
    )


def _openai(environ: Mapping[str, str]) -> Table:
    return {**_OPENAI, "base_url": environ.get("OPENAI_BASE_URL") or _OPENAI["base_url"]}


def _headers(name: str, table: Table, environ: Mapping[str, str]) -> dict[str, str]:
    headers = _texts(table.get("http_headers"))
    for header, source in _texts(table.get("env_http_headers")).items():
        if value := environ.get(source):
            headers[header] = value
    key: object = table.get("experimental_bearer_token")
    if variable := table.get("env_key"):
        key = environ.get(str(variable))
        if not key:
            hint = table.get("env_key_instructions") or f"set {variable}"
            raise ModelError(f"the key of model provider {name!r} is missing: {hint}")
    return {**headers, "authorization": f"Bearer {key}"} if key else headers


def _texts(table: Any) -> dict[str, str]:  # noqa: ANN401 - TOML as it comes
    return {str(key): str(value) for key, value in table.items()} if isinstance(table, dict) else {}
