"""The facts of a thread, folded from its lines: THE place where facts are derived.

``fold`` takes lines as plain mappings (``json.loads`` of a line), so that listing needs no JSON library
beyond the interpreter's. Rules: spec state-and-protocol 3.1; where versions differ, see
docs/reference/compatibility.md.
"""

from __future__ import annotations

from typing import Any

from rollout.boundaries import is_user_turn, message_text, strip_marker, user_texts
from rollout.sources import source_key, spawn_of

Json = Any


class Summary:
    """What is known of one rollout; absent facts are None or empty.

    Times are the texts that stand in the file. ``preview`` is the first thing a person asked, whole.
    ``partial`` is set by whoever folds only a part of the lines: then an absent fact may still come.
    """

    __slots__ = (
        "active_at", "agent_nickname", "agent_path", "agent_role", "approval_policy", "base_instructions",
        "cli_version", "created_at", "cwd", "effort", "era", "first_user_message", "forked_from_id", "git",
        "has_meta", "has_user_event", "history_base", "history_mode", "id", "last_cwd", "lines", "memory_mode",
        "model", "model_provider", "originator", "parent_id", "partial", "preview", "sandbox_policy", "session_id", "source",
        "thread_source", "title", "tokens",
    )  # fmt: skip

    def __init__(self) -> None:
        """Nothing is known yet."""
        self.id: str | None = None
        self.session_id: str | None = None
        self.forked_from_id: str | None = None
        self.parent_id: str | None = None
        self.created_at: str | None = None
        self.active_at: str | None = None
        self.cwd: str | None = None
        self.last_cwd: str | None = None
        self.originator: str | None = None
        self.cli_version: str | None = None
        self.source: Json = None
        self.thread_source: str | None = None
        self.agent_nickname: str | None = None
        self.agent_role: str | None = None
        self.agent_path: str | None = None
        self.model_provider: str | None = None
        self.base_instructions: Json = None
        self.git: dict[str, Json] | None = None
        self.history_mode: str | None = None
        self.history_base: dict[str, Json] | None = None
        self.memory_mode: str | None = None
        self.model: str | None = None
        self.effort: str | None = None
        self.approval_policy: Json = None
        self.sandbox_policy: Json = None
        self.preview = ""
        self.first_user_message = ""
        self.title = ""
        self.tokens = 0
        self.era = "legacy"
        self.has_meta = False
        self.has_user_event = False
        self.lines = 0
        self.partial = False

    @property
    def source_key(self) -> str:
        """The source by its key; a thread without one counts as ``vscode`` (spec 2.4)."""
        return source_key("vscode" if self.source is None else self.source)


def fold(summary: Summary, line: dict[str, Json]) -> Summary:
    """Take one line into the summary, in file order; the same summary is returned.

    Fold every line, or any part of them in order: facts only ever come from the lines given.
    """
    summary.lines += 1
    if isinstance(timestamp := line.get("timestamp"), str) and timestamp:
        summary.active_at = timestamp
    payload = line.get("payload")
    if not isinstance(payload, dict):
        _fold_bare(summary, line)
        return summary
    if summary.era == "bare" and not summary.has_meta:
        summary.era = "legacy"  # what stood before was foreign, not the beginning of a bare file
    if "ordinal" in line:
        summary.era = "paginated"
    folder = _FOLDERS.get(str(line.get("type")))
    if folder is not None:
        folder(summary, payload)
    return summary


def _fold_meta(summary: Summary, meta: dict[str, Json]) -> None:
    """The first one names the thread; later ones count only when they bear the same id (spec 10.8)."""
    if summary.has_meta:
        if meta.get("id") == summary.id:
            _refresh_meta(summary, meta)
        return
    summary.has_meta = True
    spawn = spawn_of(meta.get("source"))
    summary.id = _text(meta.get("id"))
    summary.created_at = _text(meta.get("timestamp"))
    summary.source = meta.get("source")
    summary.parent_id = _text(meta.get("parent_thread_id")) or _text(spawn.get("parent_thread_id"))
    for name in ("agent_nickname", "agent_role", "agent_path"):
        setattr(summary, name, _text(meta.get(name)) or (_text(spawn.get(name)) if spawn else None))
    for name in ("session_id", "forked_from_id", "originator", "thread_source", "history_mode", "memory_mode"):
        setattr(summary, name, _text(meta.get(name)))
    summary.base_instructions = meta.get("base_instructions")
    base = meta.get("history_base")
    summary.history_base = base if isinstance(base, dict) else None
    _refresh_meta(summary, meta)


