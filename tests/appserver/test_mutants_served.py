"""92 damaged or odd files: what our server answers about each, beside what two versions of Codex answered."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest

from appserver_words import Peer
from rollout.appserver.agent import echo
from rollout.appserver.levels import Level
from rollout.appserver.settings import Settings
from rollout.store.local.store import LocalStore
from support import DATA, ROOT, needs_shared, shared_path

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Json = dict[str, Any]
TABLE: Json = json.loads((DATA / "mutants-served.json").read_text())
PAGE = ROOT / "docs" / "reference" / "mutants.md"
LEVELS = {"0.100": "0.100.0", "0.169": "0.169.0"}
FIRST_S, STEP_S = 1_772_000_060, 3600
KINDS = ["cli", "vscode", "exec", "appServer", "subAgent", "unknown"]
FACTS = ("id", "preview", "createdAt", "updatedAt", "source", "modelProvider", "cwd", "path", "name")
MASKED = {
    "0.100": r"turns\[\d+\]\.id$",  # a turn without a recorded id has a new one at each reading
    "0.169": r"^resume\.thread\.(updatedAt|createdAt)$",  # Codex: that of the creation, or of the answer
}

each_case = pytest.mark.parametrize("case", TABLE, ids=lambda case: re.sub(r"[^\w.=]+", "-", case))
each_level = pytest.mark.parametrize("level", LEVELS)


def cases() -> Json:
    """The file and the id of each case."""
    found: Json = json.loads((shared_path("corpus", "mutants") / "cases.json").read_text())
    return found


def codex_answers(level: str) -> Json:
    """What the real server of a level answered."""
    found: Json = json.loads((shared_path("corpus", "mutants") / f"answers-v{LEVELS[level]}.json").read_text())
    return found


def copied(folder: Path) -> Path:
    """The files as they were made: with their times, and with the link that copies of the corpus do not keep."""
    mutants = shared_path("corpus", "mutants")
    for name in ("home", "elsewhere"):
        shutil.copytree(mutants / name, folder / name)
    for place, folders, names in os.walk(folder):
        for name in (*folders, *names):
            os.chmod(os.path.join(place, name), 0o700)
    for number, (case, about) in enumerate(cases().items()):
        path = folder / "home" / about["file"]
        if case == "symlink":
            path.unlink()
            path.symlink_to(folder / "elsewhere" / path.name)
        time = FIRST_S + STEP_S * number
        os.utime(path, (time, time))
    return folder / "home"


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Our answers at a level, asked for once."""

    @cache
    def at(level: str) -> Json:
        home = copied(tmp_path_factory.mktemp("mutants"))
        answers = asyncio.run(asked(home, Level(level)))
        told: Json = json.loads(json.dumps(answers).replace(str(home), "$CODEX_HOME"))
        return told

    return at


async def asked(home: Path, level: Level) -> Json:
    """Lists, then each thread read, then each resumed."""
    async with Peer(LocalStore(home), level, echo(), Settings(model_provider="labmock")) as peer:
        listed = {name: await listing(peer, **params) for name, params in LISTS.items()}
        known = cases().items()
        read = {case: await opened(peer, "thread/read", threadId=about["id"], includeTurns=True) for case, about in known}
        resumed = {case: await opened(peer, "thread/resume", threadId=about["id"]) for case, about in known}
    found: Json = {}
    for case, about in known:
        path = str(home / about["file"])
        entry = listed["all"].get(path) or listed["archived"].get(path)
        found[case] = {
            "listed": entry is not None, "listed_default": path in listed["default"], "listed_archived": path in listed["archived"],
            **({"entry": entry} if entry else {}), "read": read[case], "resume": resumed[case],
        }  # fmt: skip
    return found


LISTS: dict[str, Json] = {
    "all": {"sourceKinds": KINDS},
    "default": {},
    "archived": {"sourceKinds": KINDS, "archived": True},
}


async def listing(peer: Peer, **params: Any) -> Json:
    """Every row of a list, by its path."""
    found: Json = {}
    cursor = None
    while True:
        page = await peer.ask("thread/list", limit=100, modelProviders=[], cursor=cursor, **params)
        found |= {row["path"]: row for row in page["data"]}
        if (cursor := page["nextCursor"]) is None:
            return found


