"""What git says of a folder."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from msgspec import UNSET

from rollout import git_info
from rollout.items import GitInfo


def git(folder: Path, *words: str) -> str:
    """Run git in a folder, with an identity and without the machine's settings."""
    env = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    identity = ("-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "init.defaultBranch=main")
    done = subprocess.run(["git", *identity, *words], cwd=folder, env=env, check=True, capture_output=True)
    return done.stdout.decode().strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with one commit on main."""
    git(tmp_path, "init", "-q")
    git(tmp_path, "commit", "-q", "--allow-empty", "-m", "first")
    return tmp_path


def test_a_folder_without_git_has_none(tmp_path: Path) -> None:
    """Outside a repository there is no git object at all."""
    assert git_info.collect(str(tmp_path)) is None


def test_commit_and_branch_of_a_repository(repository: Path) -> None:
    """The commit is the full hash; an origin that does not exist is absent."""
    found = git_info.collect(str(repository))

    assert found is not None
    assert (git(repository, "rev-parse", "HEAD"), "main", UNSET) == (
        found.commit_hash,
        found.branch,
        found.repository_url,
    )


def test_the_origin_is_told(repository: Path) -> None:
    """The URL of the remote called origin."""
    git(repository, "remote", "add", "origin", "git@example.org:team/app.git")
    found = git_info.collect(str(repository))

    assert found is not None
    assert "git@example.org:team/app.git" == found.repository_url


def test_a_detached_head_has_no_branch(repository: Path) -> None:
    """Without a branch the field is absent."""
    git(repository, "checkout", "-q", "--detach")
    found = git_info.collect(str(repository))

    assert found is not None
    assert found.branch is UNSET


def test_a_repository_without_commits_is_an_empty_object(tmp_path: Path) -> None:
    """It is a repository, of which nothing is known."""
    git(tmp_path, "init", "-q")

    assert GitInfo() == git_info.collect(str(tmp_path))


def test_a_subfolder_of_a_repository_counts(repository: Path) -> None:
    """The folders above are looked at."""
    (repository / "a" / "b").mkdir(parents=True)

    assert git_info.collect(str(repository / "a" / "b")) is not None


def test_a_git_that_hangs_is_given_up(repository: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """After the time-out there is no answer, and no process is left."""
    slow = tmp_path / "bin" / "git"
    slow.parent.mkdir()
    slow.write_text("#!/bin/sh\nexec sleep 60\n")
    slow.chmod(0o755)
    monkeypatch.setenv("PATH", f"{slow.parent}:{os.environ['PATH']}")

    assert git_info.collect(str(repository), timeout=0.05) is None


def test_no_git_at_all_is_no_error(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without git records all the same."""
    monkeypatch.setenv("PATH", "")

    assert git_info.collect(str(repository)) is None
