from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import pytest

from interop.lab import ANSWER, Lab, Server, opened_lab
from interop.threads import CASES
from support import corpus_marks

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

pytestmark = [*corpus_marks, pytest.mark.codex]
MORE = "one more"


class Stage(NamedTuple):
    """A home in which every case was recorded by us, and a Codex that runs on it."""

    lab: Lab
    server: Server
    threads: dict[str, str]


@pytest.fixture(scope="module", params=["0.100.0", "0.169.0"])
def stage(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, oracle: tuple[ModuleType, ModuleType]
) -> Iterator[Stage]:
    """Record every case, then start Codex."""
    with opened_lab(tmp_path_factory.mktemp("lab"), oracle) as lab:
        threads = {name: record(lab, name) for name in CASES}
        with lab.codex(request.param) as server:
            yield Stage(lab, server, threads)


def record(lab: Lab, name: str) -> str:
    """Record a case sitting by sitting: the recorder is closed and resumed in between."""
    first, *others = CASES[name].sittings
    thread_id = lab.record(first)
    for sitting in others:
        lab.record(sitting, thread_id)
    return thread_id


def test_codex_lists_every_thread_with_its_preview(stage: Stage) -> None:
    """Each thread that we recorded is in the list, with the first thing that was asked."""
    listed = stage.server.listed()

    assert {name: CASES[name].preview.strip() for name in CASES} == {
        name: listed.get(thread_id, "not listed") for name, thread_id in stage.threads.items()
    }


@pytest.mark.parametrize("name", CASES)
def test_codex_reads_resumes_and_forks_it(stage: Stage, name: str) -> None:
    """Read shows the right turns and changes no byte; a resumed turn and a fork build on them; our bytes stay a prefix."""
    thread_id, before = stage.threads[name], CASES[name].turns
    path = stage.lab.file(thread_id)
    ours = path.read_bytes()

    read = stage.server.read(thread_id)
    untouched = path.read_bytes() == ours
    resumed = stage.server.resume(thread_id)
    stage.server.turn(thread_id, MORE)
    forked = stage.server.fork(thread_id)

    assert [before, before] == [messages(read), messages(resumed)]
    assert untouched
    assert [*before, [("user", MORE), ("agent", ANSWER)]] == messages(forked)
    assert path.read_bytes().startswith(ours)
    assert len(path.read_bytes()) > len(ours)


def messages(turns: list[list[tuple[str, str]]]) -> list[list[tuple[str, str]]]:
    """What was said in each turn; turns in which nothing was said, and what else a version shows, left out."""
    said = ([item for item in turn if item[0] in ("user", "agent")] for turn in turns)
    return [turn for turn in said if turn]
