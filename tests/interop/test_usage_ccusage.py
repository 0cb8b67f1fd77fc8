"""Our sums beside those of ccusage, a widely used counter: equal, but for what two rules of its explain."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from cli.homes import PYTHON, environment
from rollout.codec import to_object
from rollout.journal.reader import forward, open_source
from rollout.lines import Line
from support import corpus_marks, rollouts, shared_path

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [*corpus_marks, pytest.mark.codex]
VERSION = "20.0.24"
MINUTES = 60
Json = dict[str, Any]
Sums = Counter[tuple[str, str, str]]
"""Tokens by day, model and kind."""


@pytest.fixture(scope="session")
def ccusage() -> str:
    """The program, installed once into a cache; skips where that cannot be done."""
    cache = os.environ.get("CI_CACHE") or os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    folder = Path(cache) / "rollout-ci" / f"ccusage-{VERSION}"
    program = folder / "node_modules" / ".bin" / "ccusage"
    if program.exists():
        return str(program)
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip(f"no ccusage {VERSION} in {folder}, and no npm to install it")
    folder.mkdir(parents=True, exist_ok=True)
    words = [npm, "install", f"ccusage@{VERSION}", "--no-audit", "--no-fund", "--prefix", str(folder)]
    run = subprocess.run(words, capture_output=True, text=True, timeout=5 * MINUTES, check=False)
    if run.returncode or not program.exists():
        pytest.skip(f"ccusage {VERSION} cannot be installed: {run.stderr.strip()[-300:]}")
    return str(program)


@pytest.mark.parametrize("version", ["0.100.0", "0.169.0"])
def test_every_day_and_model_agrees(ccusage: str, tmp_path: Path, version: str) -> None:
    """Ours is theirs, and what two rules leave out there. Forks, resumed and archived threads are no difference."""
    corpus = shared_path("corpus", f"codex-{version}")
    for folder in ("sessions", "archived_sessions"):
        shutil.copytree(corpus / folder, tmp_path / "home" / folder)
    home = tmp_path / "home"
    unheard, burst = _sum(requests_without_an_echo(home)), _sum(first_second_of_sub_agents(home))

    assert ours(home) == theirs(ccusage, home, tmp_path) + unheard + burst
    assert {"0.100.0": (0, 2128), "0.169.0": (574, 910)}[version] == (_total(unheard), _total(burst))


def ours(home: Path) -> Sums:
    """Our sums."""
    words = [*PYTHON, "usage", "--json", "--by", "day", "--by", "model", "--home", str(home)]
    run = subprocess.run(words, capture_output=True, env=environment(home), timeout=MINUTES, check=True)
    sums: Sums = Counter()
    for group in json.loads(run.stdout)["groups"]:
        _add(sums, group["day"], group["model"], {
            "input": group["inputTokens"], "cached": group["cachedInputTokens"], "output": group["outputTokens"],
            "reasoning": group["reasoningOutputTokens"],
        })  # fmt: skip
    return sums


def theirs(program: str, home: Path, folder: Path) -> Sums:
    """The sums of ccusage, which takes cached tokens out of the input."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    env = {**kept, "CODEX_HOME": str(home), "HOME": str(folder), "TZ": "UTC"}
    words = [program, "codex", "daily", "--offline", "--json"]
    run = subprocess.run(words, capture_output=True, env=env, cwd=folder, timeout=MINUTES, check=True)
    sums: Sums = Counter()
    for day in json.loads(run.stdout)["daily"]:
        for model, told in day["models"].items():
            _add(sums, day["date"], model, {
                "input": told["inputTokens"] + told["cacheReadTokens"], "cached": told["cacheReadTokens"],
                "output": told["outputTokens"], "reasoning": told["reasoningOutputTokens"],
            })  # fmt: skip
    return sums


def _add(sums: Sums, day: str, model: str, amounts: dict[str, int]) -> None:
    for kind, number in amounts.items():
        if number:
            sums[day, model, kind] += number


Told = tuple[str, str, Json]
"""When, with which model, and how much."""


def requests_without_an_echo(home: Path) -> Iterator[Told]:
    """First rule: it reads running totals. A request that is named and whose total was never written is not seen.

    A writer that is killed between the two lines leaves that.
    """
    for path in rollouts(home):
        waiting: Told | None = None
        for when, model, kind, payload in _lines(path):
            if kind == "token_usage_record":
                if waiting:
                    yield waiting
                waiting = when, model, payload["usage"]
            elif waiting and (info := _info(kind, payload)) and info["last_token_usage"] == waiting[2]:
                waiting = None
        if waiting:
            yield waiting


def first_second_of_sub_agents(home: Path) -> Iterator[Told]:
    """Second rule: of a spawned sub-agent whose first two counts are of one second, that second is taken for a copy.

    A sub-agent that got no copy, and whose first answers came fast, loses them.
    """
    for path in rollouts(home):
        lines = list(_lines(path))
        counts = [(when, model, info) for when, model, kind, payload in lines if (info := _info(kind, payload))]
        source = lines[0][3].get("source")
        spawned = isinstance(source, dict) and "thread_spawn" in (source.get("subagent") or {})
        if spawned and len(counts) > 1 and counts[0][0][:19] == counts[1][0][:19]:
            told: Json = {}
            for when, model, info in counts:
                if when[:19] == counts[0][0][:19] and info["total_token_usage"] != told:
                    yield when, model, info["last_token_usage"]
                told = info["total_token_usage"]


def _lines(path: Path) -> Iterator[tuple[str, str, str, Json]]:
    """Time, model so far, type and payload of each line."""
    model = ""
    with open_source(str(path)) as source:
        for found in forward(source):
            if isinstance(found, Line):
                payload: Any = to_object(found.record.payload)
                model = payload["model"] if found.record.type == "turn_context" else model
                yield found.record.timestamp, model, found.record.type, payload


def _info(kind: str, payload: Json) -> Json:
    return (payload.get("info") or {}) if kind == "event_msg" and payload.get("type") == "token_count" else {}


def _sum(told: Iterator[Told]) -> Sums:
    sums: Sums = Counter()
    for when, model, usage in told:
        names = ("input_tokens", "cached_input_tokens", "output_tokens", "reasoning_output_tokens")
        kinds = ("input", "cached", "output", "reasoning")
        _add(sums, when[:10], model, {kind: usage[name] for kind, name in zip(kinds, names, strict=True)})
    return sums


def _total(sums: Sums) -> int:
    return sum(number for (_, _, kind), number in sums.items() if kind in ("input", "output"))
