"""Thread ids: every textual UUID form is read, one is printed."""

from __future__ import annotations

_HEX = frozenset("0123456789abcdefABCDEF")


class ThreadId(str):
    """The id of a thread: a UUID as 36 lower-case characters, a string in every respect.

    Ids made here are version 7: sorted as text they are sorted by creation in milliseconds.
    """

    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> ThreadId:
        """Read any form that Codex reads: hyphenated, 32 hex digits, ``{…}``, ``urn:uuid:…``, any case.

        Raises ValueError when the text is none of them (spec: rollout-format 1.1).
        """
        digits = _digits(text)
        if digits is None:
            raise ValueError(f"not a thread id: {text!r}")
        return cls(_hyphenated(digits.lower()))

    @classmethod
    def new(cls, unix_ms: int, randomness: bytes) -> ThreadId:
        """Make a version 7 id from a time in milliseconds and 10 bytes of randomness."""
        value = int.from_bytes(randomness[:10], "big")
        bits = (unix_ms << 80) | (7 << 76) | ((value >> 62 & 0xFFF) << 64) | (2 << 62) | (value & ((1 << 62) - 1))
        return cls(_hyphenated(f"{bits:032x}"))

    @property
    def unix_ms(self) -> int | None:
        """The creation time inside a version 7 id, in milliseconds; None for other versions."""
        return int(self[:8] + self[9:13], 16) if self[14] == "7" else None


def try_parse(text: str) -> ThreadId | None:
    """Read an id, or None when the text is not one."""
    try:
        return ThreadId.parse(text)
    except ValueError:
        return None


def _digits(text: str) -> str | None:
    """The 32 hex digits of a UUID text, or None."""
    if text.startswith("urn:uuid:"):
        text = text[9:]
    elif text.startswith("{") and text.endswith("}"):
        text = text[1:-1]
    if len(text) == 36 and text[8] == text[13] == text[18] == text[23] == "-":
        text = text[:8] + text[9:13] + text[14:18] + text[19:23] + text[24:]
    return text if len(text) == 32 and _HEX.issuperset(text) else None


def _hyphenated(digits: str) -> str:
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
