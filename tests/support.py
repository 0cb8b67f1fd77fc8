"""What tests share: where real homes and real binaries are, and how to go without them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_T = TypeVar("_T", bound="Callable[..., object] | type")

ROOT = Path(__file__).resolve().parent.parent
DATA = ROOT / "tests" / "data"


def _find_shared() -> Path | None:
    folder = Path(os.environ.get("ROLLOUT_SHARED") or ROOT.parent / "shared")
    return folder if (folder / "corpus").is_dir() else None


SHARED = _find_shared()
"""The folder with real homes (``corpus/``) and oracles, or None."""

corpus_marks = [
    pytest.mark.corpus,
    pytest.mark.skipif(SHARED is None, reason="no folder with real homes: set ROLLOUT_SHARED to it"),
]
"""For ``pytestmark`` of a module that reads the shared folder."""


def needs_shared(test: _T) -> _T:
    """Mark a test or a class of tests that reads the shared folder; it is skipped, saying so, without one."""
    for mark in corpus_marks:
        test = mark(test)
    return test


def shared_path(*parts: str) -> Path:
    """A path inside the shared folder; the running test is skipped where there is none."""
    if SHARED is None:
        pytest.skip("no folder with real homes: set ROLLOUT_SHARED to it")
    return SHARED.joinpath(*parts)


def corpus_homes() -> list[Path]:
    """Every complete home of the corpus, the extras included; an empty list without the shared folder."""
    if SHARED is None:
        return []
    corpus = SHARED / "corpus"
    return [*sorted(corpus.glob("codex-*")), *sorted((corpus / "extras").iterdir())]


def rollouts(home: Path) -> Iterator[Path]:
    """Every rollout of a home, active and archived, plain and compressed, in the order of their names."""
    found = [path for folder in ("sessions", "archived_sessions") for path in (home / folder).rglob("rollout-*")]
    yield from sorted(path for path in found if path.name.endswith((".jsonl", ".jsonl.zst")))


def codex_binary(version: str) -> Path:
    """The real codex of a version, below the folder that CODEX_BINARIES names; skips the test without it."""
    folder = os.environ.get("CODEX_BINARIES")
    if not folder:
        pytest.skip("no real codex: set CODEX_BINARIES to the folder that holds <version>/node_modules")
    found = sorted((Path(folder) / version / "node_modules" / "@openai").glob("*/vendor/*/*/codex"))
    if not found:
        pytest.skip(f"no real codex {version} below {folder}")
    return found[0]
