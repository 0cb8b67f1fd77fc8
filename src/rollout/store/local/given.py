"""What people gave to the threads of a home and no rollout tells: names, tags, notes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rollout.store.local.names import Names

if TYPE_CHECKING:
    from rollout.journal.filesystem import Filesystem
    from rollout.labels import Labels
    from rollout.store.local.tags import Tags


class Given:
    """The files beside the rollouts of one home. Safe from any thread."""

    def __init__(self, home: str, fs: Filesystem) -> None:
        """Nothing is read yet."""
        self.names = Names(home, fs)
        self._home, self._fs = home, fs
        self._tags: Tags | None = None

    @property
    def tags(self) -> Tags:
        """Tags and notes; loaded when asked for, since an index answers without them."""
        tags = self._tags
        if tags is None:
            from rollout.store.local.tags import Tags  # noqa: PLC0415 - see above

            tags = self._tags = Tags(self._home, self._fs)
        return tags

    def name_of(self, thread_id: str) -> str | None:
        """The name of a thread, None when it has none."""
        return self.names.of(thread_id)

    def labels_of(self, thread_id: str) -> Labels:
        """The tags and the note of a thread."""
        return self.tags.of(thread_id)
