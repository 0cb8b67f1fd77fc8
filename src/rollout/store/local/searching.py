"""Search over a whole home: which threads may have hits, told by the words, by ripgrep or by nobody, and their hits.

Every hit is found by the same matcher on the same bytes, whoever said where to look: the words and ripgrep only say
which lines and files need not be looked at. So the answer is the same with and without them.
"""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from heapq import merge
from typing import TYPE_CHECKING, NamedTuple

from rollout.errors import FormatError
from rollout.journal.filesystem import OS
from rollout.lines import Position
from rollout.query import EVERYTHING
from rollout.search_match import Matcher
from rollout.search_query import search_query
from rollout.search_sieve import Sieve
from rollout.search_words import index_expression
from rollout.store.base import SearchPage
from rollout.store.hits import ThreadHits, page_of
from rollout.store.local.chain import Link, own_links
from rollout.store.local.filling import Filled, Filling
from rollout.store.local.fulltext import Use, open_words, usable
from rollout.store.local.index import IndexUnusableError
from rollout.store.local.index_path import identity_of
from rollout.store.local.listing import Listing
from rollout.store.local.ripgrep import LARGEST, are_large, files_that_may_hold, find_ripgrep
from rollout.store.local.rows import Rows
from rollout.store.local.scanning import long_line, matching, numbered, scan, scan_source
from rollout.store.local.walk import Walk, by_thread

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import Self

    from rollout.journal.filesystem import Filesystem
    from rollout.journal.source import Source
    from rollout.query import Key, Order, Thread, ThreadQuery
    from rollout.search_match import Candidate
    from rollout.search_query import SearchQuery
    from rollout.store.local.chain import Chains
    from rollout.store.local.finding import Finder
    from rollout.store.local.fulltext import FileRow, LineRow, Words
    from rollout.store.local.given import Given
    from rollout.store.local.index_path import IndexPlace
    from rollout.store.local.indexed_listing import Placed
    from rollout.store.local.walk import File, Group

_FEW_ROWS = 300
"""Up to so many rows are read from their files sooner than an index catches up."""
FEW = 1000
"""Up to so many lines that the words find are held at once; more are asked for thread by thread."""


class Home(NamedTuple):
    """The parts of a local store that a search needs; ``walk``: all rows of a query through the index of threads."""

    path: str
    fs: Filesystem
    given: Given
    finder: Finder
    chains: Chains
    walk: Callable[[ThreadQuery], Iterator[Placed]] | None = None


