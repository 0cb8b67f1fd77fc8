"""Every list that the real codex 0.100.0 answered, asked of the library: the same rows in every field, order and cursor.

All fields are compared, spelled as that version spells them: id, preview, modelProvider, createdAt, updatedAt, path,
cwd, cliVersion, source, gitInfo and turns (which lists leave empty); and the cursor or the error. The home's own path
stands for the one in which it was recorded. What 0.100.0 answered after it had forked threads is asked of a home in
which the library has made the same forks; there alone one thing is set by hand: a fork bears its source's provider here
and the configured one there (docs/reference/compatibility.md), and lists of 0.100.0 go by it.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from rollout.appserver.methods.listing import KINDS
from rollout.appserver.wire.threads import seed_thread
from rollout.errors import InvalidQueryError
from rollout.ids import ThreadId
from rollout.items.session import GitInfo
from rollout.lifecycle import ForkParams, fork
from rollout.query import Cursor, Order, ThreadQuery
from rollout.recording import Options
from rollout.store.local.index_path import IndexPlace
from rollout.store.local.store import LocalStore
from support import corpus_homes, corpus_marks, shared_path

Json = dict[str, Any]

pytestmark = corpus_marks
EXPECTED = "corpus/codex-0.100.0/expected"
RECORDED_AT = "/home/dev/.codex"
PROVIDER = "labmock"
SORTS = {"created_at": "created", "updated_at": "updated"}
BEHIND_FORKS = "list_after_resume_updated.json"


def recordings(prefix: str) -> list[str]:
    """The names of recorded answers; none without the shared folder."""
    return sorted(path.name for path in shared_path(EXPECTED).glob(f"{prefix}_*.json")) if corpus_homes() else []


def recorded(name: str) -> Any:
    """A recorded answer."""
    return json.loads(shared_path(EXPECTED, name).read_text(encoding="utf-8"))


def copy_of_the_home(home: Path) -> str:
    """The home of 0.100.0 with its file times."""
    shutil.copytree(shared_path("corpus", "codex-0.100.0"), home, ignore=shutil.ignore_patterns("expected*"))
    for name, modified in recorded("MTIMES.json").items():
        if (home / name).exists():
            os.utime(home / name, ns=(modified, modified))
    return str(home)


def forked_again(home: str) -> None:
    """Make every fork that 0.100.0 had made, with its id, time, git facts and file time."""
    for path in sorted(shared_path(EXPECTED, "fork").glob("*.json")):
        answer = json.loads(path.read_text(encoding="utf-8"))
        if "result" in answer:
            fork_as(LocalStore(home), answer["params"]["threadId"], answer["result"]["thread"])


def fork_as(store: LocalStore, source: str, told: Json) -> None:
    """Make one of them."""
    new_id, git = ThreadId(told["id"]), told["gitInfo"]
    options = Options(
        now_ms=lambda: new_id.unix_ms or 0,
        utc_offset_s=lambda _: 0,
        randomness=lambda _: randomness_of(new_id),
        collect_git=lambda _: git and git_info(git),
    )
    made = fork(store, source, ForkParams(source="vscode", cli_version=told["cliVersion"]), options)
    path = Path(store.find_path(made.thread_id) or "")
    theirs = b'"model_provider":"%s"' % told["modelProvider"].encode()
    path.write_bytes(re.sub(rb'"model_provider":"\w+"', theirs, path.read_bytes(), count=1))
    os.utime(path, (told["updatedAt"], told["updatedAt"]))


def git_info(told: Json) -> GitInfo:
    """What 0.100.0 found in the folder then."""
    return GitInfo(commit_hash=told["sha"], branch=told["branch"], repository_url=told["originUrl"])


def randomness_of(thread_id: ThreadId) -> bytes:
    """The ten bytes of which an id of version 7 was made."""
    value = int(thread_id.replace("-", ""), 16)
    return ((value >> 64 & 0xFFF) << 62 | (value & ((1 << 62) - 1))).to_bytes(10, "big")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> str:
    """As it was when most lists were recorded."""
    return copy_of_the_home(tmp_path_factory.mktemp("recorded") / "home")


@pytest.fixture(scope="module")
def home_with_forks(tmp_path_factory: pytest.TempPathFactory) -> str:
    """As it was in the end."""
    made = copy_of_the_home(tmp_path_factory.mktemp("recorded-forks") / "home")
    forked_again(made)
    return made


@pytest.fixture(params=[True, False], ids=["index", "files"])
def index(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> IndexPlace | None:
    """With an index, and from the files."""
    return IndexPlace(str(tmp_path_factory.mktemp("index") / "index.sqlite"), ours=True) if request.param else None


def answer_of(store: LocalStore, params: Json) -> Json:
    """What the library answers to a request of 0.100.0: a result, or what is wrong with it."""
    try:
        page = store.list(query_of(params))
    except InvalidQueryError as error:
        return {"error": str(error)}
    rows = [seed_thread(row, PROVIDER, row.preview, turns=[]) for row in page.threads]
    return {"result": {"data": rows, "nextCursor": None if page.next is None else str(page.next)}}


def query_of(params: Json) -> ThreadQuery:
    """The request's parameters as a query."""
    providers = params.get("modelProviders")
    return ThreadQuery(
        archived=params.get("archived", False),
        sources=tuple(KINDS[kind] for kind in params.get("sourceKinds") or ()) or ("cli", "vscode"),
        providers=(PROVIDER,) if providers is None else tuple(providers),
        order=Order(SORTS[params.get("sortKey", "created_at")], tick_ms=1000),
        cursor=Cursor.parse(params["cursor"]) if params.get("cursor") else None,
        limit=max(params.get("limit", 25), 1),
    )


def told(answer: Json, home: str) -> Json:
    """A recorded answer as it would read had it been recorded in this home."""
    if "error" in answer:
        return {"error": answer["error"]["message"]}
    result: Json = json.loads(json.dumps(answer["result"]).replace(RECORDED_AT, home))
    return {"result": result}


@pytest.mark.parametrize("name", [name for name in recordings("list") if name != BEHIND_FORKS])
def test_a_list_is_the_recorded_one(home: str, index: IndexPlace | None, name: str) -> None:
    """Each of the lists, the refused cursor among them."""
    answer = recorded(name)

    assert told(answer, home) == answer_of(LocalStore(home, index=index), answer["params"])


@pytest.mark.parametrize("name", recordings("pages"))
def test_a_walk_is_the_recorded_one(home: str, index: IndexPlace | None, name: str) -> None:
    """Each page along the cursors."""
    store, walk = LocalStore(home, index=index), recorded(name)

    assert [told(page, home) for page in walk] == [answer_of(store, page["params"]) for page in walk]


def test_a_list_behind_forks_is_the_recorded_one(home_with_forks: str, index: IndexPlace | None) -> None:
    """Forks stand where 0.100.0 listed its own, with the same facts."""
    answer = recorded(BEHIND_FORKS)

    assert told(answer, home_with_forks) == answer_of(LocalStore(home_with_forks, index=index), answer["params"])
