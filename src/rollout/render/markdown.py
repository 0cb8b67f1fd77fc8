"""A thread as Markdown: an iterator of what the reader found goes in, pieces of text come out, constant memory.

The document is safe to show anywhere: no control character acts, no raw HTML, no image is fetched, and no code
fence is ended by what stands inside.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from rollout.render.markdown_prose import code_span, fenced, parts, tame
from rollout.render.safe import safe, safe_line
from rollout.render.sharing import counted, endings
from rollout.times import parse_ms, to_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from rollout.lines import Found
    from rollout.render.sharing import About, Item, Sharing
    from rollout.render.shown import Entry

_TITLE = 120
_BREAK = re.compile(r"(?<=\S)\n(?=[^\s\-*+>|#\d])")  # not before what begins a block of its own


def markdown(about: About, sharing: Sharing, found: Iterable[Found]) -> Iterator[str]:
    """The document in pieces."""
    yield f"# {_inline(_short(sharing.clean(about.title, count=False))) or 'Thread'}\n\n"
    yield f"Thread {code_span(safe_line(about.thread_id))}"
    yield f", {_clock(about.created_at)} to {_clock(about.active_at)}\n" if about.created_at else "\n"
    dropped = False
    for item in sharing.items(found):
        if item.dropped != dropped:
            dropped = item.dropped
            yield "\n" + _note(
                "What follows was rolled back later: the model no longer sees it."
                if dropped
                else "Here ends what was rolled back."
            )
        yield "\n" + _block(item)
    yield f"\n---\n\nExported by {safe_line(about.made_by)}. {counted(sharing.turns, 'turn')}. "
    yield tame(safe_line(" ".join(endings(sharing)))) + "\n"


def _block(item: Item) -> str:
    entry = item.entry
    if entry.kind == "user":
        return _user(item)
    text = _BLOCKS.get(entry.kind, _other)(entry)
    return _note(f"Output of {code_span(safe_line(item.whose))}:") + "\n" + text if item.whose else text


def _user(item: Item) -> str:
    told = " · ".join(filter(None, [f"Turn {item.turn}", _clock(item.entry.timestamp)]))
    head = f'<a id="turn-{item.turn}"></a>\n\n## {told}\n\n'
    return head + _quoted(_prose(item.entry.text, breaks=True))


def _quoted(text: str) -> str:
    return "".join(f"> {line}".rstrip() + "\n" for line in text.rstrip("\n").split("\n"))


def _prose(text: str, *, breaks: bool = False) -> str:
    """A message with its own code blocks, safe; ``breaks``: its lines stay lines, as a person typed them."""
    told: list[str] = []
    for part in parts(safe(text)):
        prose = "" if part.code else tame(part.text)
        told.append(fenced(part.text, part.language) if part.code else _BREAK.sub("\\\\\n", prose) if breaks else prose)
    return "\n".join(piece.strip("\n") for piece in told) + "\n"


def _note(text: str) -> str:
    return f"*{text}*\n"


def _short(title: str) -> str:
    return title if len(title) <= _TITLE else title[:_TITLE] + "…"


def _inline(text: str) -> str:
    return tame(safe_line(text))


def _clock(timestamp: str) -> str:
    unix_ms = parse_ms(timestamp)
    told = safe_line(timestamp) if unix_ms is None else to_text(unix_ms, millis=False).replace("T", " ")
    return tame(told)


def _header(entry: Entry) -> str:
    return f"{_inline(entry.text)}\n"


def _agent(entry: Entry) -> str:
    return _prose(entry.text)


def _reasoning(entry: Entry) -> str:
    return "*Thought:*\n\n" + _quoted(_prose(entry.text))


def _context(entry: Entry) -> str:
    return f"**{_inline(entry.title) or 'Context'}** (from the program to the model)\n\n" + fenced(safe(entry.text))


def _call(entry: Entry) -> str:
    title, body = safe(entry.title), safe(entry.text)
    if not body and "\n" not in title:
        return fenced(f"$ {title}", "console")
    if not body:
        return "**Command**\n\n" + fenced(title, "sh")
    return f"**{_inline(title)}**\n\n" + fenced(body)


def _output(entry: Entry) -> str:
    told = f" {_inline(entry.title)}" if entry.title else ""
    if not entry.text.strip():
        return f"No output.{told}\n"
    return fenced(safe(entry.text), "text") + (f"\n{told.strip()}\n" if told else "")


def _patch(entry: Entry) -> str:
    return "**Patch**\n\n" + fenced(safe(entry.text), "diff")


def _plan(entry: Entry) -> str:
    return "**Plan**\n\n" + "\n".join(f"- {_inline(line)}" for line in entry.text.split("\n") if line.strip()) + "\n"


def _compaction(entry: Entry) -> str:
    told = entry.text or entry.title
    head = "**Context compacted: the model goes on with a summary.**\n"
    return head + ("\n" + _quoted(_prose(told)) if told else "")


def _rollback(entry: Entry) -> str:
    return f"**Rolled back: the last {counted(entry.turns, 'turn')} before this line no longer count.**\n"


def _abort(entry: Entry) -> str:
    return f"**Turn aborted:** {_inline(entry.text) or 'no reason given'}\n"


def _error(entry: Entry) -> str:
    return "**Error**\n\n" + fenced(safe(entry.text or "an error without a message"), "text")


def _review(entry: Entry) -> str:
    return f"**{_inline(entry.title)}**\n" + ("\n" + _quoted(_prose(entry.text)) if entry.text else "")


def _damage(entry: Entry) -> str:
    return f"**Damage:** {_inline(entry.title)}\n"


def _other(entry: Entry) -> str:
    body = "\n" + fenced(safe(entry.text), "text") if entry.text else ""
    return _note(_inline(entry.title) or entry.kind) + body


_BLOCKS: dict[str, Callable[[Entry], str]] = {
    "header": _header,
    "agent": _agent,
    "reasoning": _reasoning,
    "context": _context,
    "call": _call,
    "output": _output,
    "patch": _patch,
    "plan": _plan,
    "compaction": _compaction,
    "rollback": _rollback,
    "abort": _abort,
    "error": _error,
    "review": _review,
    "damage": _damage,
}


def markdown_index(entries: Iterable[tuple[str, str, str]]) -> Iterator[str]:
    """An index page: for each thread its file, its title and when it was active last."""
    yield "# Threads\n\n| thread | active last | file |\n|---|---|---|\n"
    for file, title, active_at in entries:
        cell = _inline(_short(title)).replace("|", "\\|")
        yield f"| {cell or 'without a title'} | {_clock(active_at)} | [{_inline(file)}](./{file}) |\n"
