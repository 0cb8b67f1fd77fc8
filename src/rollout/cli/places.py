"""Where ``rollout app-server`` listens and whom it lets in, from its options."""

from __future__ import annotations

import re
from hashlib import sha256
from typing import TYPE_CHECKING

from rollout.cli.statuses import UsageError
from rollout.errors import ListenError

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from rollout.appserver.transports.door import Door
    from rollout.appserver.transports.sockets import Listening

STDIO, OFF = "stdio://", "off"
_SHORTEST = 16
_LARGEST = 4096


def options(parser: ArgumentParser) -> None:
    """The options that say where."""
    parser.add_argument(
        "--listen", action="append", metavar="URL",
        help="where clients come in: stdio:// (the default), unix:// or unix://PATH, ws://127.0.0.1:PORT, or off; sockets may be named several times",
    )  # fmt: skip
    parser.add_argument("--stdio", action="store_true", help="the same as --listen stdio://")
    parser.add_argument("--ws-token-file", metavar="FILE", help="websocket clients must show the token in this file")
    parser.add_argument("--ws-token-sha256", metavar="HEX", help="the same, by the SHA-256 of the token")
    parser.add_argument("--ws-open", action="store_true", help="let every program of this machine in over a websocket")


def named(args: Namespace) -> list[str]:
    """What was named, once each; raises UsageError where it does not go together."""
    listen: list[str] = args.listen or []
    once: dict[str, None] = dict.fromkeys([*listen, *([STDIO] if args.stdio else [])])
    found = list(once) or [STDIO]
    if len(found) > 1 and (STDIO in found or OFF in found):
        raise UsageError("--listen: stdio:// and off stand alone; only sockets can be combined")
    return found


def listening(args: Namespace, home: str) -> Listening:
    """The sockets that were named; raises UsageError."""
    try:
        from rollout.appserver.transports.places import TcpPlace, parse_place  # noqa: PLC0415 - only who needs it pays for it
        from rollout.appserver.transports.sockets import ANYBODY, Listening  # noqa: PLC0415 - the same
    except ImportError as error:
        raise UsageError(f"sockets need the extra: pip install 'rollout-recorder[server]' ({error})") from error
    try:
        places = [parse_place(text, home) for text in named(args)]
    except ListenError as error:
        raise UsageError(f"--listen: {error}") from error
    by_port = any(isinstance(place, TcpPlace) for place in places)
    return Listening(places, home, _door(args) if by_port else ANYBODY)


def _door(args: Namespace) -> Door:
    """Who may come in over a port; somebody must have said so."""
    from rollout.appserver.transports.door import Door  # noqa: PLC0415 - only who needs it pays for it

    given = [name for name in ("ws_token_file", "ws_token_sha256", "ws_open") if getattr(args, name)]
    if len(given) != 1:
        raise UsageError(
            "a websocket needs one of --ws-token-file FILE, --ws-token-sha256 HEX, or --ws-open, which lets every program of this machine in"
        )
    if args.ws_open:
        return Door()
    return Door(_digest_in(args.ws_token_file) if args.ws_token_file else _digest(args.ws_token_sha256))


def _digest(text: str) -> bytes:
    if not re.fullmatch("[0-9a-fA-F]{64}", text):
        raise UsageError("--ws-token-sha256: 64 hexadecimal digits are needed, as sha256sum prints them")
    return bytes.fromhex(text)


def _digest_in(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            token = file.read(_LARGEST).strip()
    except OSError as error:
        raise UsageError(f"--ws-token-file {path}: {error.strerror}") from error
    if len(token) < _SHORTEST:
        raise UsageError(f"--ws-token-file {path}: a token needs at least {_SHORTEST} bytes; openssl rand -hex 32 makes one")
    return sha256(token).digest()
