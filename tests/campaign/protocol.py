"""Clients of the app-server that say anything at all, and what must hold of it.

Everything is made from a seed. A client knows of each line that it sent how often it must be answered: once where
it is a request, not at all where it is none, and at most once where nobody can tell.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections import Counter
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from appserver.socket_words import LineClient, WebSocketClient
from appserver_words import HELLO, text
from rollout.appserver.agent import say
from rollout.appserver.transports import stdio
from rollout.testing import builders as b

if TYPE_CHECKING:
    import random
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from rollout.appserver.agent import TurnRequest
    from rollout.appserver.state import Server
    from rollout.appserver.transports.limits import Limits

LONGEST = 20_000
LEGACY, PAGINATED, NOWHERE = b.thread_id(1), b.thread_id(3), b.thread_id(9)
METHODS = [
    "thread/list", "thread/read", "thread/loaded/list", "thread/turns/list", "thread/items/list", "thread/search", "thread/start",
    "thread/resume", "thread/fork", "thread/archive", "thread/unarchive", "thread/name/set", "thread/rollback", "thread/revert",
    "thread/metadata/update", "thread/delete", "thread/inject_items", "thread/compact/start", "turn/start", "turn/steer",
    "turn/interrupt", "account/read", "model/list", "config/read", "thread/unsubscribe", "skills/list", "getConversationSummary",
    "listConversations", "no/such", "",
]  # fmt: skip
OFTEN = ["thread/resume", "turn/start", "turn/start", "turn/interrupt", "thread/inject_items", "thread/read", "thread/start"]


async def agent(request: TurnRequest) -> AsyncIterator[object]:
    """Repeats what it hears, and gives others a chance to disturb it."""
    yield say(f"heard {request.text[:100]}")
    for _ in range(len(request.turn_id) % 3):
        await asyncio.sleep(0)
        yield say("more")


class Line(NamedTuple):
    """Bytes without a newline, and how often their id must be answered."""

    data: bytes
    id: object = None
    least: int = 0
    most: int = 0


class Script(NamedTuple):
    """What one client says, and how it goes: politely, or in the middle of its last words."""

    lines: list[Line]
    polite: bool
    kept: float


def script(chance: random.Random, *, sockets: bool) -> Script:
    """One client's words."""
    hello = request("hello", "initialize", HELLO)
    lines = [hello] if chance.random() < 0.9 else []
    lines += [any_line(chance, sockets=sockets) for _ in range(chance.randrange(1, 14))]
    return Script(lines, chance.random() < 0.7, chance.random())


def any_line(chance: random.Random, *, sockets: bool) -> Line:
    """A request, mostly; broken in some way, often."""
    identity = chance.choice([chance.randrange(5), chance.randrange(-9, 2**62), f"t{chance.randrange(3)}", "", '\u00e9\n"'])
    method = chance.choice(OFTEN if chance.random() < 0.5 else METHODS)
    made = request(identity, method, params(chance))
    kind = chance.random()
    if kind < 0.6:
        return made
    if kind < 0.8:
        return classified(mutated(chance, made.data))
    return strange(chance, made, sockets=sockets)


def request(identity: object, method: object, given: object) -> Line:
    """A request as a client writes it."""
    data = json.dumps({"id": identity, "method": method, "params": given}, ensure_ascii=False).encode()
    return Line(data, identity, 1, 1)


def params(chance: random.Random) -> Any:
    """Parameters that fit some method; one may be missing, another may be anything."""
    if chance.random() < 0.05:
        return anything(chance)
    given: dict[str, Any] = {
        "threadId": chance.choice([LEGACY, LEGACY, LEGACY, PAGINATED, PAGINATED, NOWHERE, "x", LEGACY.replace("-", "")]),
        "input": [text(f"words {chance.randrange(10**9)}")],
        "items": [{"type": "message", "role": "user", "content": [{"type": "input_text", "text": f"put {chance.randrange(10**9)}"}]}],
        "name": f"name {chance.randrange(9)}",
        "numTurns": chance.randrange(3),
        "includeTurns": chance.random() < 0.5,
        "gitInfo": {"branch": "b"},
        "searchTerm": "answer",
        "limit": chance.randrange(5),
    }
    if chance.random() < 0.4:
        given.pop(chance.choice(list(given)))
    if chance.random() < 0.4:
        given[chance.choice([*given, "cwd", "path", "cursor", "turnId", "beforeTurnId", "config"])] = anything(chance)
    return given


