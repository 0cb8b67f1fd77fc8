"""Where an index belongs, and on what kind of disk."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from rollout.store.local.index_path import IndexPlace, index_place, is_remote

if TYPE_CHECKING:
    from pathlib import Path

MOUNTS = """\
/dev/vda / ext4 rw 0 0
server:/export /net nfs4 rw 0 0
tmpfs /net/local tmpfs rw 0 0
me@host: /mnt/with\\040blank fuse.sshfs rw 0 0
broken line
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A home."""
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


def test_in_the_users_cache_folder(place: Path, tmp_path: Path) -> None:
    """By default in a folder of its own in the user's cache; the same for every spelling of the home."""
    environ = {"XDG_CACHE_HOME": str(tmp_path / "cache")}
    (tmp_path / "link").symlink_to(place)
    found = index_place(str(place), None, environ)

    assert found
    assert found.ours
    assert found.path.startswith(f"{tmp_path}/cache/rollout/home-")
    assert found == index_place(str(tmp_path / "link"), None, environ)


def test_another_home_another_index(place: Path, tmp_path: Path) -> None:
    """Another folder, also one in the same place, has another index."""
    environ = {"HOME": str(tmp_path)}
    before = index_place(str(place), None, environ)
    place.rename(tmp_path / "moved")
    (tmp_path / "filler").mkdir()
    place.mkdir()

    found = {before, index_place(str(place), None, environ), index_place(str(tmp_path / "moved"), None, environ)}

    assert 3 == len(found)
    assert all(one and one.path.startswith(f"{tmp_path}/.cache/rollout/") for one in found)


def test_where_a_person_says(place: Path) -> None:
    """An explicit path wins over the variable, the variable over the cache folder; neither is ours to tidy."""
    environ = {"ROLLOUT_INDEX": "/var/index", "HOME": "/h"}

    assert IndexPlace("/given", ours=False) == index_place(str(place), "/given", environ)
    assert IndexPlace("/var/index", ours=False) == index_place(str(place), None, environ)
    assert index_place(str(place), "here", environ) == IndexPlace(os.path.abspath("here"), ours=False)


@pytest.mark.parametrize("environ", [{"ROLLOUT_INDEX": "off", "HOME": "/h"}, {"HOME": ".", "XDG_CACHE_HOME": "x"}])
def test_none(place: Path, environ: dict[str, str]) -> None:
    """Switched off, or without any folder for caches, there is none."""
    assert index_place(str(place), None, environ) is None


def test_a_home_that_is_not_there(tmp_path: Path) -> None:
    """A home that is not there yet has no index."""
    assert index_place(str(tmp_path / "none"), None, {"HOME": "/h"}) is None


@pytest.mark.parametrize(
    ("path", "remote"),
    [
        ("/home/dev/.cache", False),
        ("/net/home/.cache", True),
        ("/network", False),
        ("/net", True),
        ("/net/local/cache", False),
        ("/mnt/with blank/cache", True),
    ],
)
def test_network_file_systems(tmp_path: Path, path: str, *, remote: bool) -> None:
    """The innermost mount decides; its type tells whether others may have it mounted too."""
    table = tmp_path / "mounts"
    table.write_text(MOUNTS)

    assert remote == is_remote(path, str(table))
    assert not is_remote(path, str(tmp_path / "none"))
