"""The facts of finding: resolve, summary, list, search, references."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any

from rollout.codec import timestamp_text
from rollout.errors import InvalidQueryError, NotFoundError
from rollout.query import EVERYTHING, ORDERS, Cursor, Order, ThreadQuery, sort_key
from rollout.store.rows import row_from
from rollout.testing import builders as b
from rollout.testing.facts import StoreFacts, check, refused, segment

if TYPE_CHECKING:
    from pathlib import Path

    from rollout.query import Thread
    from rollout.store.base import ThreadStore

_TOLD = ("id", "cwd", "source", "preview", "title", "model", "tokens", "git", "forked_from_id", "created_at", "active_at")


class FindingFacts(StoreFacts):
    """What a store promises of what is listed and found."""

    def test_resolve_any_form_of_an_id(self, tmp_path: Path) -> None:
        """Hyphens, braces, urn, case: each form of an id means its thread."""
        store = self.store(tmp_path)
        identity = self.talk(store)
        forms = (identity, identity.upper(), identity.replace("-", ""), f"{{{identity}}}", f"urn:uuid:{identity}")

        check([(identity,)] * 5, [store.resolve(form) for form in forms])

    def test_resolve_a_prefix(self, tmp_path: Path) -> None:
        """Four or more characters that begin one id mean it; what begins several means all of those."""
        store = self.store(tmp_path)
        one, two = self.talk(store, 1), self.talk(store, 2)
        common = next(at for at in range(36) if one[at] != two[at])

        check(((one,), (two,)), (store.resolve(one[: common + 1]), store.resolve(two[: common + 1])))
        check({one, two}, set(store.resolve(one[:common])))
        check((), store.resolve(one[:3]), "three characters")

    def test_resolve_a_name(self, tmp_path: Path) -> None:
        """A name means the threads whose newest name it is."""
        store = self.store(tmp_path)
        one, two = self.talk(store, 1), self.talk(store, 2)
        store.set_name(one, "fix the login")
        store.set_name(two, "twice")
        store.set_name(one, "twice")

        check(((), {one, two}), (store.resolve("fix the login"), set(store.resolve("twice"))))

    def test_resolve_nothing(self, tmp_path: Path) -> None:
        """What means no thread gives an empty answer."""
        store = self.store(tmp_path)
        self.talk(store)

        check([()] * 4, [store.resolve(text) for text in (b.thread_id(99), "ffff", "no such name", "")])

    def test_a_summary_folds_every_line(self, tmp_path: Path) -> None:
        """The facts of a thread come from all of its lines."""
        store = self.store(tmp_path)
        items = [*b.turn("what is it?", "this"), b.tokens(10), *b.turn("and now?", "that"), b.tokens(25)]
        identity = self.put(store, b.rollout_bytes(b.thread_id(), *items, model_provider="other"))
        told = store.summary(identity)

        check((identity, "what is it?", 25, 17), (told.id, told.preview, told.tokens, told.lines))
        check(("other", b.CWD, "cli", "gpt-5.2-codex"), (told.model_provider, told.cwd, told.source_key, told.model))

    def test_a_row_tells_the_thread(self, tmp_path: Path) -> None:
        """A listing's row has the thread's id, times, size, place, name and what was asked."""
        store = self.store(tmp_path)
        made, touched = b.START_MS // 1000 * 1000, b.START_MS + 5_000_000
        data = b.rollout_bytes(b.thread_id(), *b.turn("what is it?", "this"), timestamp=timestamp_text(made))
        facts = segment(0, data, name=b.rollout_name(b.thread_id()), rollout_id=b.thread_id())
        store.put(facts._replace(modified_ns=touched * 1_000_000), [data])
        store.set_name(b.thread_id(), "a name")
        (row,) = store.list(EVERYTHING).threads

        check((b.thread_id(), "what is it?", "a name"), (row.id, row.preview, row.name))
        check((made, touched, b.START_MS + 7000), (row.created_ms, row.modified_ms, row.active_ms))
        check((len(data), False, 1, None), (row.bytes, row.archived, row.segments, row.problem))

    def test_the_row_of_one_thread(self, tmp_path: Path) -> None:
        """The row of one thread is the one that a listing gives; of a thread that is not there, there is none."""
        store = self.store(tmp_path)
        store.set_name(self.talk(store, 1), "a name")
        store.set_archived(self.talk(store, 2, source="exec"), True)
        listed = {row.id: row for row in store.list(EVERYTHING).threads}
        for identity, row in listed.items():
            one = row_from(store, identity)

            check(row._replace(summary=one.summary, path=one.path), one)
            check([getattr(row.summary, name) for name in _TOLD], [getattr(one.summary, name) for name in _TOLD])
        with refused(NotFoundError):
            row_from(store, b.thread_id(3))

    def test_listing_in_every_order(self, tmp_path: Path) -> None:
        """Rows come by their key and then their id, both ways, at the order's precision."""
        store = self.many(tmp_path)
        for key, ascending, tick in product(ORDERS, (False, True), (1, 1000, 10_000)):
            order = Order(key, ascending, tick)
            rows = store.list(EVERYTHING._replace(order=order, limit=100)).threads
            keys = [sort_key(row, order) for row in rows]

            check(12, len(set(keys)), f"number of threads by {order}")
            check(sorted(keys, reverse=not ascending), keys, f"order by {order}")

    def test_paging_yields_each_thread_once(self, tmp_path: Path) -> None:
        """Walking along the cursors, as values or as texts, gives every row once and in order, whatever the page."""
        store = self.many(tmp_path)
        for key, ascending, limit in product(ORDERS, (False, True), (1, 5, 12)):
            query = EVERYTHING._replace(order=Order(key, ascending, 10_000), limit=limit)
            whole = [row.id for row in store.list(query._replace(limit=100)).threads]

            check(whole, [row.id for row in walk(store, query)], f"the walk by {query.order}, {limit} a page")

    def test_the_last_page_has_no_next(self, tmp_path: Path) -> None:
        """A page that holds the last row may say so at once; the walk ends in any case."""
        store = self.many(tmp_path)
        page = store.list(EVERYTHING._replace(limit=100))

        check((12, None), (len(page.threads), page.next))

    def test_an_unknown_order(self, tmp_path: Path) -> None:
        """An order that is none is refused."""
        store = self.store(tmp_path)
        self.talk(store)

        with refused(InvalidQueryError):
            store.list(ThreadQuery(order=Order("colour")))

    def test_filters(self, tmp_path: Path) -> None:
        """Each filter leaves what it wants; a thread without a provider counts as the default one."""
        store = self.store(tmp_path)
        self.talk(store, 1)
        self.talk(store, 2, source="exec", model_provider=None)
        self.talk(store, 3, source={"subagent": "review"}, cwd="/home/dev/other")
        self.talk(store, 4, source={"custom": "atlas"}, model_provider="other")
        store.set_archived(self.talk(store, 5), True)
        self.put(store, b.rollout_bytes(b.thread_id(6), b.message("user", "not asked yet")), 6)

        check({1, 4}, shown(store))
        check({1, 2, 3, 4}, shown(store, sources=()))
        check({2, 3}, shown(store, sources=("exec", "subagent")))
        check({3}, shown(store, sources=("subagent:review",)))
        check({1}, shown(store, providers=("openai",)))
        check({1, 2, 3}, shown(store, sources=(), providers=("openai",), default_provider="openai"))
        check({3}, shown(store, sources=(), cwds=("/home/dev/other/", "/nowhere")))
        check({5}, shown(store, archived=True))
        check({1, 4, 5}, shown(store, archived=None))
        check({1, 4, 6}, shown(store, untitled=True))

    def test_folders_by_any_spelling(self, tmp_path: Path) -> None:
        """One folder is one however it is spelled: slashes, dots, drives of Windows, folders of WSL seen from outside."""
        store = self.store(tmp_path)
        folders = ("/home/dev/a", r"C:\Work\B", r"\\wsl.localhost\Ubuntu\home\dev\a", "/home/dev/A", r"\\server\Share\x", "/home/dev/ab")
        for number, folder in enumerate(folders, 1):
            self.talk(store, number, cwd=folder)

        check({1, 3}, shown(store, cwds=("/home//dev/./a/",)))
        check({1, 3}, shown(store, cwds=(r"\\wsl$\Debian\home\dev\a",)))
        check([{2}] * 4, [shown(store, cwds=(one,)) for one in ("c:/work/b", r"\\?\C:\work\B", "/mnt/c/work/b", "C:\\Work\\B\\")])
        check({4, 5}, shown(store, cwds=("/home/dev/A", r"\\SERVER\share\X")))

    def test_narrow_filters(self, tmp_path: Path) -> None:
        """Branch, repository, lineage, name, text and time leave what they want, and count the others under their names."""
        store = self.store(tmp_path)
        spawned = {"subagent": {"thread_spawn": {"parent_thread_id": b.thread_id(1), "depth": 1}}}
        self.talk(store, 1, "Fix the LOGIN", git={"branch": "main", "repository_url": "git@host:us/app.git"})
        self.talk(store, 2, git={"branch": "later", "repository_url": 'https://host/"odd"\\é'})
        self.talk(store, 3, source=spawned)
        self.talk(store, 4, forked_from_id=b.thread_id(1))
        store.set_name(b.thread_id(2), "the login page")
        rows = {row.id: row.active_ms for row in store.list(EVERYTHING).threads}

        check({1}, shown(store, branches=("main", "none")))
        check({1}, shown(store, origins=("git@host:us/app.git",)))
        check({2}, shown(store, origins=('https://host/"odd"\\é', "git@host:us/app")))
        check({3}, shown(store, sources=("subagent:thread_spawn",), parent=b.thread_id(1).upper()))
        check({4}, shown(store, forked_from=b.thread_id(1)))
        check({2}, shown(store, name=" the login page "))
        check({1, 2}, shown(store, text="LoGin"))
        check({1}, shown(store, text="login", branches=("main",)))
        check({1, 2, 4}, shown(store, since_ms=rows[b.thread_id(1)], until_ms=rows[b.thread_id(4)]))
        check(set(), shown(store, since_ms=max(rows.values()) + 1))
        check({"subagent": 1, "branch, repository": 2}, store.list(ThreadQuery(branches=("main",), origins=("git@host:us/app.git",))).hidden)

    def test_every_source(self, tmp_path: Path) -> None:
        """Each kind of source is told apart, sub-agents by what spawned them; a family means all its members."""
        store = self.store(tmp_path)
        sub = [{"subagent": "review"}, {"subagent": "compact"}, {"subagent": {"other": "x"}}, {"subagent": {"thread_spawn": {"parent_thread_id": b.thread_id(1), "depth": 1}}}]
        sources = ["cli", "vscode", "exec", "mcp", {"custom": "atlas"}, *sub]
        keys = ["cli", "vscode", "exec", "mcp", "custom:atlas", "subagent:review", "subagent:compact", "subagent:other", "subagent:thread_spawn"]
        for number, source in enumerate(sources, 1):
            self.talk(store, number, source=source)

        check([{number} for number in range(1, 10)], [shown(store, sources=(key,)) for key in keys])
        check({6, 7, 8, 9}, shown(store, sources=("subagent",)))
        check({1, 2, 5}, shown(store))
        check({"subagent": 4, "exec": 1, "mcp": 1}, store.list(ThreadQuery()).hidden)

    def test_tags_filter(self, tmp_path: Path) -> None:
        """A thread is wanted when it bears every tag that is asked for; what lacks one is counted as left out."""
        store = self.store(tmp_path)
        for number, tags in ((1, ["a", "b"]), (2, ["b"]), (3, ["B"]), (4, [])):
            store.set_tags(self.talk(store, number), tags)

        check({1, 2}, shown(store, tags=("b",)))
        check({1}, shown(store, tags=("b", "a")))
        check(set(), shown(store, tags=("ab",)))
        check({"tag": 2}, store.list(ThreadQuery(tags=("b",))).hidden)

    def test_what_is_hidden_is_counted(self, tmp_path: Path) -> None:
        """A page tells, by reason, how many threads the query left out."""
        store = self.store(tmp_path)
        self.talk(store, 1)
        self.talk(store, 2, source="exec")
        self.talk(store, 3, source={"subagent": "review"})
        self.talk(store, 4, source={"subagent": "compact"})
        self.put(store, b.rollout_bytes(b.thread_id(5), b.message("user", "not asked yet")), 5)
        self.put(store, b"garbage\n", 6)
        hidden = store.list(ThreadQuery()).hidden

        check({"exec": 1, "subagent": 2, "no user message": 1, "unreadable": 1}, hidden)

    def test_rows_without_counts(self, tmp_path: Path) -> None:
        """Who does not ask what is hidden gets the same rows; what is then told of it is nothing, or right."""
        store = self.store(tmp_path)
        for number in range(1, 5):
            self.talk(store, number, source="exec" if number == 4 else "cli", git={"branch": f"b{number % 2}"})
        queries = [ThreadQuery(limit=2), ThreadQuery(branches=("b1",), limit=1), ThreadQuery(since_ms=1), EVERYTHING]
        counted = [store.list(query) for query in queries]
        alone = [store.list(query._replace(counted=False)) for query in queries]
        whole, rows = ([([row.id for row in page.threads], page.next) for page in pages] for pages in (counted, alone))

        check(whole, rows)
        told = [(page.hidden, page.complete) for page in alone]
        check([], [pair for pair, page in zip(told, counted, strict=True) if pair not in (({}, False), (page.hidden, page.complete))])

    def test_what_cannot_be_read_is_shown_on_request(self, tmp_path: Path) -> None:
        """A file without session metadata is a row with a problem when everything is asked for."""
        store = self.store(tmp_path)
        self.put(store, b"garbage\n")
        (row,) = store.list(EVERYTHING).threads

        check((b.thread_id(), False), (row.id, row.problem is None))

    def test_a_fork_shows_what_its_base_asked(self, tmp_path: Path) -> None:
        """A fork by reference is listed with the question that its conversation began with."""
        store = self.store(tmp_path)
        base = b.paginated_bytes(b.thread_id(1), *b.paginated_turn("base question", "answer"))
        self.put(store, base, 1)
        self.put(store, b.fork_bytes(b.thread_id(2), b.thread_id(1), base), 2)

        check({"base question"}, {row.preview for row in store.list(ThreadQuery()).threads})
        check({1, 2}, shown(store))

    def test_search_finds_what_was_said_and_done(self, tmp_path: Path) -> None:
        """What people and agents said, tool calls and their outputs are found, whatever the case."""
        store = self.store(tmp_path)
        items = [
            b.user("please fix the Login page"),
            b.tool_call("shell", '{"command":["grep","login"]}'),
            b.tool_output("LOGIN.md\n"),
            b.agent("the login page is fixed"),
            b.turn_context(cwd="/home/dev/login"),
        ]
        identity = self.put(store, b.rollout_bytes(b.thread_id(), *items))
        page = store.search("lOgIn", EVERYTHING)

        check(
            [(identity, 1), (identity, 2), (identity, 3), (identity, 4)], sorted((h.thread_id, h.n) for h in page.hits)
        )
        check(True, page.complete)
        check({"user", "agent", "tool"}, {hit.role for hit in page.hits})
        check([], [hit for hit in page.hits if "login" not in hit.snippet.lower()])

    def test_a_hit_leads_to_its_line(self, tmp_path: Path) -> None:
        """The number, the position and the timestamp of a hit are those of the line."""
        store = self.store(tmp_path)
        identity = self.talk(store, asked="find the needle")
        (hit,) = store.search("needle", EVERYTHING).hits
        found = next(iter(store.lines(identity, start=hit.n)))

        check((found.n, found.position), (hit.n, hit.position))
        check(timestamp_text(b.START_MS + 3000), hit.timestamp)

    def test_search_newest_thread_first(self, tmp_path: Path) -> None:
        """The threads of the hits come in the order of the query, and its filters hold."""
        store = self.store(tmp_path)
        for number in (1, 2, 3):
            self.talk(store, number, asked="needle")
        store.set_archived(b.thread_id(2), True)

        check([b.thread_id(3), b.thread_id(1)], [hit.thread_id for hit in store.search("needle", created()).hits])

    def test_search_says_when_a_bound_ended_it(self, tmp_path: Path) -> None:
        """More hits than the limit: the answer is cut there, and says so."""
        store = self.store(tmp_path)
        for number in (1, 2, 3):
            self.talk(store, number, asked="needle")
        page = store.search("needle", created(limit=2))

        check((2, False, True), (len(page.hits), page.complete, bool(page.note)))

    def test_search_that_finds_nothing(self, tmp_path: Path) -> None:
        """No hit is an answer."""
        store = self.store(tmp_path)
        self.talk(store)

        check(((), True), tuple(store.search("no such words", EVERYTHING))[:2])

    def test_references(self, tmp_path: Path) -> None:
        """A base names the forks that build on it; a copy of history is no reference."""
        store = self.store(tmp_path)
        base = b.paginated_bytes(b.thread_id(1), *b.paginated_turn("one", "two"))
        self.put(store, base, 1)
        self.put(store, b.fork_bytes(b.thread_id(2), b.thread_id(1), b.first_lines(base, 3)), 2)
        self.put(store, b.fork_bytes(b.thread_id(3), b.thread_id(1), base), 3)
        self.talk(store, 4, forked_from_id=b.thread_id(1))

        check({b.thread_id(2), b.thread_id(3)}, set(store.references(b.thread_id(1))))
        check((), store.references(b.thread_id(4)))

    def many(self, tmp_path: Path) -> ThreadStore:
        """Twelve threads whose times are equal in groups, and differ between the orders."""
        store = self.store(tmp_path)
        for number in range(1, 13):
            at_ms, active = b.START_MS + number % 3 * 20_000, number * 7 % 4
            stamp = timestamp_text(at_ms // 1000 * 1000)
            data = b.meta_line(b.thread_id(number), timestamp=stamp) + b.line(b.user(f"question {number}"), active * 20)
            name = b.rollout_name(b.thread_id(number), at_ms)
            modified_ns = (b.START_MS + number % 5 * 30_000) * 1_000_000
            self.put(store, data, number, name=name, modified_ns=modified_ns)
        return store


def walk(store: ThreadStore, query: ThreadQuery) -> list[Thread]:
    """All rows of a query, page by page, the cursors through their texts."""
    rows: list[Thread] = []
    for _ in range(100):
        page = store.list(query)
        rows += page.threads
        if page.next is None:
            return rows
        query = query._replace(cursor=Cursor.parse(str(page.next)))
    raise AssertionError("paging does not end")


def shown(store: ThreadStore, **filters: Any) -> set[int]:  # noqa: ANN401 - fields of ThreadQuery
    """The numbers of the threads that a query lists."""
    numbers = {b.thread_id(number): number for number in range(1, 10)}
    return {numbers[row.id] for row in store.list(ThreadQuery(**filters)).threads}


def created(**filters: Any) -> ThreadQuery:  # noqa: ANN401 - fields of ThreadQuery
    """A query by creation, newest first."""
    return ThreadQuery(order=Order("created"), **filters)
