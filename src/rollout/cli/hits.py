"""Hits of a search as lines for a person, as plain lines for a pipe, and as JSON."""

from __future__ import annotations

import shlex
import time
from typing import TYPE_CHECKING, Any

from rollout.cli.output import Document, to_json
from rollout.cli.rows import thread_object
from rollout.cli.table import unique_length
from rollout.render.naming import ago, title
from rollout.render.safe import fit, safe, safe_line, width

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterable, Iterator

    from rollout.cli.output import Output
    from rollout.query import Thread
    from rollout.store.base import Hit, SearchPage

_INDENT = "    "
_LEAD = 24


def write_json(pages: Iterable[SearchPage], args: Namespace, out: Output) -> None:
    """Write ``rollout.search/1``: hits as they come, then the threads that they are in."""
    last: list[SearchPage] = []
    threads: dict[str, Thread] = {}

    def hits() -> Iterator[bytes]:
        for page in pages:
            last[:] = [page]
            threads.update({thread.id: thread for thread in page.threads})
            yield from (to_json(_hit_object(hit, args)) for hit in page.hits)

    document = Document(out, "rollout.search/1")
    document.array("hits", hits())
    document.array("threads", (to_json(thread_object(thread)) for thread in threads.values()))
    document.member("nextCursor", str(last[0].next) if last[0].next else None)
    document.member("complete", last[0].complete)
    document.member("note", last[0].note or None)
    document.end()


def _hit_object(hit: Hit, args: Namespace) -> dict[str, Any]:
    score = {"score": hit.score} if args.ranked else {}
    return {
        "threadId": hit.thread_id,
        "n": hit.n,
        "turn": hit.turn,
        "role": hit.role,
        "timestamp": hit.timestamp,
        "position": {"segment": hit.position.segment, "offset": hit.position.offset},
        "snippet": hit.snippet,
        "match": {"start": hit.at, "length": hit.length},
        **score,
        "open": command(hit.thread_id, hit.n, args),
    }


def command(thread_id: str, n: int, args: Namespace) -> str:
    """What opens a thread at a line, as one would type it."""
    home = f" --home {shlex.quote(args.home)}" if args.home else ""
    if args.store:
        from rollout.store.postgres.target import without_secrets  # noqa: PLC0415 - a home needs none of it

        home = f" --store {shlex.quote(without_secrets(args.store))}"
    return f"rollout show{home} {thread_id} --from {max(0, n)}"


def write_text(pages: Iterable[SearchPage], args: Namespace, out: Output) -> None:
    """Write hits: by thread on a terminal, one a line into a pipe; notes follow on standard error."""
    found = 0
    page: SearchPage | None = None
    form = _Form(args, out)
    for page in pages:
        found += len(page.hits)
        for line in form.lines(page) if out.is_terminal else (plain_line(hit, args) for hit in page.hits):
            out.write(line)
    out.flush()
    if page is None:
        return
    if not found and args.text.strip():
        narrow = not (args.prefix or args.words or args.regex)
        out.note("nothing found" + ("; --prefix, --words and --regex look wider" if narrow else ""))
    if page.next:
        out.note(f"next page: --cursor '{page.next}', all: --limit 0")
    if page.note:
        out.note(page.note)


def plain_line(hit: Hit, args: Namespace) -> str:
    """One hit as tab-separated fields: id, line, turn, role, time, text, command."""
    facts = (hit.thread_id, str(hit.n), str(hit.turn), hit.role, safe_line(hit.timestamp), safe_line(hit.snippet))
    return "\t".join((*facts, command(hit.thread_id, hit.n, args))) + "\n"


class _Form:
    """Lays out hits for a terminal: a heading for each thread, two lines for each hit."""

    def __init__(self, args: Namespace, out: Output) -> None:
        self._args, self._out = args, out
        self._now_ms = time.time_ns() // 1_000_000
        self._heading = ""

    def lines(self, page: SearchPage) -> Iterator[str]:
        threads: dict[str, Thread] = {thread.id: thread for thread in page.threads}
        short = unique_length(list(threads))
        for hit in page.hits:
            if hit.thread_id != self._heading:
                gap = "\n" if self._heading else ""
                self._heading = hit.thread_id
                yield gap + self._head(threads[hit.thread_id], short)
            yield from self._hit(hit, short)

    def _head(self, thread: Thread, short: int) -> str:
        when = ago(thread.active_ms, self._now_ms)
        told = f"{thread.id[:short]}  {when}  {safe_line(thread.summary.cwd or '?')}  {title(thread)}"
        return self._paint("1", fit(told, self._out.width)) + "\n"

    def _hit(self, hit: Hit, short: int) -> Iterator[str]:
        turn = f", turn {hit.turn}" if hit.turn > 0 else ""
        facts = f"  {hit.role}{turn}, {safe_line(hit.timestamp)[:16].replace('T', ' ')}"
        opens = command(hit.thread_id[:short], hit.n, self._args)
        yield facts + "  " + self._paint("2", opens) + "\n"
        yield _INDENT + self._text(hit, self._out.width - len(_INDENT)) + "\n"

    def _text(self, hit: Hit, columns: int) -> str:
        """The words around the match, which is always to be seen."""
        before, match = safe(hit.snippet[: hit.at]), safe(hit.snippet[hit.at : hit.at + hit.length])
        after = safe(hit.snippet[hit.at + hit.length :])
        if width(before + match + after) > columns and len(before) > _LEAD:
            before = "…" + before[-_LEAD:]
        match = fit(match, max(1, columns - width(before)))
        left = columns - width(before) - width(match)
        return before + self._paint("1;33", match) + (fit(after, left) if left > 0 else "")

    def _paint(self, code: str, text: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self._out.colour and text else text
