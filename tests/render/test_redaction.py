"""Secrets are found, and what is no secret is left alone."""

from __future__ import annotations

import random
from itertools import pairwise
from time import monotonic
from typing import TYPE_CHECKING

import pytest

from render.secrets_seeded import private_key, seeded
from rollout.query import EVERYTHING
from rollout.render.redaction import built_in, redactor
from rollout.render.redaction_rules import BUILT_IN, Secret, looks_secret
from rollout.render.sharing import Sharing
from rollout.store.local.store import LocalStore
from support import needs_shared, shared_path

if TYPE_CHECKING:
    from collections.abc import Callable

RULES = pytest.mark.parametrize("extra", [False, True], ids=["built-in", "detect-secrets"])
LEAST_RECALL = 0.95
MOST_FALSE_HITS = 1 / 1000


@RULES
def test_nineteen_in_twenty_seeded_secrets_are_taken_out(extra: bool, record_property: Callable[[str, object], None]) -> None:
    """Of secrets in the forms of 31 issuers and habits at least 95 % are taken out whole."""
    if extra:
        pytest.importorskip("detect_secrets", reason="the extra redact is not installed")
    lines = seeded(1, 20)
    missed = [line for line, secret in lines if secret in redactor(extra=extra).redact(f"before\n{line}\nafter")]

    recall = 1 - len(missed) / len(lines)
    record_property("recall", f"{recall:.1%} of {len(lines)}")

    assert recall >= LEAST_RECALL, missed[:10]


@needs_shared
@pytest.mark.parametrize("home", ["codex-0.100.0", "codex-0.169.0"])
@RULES
def test_real_threads_give_hardly_a_false_hit(home: str, extra: bool, record_property: Callable[[str, object], None]) -> None:
    """Threads without secrets, injected context included, give at most one hit in 1,000 lines."""
    store = LocalStore(shared_path("corpus", home))
    lines = hits = 0
    for row in store.list(EVERYTHING._replace(limit=10_000)).threads:
        found = list(store.lines(row.id))
        sharing = Sharing(redactor(extra=extra), full=True)
        list(sharing.items(found))
        lines += len(found)
        hits += sum(sharing.redactions().values())
    record_property("false hits", f"{hits} in {lines} lines")

    assert lines > 5000
    assert hits <= lines * MOST_FALSE_HITS


def test_what_has_no_marks_has_no_secret() -> None:
    """What is looked through after a glance at marks is what looking through everything finds, built in."""
    lines = [line for seed in (1, 2) for line, _ in seeded(seed, 20)]
    texts = [*lines, "\n".join(lines), " filler" * 200 + "\n" + "\n".join(lines[::7]), *(f"İ日本 {line}" for line in lines[:200])]
    for text in texts:
        everywhere = {
            Secret(*found.span("secret"), rule.kind)
            for rule in BUILT_IN for found in rule.pattern.finditer(text)
            if any(mark in text.lower() for mark in rule.marks) and (not rule.doubtful or looks_secret(found["secret"]))
        }  # fmt: skip

        assert set(built_in(text)) == everywhere, text[:200]


def test_what_has_no_marks_has_no_secret_of_detect_secrets() -> None:
    """The same for its rules, whose marks are ours."""
    pytest.importorskip("detect_secrets", reason="the extra redact is not installed")
    from rollout.render import redaction_extra as extra

    lines = [line for seed in (1, 2) for line, _ in seeded(seed, 20)]
    for text in [*lines, *(f"filler {line}\n{other}" for line, other in pairwise(lines))]:
        everywhere = {kind for kind, _, pattern in extra.patterns() if pattern.search(text)}
        looked_for = {kind for kind, _, pattern in extra.likely(text.lower()) if pattern.search(text)}

        assert looked_for == everywhere, text


def test_a_private_key_goes_whole() -> None:
    """All lines of a key are taken out, also where its newlines are escaped, and also when its end is missing."""
    key = private_key(random.Random(2))
    half = key[:400]

    for text in (key, key.replace("\n", "\\n"), half):
        assert redactor(extra=False).redact(f"a {text}") == "a [redacted: private key]"


def test_a_secret_is_known_again() -> None:
    """What was known by its name is taken out where it stands alone, later."""
    found = redactor(extra=False)

    assert "[redacted: assigned secret]" in found.redact("password=hunter2!hunter2!")
    assert found.redact("he typed hunter2!hunter2! twice") == "he typed [redacted: assigned secret] twice"
    assert {"assigned secret": 2} == dict(found.counts)


@pytest.mark.parametrize(
    "text",
    [
        "self.tokens_taken + len(tokens)",
        "token_count: total_token_usage",
        "password = os.environ['DB_PASSWORD']",
        "api_key = config.get_api_key()",
        "secret: ${VAULT_SECRET_42}",
        "access_key = <your-access-key-1>",
        "commit 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b",
        "token: 019c511b-418e-7a93-be68-3b8372a1ddaa",
        "call_id call_5f2b8a1c9d3e4f60718293a4",
        "https://example.org:8080/path@2x.png",
        "max_output_tokens: 10000000",
        "sk-learn-compatible-estimators-and-more",
        "key: ~/.ssh/id_ed25519",
    ],
)
@RULES
def test_what_is_no_secret_stays(text: str, extra: bool) -> None:
    """Names, placeholders, hashes, ids, paths and counts are no secrets."""
    assert text == redactor(extra=extra).redact(text)


def test_overlapping_rules_count_once() -> None:
    """A secret that two rules know is one secret."""
    found = redactor()
    found.redact("OPENAI_API_KEY=sk-proj-abcDEF123456789012345678901234")

    assert sum(found.counts.values()) == 1


def test_the_rules_are_named() -> None:
    """A redactor without the extra says so."""
    assert "built-in rules only" in redactor(extra=False).rules


@pytest.mark.parametrize(
    "piece", ["-eyJ", "://a:", "password=", "-----BEGIN PRIVATE KEY-----", "sk-", "a" * 50, "ghp_", '"']
)
def test_a_long_hostile_line_is_not_slow(piece: str) -> None:
    """A line of a megabyte made to be hard takes no more than seconds."""
    began = monotonic()
    redactor().redact(piece * (1_000_000 // len(piece)))

    assert monotonic() - began < 20


def test_chance_looks_like_chance() -> None:
    """Long mixed values look secret, words with numbers do not."""
    assert looks_secret("9aK2mZ77qLxT41")
    assert not looks_secret("password_reset_2")
    assert not looks_secret("xxxxxxxx1")
