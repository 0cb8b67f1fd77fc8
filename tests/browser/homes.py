"""Make the homes of the browser tests: ``homes.py FOLDER`` writes each into a folder of its name there.

``homes.py FOLDER many`` writes one of 10,000 threads instead, ``homes.py FOLDER huge BYTES`` one of a thread of so many bytes.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rollout.items import RawItem

HERE = Path(__file__).resolve()
sys.path[:0] = [str(HERE.parents[1])]

from render.shared_threads import HOSTILE  # noqa: E402 - behind the path
from rollout.codec import timestamp_text  # noqa: E402 - behind the path
from rollout.errors import InvalidQueryError  # noqa: E402 - behind the path
from rollout.store.local.store import LocalStore  # noqa: E402 - behind the path
from rollout.testing import builders as b  # noqa: E402 - behind the path
from web.site import put, turns  # noqa: E402 - behind the path

DATA = HERE.parents[1] / "data"
LONG = 50_000_000
RUN = "window.pwned = 1"
ATTACKS = [
    *HOSTILE,
    f"<script>{RUN}</script><svg onload='{RUN}'><img src=x onerror='{RUN}'><body onload={RUN}>",
    f'" onmouseover="{RUN}" autofocus onfocus="{RUN}" x="',
    f"' onmouseover='{RUN}' x='",
    f"<a href='javascript:{RUN}'>a</a> [b](javascript:{RUN}) <javascript:{RUN}> [c](data:text/html,<script>{RUN}</script>)",
    "![a](http://127.0.0.1:9/pixel.png) <img src=http://127.0.0.1:9/b.png> <link rel=stylesheet href=http://127.0.0.1:9/c.css>",
    "<meta http-equiv=refresh content='0;url=http://127.0.0.1:9/'><base href=http://127.0.0.1:9/><iframe srcdoc='<script>parent.pwned=1</script>'></iframe>",
    "<style>@import url(http://127.0.0.1:9/d.css);body{background:url(http://127.0.0.1:9/e.png)}</style>",
    f"</title></textarea></script></pre></template><script>{RUN}</script>",
    f"<template><script>{RUN}</script></template><noscript><p title='</noscript><img src=x onerror={RUN}>'>",
    "<form action=http://127.0.0.1:9/><input name=stamp><button autofocus>x</button></form>",
    f"<math><mtext><table><mglyph><style><img src=x onerror={RUN}>",
    "${constructor.constructor('window.pwned=1')()} {{constructor.constructor('window.pwned=1')()}} `${window.pwned=1}`",
    "\u202egnp.exe\u2066 \u200f\u061c\u2028\u2029 \U000e0041\U000e0042 \x1b[31mred\x1b]8;;http://127.0.0.1:9/\x07link\x1b]8;;\x07",
]


def main(folder: Path) -> int:
    """Every home."""
    if sys.argv[2:] == ["many"]:
        many(folder / "many")
        return 0
    if sys.argv[2:3] == ["huge"]:
        huge(folder / "huge", int(sys.argv[3]))
        return 0
    (folder / "empty" / "sessions").mkdir(parents=True)
    small(folder / "small")
    hostile(folder / "hostile")
    damaged(folder / "damaged")
    put(folder / "growing", 1, *turns(2))
    put(folder / "long", 1, *(item for n in range(1, 1001) for item in working_turn(n)))
    return 0


def many(home: Path) -> None:
    """A home as people have it after years: 10,000 threads of several folders."""
    asked = ("Why is the basket empty after a reload?", "Mend the login test", "Translate the start page: „Grüß Gott, мир“",
             "Make the parser quicker", "Which migration dropped the index?", "Write the release notes", "Move the worker to a queue")  # fmt: skip
    folders = ("/home/dev/shop", "/home/dev/app", "/home/dev/données", "/home/dev/notes")
    for number in range(1, 10_001):
        identity, seconds = b.thread_id(number), number * 600
        meta = b.meta(identity, cwd=folders[number % 4], git={"branch": "main"}, timestamp=timestamp_text(b.START_MS + seconds * 1000))
        name = b.rollout_name(identity, b.START_MS + seconds * 1000)
        path = home / "sessions" / name[8:12] / name[13:15] / name[16:18] / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"".join(b.lines_of([meta, *b.turn(asked[number % 7], "Done.")], step=seconds)))


def huge(home: Path, size: int) -> None:
    """One thread of turns as agents have them, each with an output of 8 kB, until it has so many bytes."""
    bulk = [item for n in range(1, 1001) for item in (*working_turn(n), b.tool_call("cat", call_id=f"c{n}"), b.tool_output(f"{n} " * 2000, f"c{n}"))]
    path = put(home, 1, *bulk)
    meta, turns_of_it = path.read_bytes().split(b"\n", 1)
    with path.open("wb") as file:
        file.write(meta + b"\n")
        while file.tell() < size:
            file.write(turns_of_it)


def small(home: Path) -> None:
    """Real threads of two versions, and three that are easy to tell apart."""
    for version in ("codex-0.169.0", "codex-0.100.0"):
        shutil.copytree(DATA / version, home, dirs_exist_ok=True)
    put(home, 1, *b.turn("Where do the cats sleep?", "On the **warm** stove."), *turns(12))
    put(home, 2, *b.turn("Fold the long list", "Yes"), b.tool_call("list"), b.tool_output("\n".join(f"row {n}" for n in range(500))))
    put(home, 3, *b.turn("Rename me", "Gladly."))


def hostile(home: Path) -> None:
    """Each attack in every place that a thread has for a text: names, folders, files, messages, tools, images."""
    names = []
    for number, text in enumerate(ATTACKS, 1):
        path = put(home, number, *everything(text))
        meta, rest = path.read_bytes().split(b"\n", 1)
        head = json.loads(meta)
        head["payload"] |= {"cwd": f"/tmp/{text[:300]}", "git": {"branch": text[:200]}, "originator": text[:100], "model_provider": text[:100]}
        path.write_bytes(json.dumps(head).encode("utf-8", "surrogatepass") + b"\n" + rest)
        names.append({"id": b.thread_id(number), "thread_name": f"attack {number} {text[:300]}", "updated_at": "2026-02-02T00:00:00Z"})
    put(home, len(ATTACKS) + 1, *b.turn("a line of 50 MB", "look"), b.tool_call("t"), b.tool_output(f"<script>{RUN}</script>" + "<b>" * (LONG // 3)))
    store = LocalStore(home)
    for number, text in enumerate(ATTACKS, 1):
        with suppress(InvalidQueryError):  # some of it cannot be kept
            store.set_note(b.thread_id(number), text)
    (home / "session_index.jsonl").write_text("".join(json.dumps(name) + "\n" for name in names))


def everything(text: str) -> list[RawItem]:
    """A thread that says one text everywhere."""
    images = [{"type": "input_image", "image_url": url} for url in (text, "http://127.0.0.1:9/i.png", "data:image/svg+xml,<svg onload='window.pwned=1'/>")]
    return [
        b.message("developer", text),
        b.response("message", role="user", content=[{"type": "input_text", "text": "needle " + text}, *images]),
        b.response("reasoning", summary=[{"type": "summary_text", "text": text}]),
        b.message("assistant", text),
        b.tool_call(text, text, call_id="c1"),
        b.tool_output(text, call_id="c1"),
        b.response("custom_tool_call", name="apply_patch", input=f"*** Update File: {text}\n@@\n-{text}\n+{text}", call_id="c2"),
        b.response("function_call", name="shell", arguments=json.dumps({"command": ["bash", "-lc", text]}), call_id="c3"),
        b.compacted(text),
        b.event("turn_aborted", reason=text),
        b.event("error", message=text),
        b.event(text, message=text),
        b.event("user_message", message="a second turn", images=[text]),
    ]


def damaged(home: Path) -> None:
    """A thread with a damaged stretch, and a file that is no thread at all."""
    path = put(home, 1, *b.turn("before the damage", "yes"))
    path.write_bytes(path.read_bytes() + b"\0\0\0 no JSON \xff\n" + b"".join(b.lines_of(b.turn("behind the damage", "yes"))))
    put(home, 2).write_bytes(b"\xff\xfe nothing here\n")


def working_turn(number: int) -> list[RawItem]:
    """A turn as agents have them: a question, a command with its output, a patch, an answer, and what they took."""
    asked = f"Please look at module {number} and say what is wrong with it."
    output = f"Exit code: {number % 7 == 0:d}\nWall time: 0.3 seconds\nOutput:\n" + f"src/module_{number}.py:12: something stands here\n" * 4
    patch = f"*** Begin Patch\n*** Update File: src/module_{number}.py\n@@\n-    return none\n+    return None\n*** End Patch"
    return [
        b.message("user", asked),
        b.user(asked),
        b.tool_call("shell", json.dumps({"command": ["bash", "-lc", f"rg -n none src/module_{number}.py"]}), f"a{number}"),
        b.tool_output(output, f"a{number}"),
        b.response("custom_tool_call", name="apply_patch", input=patch, call_id=f"b{number}"),
        b.tool_output("Success.", f"b{number}"),
        b.message("assistant", f"`none` should be `None` in module {number}; it is mended and the tests of the module pass."),
        b.event("token_count", info={"total_token_usage": took(*range(1, number + 1)), "last_token_usage": took(number)}),
        b.agent(f"`none` should be `None` in module {number}; it is mended and the tests of the module pass."),
    ]


def took(*numbers: int) -> dict[str, int]:
    """What some turns took together."""
    return {"input_tokens": sum(900 + n * n * 37 % 800 for n in numbers), "output_tokens": sum(120 + n * 53 % 400 for n in numbers)}


if __name__ == "__main__":
    os.umask(0o077)
    sys.exit(main(Path(sys.argv[1])))
