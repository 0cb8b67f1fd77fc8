"""Amounts of tokens, and how the lines of a rollout tell them (spec: rollout-format 2.9, 10.23)."""

from __future__ import annotations

from operator import add, ge, sub
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from rollout.codec import payload_tag

if TYPE_CHECKING:
    from rollout.codec import Record


class Tokens(NamedTuple):
    """An amount. ``cached`` and ``cache_write`` are parts of ``input``, ``reasoning`` is a part of ``output``."""

    input: int = 0
    cached: int = 0
    cache_write: int = 0
    output: int = 0
    reasoning: int = 0

    @property
    def total(self) -> int:
        """Input and output together. The files' own ``total_tokens`` is not used: it may be an estimate."""
        return self.input + self.output

    def plus(self, other: Tokens) -> Tokens:
        """Both together."""
        return Tokens(*map(add, self, other))

    def minus(self, other: Tokens) -> Tokens:
        """What is left without the other; may be negative."""
        return Tokens(*map(sub, self, other))

    def covers(self, other: Tokens) -> bool:
        """Whether no part is smaller than the other's."""
        return all(map(ge, self, other))


ZERO = Tokens()


class Wire(msgspec.Struct, frozen=True, gc=False):
    """An amount as it stands in a line; absent parts are 0."""

    input_tokens: int = 0
    cached_input_tokens: int = 0
    cache_write_input_tokens: int = 0
    output_tokens: int = 0
    reasoning_output_tokens: int = 0

    def tokens(self) -> Tokens:
        """The amount; what is negative counts as 0."""
        return Tokens(
            max(0, self.input_tokens),
            max(0, self.cached_input_tokens),
            max(0, self.cache_write_input_tokens),
            max(0, self.output_tokens),
            max(0, self.reasoning_output_tokens),
        )


class Info(msgspec.Struct, frozen=True, gc=False):
    """The ``info`` of a ``token_count``: the running total, and what the last request took."""

    total_token_usage: Wire
    last_token_usage: Wire | None = None

    def amounts(self) -> tuple[Tokens, Tokens | None]:
        """The running total, and what the last request took where that is told."""
        last = self.last_token_usage
        return self.total_token_usage.tokens(), None if last is None else last.tokens()


class _Count(msgspec.Struct, frozen=True, gc=False):
    info: Info | None = None


class OfRequest(msgspec.Struct, frozen=True, gc=False):
    """A ``token_usage_record``: what one request took, and the thread that made it."""

    usage: Wire
    thread_id: str = ""
    model: str | None = None


_count = msgspec.json.Decoder(_Count)
_of_request = msgspec.json.Decoder(OfRequest)


def count_of(record: Record) -> Info | None:
    """The totals of a ``token_count`` event; None for other events, and where it only tells rate limits.

    Raises ValueError (or RecursionError) when it is one and cannot be read.
    """
    return _count.decode(record.payload).info if payload_tag(record.payload) == "token_count" else None


def request_of(record: Record) -> OfRequest:
    """A ``token_usage_record``. Raises ValueError (or RecursionError) when it cannot be read."""
    return _of_request.decode(record.payload)
