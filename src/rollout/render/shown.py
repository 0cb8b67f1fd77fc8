"""What the renderers share: the entry, and how a value of a thread becomes its text (not yet terminal-safe)."""

from __future__ import annotations

import json
import shlex
from typing import Any, NamedTuple

from rollout.lines import Position

Json = Any
_SHELLS = ("bash", "sh", "zsh")
_IMAGE_LABELS = ("<image>", "<image name=", "</image>")  # they stand around an image for the model's sake
_IMAGES = frozenset({"input_image", "image", "local_image", "image_url"})


class Entry(NamedTuple):
    """One thing that a person reads.

    ``kind`` is one of: header user agent reasoning context call output patch plan compaction rollback abort
    error review note other. ``text`` is its body and ``title`` its one-line name, both exactly as they stand in
    the thread: make them safe before a terminal sees them. ``carrier`` tells twins apart: the model's item or
    the event for clients. ``n`` is -1 where the number of the line is unknown. ``exit_code`` and ``seconds`` tell how a
    command ended; None where only its output may tell (``rollout.render.outcome``). ``images`` are
    addresses, as they stand in the thread: none may be fetched.
    """

    kind: str
    text: str = ""
    title: str = ""
    call_id: str = ""
    turns: int = 0
    carrier: str = ""
    n: int = -1
    timestamp: str = ""
    position: Position = Position(0, 0)
    exit_code: int | None = None
    seconds: float | None = None
    images: tuple[str, ...] = ()


def text_in(mapping: Json, *names: str) -> str:
    """The first of these fields that is a text with something in it, else ""."""
    if isinstance(mapping, dict):
        for name in names:
            value = mapping.get(name)
            if isinstance(value, str) and value:
                return value
    return ""


def text_of(content: Json) -> str:
    """The text of a message's content, an output or an error: a text, a list of parts, or anything else as JSON."""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return "\n".join(filter(None, map(part_text, content)))
    return "" if content is None else compact(content)


def part_text(part: Json) -> str:
    """The text of one part; what is no text is told in brackets."""
    if isinstance(part, str):
        return part
    if not isinstance(part, dict):
        return compact(part)
    kind, text = text_in(part, "type"), text_in(part, "text")
    if kind in _IMAGES:
        return f"[image {_image_name(part)}]"
    if text.startswith(_IMAGE_LABELS):
        return ""
    return text or ("" if "text" in part else f"[{kind} {text_in(part, 'path', 'name') or compact(part)}]")


def images_of(content: Json) -> tuple[str, ...]:
    """The addresses of the images in a message's content or an output."""
    parts = content if isinstance(content, list) else ()
    found = (part for part in parts if isinstance(part, dict) and part.get("type") in _IMAGES)
    return tuple(filter(None, (text_in(part, "image_url", "url") for part in found)))


def _image_name(part: dict[str, Json]) -> str:
    where = text_in(part, "path", "image_url", "url")
    kind, comma, data = where.partition(",")
    return f"{kind.removeprefix('data:')}, {len(data)} characters" if comma and kind.startswith("data:") else where


def compact(value: Json) -> str:
    """A value as JSON on one line."""
    return json.dumps(value, ensure_ascii=False, separators=(", ", ": "), default=str)


def command_text(command: Json) -> str:
    """A command as one would type it: the script of ``bash -lc``, else the words quoted."""
    if isinstance(command, str):
        return command
    if not isinstance(command, list):
        return compact(command)
    words = [str(word) for word in command]
    if len(words) == 3 and words[0].rpartition("/")[2] in _SHELLS and words[1] in ("-c", "-lc"):
        return words[2]
    return shlex.join(words)