class Search:
    """One search in the making; made for one query, used once, by one thread. Close it when done.

    ``prepare`` looks which files there are and brings the words to them; ``page`` answers.
    """

    def __init__(self, home: Home, text: str | SearchQuery, query: ThreadQuery, use: Use) -> None:
        """Nothing is read yet. Raises InvalidQueryError."""
        self.wanted = search_query(text)
        self._query = query if not self.wanted.thread_id else EVERYTHING._replace(order=query.order, limit=query.limit)
        self._home, self._use = home, use
        self._matcher, self._sieve = Matcher(self.wanted), Sieve(self.wanted)
        self._expression = index_expression(self.wanted)
        self._words: Words | None = None
        self._groups: list[Group] = []
        self._copied: set[str] = set()
        self._filled = Filled({}, {})
        self._few: dict[int, list[int]] | None = {}
        self._long: dict[int, list[LineRow]] = {}
        self._notes: list[str] = []
        self._unread: list[str] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._words is not None:
            self._words.__exit__()

    def prepare(self) -> None:
        """Find the files; where the words can help, bring them up to date. Raises NotFoundError."""
        if self.wanted.thread_id:
            self._groups = [self._home.finder.group(self.wanted.thread_id)]
        else:
            files = Walk(self._home.path, self._home.fs).everything()
            self._groups = by_thread(files)[0]
            times = Counter((file.thread_id, file.rollout_id) for file in files)
            self._copied = {thread for (thread, _), number in times.items() if number > 1}
        if self._use.place is None or not (self._expression or self._use.always):
            return
        try:
            self._words = open_words(self._use.place, identity_of(self._home.path), new=self._use.new)
            if self._words is not None:
                self._catch_up(self._words, self._use.place)
        except IndexUnusableError as error:
            self._give_up(error)

    def _catch_up(self, words: Words, place: IndexPlace) -> None:
        home = self._home
        rows = Rows(home.path, home.fs, home.given, home.finder.rollout)
        files = [file for group in self._groups for file in group.files]
        with usable(place):
            filling = Filling(words, home.chains, rows, home.fs)
            self._filled = filling.catch_up(files, self._use, whole=not self.wanted.thread_id)
        if self._filled.problem:
            self._notes.append(f"the search index at {place.path} {self._filled.problem}")
        elif self._filled.unknown:
            told = f"{len(self._filled.unknown)} files with {self._filled.left / (1 << 20):.1f} MiB"
            self._notes.append(f"{told} are not in the search index yet: `rollout search --update-index` takes them in")

    def _give_up(self, error: IndexUnusableError) -> None:
        if self._words is not None:
            self._words.__exit__()
        self._words, self._filled = None, Filled({}, {})
        self._notes.append(f"searched without an index: {error}")

    def page(self) -> SearchPage:
        """The answer."""
        if self._matcher.finds_nothing:
            return SearchPage((), True, "; ".join(self._notes))
        try:
            return self._page()
        except IndexUnusableError as error:
            self._give_up(error)
            return self._page()

    def _page(self) -> SearchPage:
        self._unread = []
        if self._words is None or self._use.place is None or not self._expression:
            self._filled = Filled({}, {})
            found = self._answer()
        else:
            with usable(self._use.place):
                self._few = self._words.find(self._expression, FEW)
                self._long = self._words.long_lines()
                found = self._answer()
        unread = [f"{len(self._unread)} threads could not be read, first {self._unread[0]}"] if self._unread else []
        notes = [*filter(None, [found.note]), *unread, *self._notes]
        return found._replace(complete=found.complete and not unread, note="; ".join(notes))

    def _answer(self) -> SearchPage:
        chosen = list(self._chosen())
        if len(chosen) > _FEW_ROWS and self._home.walk is not None and _needs_rows(self._query):
            with suppress(IndexUnusableError):  # the files give the same answer, later
                return self._page_of(self._from_index(chosen, self._home.walk))
        return self._page_of(self._from_files(chosen))

    def _page_of(self, threads: Iterator[ThreadHits]) -> SearchPage:
        return page_of(threads, self.wanted, self._query.limit, ascending=self._query.order.ascending)

    def _from_files(self, chosen: list[Group]) -> Iterator[ThreadHits]:
        listing = _Chosen(self._home, chosen, self._groups, self._filled.known)
        for listed in listing.rows(self._query):
            if listed.row is not None and listed.reason is None:
                yield self._thread(listed.key, listed.group, listed.row)

    def _from_index(self, chosen: list[Group], walk: Callable[[ThreadQuery], Iterator[Placed]]) -> Iterator[ThreadHits]:
        groups = {group.newest.thread_id: group for group in chosen}
        for key, row in walk(self._query):
            group = groups.get(key[1])
            if group is not None:
                yield self._thread(key, group, row)

    # -- which threads -----------------------------------------------------------------------------------------

    def _chosen(self) -> Iterator[Group]:
        """The threads that may have hits."""
        named = self._named_by_ripgrep()
        for group in self._groups:
            if group.newest.thread_id in self._copied or any(self._may_hold(file, named) for file in group.files):
                yield group

    def _may_hold(self, file: File, named: set[str] | None) -> bool:
        row = self._filled.known.get(file.path)
        if row is not None and self._words is not None:
            return self._few is None or row.id in self._few or row.size > row.done or row.id in self._long
        return named is None or not file.plain or file.path in named or self._is_large(file)

    def _is_large(self, file: File) -> bool:
        """Whether ripgrep did not look at a file; whoever reads one that is gone finds out."""
        try:
            return self._home.fs.stat(file.path).st_size > LARGEST
        except OSError:
            return True

    def _named_by_ripgrep(self) -> set[str] | None:
        """The plain files that may have hits; None when nobody can tell, or few are to be looked through."""
        files = [file for group in self._groups for file in group.files if file.path not in self._filled.known]
        program = find_ripgrep() if len(files) > 1 and self._home.fs is OS and self._sieve.expression else None
        if program is None:
            return None
        mapped = are_large([file.path for file in files])
        return files_that_may_hold(program, self._home.path, self._sieve.expression, mapped=mapped)

    # -- one thread --------------------------------------------------------------------------------------------

    def _thread(self, key: tuple[Key, str], group: Group, row: Thread) -> ThreadHits:
        def candidates() -> Iterator[Candidate]:
            try:
                yield from self._candidates(group)
            except FileNotFoundError:  # removed while the search went on
                return
            except (OSError, FormatError) as error:
                self._unread.append(f"{row.id}: {error}")

        def number(found: Sequence[Candidate]) -> list[Candidate]:
            return self._numbered(group, found)

        return ThreadHits(key, row, candidates, number)

    def _candidates(self, group: Group) -> Iterator[Candidate]:
        if self._is_simple(group):
            yield from self._in_file(Link(group.newest), 0)
            return
        links = self._home.chains.links(group.newest)
        mine = own_links(links)
        if self._words is None or not all(self._known(links[number]) for number in mine):
            yield from scan(self._home.chains, links, self._matcher, self._sieve.may_hold)
            return
        for number in sorted(mine, reverse=True):
            yield from self._in_file(links[number], number)

    def _is_simple(self, group: Group) -> bool:
        """Whether a thread is known to be one file that builds on no other."""
        row = self._filled.known.get(group.newest.path)
        return self._words is not None and row is not None and not row.based

    def _known(self, link: Link) -> FileRow | None:
        return self._filled.known.get(link.file.path) if link.file else None

    def _in_file(self, link: Link, segment: int) -> Iterator[Candidate]:
        """What the words find in a file, and what stands behind the lines that they know, newest first."""
        row = self._known(link)
        if row is None or link.file is None or self._words is None:
            return
        lines = self._lines(self._words, row)
        first = next(lines, None)
        if first is None and row.size <= row.done:
            return
        with self._home.chains.open(link.file) as source:
            if row.size > row.done and link.file.plain:
                start = Position(segment, row.done)
                yield from scan_source(source, start, link.end, self._matcher, self._sieve.may_hold)
            while first is not None:
                length = first.length if link.end is None else min(first.length, link.end - first.start)
                if length > 0 and self._is_worth_reading(source, first):
                    data = source.read(first.start, length)
                    for one in matching(data, Position(segment, first.start), self._matcher):
                        yield one._replace(n=first.n, turn=first.turn)
                first = next(lines, None)

    def _is_worth_reading(self, source: Source, line: LineRow) -> bool:
        """What the words tell of is; a long line, of which they know nothing, is looked through in pieces first."""
        return line.id > 0 or long_line(source, line.start, line.start + line.length, self._sieve.may_hold)[1]

    def _lines(self, words: Words, row: FileRow) -> Iterator[LineRow]:
        """The lines that may match, newest first."""
        told = (
            words.lines_in(self._expression, row.id) if self._few is None else words.lines(self._few.get(row.id, ()))
        )
        return merge(told, self._long.get(row.id, ()), key=lambda line: -line.start)

    def _numbered(self, group: Group, found: Sequence[Candidate]) -> list[Candidate]:
        if self._is_simple(group) and all(one.n >= 0 for one in found):
            return list(found)
        return numbered(self._home.chains, self._home.chains.links(group.newest), found)


def _needs_rows(query: ThreadQuery) -> bool:
    """Whether a query has to look at the row of every thread: it is filtered, or sorted by what only rows tell."""
    plain = EVERYTHING._replace(order=query.order, limit=query.limit)
    return query != plain or query.order.key not in ("active", "created")


class _Chosen(Listing):
    """A listing of some threads of a home; what the words know of their times is not looked up again."""

    def __init__(self, home: Home, groups: list[Group], everything: list[Group], known: dict[str, FileRow]) -> None:
        super().__init__(home.path, home.fs, home.given, home.finder)
        self._chosen, self._files = groups, known
        self._known = {group.newest.thread_id for group in everything}

    def _newest_first(self, query: ThreadQuery) -> Iterator[tuple[tuple[Key, str], Group]]:
        return self._sorted(query)

    def _wanted(self, query: ThreadQuery) -> list[Group]:
        wanted = query.archived
        return [group for group in self._chosen if wanted is None or group.newest.archived == wanted]

    def _key(self, group: Group, order: Order) -> tuple[Key, str] | None:
        row = self._files.get(group.newest.path) if order.key == "active" else None
        if row is None or row.active_ms is None:
            return super()._key(group, order)
        return order.cut(row.active_ms), group.newest.thread_id
