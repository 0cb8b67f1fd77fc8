"""The forms that change a thread; there are none where looking is all that is allowed."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rollout.query import Thread


def action_forms(row: Thread, stamp: str) -> Iterator[str]:
    """Rename, archive, unarchive, fork; ``stamp`` is the session's, "" when nothing may be changed."""
    if not stamp:
        return
    base, hidden = f"/thread/{quote(row.id, safe='')}", f'<input type="hidden" name="stamp" value="{escape(stamp)}">'
    other = "unarchive" if row.archived else "archive"
    yield f'<div class="actions"><form method="post" action="{base}/rename">{hidden}'
    yield f'<input name="name" aria-label="Name" placeholder="Name" value="{escape(row.name or "")}" maxlength="200" required> <button>Rename</button></form>'
    yield f'<form method="post" action="{base}/{other}">{hidden}<button>{other.capitalize()}</button></form>'
    yield f'<form method="post" action="{base}/fork">{hidden}<button>Fork</button></form></div>\n'
