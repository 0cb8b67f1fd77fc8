"""The built-in rules for secrets: forms that their issuers gave them, and values that are called secret."""

from __future__ import annotations

import re
from collections import Counter
from math import log2
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

T = TypeVar("T")


class Secret(NamedTuple):
    """Where a secret stands in a text, and what kind it is."""

    start: int
    end: int
    kind: str


class Rule(NamedTuple):
    """What a kind of secret looks like; the group ``secret`` is what is taken out.

    One of ``marks``, in lower case, stands in every text that has one. ``doubtful``: only what also ``looks_secret`` is
    one. ``assigned``: it is what a name with a mark in it is set to, with = or : between them, so it is looked for only there.
    """

    kind: str
    marks: tuple[str, ...]
    pattern: re.Pattern[str]
    doubtful: bool = False
    assigned: bool = False

    def stretches(self, lowered: str) -> Iterator[tuple[int, int]]:
        """The parts of a text in which a secret may stand, in order and apart."""
        if self.assigned:
            return _assignments(lowered, self.marks)
        return iter(((0, len(lowered)),))


def _assignments(lowered: str, marks: Iterable[str]) -> Iterator[tuple[int, int]]:
    """Around each mark that a = or : follows soon; an expression that has to try every letter is slow on the rest."""
    start = end = 0
    for at in sorted(found for mark in marks for found in _places(lowered, mark)):
        if lowered.find("=", at, at + _TO_SIGN) < 0 and lowered.find(":", at, at + _TO_SIGN) < 0:
            continue
        if at - _BEFORE_MARK > end:
            if end:
                yield start, end
            start = max(0, at - _BEFORE_MARK)
        end = at + _BEHIND_MARK
    if end:
        yield start, end


def _places(text: str, mark: str) -> Iterator[int]:
    at = text.find(mark)
    while at >= 0:
        yield at
        at = text.find(mark, at + 1)


class Marks(Generic[T]):
    """Tells what stands beside the marks that a text has; most texts have no run of letters and digits that is long enough for a token.

    Bytes are looked through at one speed; texts of wide characters are not.
    """

    def __init__(self, marks: Iterable[tuple[str, T]], short: Collection[T]) -> None:
        """``short``: what may stand in a text without such a run."""
        every = tuple((mark.encode(), beside) for mark, beside in marks)
        self._every = every
        self._short = tuple((mark, beside) for mark, beside in every if beside in short)

    def of(self, lowered: str) -> set[T]:
        """What stands beside the marks of a text in lower case."""
        data = lowered.encode("utf-8", "surrogatepass")
        has_run = len(data) >= len(_RUN) and _RUN in data.translate(_TO_RUNS)
        return {beside for mark, beside in (self._every if has_run else self._short) if mark in data}


_RUN = b"a" * 20
_TO_RUNS = bytes(97 if chr(one).isascii() and (chr(one).isalnum() or chr(one) in "_.-") else 32 for one in range(256))


def _rule(kind: str, marks: str, pattern: str, *, doubtful: bool = False, flags: int = 0) -> Rule:
    if "(?P<secret>" not in pattern:
        pattern = rf"(?<![A-Za-z0-9_-])(?P<secret>{pattern})(?![A-Za-z0-9])"
    return Rule(kind, tuple(marks.split()), re.compile(pattern, flags), doubtful)


_NAMED = (
    r"(?:pass(?:word|wd|phrase)|pwd|secret|api[_-]?key|access[_-]?key|secret[_-]?key|private[_-]?key|account[_-]?key|"
    r"encryption[_-]?key|signing[_-]?key|auth[_-]?key|auth[_-]?token|access[_-]?token|refresh[_-]?token|session[_-]?token|"
    r"bot[_-]?token|api[_-]?token|credentials?|token)"
)
_VALUE = r"(?P<secret>[^\s\"'`\\,;<>(){}\[\]]{8,512})"

_BEFORE_MARK, _TO_SIGN, _BEHIND_MARK = 16, 48, 600
"""What such a form has at most before its mark, up to its sign, and up to its end."""

