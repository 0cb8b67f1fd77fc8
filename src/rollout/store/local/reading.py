"""Reading the threads of a home: their lines from any place and either way, their bytes, their files. No lock is taken."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rollout.errors import NotFoundError
from rollout.ids import try_parse
from rollout.store.base import ThreadStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rollout.journal.filesystem import Filesystem
    from rollout.lines import Found, Gap, Line, Position
    from rollout.store.base import Segment
    from rollout.store.local.chain import Chains, Link
    from rollout.store.local.finding import Finder
    from rollout.store.local.walk import File
    from rollout.summary import Summary


class HomeReading(ThreadStore):
    """What a store of one home reads of threads.

    A base that is missing, too short or builds on itself is a hole in the thread: told as damage that names the
    rollout, while everything else is read.
    """

    def __init__(self, home: str, fs: Filesystem, finder: Finder) -> None:
        """Nothing is read yet."""
        self.home, self._fs, self._finder = home, fs, finder

    def lines(self, thread_id: str, start: int = 0, *, own: bool = False) -> Iterator[Found]:
        """The thread from line ``start`` on. Raises NotFoundError at once."""
        chains, links = self._chain(thread_id)
        return chains.read(links, start, own=own)

    def skim(
        self, thread_id: str, kinds: frozenset[str], start: Position | None = None, n: int = 0
    ) -> Iterator[Line | Gap]:
        """The good lines of some kinds, and how many others were passed over between them; for turns of long threads.

        From the beginning, or from the position of line ``n`` on. Raises NotFoundError at once.
        """
        chains, links = self._chain(thread_id)
        return chains.skim(links, kinds) if start is None else chains.skim(links, kinds, start, n)

    def lines_back(self, thread_id: str, before: Position | None = None) -> Iterator[Found]:
        """The thread backwards; every ``n`` is -1. Raises NotFoundError at once."""
        chains, links = self._chain(thread_id)
        return chains.read_back(links, before)

    def lines_from(self, thread_id: str, start: Position, n: int = -1) -> Iterator[Found]:
        """The thread from the line at a position on, which has the number ``n``. Raises NotFoundError at once."""
        chains, links = self._chain(thread_id)
        return chains.read_from(links, start, n)

    def number(self, thread_id: str, position: Position) -> int:
        """The number of the line at a position; counts the lines before it."""
        chains, links = self._chain(thread_id)
        return chains.number(links, position)

    def sift(
        self, thread_id: str, test: Callable[[bytes], bool], start: Position | None = None, *, back: bool = False
    ) -> Iterator[Line | Position]:
        """The good lines that pass a test; 256 KiB at a time are asked about. Raises NotFoundError at once."""
        from rollout.store.local.sifting import sift, sift_back  # noqa: PLC0415 - a listing sifts nothing

        chains, links = self._chain(thread_id)
        return (sift_back if back else sift)(chains, links, test, start)

    def summary(self, thread_id: str) -> Summary:
        """The facts of the thread, folded from all lines of its own files."""
        chains, links = self._chain(thread_id)
        return chains.summary(links)

    def end(self, thread_id: str) -> Position:
        """The position behind the last complete line."""
        chains, links = self._chain(thread_id)
        return chains.end(links)

    def segments(self, thread_id: str) -> tuple[Segment, ...]:
        """The stored files of the thread, oldest first."""
        from rollout.store.local.moving import segment_of  # noqa: PLC0415 - a listing asks for none

        return tuple(segment_of(file, self._fs) for file in reversed(self._finder.group(thread_id).files))

    def raw(self, thread_id: str, rollout_id: str | None = None) -> Iterator[bytes]:
        """The exact bytes of one segment, decompressed, in blocks. Raises NotFoundError at once."""
        files = self._finder.group(thread_id).files
        wanted = files[0].rollout_id if rollout_id is None else try_parse(rollout_id)
        file = next((file for file in files if file.rollout_id == wanted), None)
        if file is None:
            raise NotFoundError(f"thread {thread_id} has no file {rollout_id}; segments() names them")
        return self._blocks(file)

    def _chains(self) -> Chains:
        from rollout.store.local.chain import Chains  # noqa: PLC0415 - listing must not pay for the codec

        return Chains(self.home, self._fs, self._finder)

    def _chain(self, thread_id: str) -> tuple[Chains, list[Link]]:
        """The files that make up a thread, and who reads them. Raises NotFoundError."""
        chains = self._chains()
        return chains, chains.links(self._finder.group(thread_id).newest)

    def _blocks(self, file: File) -> Iterator[bytes]:
        with self._chains().open(file) as source:
            yield from source.blocks()