def _refresh_meta(summary: Summary, meta: dict[str, Json]) -> None:
    summary.cwd = _text(meta.get("cwd")) or summary.cwd
    summary.cli_version = _text(meta.get("cli_version")) or summary.cli_version
    summary.model_provider = _text(meta.get("model_provider")) or summary.model_provider
    if isinstance(git := meta.get("git"), dict):
        summary.git = git


def _fold_turn_context(summary: Summary, context: dict[str, Json]) -> None:
    cwd = _text(context.get("cwd"))
    summary.last_cwd = cwd or summary.last_cwd
    summary.cwd = summary.cwd or cwd
    summary.model = _text(context.get("model")) or summary.model
    summary.effort = _text(context.get("effort"))
    summary.approval_policy = context.get("approval_policy")
    summary.sandbox_policy = context.get("sandbox_policy")


def _fold_response_item(summary: Summary, item: dict[str, Json]) -> None:
    """Only for bare files, which have no events: the first real user message is what was asked."""
    if summary.era == "bare" and is_user_turn(item):
        _take_user_text(summary, message_text(item), has_image="input_image" in str(item.get("content")))


def fold_question(summary: Summary, line: dict[str, Json]) -> None:
    """Take what was asked first from the message to the model, where the event that tells it lies too far behind."""
    item = line.get("payload")
    if not summary.title and line.get("type") == "response_item" and isinstance(item, dict) and is_user_turn(item):
        _take_user_text(summary, "".join(user_texts(item)), has_image="input_image" in str(item.get("content")))


def _fold_event(summary: Summary, event: dict[str, Json]) -> None:
    kind = event.get("type")
    if kind == "user_message":
        has_image = bool(event.get("images")) or bool(event.get("local_images"))
        _take_user_text(summary, _text(event.get("message")) or "", has_image=has_image)
    elif kind == "token_count":
        _take_tokens(summary, event.get("info"))
    elif kind == "item_completed":
        _take_turn_item(summary, event.get("item"))
    elif kind == "thread_goal_updated":
        goal = event.get("goal")
        summary.preview = (
            summary.preview or (_text(goal.get("objective")) or "" if isinstance(goal, dict) else "").strip()
        )


def _take_user_text(summary: Summary, message: str, *, has_image: bool) -> None:
    summary.has_user_event = True
    text = strip_marker(message)
    shown = text or ("[Image]" if has_image else "")
    summary.first_user_message = summary.first_user_message or shown
    summary.preview = summary.preview or shown
    summary.title = summary.title or text


def _take_turn_item(summary: Summary, item: Json) -> None:
    """A paginated file tells what a person typed as a completed UserMessage item."""
    if not isinstance(item, dict) or item.get("type") != "UserMessage":
        return
    content = item.get("content")
    parts = [part for part in content if isinstance(part, dict)] if isinstance(content, list) else []
    text = "".join(_text(part.get("text")) or "" for part in parts)
    _take_user_text(summary, text, has_image=any("mage" in str(part.get("type")) for part in parts))


def _take_tokens(summary: Summary, info: Json) -> None:
    total = info.get("total_token_usage") if isinstance(info, dict) else None
    tokens = total.get("total_tokens") if isinstance(total, dict) else None
    if isinstance(tokens, int):
        summary.tokens = max(0, tokens)


def _fold_bare(summary: Summary, line: dict[str, Json]) -> None:
    """A line of the bare files of 2025: a header without type, or a naked response item."""
    if "type" not in line and isinstance(line.get("id"), str) and not summary.has_meta:
        summary.era = "bare"
        _fold_meta(summary, line)
    elif isinstance(line.get("type"), str) and "timestamp" not in line:
        summary.era = "bare" if summary.has_meta is False or summary.era == "bare" else summary.era
        _fold_response_item(summary, line)


def _text(value: Json) -> str | None:
    return value if isinstance(value, str) and value else None


_FOLDERS = {
    "session_meta": _fold_meta,
    "turn_context": _fold_turn_context,
    "event_msg": _fold_event,
    "response_item": _fold_response_item,
}
