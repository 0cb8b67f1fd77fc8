"""The rules of detect-secrets. Importing this raises ImportError where the extra ``redact`` is not installed.

Only its expressions are used, on text in memory: nothing is verified with anyone, and no file is opened. Left out
are its entropy rules and addresses of machines, which take every hash and identifier of a session for a secret.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from importlib.metadata import version as installed
from typing import TYPE_CHECKING, Any

from rollout.render.redaction_rules import Marks, Secret, looks_secret

if TYPE_CHECKING:
    import re
    from collections.abc import Iterator

_LEFT_OUT = frozenset({"IPPublicDetector", "PrivateKeyDetector"})  # the second knows only a key's first line
_LONGEST_TEXT = 16_384
_LONGEST_LINE = 4096
_WORDS = ("key", "pass", "pwd", "secret", "contrase")
_NAMES = ("key", "pw", "pass", "token")
_SHORT = {
    "ArtifactoryDetector": ("akc", "ap"),
    "AWSKeyDetector": ("abia", "acca", "akia", "asia", "a3t", "aws"),
    "AzureStorageKeyDetector": ("accountkey=",),
    "BasicAuthDetector": ("://",),
    "JwtTokenDetector": ("eyj",),
    "NpmDetector": (":_authtoken=",),
    "SlackDetector": ("xox", "hooks.slack.com"),
}
_LONG = {
    "CloudantDetector": (*_NAMES, "://"),
    "GitHubTokenDetector": ("ghp_", "gho_", "ghu_", "ghs_", "ghr_"),
    "GitLabTokenDetector": ("glpat-", "gldt-", "glft-", "glsoat-", "glrt-", "gr1348941", "glcbt-", "glimt-", "glptt-", "glagent-", "gloas-"),
    "IbmCloudIamDetector": _NAMES,
    "IbmCosHmacDetector": ("secret",),
    "MailchimpDetector": ("-us",),
    "OpenAIDetector": ("t3blbkfj",),
    "PypiTokenDetector": ("pypi-age",),
    "SendGridDetector": ("sg.",),
    "SoftlayerDetector": (*_NAMES, "://"),
    "SquareOAuthDetector": ("sq0csp-",),
    "StripeDetector": ("k_live_",),
    "TelegramBotTokenDetector": (":",),
    "TwilioKeyDetector": ("ac", "sk"),
}  # fmt: skip
"""Of each of its rules one of what stands, in lower case, in every text that has such a secret. The second have a run, too."""
_MARKS = Marks([(mark, name) for name, marks in (_SHORT | _LONG).items() for mark in marks], _SHORT)
_heuristic: Any = import_module("detect_secrets.filters.heuristic")
_base: Any = import_module("detect_secrets.plugins.base").RegexBasedDetector
_keyword: Any = import_module("detect_secrets.plugins.keyword").KeywordDetector()
_util: Any = import_module("detect_secrets.core.plugins.util")


def version() -> str:
    """The version whose rules these are."""
    return installed("detect-secrets")


def find_more(text: str) -> Iterator[Secret]:
    """The secrets that its rules find in a text.

    Some of its expressions take the square of a line's length: lines of more than 16 KiB are left to the others.
    """
    if len(text) <= _LONGEST_TEXT:
        yield from _found(text)
        return
    at = 0
    for line in text.splitlines(keepends=True):
        if len(line) <= _LONGEST_TEXT:
            yield from (Secret(at + one.start, at + one.end, one.kind) for one in _found(line))
        at += len(line)


def _found(text: str) -> Iterator[Secret]:
    lowered = text.lower()
    for kind, plugin, pattern in likely(lowered):
        for found in pattern.finditer(text):
            start, end = _span(found)
            value = text[start:end]
            if end - start >= 8 and _islikely(value, plugin):
                yield Secret(start, end, kind)
    if any(word in lowered for word in _WORDS):
        yield from _assigned(text)


def likely(lowered: str) -> Iterator[tuple[str, Any, re.Pattern[str]]]:
    """The rules whose marks stand in a text, and those of which no marks are known; most texts have no marks at all."""
    wanted = _MARKS.of(lowered)
    for name, rules in _rules().items():
        if name in wanted or (name not in _SHORT and name not in _LONG):
            yield from rules


@cache
def _rules() -> dict[str, list[tuple[str, Any, re.Pattern[str]]]]:
    rules: dict[str, list[tuple[str, Any, re.Pattern[str]]]] = {}
    for rule in patterns():
        rules.setdefault(type(rule[1]).__name__, []).append(rule)
    return rules


@cache
def patterns() -> tuple[tuple[str, Any, re.Pattern[str]], ...]:
    """Kind, plugin and expression of each rule; by their names, so that the order never changes."""
    plugins: dict[str, Any] = {one.__name__: one for one in _util.get_mapping_from_secret_type_to_class().values()}
    wanted = [one for name, one in sorted(plugins.items()) if issubclass(one, _base) and name not in _LEFT_OUT]
    return tuple((str(one.secret_type).lower(), one(), pattern) for one in wanted for pattern in one.denylist)


def _span(found: re.Match[str]) -> tuple[int, int]:
    """Where the secret stands: a long group is the secret, a short one only a part of its form."""
    spans = [found.span(number) for number in range(1, found.re.groups + 1)]
    longest = max(spans, key=lambda span: span[1] - span[0], default=found.span())
    return longest if longest[1] - longest[0] >= 8 else found.span()


def _islikely(value: str, plugin: Any) -> bool:  # noqa: ANN401 - JSON as it comes
    if type(plugin).__name__ == "JwtTokenDetector":
        return bool(plugin.is_formally_valid(value))
    return not (_heuristic.is_sequential_string(value) or _heuristic.is_templated_secret(value)) and looks_secret(value)


def _assigned(text: str) -> Iterator[Secret]:
    """Values that are called secret. Its expressions are meant for lines, and costly on long ones."""
    at = 0
    for line in text.splitlines(keepends=True):
        if len(line) <= _LONGEST_LINE and any(word in line.lower() for word in _WORDS):
            for value in set(_keyword.analyze_string(line)):
                start = line.find(value)
                if looks_secret(value) and start >= 0 and " " not in value:
                    yield Secret(at + start, at + start + len(value), "secret keyword")
        at += len(line)
