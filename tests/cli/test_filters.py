"""The filters of ``rollout list`` and ``rollout search``: folders and repositories as people have them."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from cli.homes import thread_id
from test_worktrees import git

if TYPE_CHECKING:
    from pathlib import Path

    from cli.conftest import Rollout
    from cli.homes import Home

ADDRESS = "git@example.org:us/app.git"


def numbers(run: Any) -> list[int]:
    """The numbers of the threads of a listing, in order."""
    return sorted(int(row["id"][:8], 16) for row in run.document["threads"])


def found(run: Any) -> list[int]:
    """The numbers of the threads in which a search found something."""
    return sorted({int(hit["threadId"][:8], 16) for hit in run.document["hits"]})


@pytest.fixture
def app(home: Home, tmp_path: Path) -> Path:
    """A repository with a worktree, a clone, and threads: in each, in a worktree that is gone, and elsewhere."""
    main = tmp_path / "app"
    main.mkdir()
    git(main, "init")
    git(main, "commit", "--allow-empty", "-m", "first")
    git(main, "remote", "add", "origin", ADDRESS)
    git(main, "worktree", "add", "../fix")
    told = {"repository_url": ADDRESS}
    home.add(1, cwd=str(main), git=told)
    home.add(2, cwd=str(tmp_path / "fix"), git=told)
    home.add(3, cwd=str(tmp_path / "gone"), git={"repository_url": "https://example.org/us/app"})
    home.add(4, cwd=str(tmp_path / "other"), git={"repository_url": "git@example.org:us/application.git"})
    home.add(5, cwd=str(main / "src"), git=told)
    return main


@pytest.mark.parametrize("index", [[], ["--no-index"]])
def test_a_folder_means_its_worktrees(app: Path, rollout: Rollout, index: list[str]) -> None:
    """The same folder in each worktree; --no-worktrees means it alone; --repository all that recorded the address."""
    fix = str(app.parent / "fix")
    asked = (["--cwd", str(app)], ["--cwd", fix], ["--cwd", fix, "--no-worktrees"], ["--repository", fix], ["--repository", "https://example.org/us/app.git/"])
    listed = [numbers(rollout("list", "--json", *options, *index)) for options in asked]
    searched = [found(rollout("search", "question", "--json", *options, *index)) for options in asked]

    assert [[1, 2], [1, 2], [2], [1, 2, 3, 5], [1, 2, 3, 5]] == listed
    assert listed == searched


def test_a_folder_without_origin_names_no_repository(app: Path, tmp_path: Path, rollout: Rollout) -> None:
    """One line, status 2."""
    assert app
    subprocess.run(["git", "remote", "remove", "origin"], cwd=app, check=True)
    runs = [rollout("list", "--repository", str(folder)) for folder in (app, tmp_path)]

    assert [(2, 1)] * 2 == [(run.status, run.err.count("\n")) for run in runs]


@pytest.mark.parametrize("asked", [r"C:\Work\App", "c:/work/app", r"\\?\C:\work\APP", "/mnt/c/work/app"])
def test_folders_of_windows(home: Home, rollout: Rollout, asked: str) -> None:
    """However the folder is spelled in the file and on the command line."""
    for number, cwd in enumerate((r"C:\Work\App", "/mnt/c/work/app", r"D:\Work\App"), 1):
        home.add(number, cwd=cwd)

    assert [1, 2] == numbers(rollout("list", "--json", "--cwd", asked))


def test_search_takes_every_filter_of_a_list(home: Home, rollout: Rollout) -> None:
    """Tags, names, branches and lineage narrow a search."""
    home.add(1, git={"branch": "main"})
    home.add(2, forked_from_id=thread_id(1))
    home.name(2, "second")
    rollout("tag", thread_id(1), "+a")
    asked = (["--tag", "a"], ["--branch", "main"], ["--name", "second"], ["--forked-from", thread_id(1)])

    assert [[1], [1], [2], [2]] == [found(rollout("search", "question", "--json", *options)) for options in asked]