BUILT_IN: tuple[Rule, ...] = (
    _rule(
        "private key", "private",
        r"(?P<secret>-----BEGIN[A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
        r"(?:.{0,20000}?-----END[A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----|[A-Za-z0-9+/=\s:,.\\-]{0,20000}))",
        flags=re.DOTALL,
    ),
    _rule("age key", "age-secret-key", r"AGE-SECRET-KEY-1[0-9A-Z]{58}"),
    _rule("aws access key", "akia asia abia acca", r"(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}"),
    _rule(
        "aws secret key", "aws", r"(?i:aws).{0,30}?[=:\"'\s](?P<secret>[A-Za-z0-9/+]{40})(?![A-Za-z0-9/+=])", doubtful=True
    ),
    _rule("github token", "ghp_ gho_ ghu_ ghs_ ghr_", r"gh[pousr]_[A-Za-z0-9]{36,255}"),
    _rule("github token", "github_pat_", r"github_pat_[A-Za-z0-9_]{22,255}"),
    _rule(
        "gitlab token", "glpat- gldt- glptt- glrt- glcbt- glft- glimt- glagent- glsoat- gloas-",
        r"gl(?:pat|dt|ptt|rt|cbt|ft|imt|agent|soat|oas)-[A-Za-z0-9_.-]{20,255}",
    ),
    _rule("slack token", "xox xapp-", r"(?:xox[abeoprs]|xapp)-[A-Za-z0-9-]{10,255}"),
    _rule("slack webhook", "hooks.slack.com", r"(?P<secret>hooks\.slack\.com/(?:services|workflows)/[A-Za-z0-9/]{20,1024})"),
    _rule("discord webhook", "/api/webhooks/", r"(?P<secret>discord(?:app)?\.com/api/webhooks/\d+/[\w-]{40,1024})"),
    _rule("anthropic key", "sk-ant-", r"sk-ant-[A-Za-z0-9_-]{24,255}"),
    _rule("openai key", "sk-", r"sk-(?:proj-|svcacct-|admin-|or-v1-)?(?=[A-Za-z0-9_-]*\d)[A-Za-z0-9_-]{20,255}", doubtful=True),
    _rule("google key", "aiza", r"AIza[A-Za-z0-9_-]{35}"),
    _rule("google token", "ya29. gocspx-", r"(?:ya29\.[A-Za-z0-9_-]{20,512}|GOCSPX-[A-Za-z0-9_-]{28})"),
    _rule("stripe key", "sk_ rk_ whsec_", r"(?:[sr]k_(?:live|test|prod)_[A-Za-z0-9]{16,255}|whsec_[A-Za-z0-9+/=]{24,1024})"),
    _rule("npm token", "npm_", r"npm_[A-Za-z0-9]{36}"),
    _rule("pypi token", "pypi-", r"pypi-Ag[A-Za-z0-9_-]{50,1024}"),
    _rule("rubygems key", "rubygems_", r"rubygems_[a-f0-9]{48}"),
    _rule("hugging face token", "hf_", r"hf_[A-Za-z0-9]{34,1024}"),
    _rule("sendgrid key", "sg.", r"SG\.[A-Za-z0-9_-]{16,64}\.[A-Za-z0-9_-]{16,64}"),
    _rule("telegram token", ":aa", r"\d{8,10}:AA[A-Za-z0-9_-]{32,35}"),
    _rule("digitalocean token", "_v1_", r"do[opr]_v1_[a-f0-9]{64}"),
    _rule("shopify token", "shp", r"shp(?:at|ca|pa|ss)_[a-fA-F0-9]{32}"),
    _rule("linear key", "lin_api_", r"lin_api_[A-Za-z0-9]{40}"),
    _rule("notion token", "ntn_", r"ntn_[A-Za-z0-9]{40,1024}"),
    _rule("vault token", "hvs. hvb. hvr.", r"hv[sbr]\.[A-Za-z0-9_-]{24,1024}"),
    _rule("doppler token", "dp.", r"dp\.(?:ct|pt|st|sa|scim|audit)\.[A-Za-z0-9._-]{40,1024}"),
    _rule("databricks token", "dapi", r"dapi[a-f0-9]{32}(?:-\d)?"),
    _rule("model provider key", "gsk_ xai- r8_ pplx- fw_ nvapi-", r"(?:gsk_|xai-|r8_|pplx-|nvapi-)[A-Za-z0-9_-]{32,1024}"),
    _rule("mailgun key", "key-", r"key-[0-9a-f]{32}"),
    _rule("mailchimp key", "-us", r"[0-9a-f]{32}-us\d{1,2}"),
    _rule("azure key", "accountkey sharedaccesskey", r"(?:AccountKey|SharedAccessKey)=(?P<secret>[A-Za-z0-9+/]{40,1024}={0,2})"),
    _rule("json web token", "eyj", r"eyJ[A-Za-z0-9_-]{8,1024}\.eyJ[A-Za-z0-9_-]{8,1024}\.[A-Za-z0-9_-]{10,1024}"),
    _rule(
        "password in a url", "://",
        r"[A-Za-z][A-Za-z0-9+.-]{1,20}://[^\s/:@\"'`<>$]{0,64}:(?P<secret>[^\s/@\"'`<>${}]{3,128})@(?=[\w\[])",
    ),
    _rule(
        "authorization", "bearer basic authorization",
        r"(?i:\b(?:bearer|authorization[\"']?\s*[:=]\s*[\"']?(?:basic|token)))\s+(?P<secret>[A-Za-z0-9._~+/=-]{12,4096})",
        doubtful=True,
    ),
    _rule(
        "assigned secret", "pass pwd secret key token credential",
        rf"(?i){_NAMED}[A-Za-z0-9_]{{0,20}}[\"'`\\]{{0,3}}\s{{0,3}}(?:=>|:=|[=:])\s{{0,3}}[\\\"'`]{{0,3}}{_VALUE}",
        doubtful=True,
    )._replace(assigned=True),
    _rule(
        "assigned secret", "--pass --token --secret --api-key -u",
        rf"(?i)(?<!\S)--(?:[a-z-]{{0,20}}-)?{_NAMED}[ =][\"']?{_VALUE}",
        doubtful=True,
    ),
)  # fmt: skip

