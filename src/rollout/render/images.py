"""Images that a thread carries: raster images as ``data:`` addresses. Any other address is never loaded."""

from __future__ import annotations

import re
from base64 import b64decode
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from rollout.render.shown import Entry

_RASTER = re.compile(r"data:(image/(?:png|jpeg|gif|webp));base64,([A-Za-z0-9+/]+={0,2})")


class Picture(NamedTuple):
    """An image: its media type, one of four raster types, and its bytes."""

    media_type: str
    data: bytes


def is_picture(address: str) -> bool:
    """Whether an address holds a raster image of a known type itself; an SVG, which is a document, is none."""
    return _RASTER.fullmatch(address) is not None


def picture(address: str) -> Picture | None:
    """The image in an address, None when it holds none that may be shown."""
    found = _RASTER.fullmatch(address)
    if found is None or len(found[2]) % 4:
        return None
    return Picture(found[1], b64decode(found[2]))


def inline(entry: Entry, number: int) -> str:
    """The address of an image inside the page itself, "" when it may not be shown."""
    return entry.images[number] if is_picture(entry.images[number]) else ""
