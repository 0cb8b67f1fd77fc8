"""The first line of a fork, in each era: what it inherits from its source and what is its own."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from msgspec import UNSET, Raw

from rollout.codec import encode, timestamp_text, to_object
from rollout.items import SessionMeta, encoder
from rollout.lifecycle.segment import Moment, meta_line
from rollout.recording import CreateParams

if TYPE_CHECKING:
    from rollout.ids import ThreadId
    from rollout.lifecycle.outline import Fields, Outline
    from rollout.lifecycle.segment import Base
    from rollout.recording import Options

_NULL = Raw(b"null")
_NOT_INHERITED = frozenset({
    "agent_nickname", "agent_path", "agent_role", "forked_from_ordinal_exclusive", "git", "history_base",
    "parent_thread_id", "subagent_history_start_ordinal", "thread_source",
})  # fmt: skip


def _our_version() -> str:
    return CreateParams(cwd="/").cli_version


@dataclass(frozen=True, slots=True, kw_only=True)
class ForkParams:
    """What to fork, and what the fork says of itself.

    ``keep_turns``: only so many user turns, None for all; more than there are means all. A last turn that has no
    end is left out of a whole fork, unless ``keep_unfinished``. ``name``: None gives the fork the name of its
    source, "" none. ``cwd``: None is that of the source.
    """

    keep_turns: int | None = None
    keep_unfinished: bool = False
    portable: bool = False
    name: str | None = None
    cwd: str | None = None
    originator: str = "rollout"
    cli_version: str = field(default_factory=_our_version)
    source: Any = "cli"


class ForkMeta:
    """Writes the first line of one fork of one source."""

    def __init__(self, source: ThreadId, outline: Outline, params: ForkParams, options: Options) -> None:
        """``outline`` is that of the source."""
        self._source, self._outline, self._params, self._options = source, outline, params, options
        self._about: Fields = outline.metas.get(max(outline.metas, default=0), {})

    def line(self, moment: Moment, base: Base | None = None) -> bytes:
        """The line; ``base``: what a paginated fork inherits by reference."""
        if self._outline.era == "paginated":
            return self._paginated(moment, base)
        return self._bare(moment) if self._outline.era == "bare" else self._legacy(moment)

    def _cwd(self) -> str:
        told = to_object(self._about.get("cwd", _NULL))
        return os.path.abspath(self._params.cwd or (told if isinstance(told, str) else "") or os.getcwd())

    def _legacy(self, moment: Moment) -> bytes:
        """The session's own facts are those of now (spec: rollout-format 7.3), instructions and tools are kept (5.3)."""
        cwd, inherited = self._cwd(), self._outline.inherited
        meta = SessionMeta(
            id=moment.new_id,
            forked_from_id=self._source,
            timestamp=timestamp_text(moment.unix_ms),
            cwd=cwd,
            originator=self._params.originator,
            cli_version=self._params.cli_version,
            source=self._params.source,
            base_instructions=inherited.get("base_instructions"),
            dynamic_tools=inherited.get("dynamic_tools", UNSET),
            git=self._options.collect_git(cwd) or UNSET,
        )
        fields = {**_fields_of(meta), "model_provider": self._about.get("model_provider", _NULL)}
        return encode("session_meta", encoder.encode(fields), timestamp_text(moment.unix_ms))

    def _bare(self, moment: Moment) -> bytes:
        """A header like the source's."""
        own = {"id": moment.new_id, "forked_from_id": self._source, "timestamp": timestamp_text(moment.unix_ms)}
        return encoder.encode({**own, **{name: self._about[name] for name in self._about if name not in own}}) + b"\n"

    def _paginated(self, moment: Moment, base: Base | None) -> bytes:
        """Everything that the source says, but for what is the fork's own."""
        fields: dict[str, Any] = {name: value for name, value in self._about.items() if name not in _NOT_INHERITED}
        if self._params.cwd is not None:
            fields.pop("runtime_workspace_roots", None)
        cwd = self._cwd()
        own = {
            "session_id": moment.new_id,
            "id": moment.new_id,
            "forked_from_id": self._source,
            "forked_from_ordinal_exclusive": base.end_ordinal_exclusive if base else None,
            "cwd": cwd,
            "originator": self._params.originator,
            "cli_version": self._params.cli_version,
            "source": self._params.source,
            "history_mode": "paginated",
            "history_base": base,
            "context_window": {"window_id": Moment.now(self._options).new_id},
            "git": self._options.collect_git(cwd),
        }
        fields |= {name: value for name, value in own.items() if value is not None}
        return meta_line(_in_order(fields), moment, base.end_ordinal_exclusive if base else 0)


def _fields_of(meta: SessionMeta) -> dict[str, Any]:
    values = ((name, getattr(meta, name)) for name in SessionMeta.__struct_fields__)
    return {name: value for name, value in values if value is not UNSET}


def _in_order(fields: dict[str, Any]) -> dict[str, Any]:
    """The fields in the order in which Codex writes them, those that nobody knows last."""
    known = {name: fields[name] for name in SessionMeta.__struct_fields__ if name in fields}
    return {**known, **fields}
