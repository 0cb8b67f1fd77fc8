"""``rollout app-server``: serve threads in the protocol that Codex clients speak."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from rollout.cli import places
from rollout.cli.home import home_of, open_store
from rollout.cli.statuses import DONE, UsageError

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from rollout.appserver.agent import Agent
    from rollout.appserver.state import Server
    from rollout.cli.output import Output

DESCRIPTION = """
Serve the threads of a home to programs that speak the Codex app-server protocol: JSON-RPC, one message a line, on
standard input and output; or to many clients at once, on a Unix socket or on a websocket of this machine.

The protocol is that of Codex 0.169.0; --protocol 0.100 speaks that of 0.100.0. It ends when its input does, or on a
signal: what runs is recorded as interrupted.
"""


def options(parser: ArgumentParser) -> None:
    """The options of ``rollout app-server``."""
    places.options(parser)
    parser.add_argument(
        "--protocol", choices=("0.100", "0.169"), default="0.169", help="whose protocol is spoken (default: 0.169)"
    )
    parser.add_argument(
        "--agent", metavar="NAME|MODULE:FACTORY", default="responses",
        help="who answers in turns: responses (the default) asks a model, echo repeats, none refuses",
    )  # fmt: skip
    parser.add_argument(
        "-c", "--config", action="append", default=[], metavar="KEY=VALUE",
        help="a setting above those of config.toml; unknown ones are passed over",
    )  # fmt: skip


def run(args: Namespace, _: Output) -> int:
    """Serve until the input ends, or a signal comes."""
    import asyncio  # noqa: PLC0415 - only who needs it pays for it

    home = home_of(args)  # the configuration is this machine's, wherever the threads are
    kinds = places.named(args)
    listening = None if kinds in ([places.STDIO], [places.OFF]) else places.listening(args, home)
    server = _server(args, home)
    if listening is not None:
        from rollout.appserver.transports import sockets  # noqa: PLC0415 - only who needs it pays for it

        asyncio.run(sockets.serve(server, listening))
    elif kinds == [places.STDIO]:
        from rollout.appserver.transports import stdio  # noqa: PLC0415 - only who needs it pays for it

        asyncio.run(stdio.serve(server, sys.stdin.buffer, sys.stdout.buffer))
    return DONE


def _server(args: Namespace, home: str) -> Server:
    from rollout.appserver.levels import Level  # noqa: PLC0415 - only who needs it pays for it
    from rollout.appserver.settings import read_settings  # noqa: PLC0415 - only who needs it pays for it
    from rollout.appserver.state import Server  # noqa: PLC0415 - only who needs it pays for it

    store = open_store(args, new=True)
    return Server(store, Level(args.protocol), read_settings(home, tuple(args.config)), _agent(args.agent))


def _agent(name: str) -> Agent | None:
    from rollout.appserver.agents import load  # noqa: PLC0415 - only who needs it pays for it

    try:
        return load(name)
    except (ImportError, AttributeError, TypeError, ValueError) as error:
        raise UsageError(f"--agent {name}: {error}") from error