SHORT = frozenset({
    "private key", "aws secret key", "slack token", "slack webhook", "stripe key", "azure key", "password in a url", "authorization",
    "assigned secret",
})  # fmt: skip
"""The kinds of which a secret need not have 20 letters, digits, points and dashes in a row; all others have."""

_PLACEHOLDER = re.compile(
    r"(?i)^(?:\$|%|\{|<|\*+$|x{4,}|\.{3})|(?:example|placeholder|changeme|your[_-]|redacted|dummy|xxxx|\.\.\.|\*\*\*\*)"
)
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:[./:-]+[A-Za-z_][A-Za-z0-9_]*)*\(?")
_WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")
_UUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)
_PATH = re.compile(r"(?:~|\.{0,2})/[\w./-]*|[\w.-]+(?:/[\w.-]+)+|https?:.*")
_SPECIAL = frozenset("!@#$%^&*?~+=|")


def looks_secret(value: str) -> bool:
    """Whether a value that is called secret may be one: no name, path, number, placeholder or word.

    Chance makes a value: it mixes letters with digits or signs, and its characters differ.
    """
    if len(value) < 8 or _PLACEHOLDER.search(value) or _UUID.fullmatch(value) or _PATH.fullmatch(value):
        return False
    has_digit = any(char.isdigit() for char in value)
    has_letter = any(char.isalpha() for char in value)
    has_sign = any(char in _SPECIAL for char in value)
    if not has_letter or not (has_digit or has_sign):
        return False
    if not has_sign and _NAME.fullmatch(value) and _is_worded(value):
        return False
    return _bits(value) >= (2.5 if has_sign or len(value) < 16 else 2.9)


def _is_worded(value: str) -> bool:
    """Whether a name is made of words with a few digits, as programmers' names are."""
    words = _WORDS.findall(value)
    short = sum(1 for word in words if len(word) < 3)
    return len(value) < 48 and short * 3 <= len(words) and sum(map(str.isdigit, value)) <= 4


def _bits(value: str) -> float:
    """How much a character of the value tells, on average."""
    return -sum(count / len(value) * log2(count / len(value)) for count in Counter(value).values())
