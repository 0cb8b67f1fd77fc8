"""The entry point: read the command line, run one command, turn every error into one line and a status."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from rollout.cli import options
from rollout.cli.output import Output
from rollout.cli.statuses import DONE, USAGE, message_of, status_of

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Sequence


def entry() -> None:
    """The console script ``rollout``."""
    sys.exit(main(sys.argv[1:]))


def main(argv: Sequence[str]) -> int:
    """Run one command line and return its exit status; never raises, never prints a traceback.

    A reader of standard output that goes away early is no error.
    """
    try:
        return _run(argv)
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else USAGE
    except BrokenPipeError:
        Output(sys.stdout, sys.stderr, os.environ).forget()
        return DONE
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - the last line of defence
        return _fail(error)


def _run(argv: Sequence[str]) -> int:
    call = options.parse(argv)
    if not isinstance(call, options.Call):
        return _without_command(call)
    out = Output(sys.stdout, sys.stderr, os.environ, quiet=call.options.quiet)
    status: int = call.module.run(call.options, out)
    out.flush()
    return status


def _without_command(args: Namespace) -> int:
    if not args.version:
        print("rollout: no command was given; see rollout --help", file=sys.stderr)  # noqa: T201 - that is its job
        return USAGE
    from rollout import __version__  # noqa: PLC0415 - only here

    out = Output(sys.stdout, sys.stderr, os.environ)
    if args.json:
        from rollout.cli.output import Document  # noqa: PLC0415 - only here

        document = Document(out, "rollout.version/1")
        document.member("version", __version__)
        document.end()
    else:
        out.write(f"rollout {__version__}\n")
    out.flush()
    return DONE


def _fail(error: BaseException) -> int:
    """Say on one line what went wrong; what a thread put into a message stays harmless."""
    if os.environ.get("ROLLOUT_DEBUG"):
        from traceback import print_exception  # noqa: PLC0415 - only for those who ask

        print_exception(error)
    from rollout.render.safe import safe_line  # noqa: PLC0415 - only an error pays for it

    out = Output(sys.stdout, sys.stderr, os.environ)
    try:
        out.flush()
    except OSError:
        out.forget()
    out.error(f"rollout: {safe_line(message_of(error))}")
    return status_of(error)