def anything(chance: random.Random, depth: int = 0) -> Any:
    """Any JSON."""
    simple: list[Any] = [None, True, False, 0, -1, 2**31, -(2**63), 2**64, 1.5, 1e300, "", "\0", "\U0001f600", "/etc", "x" * 300, "\u2028"]
    if depth > 2 or chance.random() < 0.7:
        return chance.choice(simple)
    if chance.random() < 0.5:
        return [anything(chance, depth + 1) for _ in range(chance.randrange(4))]
    return {str(anything(chance, 9)): anything(chance, depth + 1) for _ in range(chance.randrange(4))}


def mutated(chance: random.Random, data: bytes) -> bytes:
    """A few bytes changed, cut or put in."""
    changed = bytearray(data)
    for _ in range(chance.randrange(1, 4)):
        at = chance.randrange(len(changed) + 1)
        kind = chance.randrange(5)
        if kind == 0:
            del changed[at:]
        elif kind == 1:
            changed[at:at] = bytes([chance.randrange(256)])
        elif kind == 2:
            changed[at : at + 1] = bytes([chance.choice(b'{}[]",:\\0\xff\xc3')])
        elif kind == 3:
            del changed[at : at + chance.randrange(30)]
        else:
            changed[at:at] = changed[: chance.randrange(20)]
    return bytes(changed).replace(b"\n", b" ").replace(b"\r", b" ")


def strange(chance: random.Random, made: Line, *, sockets: bool) -> Line:
    """What is no usual request."""
    wild = anything(chance)
    deep = b'{"id":7,"method":"thread/list","params":' + b"[" * 200 + b"]" * 200 + b"}"
    kinds = [
        Line(b""), Line(b"  "), Line(b"\xff\xfe"), Line(b"[" * 5000), Line(b"null"), Line(b"{}"),
        Line(json.dumps({"method": made.data.decode()[:20], "params": wild}).encode()),
        classified(json.dumps({"id": chance.randrange(3), "result": wild}).encode()),
        classified(json.dumps({"id": wild, "method": "thread/list"}).encode()),
        classified(json.dumps({"id": chance.randrange(3), "method": wild}).encode()),
        Line(deep, 7, 1, 1),
        request("hello again", "initialize", HELLO), request("h", "initialize", wild),
    ]  # fmt: skip
    if not sockets:  # a websocket is closed for it
        kinds.append(request("huge", "thread/list", {"x": "y" * (LONGEST + chance.randrange(3) * LONGEST)}))
    return chance.choice(kinds)


def classified(data: bytes) -> Line:
    """A line of which it is not known what it became."""
    try:
        found = json.loads(data.decode(), parse_constant=_refuse)
    except (ValueError, RecursionError):
        return Line(data, _peeked(data), 0, 1)
    if not isinstance(found, dict) or "id" not in found or b"\\u" in data:
        return Line(data, found.get("id") if isinstance(found, dict) else None, 0, int(isinstance(found, dict) and "id" in found))
    identity = found["id"]
    whole = isinstance(identity, str) or (isinstance(identity, int) and not isinstance(identity, bool) and -(2**63) <= identity < 2**63)
    if not whole or (not isinstance(found.get("method"), str) and ("result" in found or "error" in found)):
        return Line(data)
    return Line(data, identity, 1, 1)


def _refuse(name: str) -> object:
    raise ValueError(name)


def _peeked(data: bytes) -> object:
    """Nobody can say whose request this was; any answer is counted for what is unknown."""
    return data[:0]


