"""What the commands that change threads share: which threads, one answer for each, and what failed.

Standard output has the id of each thread that was done, one a line, so that it can be piped on; what was done
is told in words on standard error, or on a terminal on standard output instead.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, NamedTuple

from rollout.cli.home import find_thread, open_store
from rollout.cli.options import THREAD_HELP
from rollout.cli.output import Document, to_json
from rollout.cli.statuses import DONE, UsageError, message_of, status_of
from rollout.errors import RolloutError
from rollout.render.safe import safe_line

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Callable, Iterable, Iterator

    from rollout.cli.output import Output
    from rollout.ids import ThreadId
    from rollout.lifecycle import CodexNote
    from rollout.store.base import ThreadStore

BULK_HELP = f"{THREAD_HELP}; - reads them from standard input, one a line (what follows a tab is passed over)"


class Answer(NamedTuple):
    """What was done to one thread: the id to pipe on, a sentence for people, facts for ``--json``, and warnings.

    ``told``: what was asked for, where nothing was to be done: it follows the id in a pipe.
    """

    thread_id: str
    text: str
    facts: dict[str, Any]
    warnings: tuple[str, ...] = ()
    told: str | None = None


def add_threads(parser: ArgumentParser) -> None:
    """The threads that a command is about, and ``--dry-run``."""
    parser.add_argument("threads", metavar="ID", nargs="+", help=BULK_HELP)
    add_dry_run(parser)


def add_dry_run(parser: ArgumentParser) -> None:
    """``--dry-run``."""
    parser.add_argument("--dry-run", action="store_true", help="say what would be done, and change nothing")


def add_codex_index(parser: ArgumentParser) -> None:
    """``--leave-codex-index``."""
    parser.add_argument(
        "--leave-codex-index",
        action="store_true",
        help="do not update the thread's row in Codex's state_5.sqlite: Codex 0.169 may then not find the thread",
    )


def on_threads(args: Namespace, out: Output, name: str, work: Callable[[ThreadStore, ThreadId], Answer]) -> int:
    """Do one thing to each thread that is named; a failure is told and the others go on.

    The status is that of the first failure.
    """
    store = open_store(args)
    return on_each(args, out, name, words(args.threads), lambda text: work(store, find_thread(store, text)))


def on_each(args: Namespace, out: Output, name: str, texts: Iterable[str], work: Callable[[str], Answer]) -> int:
    """The same for anything that is named by a text."""
    failures: list[int] = []
    answers = _answers(texts, work, out, failures)
    if args.json:
        document = Document(out, f"rollout.{name}/1")
        document.member("dryRun", bool(args.dry_run))
        document.array("results", (to_json(_facts(answer)) for answer in answers))
        document.end()
    else:
        for answer in answers:
            if isinstance(answer, Answer):
                _tell(answer, out)
    return failures[0] if failures else DONE


def words(given: Iterable[str]) -> Iterator[str]:
    """What was named on the command line; ``-`` stands for the lines of standard input, up to their first tab.

    Raises UsageError at once when that is closed.
    """
    named = list(given)
    lines = input_lines() if "-" in named else iter(())
    read = (line for line in (raw.partition("\t")[0].strip() for raw in lines) if line)
    return (text for one in named for text in (read if one == "-" else (one,)))


def input_lines() -> Iterator[str]:
    """The lines of standard input that are not blank. Raises UsageError at once when it is closed."""
    if sys.stdin is None:
        raise UsageError("- reads standard input, which is closed")
    return (line.rstrip("\n") for line in sys.stdin if line.strip())


def codex_facts(note: CodexNote) -> dict[str, str]:
    """What became of Codex's row, for ``--json``."""
    return {"state": note.state, **({"note": note.note} if note.note else {})}


def codex_warnings(note: CodexNote) -> tuple[str, ...]:
    """What a person must know of Codex's row."""
    return (note.note,) if note.note else ()


def plural(count: int, word: str) -> str:
    """A count with its word."""
    return f"{count} {word}" if count == 1 else f"{count} {word}s"


def _answers(
    texts: Iterable[str], work: Callable[[str], Answer], out: Output, failures: list[int]
) -> Iterator[Answer | dict[str, Any]]:
    """The answers; of what failed, what ``--json`` tells."""
    for text in texts:
        try:
            answer = work(text)
        except (RolloutError, OSError) as error:
            failures.append(status_of(error))
            out.error(f"rollout: {safe_line(message_of(error))}")
            yield {"thread": text, "error": message_of(error), "status": failures[-1]}
            continue
        for warning in answer.warnings:
            out.error(f"rollout: {safe_line(warning)}")
        yield answer


def _facts(answer: Answer | dict[str, Any]) -> dict[str, Any]:
    return {"id": answer.thread_id, **answer.facts, "text": answer.text} if isinstance(answer, Answer) else answer


def _tell(answer: Answer, out: Output) -> None:
    if out.is_terminal:
        out.write(f"{safe_line(answer.text)}\n")
    elif answer.told is not None:
        out.write(f"{answer.thread_id}\t{safe_line(answer.told)}\n")
    else:
        out.write(f"{answer.thread_id}\n")
        out.note(safe_line(answer.text))


def check_one_of(args: Namespace, *names: str) -> None:
    """Raise UsageError when two options that exclude each other are given."""
    given = [name for name in names if getattr(args, name.strip("-").replace("-", "_")) not in (None, False)]
    if len(given) > 1:
        raise UsageError(f"{' and '.join(given)} exclude each other")
