"""``rollout export``: threads as files for people and other programs."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from rollout.bundle import contents_of, write_bundle
from rollout.cli.exporting import MADE_BY, READABLE, SUFFIXES, Export, gzipped
from rollout.cli.home import find_thread, open_store
from rollout.cli.lifecycle import BULK_HELP, words
from rollout.cli.output import Document, to_json
from rollout.cli.progress import Progress
from rollout.cli.statuses import DONE, FINDING, UsageError, message_of, status_of
from rollout.errors import ExistsError, RolloutError, WriteError
from rollout.journal.filesystem import OS
from rollout.journal.whole_file import write_new
from rollout.render.html_page import html_index
from rollout.render.markdown import markdown_index
from rollout.render.safe import safe_line

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Iterable, Iterator

    from rollout.bundle import Contents
    from rollout.cli.output import Output
    from rollout.ids import ThreadId
    from rollout.store.base import ThreadStore

DESCRIPTION = """
Export threads, whole and not cut; in md and html alone, texts in lines of 16 MiB or more tell how much of them is left out.

Formats:
  md      Markdown for people
  html    one page for people that needs nothing else: no script, no network
  json    a bundle: every file, also those that a fork builds on, with exact bytes; rollout import restores it
  jsonl   the lines of the thread as they stand, the bases of a fork included
  openai  the messages array of OpenAI's chat completions
  otlp    OpenTelemetry traces after the conventions for generative AI, in OTLP's JSON

md and html leave out what looks like a secret, and the context that programs put in; both say how much. The other
formats are exact unless --redact is given; json and jsonl always are. Look at what you share: no rule finds every
secret.

