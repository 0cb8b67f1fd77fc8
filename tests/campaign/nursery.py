"""A process that forks writers and kills them, a few milliseconds each: starting Python once is enough.

Orders come as JSON lines on standard input: what to write, after how many acknowledgements and microseconds to
kill. The answers tell how many items the writer had acknowledged, and how it ended.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import struct
import sys
import time
import traceback
from itertools import count
from typing import TYPE_CHECKING, Any

from campaign.words import QUIET, numbered
from rollout.recorder import RolloutRecorder
from rollout.recording import CreateParams
from rollout.store.local.store import LocalStore

if TYPE_CHECKING:
    from collections.abc import Callable

    Tell = Callable[[int], None]

LARGEST_BATCH = 24
_COUNT = struct.Struct("<q")


async def append(order: dict[str, Any], tell: Tell) -> None:
    """Resume, then batches without end: one item or many, small or so large that they are written off the loop."""
    chance, number = random.Random(order["seed"]), order["first"]
    recorder = await RolloutRecorder.resume(LocalStore(order["home"]), order["thread"], QUIET)
    while True:
        many, length = chance.choice(((1, 10), (1, 10), (1, 900), (3, 100), (20, 10), (1, 70_000)))
        if chance.random() < 0.01:
            many, length = LARGEST_BATCH, 50_000
        await recorder.record(numbered(number, many, length))
        if chance.random() < 0.3:
            await asyncio.sleep(0)
        await (recorder.sync() if chance.random() < 0.05 else recorder.flush())
        number += many
        tell(number)


async def begin(order: dict[str, Any], tell: Tell) -> None:
    """A new thread: items before ``persist``, then more."""
    params = CreateParams(cwd=order["home"], thread_id=order["thread"])
    recorder = await RolloutRecorder.create(LocalStore(order["home"]), params, QUIET)
    await recorder.record(numbered(0, 3, 500))
    await recorder.persist()
    tell(3)
    for number in count(3):
        await recorder.record(numbered(number, 1))
        await recorder.flush()
        tell(number + 1)


WORK = {"append": append, "begin": begin}


def killed(order: dict[str, Any]) -> dict[str, int]:
    """Fork a writer, let it work, kill it."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _work(order, writing)
    os.close(writing)
    told = b""
    while len(told) < order["acks"] * _COUNT.size and (more := os.read(reading, 4096)):
        told += more
    time.sleep(order["microseconds"] / 1e6)
    os.kill(child, signal.SIGKILL)
    while more := os.read(reading, 1 << 16):
        told += more
    os.close(reading)
    _, status = os.waitpid(child, 0)
    last = told[-_COUNT.size :]
    return {"acknowledged": _COUNT.unpack(last)[0] if last else order["first"], "status": status}


def _work(order: dict[str, Any], writing: int) -> None:
    try:
        asyncio.run(WORK[order["work"]](order, lambda upto: _tell(writing, upto)))
    except BaseException:  # noqa: BLE001 - the child must end here, whatever happened
        traceback.print_exc()
    finally:
        os._exit(1)


def _tell(writing: int, upto: int) -> None:
    os.write(writing, _COUNT.pack(upto))


def main() -> None:
    """Serve orders until the input ends."""
    for row in sys.stdin:
        sys.stdout.write(json.dumps(killed(json.loads(row))) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
