"""What can be done with a thread: the store, and the world around it, which a test can replace."""

from __future__ import annotations

import os
import shlex
import subprocess
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from rollout.store.base import ThreadStore
    from rollout.tui.item import Item


class Desk:
    """The store, the clock, and the actions on a thread. Each action returns a sentence that tells what was done.

    Raises what ``rollout.lifecycle`` raises, and OSError. ``export`` writes a thread to a file and names it.
    """

    def __init__(
        self, store: ThreadStore, export: Callable[[str], str], *, is_slow: bool = False, folder: str = ""
    ) -> None:
        """Work on a store; ``is_slow``: it has no index yet, so that a list takes its time; ``folder``: where it is, if it is one."""
        self.store, self._export, self.is_slow, self.folder = store, export, is_slow, folder
        self.user_home = os.environ.get("HOME", "")

    def quick_store(self) -> ThreadStore:
        """The same threads without an index: those that were begun last are there at once."""
        from rollout.store.local.store import LocalStore  # noqa: PLC0415 - only a slow list needs it

        return LocalStore(self.folder) if self.folder else self.store

    def why_empty(self) -> str:
        """Why no thread is there."""
        gone = self.folder and not os.path.isdir(self.folder)
        return f"no threads: there is no folder {self.folder}" if gone else "no threads"

    def now_ms(self) -> int:
        """The time, for ages and groups."""
        return time.time_ns() // 1_000_000

    def rename(self, item: Item, name: str) -> str:
        """Give it a name."""
        from rollout.lifecycle import rename  # noqa: PLC0415 - most only look

        return f"renamed to {rename(self.store, item.id, name).name!r}"

    def move(self, item: Item) -> str:
        """Archive it, or bring it back."""
        from rollout.lifecycle import archive, unarchive  # noqa: PLC0415 - most only look

        (unarchive if item.archived else archive)(self.store, item.id)
        return "brought back" if item.archived else "archived"

    def fork(self, item: Item) -> str:
        """Fork it whole."""
        from rollout.lifecycle import fork  # noqa: PLC0415 - most only look

        return f"forked: {fork(self.store, item.id).thread_id}"

    def export(self, item: Item) -> str:
        """Write it to a file."""
        return f"written to {self._export(item.id)}"

    def resume_command(self, item: Item) -> str:
        """What one types to go on with it in Codex, in the folder where it was."""
        return f"cd {shlex.quote(item.cwd or '.')} && codex resume {item.id}"

    def open_folder(self, item: Item) -> str:
        """Show the folder of its file in the desktop's file manager."""
        folder = os.path.dirname(item.path)
        quiet = subprocess.DEVNULL
        subprocess.Popen(["xdg-open", folder], stdin=quiet, stdout=quiet, stderr=quiet, start_new_session=True)  # noqa: S603, S607 - a fixed program of the desktop
        return f"opening {folder}"