Nothing is replaced, files are readable by you alone, and nothing in a thread can act in what is written. Exporting
changes nothing in the home. A damaged thread gives its good lines; the status is then 1.
"""


def options(parser: ArgumentParser) -> None:
    """The options of ``rollout export``."""
    parser.add_argument("threads", metavar="ID", nargs="+", help=BULK_HELP)
    parser.add_argument(
        "--format", choices=tuple(SUFFIXES), help="the format; else what the name of FILE ends in, else md"
    )
    parser.add_argument(
        "-o", "--output", metavar="FILE",
        help="file to write, or folder (it exists, or its name ends in /): a file for each thread and an index page;"
        " a name that ends in .gz is compressed; else standard output",
    )  # fmt: skip
    parser.add_argument("--full", action="store_true", help="md, html: with the context that programs put in")
    parser.add_argument(
        "--redact", action="store_true", default=None, help="openai, otlp: without what looks like a secret"
    )
    parser.add_argument("--no-redact", dest="redact", action="store_false", help="md, html: with secrets")


def run(args: Namespace, out: Output) -> int:
    """Export to standard output, into a file or into a folder."""
    store = open_store(args)
    threads = list(dict.fromkeys(find_thread(store, text) for text in words(args.threads)))
    args.format = args.format or _format_of(args.output)
    if args.output == "-":
        args.output = None
    folder = _is_folder(args.output)
    _check(args, threads, folder=folder)
    if folder:
        return _into_folder(store, threads, args, out)
    if args.format == "json":
        return _bundle(store, threads, args, out)
    return _one(store, threads[0], args, out)


def _format_of(output: str | None) -> str:
    name = (output or "").removesuffix(".gz")
    ends = sorted(SUFFIXES.items(), key=lambda one: -len(one[1]))
    return next((kind for kind, suffix in ends if name.endswith(suffix)), "md")


def _is_folder(output: str | None) -> bool:
    return output is not None and (output.endswith("/") or os.path.isdir(output))


def _check(args: Namespace, threads: list[ThreadId], *, folder: bool) -> None:
    """Raise UsageError for what cannot be done."""
    if not threads:
        raise UsageError("no thread was named; see rollout export --help")
    if len(threads) > 1 and not folder and args.format != "json":
        raise UsageError("several threads go into a folder: -o FOLDER/ (only --format json puts them into one file)")
    if args.redact and args.format in ("json", "jsonl"):
        raise UsageError(f"{args.format} carries exact bytes and cannot be redacted; md, html, openai and otlp can")
    if args.full and args.format not in READABLE:
        raise UsageError("--full goes with md and html; the other formats leave no context out")
    if args.json and args.output is None:
        raise UsageError("--json tells what was written: it goes with -o FILE; a bundle is --format json")


def _one(store: ThreadStore, thread_id: ThreadId, args: Namespace, out: Output) -> int:
    export = Export(store, thread_id, args, out)
    if args.output is None:
        _to_stdout(export.blocks(), args.format, out)
        _say(export.notes(), out)
        return _verdict(export, out)
    _write(args.output, export.blocks())
    _report([{**export.facts(), "path": args.output}], args, out)
    _say(export.notes(), out)
    return _verdict(export, out)


def _bundle(store: ThreadStore, threads: list[ThreadId], args: Namespace, out: Output) -> int:
    contents = contents_of(store, threads)
    total = sum(max(file.segment.bytes, file.segment.data_length) for file in contents.files)
    progress = Progress(out, "exporting", total)
    blocks = _counted(write_bundle(store, contents, MADE_BY), progress)
    if args.output is None:
        _to_stdout(blocks, args.format, out)
    else:
        _write(args.output, blocks)
        _report([_bundle_facts(contents, args.output)], args, out)
    _say(["Nothing is redacted in a bundle."], out)
    for rollout_id in contents.head.missing:
        out.error(f"rollout: rollout {rollout_id}, which a thread builds on, is missing; the bundle is without it")
    return FINDING if contents.head.missing else DONE


def _bundle_facts(contents: Contents, path: str) -> dict[str, Any]:
    return {
        "ids": list(contents.head.threads),
        "files": [file.segment.name for file in contents.files],
        "missing": list(contents.head.missing),
        "path": path,
    }


def _counted(blocks: Iterable[bytes], progress: Progress) -> Iterator[bytes]:
    for block in blocks:
        progress.add(len(block))
        yield block
        del block
    progress.done()


def _into_folder(store: ThreadStore, threads: list[ThreadId], args: Namespace, out: Output) -> int:
    """A file for each thread, and an index page; a thread that fails is told and the others go on."""
    facts: list[dict[str, Any]] = []
    entries: list[tuple[str, str, str]] = []
    statuses: list[int] = []
    index = os.path.join(args.output, "index.html" if args.format == "html" else "index.md")
    if os.path.lexists(index):
        raise ExistsError(f"{index} exists already; nothing was written. Give another folder")
    for thread_id in threads:
        name = thread_id + SUFFIXES[args.format]
        try:
            made, title, active_at, status = _into(store, thread_id, os.path.join(args.output, name), args, out)
        except (RolloutError, OSError) as error:
            statuses.append(status_of(error))
            out.error(f"rollout: {safe_line(message_of(error))}")
            continue
        facts.append(made)
        entries.append((name, title, active_at))
        statuses.append(status)
    pages = html_index(entries) if args.format == "html" else markdown_index(entries)
    _write(index, (page.encode("utf-8", "backslashreplace") for page in pages))
    _report([*facts, {"path": index}], args, out)
    _say(_sums(facts), out)
    return next((status for status in statuses if status), DONE)


def _into(
    store: ThreadStore, thread_id: ThreadId, path: str, args: Namespace, out: Output
) -> tuple[dict[str, Any], str, str, int]:
    export = Export(store, thread_id, args, out)
    title = export.redactor.redact(export.about.title, count=False) if export.redactor else export.about.title
    if args.format == "json":
        contents = contents_of(store, [thread_id])
        _write(path, write_bundle(store, contents, MADE_BY))
        status = FINDING if contents.head.missing else DONE
        return _bundle_facts(contents, path), title, export.about.active_at, status
    _write(path, export.blocks())
    return {**export.facts(), "path": path}, title, export.about.active_at, _verdict(export, out)


def _sums(facts: list[dict[str, Any]]) -> Iterator[str]:
    """What was left out of all threads together."""
    sums: dict[str, int] = {}
    for one in facts:
        for kind, count in (one.get("redacted") or {}).items():
            sums[kind] = sums.get(kind, 0) + count
    rules = next((one["rules"] for one in facts if one.get("rules")), None)
    if rules is None:
        yield "Nothing is redacted."
        return
    told = ", ".join(f"{kind}: {count}" for kind, count in sorted(sums.items()))
    yield f"Redacted ({told or 'nothing'}); looked for with {rules}."


def _to_stdout(blocks: Iterable[bytes], kind: str, out: Output) -> None:
    write = out.write_bytes if kind in READABLE else out.write_json
    for block in blocks:
        write(block)
        del block  # one may be long: it is not held while the next one is made
    out.flush()


def _write(path: str, blocks: Iterable[bytes]) -> None:
    """A new file, readable by its owner alone; raises ExistsError rather than replace one."""
    if os.path.lexists(path):
        raise ExistsError(f"{path} exists already; nothing was written. Give another name")
    try:
        write_new(OS, path, gzipped(blocks) if path.endswith(".gz") else blocks)
    except FileExistsError:
        raise ExistsError(f"{path} exists already; nothing was written. Give another name") from None
    except OSError as error:
        raise WriteError(path, error) from error


def _report(files: list[dict[str, Any]], args: Namespace, out: Output) -> None:
    if args.json:
        document = Document(out, "rollout.export/1")
        document.member("format", args.format)
        document.array("files", map(to_json, files))
        document.end()
        return
    for file in files:
        out.write(f"{safe_line(str(file['path']))}\n")


def _say(sentences: Iterable[str], out: Output) -> None:
    for sentence in sentences:
        out.note(safe_line(sentence))


def _verdict(export: Export, out: Output) -> int:
    reading = export.reading
    if reading.problem:
        out.error(f"rollout: {safe_line(reading.problem)}; only the thread's own lines were exported")
    if reading.damaged:
        stretches = "1 damaged stretch" if reading.damaged == 1 else f"{reading.damaged} damaged stretches"
        out.error(f"rollout: thread {export.thread_id}: {stretches}, {reading.damaged_bytes} bytes, were skipped")
    return FINDING if reading.problem or reading.damaged else DONE
