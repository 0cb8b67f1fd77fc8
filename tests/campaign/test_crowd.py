"""Many processes record threads while another one lists them: no error reaches anybody, and no record is lost."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from campaign.words import answers, program, scaled
from rollout.query import EVERYTHING
from rollout.store.local.index_path import IndexPlace
from rollout.store.local.store import LocalStore
from rollout.testing.facts_finding import walk

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow
PROCESSES = 32
ITEMS = 3

RECORDING = """
import json, sys
from campaign.words import begun
print(json.dumps([begun(sys.argv[1], int(sys.argv[3])) for _ in range(int(sys.argv[2]))]))
"""

LISTING = """
import json, os, sys
from rollout.query import EVERYTHING
from rollout.store.local.index_path import IndexPlace
from rollout.store.local.store import LocalStore
from rollout.testing.facts_finding import walk
home, index = sys.argv[1:]
seen, rounds, notes = set(), 0, set()
while not os.path.exists(home + "/enough"):
    store = LocalStore(home, index=IndexPlace(index, ours=False))
    notes.add(store.list(EVERYTHING._replace(limit=50)).note)
    found = {row.id for row in walk(LocalStore(home), EVERYTHING._replace(limit=1000))} if rounds % 8 == 0 else seen
    assert seen <= found, "a thread went away"
    seen, rounds = found, rounds + 1
print(json.dumps([rounds, sorted(notes)]))
"""


def is_whole(path: Path) -> bool:
    """Whether a rollout holds its first line and every item, in order; read directly, since there are many."""
    first, *items = [json.loads(line) for line in path.read_bytes().splitlines(keepends=True)]
    told = [int(item["payload"]["message"].partition(" ")[0]) for item in items]
    return (first["type"], first["payload"]["id"], told) == ("session_meta", path.name[28:-6], [*range(ITEMS)])


def test_a_crowd_records_while_another_program_lists(tmp_path: Path) -> None:
    """32 processes, each one thread after another; every lock is had in time, and every line is there in the end."""
    home, index, each = str(tmp_path / "home"), str(tmp_path / "index.sqlite"), scaled(6, 1_000)
    (tmp_path / "home").mkdir()
    lister = program(LISTING, home, index)
    crowd = [program(RECORDING, home, str(each), str(ITEMS)) for _ in range(PROCESSES)]

    made = [identity for text in answers(crowd) for identity in json.loads(text)]
    (tmp_path / "home" / "enough").touch()
    rounds, notes = json.loads(answers([lister])[0])

    with_index = LocalStore(home, index=IndexPlace(index, ours=False))
    for store in (LocalStore(home), with_index):
        assert sorted(made) == sorted(row.id for row in walk(store, EVERYTHING._replace(limit=1000)))
    whole = [path for path in (tmp_path / "home" / "sessions").rglob("rollout-*.jsonl") if is_whole(path)]
    assert sorted(made) == sorted(path.name[28:-6] for path in whole)
    assert PROCESSES * each == len(made)
    assert all(not note or "not complete yet" in note for note in notes)  # a listing catches up as far as its time goes
    assert rounds > 0
