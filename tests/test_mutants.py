"""92 damaged or odd files: what our reader finds in each, beside what two versions of Codex answered."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from rollout.journal.examine import examine
from rollout.journal.reader import forward, open_source
from rollout.lines import Damage, Found, Line
from support import DATA, ROOT, needs_shared, shared_path

if TYPE_CHECKING:
    from pathlib import Path

TABLE: dict[str, dict[str, Any]] = json.loads((DATA / "mutants.json").read_text())
PAGE = ROOT / "docs" / "reference" / "damage.md"
VERSIONS = ("0.100.0", "0.169.0")
NO_ROLLOUT = "gzip named .jsonl.gz"

each_case = pytest.mark.parametrize("case", TABLE, ids=lambda case: case.replace(" ", "-").replace("/", "-"))


def case_path(case: str) -> Path:
    """Where the file of a case is; the symbolic link's target, as copies of the corpus do not keep links."""
    mutants = shared_path("corpus", "mutants")
    file: str = json.loads((mutants / "cases.json").read_text())[case]["file"]
    return mutants / "elsewhere" / file.rpartition("/")[2] if case == "symlink" else mutants / "home" / file


def read(case: str) -> list[Found]:
    """All that the reader yields of a case."""
    with open_source(str(case_path(case))) as source:
        return list(forward(source))


def whole(case: str) -> bytes:
    """The bytes of a case, decompressed."""
    with open_source(str(case_path(case))) as source:
        return b"".join(source.blocks())


def is_record(stretch: bytes) -> bool:
    """Whether another JSON library takes a physical line for one object that is text."""
    try:
        found = json.loads(stretch.removeprefix(b"\xef\xbb\xbf").decode())
        json.dumps(found, ensure_ascii=False).encode()
    except ValueError:
        return False
    return isinstance(found, dict)


def verdict(answer: dict[str, Any]) -> list[Any]:
    """What a Codex made of a file: whether it listed it, and the turns it read and resumed, or "error"."""
    told = (answer.get(call) or {"error": None} for call in ("read", "resume"))
    return [answer["listed"], *("error" if "error" in each else len(each["turns"]) for each in told)]


def row(case: str) -> str:
    """A case as a row of the documented table."""
    ours = TABLE[case]
    shown = "; ".join(f"{reason}, {length} B at {offset}" for _, offset, length, reason in ours["damage"][:2])
    if len(ours["damage"]) > 2:
        shown = f"{len(ours['damage'])} stretches: no rollout at all"
    notes = "; ".join(part for part in (shown, *(what for _, what in ours["findings"])) if part)
    columns = [case, str(ours["lines"]), notes, *(verdict_text(ours["codex"][version]) for version in VERSIONS)]
    return f"| {' | '.join(columns)} |"


def verdict_text(told: list[Any]) -> str:
    """A verdict in three short words."""
    listed, *calls = told
    return " · ".join(
        ("listed" if listed else "**hidden**", *("**fails**" if turns == "error" else str(turns) for turns in calls))
    )


@needs_shared
@each_case
def test_the_reader_finds_what_the_table_says(case: str) -> None:
    """Good lines, damage with place and reason, and findings are those of the table."""
    found = read(case)
    expected = {key: TABLE[case][key] for key in ("lines", "damage", "findings")}

    assert expected == {
        "lines": sum(isinstance(each, Line) for each in found),
        "damage": [
            [each.n, each.position.offset, each.length, each.reason] for each in found if isinstance(each, Damage)
        ],
        "findings": [[finding.n, finding.what] for finding in examine(iter(found))],
    }


@needs_shared
@each_case
def test_no_good_line_is_lost(case: str) -> None:
    """Each physical line that another JSON library takes for one object is a line of ours."""
    expected = sum(is_record(stretch) for stretch in whole(case).split(b"\n"))

    assert expected == sum(isinstance(each, Line) for each in read(case))


@needs_shared
def test_the_table_has_every_case_and_the_verdicts_of_codex() -> None:
    """The verdicts beside ours are those that the two versions gave."""
    mutants = shared_path("corpus", "mutants")
    answers = {version: json.loads((mutants / f"answers-v{version}.json").read_text()) for version in VERSIONS}
    told = {case: {version: verdict(answers[version][case]) for version in VERSIONS} for case in answers[VERSIONS[0]]}

    assert len(told) == 92
    assert {case: ours["codex"] for case, ours in TABLE.items()} == told


def test_a_bad_byte_costs_one_line_where_it_costs_codex_the_file() -> None:
    """Wherever Codex fails a file that has records, we read all of them but those on damaged lines."""
    failed = [case for case, ours in TABLE.items() if any("error" in ours["codex"][version] for version in VERSIONS)]

    assert "invalid utf-8 in a line" in failed
    assert {"empty file", "only newline", NO_ROLLOUT} == {case for case in failed if not TABLE[case]["lines"]}
    assert max(len(ours["damage"]) for case, ours in TABLE.items() if case != NO_ROLLOUT) == 1


@each_case
def test_the_documented_table_is_this_one(case: str) -> None:
    """The page on damage shows each case as it stands in the data."""
    assert row(case) in PAGE.read_text().splitlines()
