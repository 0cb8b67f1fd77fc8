"""Addresses of git repositories."""

from __future__ import annotations

import pytest

from rollout.origins import spellings

SAME = ["https://github.com/us/app", "https://github.com/us/app.git", "git@github.com:us/app.git", "ssh://git@github.com/us/app", "https://token@github.com/us/app.git/"]


@pytest.mark.parametrize("address", SAME)
@pytest.mark.parametrize("recorded", SAME[:4])
def test_one_repository_is_written_in_several_ways(address: str, recorded: str) -> None:
    """As https, as ssh, as scp, with and without .git: each leads to the others."""
    assert recorded in spellings(address)


def test_other_repositories_are_others() -> None:
    """Hosts, paths and beginnings are not mixed up; a path of this machine has no other form."""
    assert {"https://github.com/us/app", "https://example.org/us/app"}.isdisjoint(spellings("git@gitlab.com:us/app"))
    assert "https://github.com/us/application" not in spellings(SAME[0])
    assert ("/srv/git/app", "/srv/git/app.git", "/srv/git/app/") == spellings("/srv/git/app")
