"""The worktrees of a git repository, as git itself makes, moves and forgets them."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from rollout.worktrees import worktrees_of

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="needs git")


def git(folder: Path, *words: str) -> None:
    """Have git do something, knowing no settings but ours."""
    settings = ("-c", "user.name=n", "-c", "user.email=n@example.org", "-c", "init.defaultBranch=main", "-c", "protocol.file.allow=always")
    env = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    subprocess.run(["git", *settings, *words], cwd=folder, env=env, check=True, capture_output=True)


@pytest.fixture
def app(tmp_path: Path) -> Path:
    """A repository with two further worktrees, beside it and elsewhere."""
    main = tmp_path / "app"
    (main / "src").mkdir(parents=True)
    git(main, "init")
    git(main, "commit", "--allow-empty", "-m", "first")
    git(main, "worktree", "add", "../fix")
    git(main, "worktree", "add", "-b", "other", str(tmp_path / "far" / "away"))
    return main


def test_every_worktree_leads_to_the_others(app: Path) -> None:
    """Asked from any of them: the folder itself comes first, then all others."""
    trees = [str(app), str(app.parent / "fix"), str(app.parent / "far" / "away")]

    assert [sorted(trees)] * 3 == [sorted(worktrees_of(tree)) for tree in trees]
    assert trees == [worktrees_of(tree)[0] for tree in trees]


def test_a_folder_inside_means_the_same_folder_elsewhere(app: Path) -> None:
    """Not the whole repository: the place in it counts, whether it exists there or not."""
    assert (str(app / "src"), str(app.parent / "far/away/src"), str(app.parent / "fix/src")) == worktrees_of(str(app / "src"))


def test_a_worktree_that_is_gone_counts_until_git_forgets_it(app: Path) -> None:
    """Its threads are still there; after a prune only the address of the repository tells that they belong together."""
    shutil.rmtree(app.parent / "fix")
    before = worktrees_of(str(app))
    git(app, "worktree", "prune")

    assert (3, 2) == (len(before), len(worktrees_of(str(app))))


def test_a_worktree_that_moved(app: Path) -> None:
    """Where git says that it is now."""
    git(app, "worktree", "move", "../fix", "../moved")

    assert str(app.parent / "moved") in worktrees_of(str(app))
    assert str(app.parent / "fix") not in worktrees_of(str(app))


def test_a_bare_repository(app: Path, tmp_path: Path) -> None:
    """Its worktrees know each other, and it is none itself."""
    bare = tmp_path / "bare.git"
    git(tmp_path, "clone", "--bare", str(app), str(bare))
    git(bare, "worktree", "add", str(tmp_path / "one"), "main")
    git(bare, "worktree", "add", "-b", "two", str(tmp_path / "two"))

    assert (str(tmp_path / "one"), str(tmp_path / "two")) == worktrees_of(str(tmp_path / "one"))


def test_another_repository_is_another(app: Path, tmp_path: Path) -> None:
    """A clone, a submodule, and a folder in no repository stand alone."""
    git(tmp_path, "clone", str(app), "clone")
    git(app, "submodule", "add", str(tmp_path / "clone"), "sub")
    alone = [str(tmp_path / "clone"), str(app / "sub"), str(tmp_path / "far")]

    assert [(folder,) for folder in alone] == [worktrees_of(folder) for folder in alone]


@pytest.mark.parametrize("told", [b"", b"gitdir:", b"gitdir: /no/such/folder", b"\xff\xfe", b"x" * 100_000])
def test_what_git_did_not_write(tmp_path: Path, told: bytes) -> None:
    """A file that is none of git's makes nothing fail."""
    (tmp_path / ".git").write_bytes(told)

    assert (str(tmp_path),) == worktrees_of(str(tmp_path))