class Heard(NamedTuple):
    """What one client sent and heard; ``whole``: nothing was cut off."""

    sent: list[Line]
    answers: list[dict[str, Any]]
    whole: bool

    def complaints(self) -> list[str]:
        """What should not be."""
        found = [json.dumps(one) for one in self.answers if "internal error" in json.dumps(one)]
        if not self.whole:
            return found
        least, most, unknown = Counter[str](), Counter[str](), 0
        for line in self.sent:
            key = json.dumps(line.id) if not isinstance(line.id, bytes) else ""
            least[key] += line.least
            most[key] += line.most
            unknown += isinstance(line.id, bytes)
        answered = Counter(json.dumps(one["id"]) for one in self.answers)
        found += [f"{key}: {answered[key]} answers to {count} requests" for key, count in least.items() if answered[key] < count]
        surplus = sum(max(0, count - most[key]) for key, count in answered.items())
        if surplus > unknown:
            found.append(f"{surplus} answers more than requests: {answered - most}")
        return found


async def play(client: LineClient, played: Script) -> Heard:
    """Say all of it, listen meanwhile, and go."""
    sent: list[Line] = []
    hearing = asyncio.create_task(_hear(client))
    with suppress(ConnectionError):
        for number, line in enumerate(played.lines):
            if not played.polite and number == len(played.lines) - 1:
                await client.say(line.data[: int(played.kept * len(line.data))])
                break
            half = int(played.kept * len(line.data)) if type(client) is LineClient else 0
            if half:
                await client.say(line.data[:half])
                await asyncio.sleep(0)
            await client.say(line.data[half:] + b"\n")
            sent.append(line)
        if played.polite:
            sent.append(request("the last one", "thread/loaded/list", {}))
            await client.say(sent[-1].data + b"\n")
            await asyncio.wait({hearing}, timeout=20)
    whole = hearing.done()
    await client.close()
    answers = await hearing
    return Heard(sent, answers, whole and played.polite)


async def _hear(client: LineClient) -> list[dict[str, Any]]:
    """All answers, up to the last one or the end."""
    answers: list[dict[str, Any]] = []
    with suppress(ConnectionError, ValueError):
        while (told := await client.hear()) is not None:
            if "method" not in told:
                answers.append(told)
                if told["id"] == "the last one":
                    break
    return answers


# -- the transports ------------------------------------------------------------------------------------------------


async def play_stdio(server: Server, limits: Limits, played: Script) -> Heard:
    """One client on pipes; the server ends with it."""
    ours_in, theirs_out = os.pipe()
    theirs_in, ours_out = os.pipe()
    with os.fdopen(theirs_in, "rb") as source, os.fdopen(theirs_out, "wb") as target:
        serving = asyncio.create_task(stdio.serve(server, source, target, limits))
        serving.add_done_callback(lambda _: target.close())
        client = await _on_pipes(ours_in, ours_out)
        heard = await play(client, played)
        await asyncio.wait_for(serving, 20)
    return heard


async def _on_pipes(reading: int, writing: int) -> LineClient:
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=1 << 26)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(reading, "rb"))
    factory: Callable[[], asyncio.streams.FlowControlMixin] = asyncio.streams.FlowControlMixin
    transport, protocol = await loop.connect_write_pipe(factory, os.fdopen(writing, "wb"))
    return LineClient(reader, asyncio.StreamWriter(transport, protocol, reader, loop))


KINDS: dict[str, type[LineClient]] = {"lines": LineClient, "websocket": WebSocketClient}


# -- what is left --------------------------------------------------------------------------------------------------


def acknowledged(heard: list[Heard]) -> set[str]:
    """Ids of turns, and words of items, of which the server said that it has them."""
    found: set[str] = set()
    for one in heard:
        for told in one.answers:
            result = told.get("result")
            if isinstance(result, dict) and isinstance(result.get("turn"), dict):
                found.add(str(result["turn"]["id"]))
    return found


def recorded(home: Path) -> bytes:
    """Everything that is in the files of a home, the trash included."""
    return b"\n".join(path.read_bytes() for path in sorted(home.rglob("*")) if path.is_file())
