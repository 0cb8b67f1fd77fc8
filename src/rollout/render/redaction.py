"""Secrets taken out of text that is going to be shared.

The rules are those of detect-secrets where it is installed (the extra ``redact``), with the built-in ones beside
them; without it the built-in ones alone. No rule finds everything: what is shared is looked at by a person first.
"""

from __future__ import annotations

import re
from collections import Counter, OrderedDict
from typing import TYPE_CHECKING

from rollout.render.redaction_rules import BUILT_IN, SHORT, Marks, Secret, looks_secret

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

_REMEMBERED = 64
_WORTH_REMEMBERING = 12


class Redactor:
    """Replaces secrets by their kind, and counts what it replaced.

    ``rules`` says which rules are used. A secret that was known by what stood around it is known again where it
    stands alone, later in the same thread. Holds the last 64 secrets.
    """

    def __init__(self, finders: Sequence[Callable[[str], Iterator[Secret]]], rules: str) -> None:
        """Nothing has been found; use ``redactor``."""
        self._finders = finders
        self._known: OrderedDict[str, str] = OrderedDict()
        self.rules = rules
        self.counts: Counter[str] = Counter()

    def redact(self, text: str, *, count: bool = True) -> str:
        """The text with every secret replaced by ``[redacted: kind]``; ``count`` False: it is told elsewhere too."""
        if len(text) < 8:
            return text
        found = [secret for find in self._finders for secret in find(text)]
        found += self._again(text)
        if not found:
            return text
        parts: list[str] = []
        at = 0
        for secret in _apart(found):
            self.counts[secret.kind] += count
            self._remember(text[secret.start : secret.end], secret.kind)
            parts += [text[at : secret.start], f"[redacted: {secret.kind}]"]
            at = secret.end
        return "".join([*parts, text[at:]])

    def _again(self, text: str) -> Iterator[Secret]:
        for value, kind in self._known.items():
            for found in re.finditer(re.escape(value), text) if value in text else ():
                yield Secret(*found.span(), kind)

    def _remember(self, value: str, kind: str) -> None:
        if len(value) < _WORTH_REMEMBERING or "\n" in value:
            return
        self._known[value] = kind
        self._known.move_to_end(value)
        if len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)


def redactor(*, extra: bool = True) -> Redactor:
    """A redactor with the best rules that are there; ``extra`` False leaves detect-secrets out."""
    if extra:
        try:
            from rollout.render.redaction_extra import find_more, version  # noqa: PLC0415 - only who needs it pays for it
        except ImportError:
            pass
        else:
            return Redactor((built_in, find_more), f"detect-secrets {version()} and the built-in rules")
    return Redactor((built_in,), "the built-in rules only (the extra `redact` brings more)")


_MARKS = Marks(
    [(mark, number) for number, rule in enumerate(BUILT_IN) for mark in rule.marks],
    {number for number, rule in enumerate(BUILT_IN) if rule.kind in SHORT},
)


def built_in(text: str) -> Iterator[Secret]:
    """The secrets that the built-in rules find in a text."""
    lowered = text.lower()
    if len(lowered) != len(text):  # a few letters become two: places must stay what they are
        lowered = "".join(letter if len(letter.lower()) > 1 else letter.lower() for letter in text)
    for number in sorted(_MARKS.of(lowered)):
        rule = BUILT_IN[number]
        for begin, stop in rule.stretches(lowered):
            for found in rule.pattern.finditer(text, begin, stop):
                start, end = found.span("secret")
                if not rule.doubtful or looks_secret(text[start:end]):
                    yield Secret(start, end, rule.kind)


def _apart(found: Iterable[Secret]) -> Iterator[Secret]:
    """Secrets in order without overlaps; of two that overlap the one that begins first, the longer one, is kept whole."""
    last: Secret | None = None
    for secret in sorted(found, key=lambda one: (one.start, -one.end)):
        if last is None:
            last = secret
        elif secret.start < last.end:
            last = last._replace(end=max(last.end, secret.end))
        else:
            yield last
            last = secret
    if last is not None:
        yield last
