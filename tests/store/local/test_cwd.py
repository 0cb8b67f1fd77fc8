"""When two folders are the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from rollout.folders import spelled
from rollout.store.local.cwd import Folders

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("folder", "key"),
    [
        ("C:\\x", "/mnt/c/x"),
        ("c:\\x", "/mnt/c/x"),
        ("c:/x/", "/mnt/c/x"),
        ("C:\\Users\\Dev", "/mnt/c/users/dev"),
        ("C:", "/mnt/c"),
        ("\\\\?\\C:\\x", "/mnt/c/x"),
        ("/mnt/c/x", "/mnt/c/x"),
        ("/mnt/C/Users", "/mnt/c/users"),
        ("/MNT/c/Users", "/mnt/c/users"),
        ("/mnt/cc/Users", "/mnt/cc/Users"),
        ("\\\\wsl$\\Ubuntu\\home\\Dev", "/home/Dev"),
        ("\\\\wsl.localhost\\Ubuntu\\home\\Dev", "/home/Dev"),
        ("\\\\?\\UNC\\wsl.localhost\\Ubuntu\\home\\Dev", "/home/Dev"),
        ("\\\\Server\\Share\\X", "//server/share/x"),
        ("\\\\?\\UNC\\Server\\Share\\X", "//server/share/x"),
        ("/home/Dev/", "/home/Dev"),
        ("/home/./Dev//app", "/home/Dev/app"),
        ("/home/dev/..", "/home/dev/.."),
        ("/with\\backslash", "/with\\backslash"),
        ("relative/./folder", "relative/folder"),
        ("/", "/"),
    ],
)
def test_the_key_of_a_spelling(folder: str, key: str) -> None:
    """Every spelling of a folder leads to one key."""
    assert spelled(folder, wsl=True) == key


def test_case_counts_outside_wsl() -> None:
    """On plain Linux a folder below /mnt is like any other."""
    assert spelled("/mnt/c/Users", wsl=False) == "/mnt/c/Users"


def test_links_lead_to_one_folder(tmp_path: Path) -> None:
    """Two folders that exist are the same when they lead to the same place."""
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    folders = Folders((str(tmp_path / "link"),), wsl=False)

    assert folders.match(f"{tmp_path}/real/../real")
    assert not folders.match(str(tmp_path))


def test_a_folder_that_is_gone_is_compared_by_its_parts() -> None:
    """Without the folder its spelling counts: trailing slashes and dots do not, case does."""
    folders = Folders(("/nowhere/app/", "C:\\Work"), wsl=False)
    recorded = ("/nowhere/./app", "/nowhere/App", "c:\\work\\", None, "", "app")

    assert [folders.match(folder) for folder in recorded] == [True, False, True, False, False, False]
