"""Small threads for the tests of the exports, among them one that a thread could be attacked with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import strategies as st

from rollout.codec import decode
from rollout.lines import Line, Position
from rollout.render.sharing import About, Sharing
from rollout.testing import builders as b

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rollout.items import RawItem
    from rollout.render.redaction import Redactor

ABOUT = About(b.thread_id(1), "A title", "2026-02-08T07:05:03.041Z", "2026-02-08T07:06:03.041Z")
HOSTILE = [
    "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "![x](https://evil.example/pixel.png) ![y][z]\n\n[z]: https://evil.example/z.png",
    "[click](javascript:alert(1)) [a]: javascript:x <javascript:y>",
    "``````\n</pre></details></section><script>\n```",
    "~~~\nnever ended <style>*{display:none}</style>",
    "\\` <img src=x> ` \\\\` <b>",
    "\x1b]0;title\x07\x1b[2J\u202ereversed\u2066\x9b31m\u2028",
    "# heading\nsetext\n======\n- - -\n<!-- comment -->",
    "]]> --> </title></style></textarea> &lt;script&gt; &#60;",
    "    indented\n\t<script>\n> > quote\n1. <iframe src=//evil.example>",
    "x" * 3000 + "\n" + "line\n" * 400,
    "nul \x00 and \x7f",
    '````js" onload="x\ncode\n````',
]
TEXTS = st.lists(
    st.sampled_from(
        [*"`~*_[]()<>!#\\&\"'\n -=:|x1", "```", "~~~", "<img src=x>", "![a](b)", "javascript:", "    ", "](", "\u202e"]
    ),
    max_size=40,
).map("".join)


def lines(*items: RawItem) -> list[Line]:
    """Lines of the legacy era behind the metadata of a thread, as a reader yields them."""
    made: list[Line] = []
    offset = 0
    for n, data in enumerate([b.meta_line(b.thread_id(1)), *b.lines_of(items, step=1)]):
        made.append(Line(data, n, Position(0, offset), decode(data)))
        offset += len(data)
    return made


def everywhere(text: str) -> list[Line]:
    """A thread that has a text in every place where a thread may have one."""
    return lines(
        b.message("developer", text),
        b.response("message", role="user", content=[{"type": "input_text", "text": text}]),
        b.response("reasoning", summary=[{"type": "summary_text", "text": text}]),
        b.message("assistant", text),
        b.tool_call(text, text, call_id=text),
        b.tool_output(text, call_id=text),
        b.response("custom_tool_call", name="apply_patch", input=text, call_id="c2"),
        b.response("function_call", name="shell", arguments='{"command":["bash","-lc","x"]}', call_id="c3"),
        b.tool_output("done", call_id="c3"),
        b.compacted(text),
        b.event("turn_aborted", reason=text),
        b.event("error", message=text),
        b.event(text, message=text),
    )


def sharing(redactor: Redactor | None = None, *, full: bool = False) -> Sharing:
    """What shares a thread in which nothing was rolled back."""
    return Sharing(redactor, full=full)


def written(pieces: Iterable[str]) -> str:
    """A document put together."""
    return "".join(pieces)
