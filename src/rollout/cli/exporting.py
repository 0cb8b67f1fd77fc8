"""One thread in one of the formats of ``rollout export``: pieces of bytes, and afterwards what there is to say."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any

from rollout import __version__
from rollout.cli.progress import Progress
from rollout.cli.reading import Reading, reading_of, size_of
from rollout.cli.set_aside import SetAside
from rollout.cli.show_text import dropped_of
from rollout.long_lines import brief
from rollout.render.html_page import html
from rollout.render.jsonl import jsonl
from rollout.render.markdown import markdown
from rollout.render.openai_messages import Messages, messages_json
from rollout.render.otlp import Spans, otlp
from rollout.render.redaction import Redactor, redactor
from rollout.render.sharing import About, Sharing, endings, told_counts
from rollout.store.rows import row_from

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable, Iterable, Iterator

    from rollout.cli.output import Output
    from rollout.ids import ThreadId
    from rollout.lines import Found
    from rollout.store.base import ThreadStore

MADE_BY = f"rollout {__version__}"
READABLE = ("md", "html")
SUFFIXES = {
    "md": ".md", "html": ".html", "json": ".json", "jsonl": ".jsonl", "openai": ".openai.json", "otlp": ".otlp.json",
}  # fmt: skip


class Export:
    """One export of one thread; read ``blocks`` to its end before asking what it met."""

    def __init__(self, store: ThreadStore, thread_id: ThreadId, args: Namespace, out: Output) -> None:
        """Look at the thread's row; nothing of the thread is read yet."""
        self._store, self._out = store, out
        self.thread_id = thread_id
        self._format: str = args.format
        self.about = About.of(row_from(store, thread_id), MADE_BY)
        self._full: bool = args.full
        wanted = args.redact if args.redact is not None else args.format in READABLE
        self.redactor: Redactor | None = redactor() if wanted else None
        to_file = args.output is not None
        self.reading = (
            Reading(Progress(out, "exporting", size_of(store, thread_id)))
            if to_file
            else reading_of(store, thread_id, out)
        )
        self._sharing: Sharing | None = None
        self._messages: Messages | None = None

    def blocks(self) -> Iterator[bytes]:
        """The export in pieces; each is JSON, or text that is safe on a terminal."""
        return _WRITERS[self._format](self)

    def facts(self) -> dict[str, Any]:
        """What was left out or changed, for ``--json``."""
        sharing, found = self._sharing, self.redactor
        return {
            "id": self.thread_id,
            "redacted": told_counts(found) if found else None,
            "rules": found.rules if found else None,
            "hiddenContext": sharing.hidden if sharing else 0,
            "leftOut": dict(self._messages.left_out) if self._messages else {},
            "damaged": self.reading.damaged,
        }

    def notes(self) -> Iterator[str]:
        """The same in sentences."""
        if self._sharing:
            yield from endings(self._sharing)
            return
        if self.redactor:
            told = ", ".join(f"{kind}: {count}" for kind, count in told_counts(self.redactor).items())
            yield f"Redacted ({told or 'nothing'}); looked for with {self.redactor.rules}."
        else:
            yield "Nothing is redacted in this format."
        if self._messages and self._messages.left_out:
            told = ", ".join(f"{count} {kind}" for kind, count in self._messages.left_out.most_common())
            yield f"Without a place in a chat: {told}."

    def markdown(self) -> Iterator[bytes]:
        """For people, as Markdown."""
        return self._readable(markdown)

    def html(self) -> Iterator[bytes]:
        """For people, as a page."""
        return self._readable(html)

    def _readable(self, render: Callable[..., Iterator[str]]) -> Iterator[bytes]:
        dropped = dropped_of(self._store, self.thread_id, self._out)
        self._sharing = Sharing(self.redactor, dropped, full=self._full)
        for piece in render(self.about, self._sharing, brief(self.reading.lines(self._store, self.thread_id))):
            yield piece.encode("utf-8", "backslashreplace")

    def jsonl(self) -> Iterator[bytes]:
        """The lines."""
        return jsonl(self.reading.lines(self._store, self.thread_id))

    def openai(self) -> Iterator[bytes]:
        """The messages."""
        self._messages = Messages(dropped_of(self._store, self.thread_id, self._out))
        messages = self._messages
        return self._json(lambda lines: messages_json(map(self._redacted, messages.messages(lines))))

    def otlp(self) -> Iterator[bytes]:
        """The spans."""
        spans = Spans(self.thread_id, dropped_of(self._store, self.thread_id, self._out))
        return self._json(lambda lines: otlp(map(self._redacted, spans.spans(lines)), __version__))

    def _json(self, made: Callable[[Iterable[Found]], Iterator[bytes]]) -> Iterator[bytes]:
        """JSON that is made of the lines, exact also where they are long; what is cleaned of secrets shows long ones in part."""
        lines = self.reading.lines(self._store, self.thread_id)
        with SetAside() as aside:
            for block in made(brief(lines) if self.redactor else aside.brief(lines)):
                yield from aside.whole(block)

    def _redacted(self, value: Any) -> Any:  # noqa: ANN401 - JSON as it comes
        """A value whose texts have lost their secrets."""
        if self.redactor is None:
            return value
        if isinstance(value, str):
            return self.redactor.redact(value)
        if isinstance(value, list):
            return [self._redacted(one) for one in value]
        return {key: self._redacted(one) for key, one in value.items()} if isinstance(value, dict) else value


_WRITERS: dict[str, Callable[[Export], Iterator[bytes]]] = {
    "md": Export.markdown,
    "html": Export.html,
    "jsonl": Export.jsonl,
    "openai": Export.openai,
    "otlp": Export.otlp,
}


def gzipped(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """Blocks as a gzip file without a name or a time in it."""
    packer = zlib.compressobj(6, zlib.DEFLATED, 31)
    for block in blocks:
        if packed := packer.compress(block):
            yield packed
    yield packer.flush()
