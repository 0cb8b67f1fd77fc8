"""``rollout stats``, and the small plots."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cli.homes import thread_id
from rollout.render.plots import bar, grouped, sparkline

if TYPE_CHECKING:
    from cli.conftest import Rollout
    from cli.homes import Home


def test_everything_in_the_home_is_counted(home: Home, rollout: Rollout) -> None:
    """Threads, archived and unreadable ones included, by day, folder and source."""
    sizes = [home.add(1), home.add(2, cwd="/work/lib", source="exec"), home.add(70, archived=True)]
    sizes.append(home.write(3, b"no record\n"))

    document = rollout("stats", "--json").document

    assert "rollout.stats/1" == document["schema"]
    assert (4, 1, 1) == (document["threads"], document["archived"], document["unreadable"])
    assert sum(path.stat().st_size for path in sizes) == document["bytes"]
    assert {"2026-02-01": 3, "2026-02-02": 1} == document["days"]
    assert {"/work/app": 2, "/work/lib": 1, "": 1} == document["folders"]
    assert 4 == len(document["largest"])


def test_plots_are_drawn_where_a_person_is(home: Home, rollout: Rollout, terminal: Rollout) -> None:
    """Bars on a terminal and with --plot, plain amounts in a pipe."""
    home.add(1)

    assert "█" in terminal("stats").out
    assert "█" in rollout("stats", "--plot").out
    assert "█" not in rollout("stats").out


def test_an_empty_home(rollout: Rollout) -> None:
    """Nothing is there, and that is said without complaint."""
    run = rollout("stats")

    assert 0 == run.status
    assert run.out.startswith("threads     0 in 0 files, 0 B\n")


def test_titles_cannot_act_on_a_terminal(home: Home, terminal: Rollout) -> None:
    """A hostile folder and name are shown, not sent."""
    home.add(1, cwd="/work/\x1b]0;x\x07")
    home.name(1, "\x1b[2Jgone")

    run = terminal("stats")

    assert "\x1b" not in run.out
    assert thread_id(1) in run.out


@pytest.mark.parametrize(
    ("amount", "most", "columns", "drawn"),
    [(0, 10, 4, ""), (10, 10, 4, "████"), (5, 10, 4, "██"), (1, 1000, 4, "▏"), (3, 8, 1, "▍"), (1, 0, 4, "")],
)
def test_a_bar_is_a_share(amount: float, most: float, columns: int, drawn: str) -> None:
    """Its length is the share in the greatest, and nothing but nothing is invisible."""
    assert drawn == bar(amount, most, columns)


def test_a_line_of_amounts() -> None:
    """One character each; neighbours are summed where there are too many."""
    assert "▁ ▅█" == sparkline([1, 0, 40, 80])
    assert [3, 7, 5] == grouped([1, 2, 3, 4, 5], 3)
    assert [] == grouped([], 3)