async def opened(peer: Peer, method: str, **params: Any) -> Json:
    """What a request for one thread tells, as the recorded answers do: facts, and turns with the kinds of their items."""
    try:
        thread = (await peer.ask(method, **params))["thread"]
    except Exception as error:  # noqa: BLE001 - a refusal, as data
        return {"error": str(error)}
    turns = [{**{name: turn[name] for name in ("id", "status", "error")}, "items": [item["type"] for item in turn["items"]]} for turn in thread["turns"]]
    return {"thread": {name: thread.get(name) for name in FACTS}, "turns": turns}


def differences(theirs: Any, mine: Any, place: str = "") -> Iterator[str]:
    """The places in which two answers differ; that both are errors is enough."""
    if isinstance(theirs, dict) and isinstance(mine, dict):
        if "error" in theirs and "error" in mine and "status" not in theirs:
            return
        for name in sorted(theirs.keys() | mine.keys()):
            yield from differences(theirs.get(name), mine.get(name), f"{place}.{name}".lstrip("."))
    elif isinstance(theirs, list) and isinstance(mine, list) and len(theirs) == len(mine):
        for number, (one, other) in enumerate(zip(theirs, mine, strict=True)):
            yield from differences(one, other, f"{place}[{number}]")
    elif theirs != mine:
        yield place


def compared(level: str, theirs: Json, mine: Json) -> Json:
    """A cell of the table: both verdicts, and where both tell of a thread the facts in which they differ."""
    verdicts = {"codex": verdict(theirs), "ours": verdict(mine)}
    found = [place for place in differences(theirs, mine) if not re.search(MASKED[level], place)]
    told = sorted({re.sub(r"^(entry|read\.thread|resume\.thread|(?:read|resume)\.turns(?:\[\d+\])?)\.?", "", place) for place in found if is_detail(place, theirs, mine)} - {""})
    return verdicts | ({"facts": told} if told else {})


def is_detail(place: str, theirs: Json, mine: Json) -> bool:
    """Whether a difference is more than what the verdicts show."""
    head = place.split(".", maxsplit=1)[0]
    if head not in ("entry", "read", "resume"):
        return False
    both = [side.get(head) for side in (theirs, mine)]
    return all(one is not None and "error" not in one for one in both) and not re.search(r"turns$", place)


def verdict(answers: Json) -> str:
    """Whether it is listed, and the turns that were read and resumed."""
    listed = "listed" if answers["listed_default"] or answers["listed_archived"] else "listed if asked" if answers["listed"] else "not listed"
    turns = ["error" if "error" in answers[call] else str(len(answers[call]["turns"])) for call in ("read", "resume")]
    return " · ".join((listed, *turns))


def row(case: str) -> str:
    """A case as a row of the documented table."""
    cells = [case.replace("|", "\\|")]
    for level in LEVELS:
        found = TABLE[case][level]
        same = found["codex"] == found["ours"]
        facts = f"; other {', '.join(found['facts'])}" if "facts" in found else ""
        cells += [found["codex"], ("the same" if same else found["ours"]) + facts]
    return f"| {' | '.join([*cells, str(TABLE[case].get('why', ''))])} |"


@needs_shared
@each_level
@each_case
def test_the_server_answers_what_the_table_says(ours: Any, level: str, case: str) -> None:
    """Listed or not, how many turns are read and resumed, and in which facts that differs from the real answer."""
    assert TABLE[case][level] == compared(level, codex_answers(level)[case], ours(level)[case])


@each_case
def test_each_difference_is_a_decision(case: str) -> None:
    """A row that differs has a reason, one that does not has none, and the documented table has the row."""
    cells = [TABLE[case][level] for level in LEVELS]
    differs = any("facts" in cell or cell["codex"] != cell["ours"] for cell in cells)

    assert (differs, True) == ("why" in TABLE[case], row(case) in PAGE.read_text().splitlines())


def test_the_reasons_are_explained() -> None:
    """Each letter of the table stands above it with its sentence."""
    letters = {letter for found in TABLE.values() for letter in str(found.get("why", "")).split()}

    assert letters == set(re.findall(r"^- \*\*(\w)\*\*", PAGE.read_text(), re.MULTILINE))
