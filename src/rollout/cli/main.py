"""The entry point: read the command line, run one command, turn every error into one line and a status."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

from rollout.cli import options
from rollout.cli.output import Document, Output
from rollout.cli.statuses import DONE, USAGE, UsageError, message_of, status_of

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Sequence


def entry() -> None:
    """The console script ``rollout``.

    Nothing is left to be done once the streams are flushed, so the interpreter's own tidying, which costs a listing a
    tenth of its time, is left out.
    """
    status = main(sys.argv[1:])
    for stream in (sys.stdout, sys.stderr):
        with suppress(AttributeError, OSError, ValueError):  # None, gone, or closed by whoever started us
            stream.flush()
    os._exit(status)


def main(argv: Sequence[str]) -> int:
    """Run one command line and return its exit status; never raises, never prints a traceback.

    A reader of standard output that goes away early is no error.
    """
    out = Output(sys.stdout, sys.stderr, os.environ)
    try:
        status = _run(argv, out)
        out.flush()
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else USAGE
    except BrokenPipeError:
        out.forget()
        return DONE
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - the last line of defence
        return _fail(error, out)
    return status


def _run(argv: Sequence[str], out: Output) -> int:
    call = options.parse(argv)
    if not isinstance(call, options.Call):
        return _without_command(call, out)
    out.quiet = call.options.quiet
    status: int = call.module.run(call.options, out)
    return status


def _without_command(args: Namespace, out: Output) -> int:
    if not args.version:
        raise UsageError("no command was given; see rollout --help")
    from rollout import __version__  # noqa: PLC0415 - only here

    if args.json:
        document = Document(out, "rollout.version/1")
        document.member("version", __version__)
        document.end()
    else:
        out.write(f"rollout {__version__}\n")
    return DONE


def _fail(error: BaseException, out: Output) -> int:
    """Say on one line what went wrong; what a thread put into a message stays harmless."""
    from rollout.render.safe import safe_line  # noqa: PLC0415 - only an error pays for it

    try:
        out.flush()
    except OSError:
        out.forget()
    out.error(f"rollout: {safe_line(message_of(error))}")
    if os.environ.get("ROLLOUT_DEBUG"):
        from traceback import format_exception  # noqa: PLC0415 - only for those who ask

        out.error("".join(format_exception(error)))
    return status_of(error)
