"""Invented secrets in the forms that their issuers use, as they stand in what agents read and write."""

from __future__ import annotations

import random
import string
from base64 import urlsafe_b64encode

ALNUM = string.ascii_letters + string.digits
HEX = "0123456789abcdef"
WORDS = string.ascii_letters + string.digits + "-_"


def seeded(seed: int, rounds: int) -> list[tuple[str, str]]:
    """Lines, each with the secret that it holds; the same for the same seed."""
    chance = random.Random(seed)
    return [(template.replace("SECRET", secret), secret) for _ in range(rounds) for template, secret in _round(chance)]


def private_key(chance: random.Random) -> str:
    """A key over several lines."""
    body = "\n".join(_any(chance, ALNUM + "+/", 64) for _ in range(12))
    return f"-----BEGIN OPENSSH PRIVATE KEY-----\n{body}\n-----END OPENSSH PRIVATE KEY-----"


def _any(chance: random.Random, letters: str, length: int) -> str:
    return "".join(chance.choice(letters) for _ in range(length))


def _round(chance: random.Random) -> list[tuple[str, str]]:
    def of(letters: str, length: int, prefix: str = "") -> str:
        return prefix + _any(chance, letters, length)

    def jwt() -> str:
        head = urlsafe_b64encode(b'{"alg":"HS256","typ":"JWT"}').decode().rstrip("=")
        body = urlsafe_b64encode(f'{{"sub":"{of(HEX, 12)}"}}'.encode()).decode().rstrip("=")
        return f"{head}.{body}.{of(WORDS, 43)}"

    password = of(ALNUM, 10) + chance.choice("!@#%") + of(string.digits, 3)
    made: list[tuple[str, str]] = [
        ("export AWS_ACCESS_KEY_ID=SECRET", of(string.ascii_uppercase + string.digits, 16, "AKIA")),
        ("aws_secret_access_key = SECRET", of(ALNUM + "/+", 40)),
        ("git clone https://SECRET@github.com/o/r", of(ALNUM, 36, "ghp_")),
        ('GITHUB_TOKEN: "SECRET"', of(ALNUM, 36, "ghs_")),
        ("token SECRET", of(ALNUM + "_", 82, "github_pat_")),
        ("PRIVATE-TOKEN: SECRET", of(WORDS, 20, "glpat-")),
        ("SLACK=SECRET", "xoxb-" + of(string.digits, 12) + "-" + of(string.digits, 12) + "-" + of(ALNUM, 24)),
        ("curl https://SECRET", "hooks.slack.com/services/T" + of(string.ascii_uppercase, 8) + "/B01/" + of(ALNUM, 24)),
        ("OPENAI_API_KEY=SECRET codex", of(WORDS, 60, "sk-proj-a1")),
        ("'SECRET',", of(ALNUM, 47, "sk-4")),
        ("ANTHROPIC_API_KEY=SECRET", of(WORDS, 80, "sk-ant-api03-")),
        ("key=SECRET&q=x", of(WORDS[:-2], 35, "AIza")),
        ("stripe.api_key = 'SECRET'", of(ALNUM, 24, "sk_live_")),
        ("//registry/:_authToken=SECRET", of(ALNUM, 36, "npm_")),
        ("password = SECRET", of(WORDS, 90, "pypi-AgEIcHlwaS5vcmc")),
        ("HF_TOKEN=SECRET", of(ALNUM, 34, "hf_")),
        ("SENDGRID SECRET", f"SG.{of(WORDS, 22)}.{of(WORDS, 43)}"),
        ("bot SECRET", of(string.digits, 9, "1") + ":AA" + of(WORDS, 33)),
        ("Authorization: Bearer SECRET", jwt()),
        ("-H 'Authorization: Bearer SECRET'", of(ALNUM, 40)),
        ("DATABASE_URL=postgres://app:SECRET@db:5432/app", of(ALNUM, 14)),
        ("redis://:SECRET@cache:6379/0", of(ALNUM, 18)),
        ('"password": "SECRET"', password),
        ("DB_PASSWORD=SECRET", password[::-1]),
        ("  client_secret: SECRET", of(ALNUM + "~.", 34, "Z9")),
        ('api_key = "SECRET"', of(HEX, 32)),
        ("mysql --user root --password=SECRET app", of(ALNUM, 12) + "7!"),
        ('{\\"secret\\": \\"SECRET\\"}', of(ALNUM, 24)),
        ("AccountName=a;AccountKey=SECRET;EndpointSuffix=core", of(ALNUM + "+/", 86) + "=="),
        ("vault login SECRET", of(ALNUM, 24, "hvs.")),
        ("DIGITALOCEAN=SECRET", of(HEX, 64, "dop_v1_")),
    ]
    return made
