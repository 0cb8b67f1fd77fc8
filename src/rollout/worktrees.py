"""The worktrees of a git repository, from the files that git keeps; git itself is not started.

``<worktree>/.git`` is the folder of the repository, or a file that names the worktree's own folder in there, whose
``commondir`` leads to it. The repository names each of its further worktrees in ``worktrees/*/gitdir``, also those whose
folders are gone, until git prunes them.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_MOST = 64 * 1024


def worktrees_of(folder: str) -> tuple[str, ...]:
    """A folder, and what stands in its place in the other worktrees of its repository; whether it exists or not.

    A folder that is in no repository stands alone. Never raises.
    """
    own = os.path.realpath(folder)
    root = root_of(own)
    if root is None:
        return (folder,)
    inside = os.path.relpath(own, root)
    places = (os.path.normpath(os.path.join(other, inside)) for other in _roots(_repository_of(root)))
    return (folder, *dict.fromkeys(place for place in places if place not in (own, folder)))


def root_of(folder: str) -> str | None:
    """The nearest of a folder and those above it that has a ``.git`` entry, None without one; ``folder`` is absolute."""
    while not os.path.lexists(os.path.join(folder, ".git")):
        above = os.path.dirname(folder)
        if above == folder:
            return None
        folder = above
    return folder


def _repository_of(root: str) -> str:
    """The folder that all worktrees share; ``root`` is one of them."""
    git = os.path.join(root, ".git")
    told = _text(git)
    if not told.startswith("gitdir:"):
        return git
    own = os.path.normpath(os.path.join(root, told[7:].strip()))
    return os.path.normpath(os.path.join(own, _text(os.path.join(own, "commondir")) or "."))


def _roots(repository: str) -> Iterator[str]:
    """The main worktree, which a bare repository and a submodule do not name; then the further ones."""
    if os.path.basename(repository) == ".git":
        yield os.path.dirname(repository)
    folder = os.path.join(repository, "worktrees")
    try:
        names = sorted(os.listdir(folder))
    except OSError:
        return
    for name in names:
        told = _text(os.path.join(folder, name, "gitdir"))
        if os.path.basename(told) == ".git":
            yield os.path.dirname(os.path.normpath(os.path.join(folder, name, told)))


def _text(path: str) -> str:
    """A short text of a file without white space around it, "" when there is none."""
    try:
        with open(path, "rb") as file:
            return os.fsdecode(file.read(_MOST)).strip()
    except OSError:
        return ""
