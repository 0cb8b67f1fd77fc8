"""``thread/list`` of 0.169.0 (spec: state-and-protocol 6.5)."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any, NamedTuple

from rollout.appserver.codex_state import NOTHING
from rollout.appserver.messages import INVALID_PARAMS, RpcError, invalid
from rollout.appserver.methods.later_facts import listed_facts, own_preview, recency_ms, single_facts, updated_ms
from rollout.appserver.methods.listing import KINDS, cursor_of, limit_of
from rollout.appserver.methods.method import Method, thread_id_of
from rollout.appserver.params import Schema, anything, flag, list_of, may, one_of, text, u32
from rollout.appserver.wire.threads import later_thread
from rollout.query import Cursor, Order, ThreadQuery
from rollout.sources import INTERACTIVE
from rollout.times import parse_ms, to_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from rollout.appserver.codex_state import Known
    from rollout.appserver.connection import Connection
    from rollout.appserver.levels import Level
    from rollout.appserver.state import Server
    from rollout.query import Thread

_ORDERS = {"created_at": "created", "updated_at": "updated", "recency_at": "updated", "section_position": "updated"}
_LIST = Schema(
    cursor=may(text),
    limit=may(u32),
    sortKey=may(one_of(*_ORDERS), default="created_at"),
    sortDirection=may(one_of("asc", "desc"), default="desc"),
    modelProviders=may(list_of(text)),
    sourceKinds=may(list_of(one_of(*KINDS)), default=()),
    archived=may(flag, default=False),
    cwd=may(anything),
    searchTerm=may(text),
    useStateDbOnly=may(flag, default=False),
    parentThreadId=may(text),
    ancestorThreadId=may(text),
    excludedThreadIds=may(list_of(text), default=()),
    sectionId=may(text),
    projectId=may(text),
    originators=may(list_of(text), default=()),
)
_MOST_EXCLUDED = 100


class Answer(NamedTuple):
    """The rows of a page, and where the next one begins."""

    rows: list[Thread]
    next: Cursor | None


def methods(level: Level) -> dict[str, Method]:
    """The methods of this module."""
    return {"thread/list": Method(_LIST, later_list)} if level.later else {}


def later_list(connection: Connection, params: dict[str, Any]) -> dict[str, Any]:
    """One page as 0.169.0 tells it."""
    server = connection.server
    _check(params)
    query = _query(server, params)
    found = collect(server, query, _wanted(server, params)) if query is not None else Answer([], None)
    if params["searchTerm"]:
        server.searched.update(row.id for row in found.rows)
    known = server.codex.of([row.id for row in found.rows])
    way = Way.SEARCH if params["searchTerm"] else Way.FILES if _from_files(params) else Way.DATABASE
    view = View(server, params["sortKey"], params["sortDirection"] == "asc", known, way, own=params["cwd"] is not None)
    return {
        "data": [view.thread(row) for row in found.rows],
        "nextCursor": None if found.next is None else view.cursor(found.rows[-1], found.next),
        "backwardsCursor": view.backwards(found.rows[0]) if found.rows else None,
        "readStates": {row.id: state for row in found.rows if (state := view.read_state(row)) is not None},
    }


def _from_files(params: dict[str, Any]) -> bool:
    """Whether Codex answers from files: not when it is told so, searches, sorts by recency, or filters nothing."""
    kinds, providers = params["sourceKinds"], params["modelProviders"]
    everything = providers == [] and any(kind not in ("cli", "vscode") for kind in kinds)
    related = params["parentThreadId"] or params["ancestorThreadId"]
    by_file = params["sortKey"] in ("created_at", "updated_at")
    return by_file and not (params["useStateDbOnly"] or everything or related)


class Way(Enum):
    """From where Codex would answer; what it tells differs in small things."""

    FILES = "files"
    DATABASE = "database"
    SEARCH = "search"


class View(NamedTuple):
    """How the rows of one answer are told. ``own``: forks by what was asked in themselves."""

    server: Server
    key: str
    ascending: bool
    known: dict[str, Known]
    way: Way
    own: bool

    def thread(self, row: Thread) -> dict[str, Any]:
        """A row."""
        tell = listed_facts if self.way is Way.FILES else single_facts
        facts = tell(self.server, row, self.known.get(row.id, NOTHING))._replace(forked_from=None, thread_source=None)
        if self.own:
            facts = facts._replace(preview=own_preview(self.server, row))
        return later_thread(row, facts, live=self.server.live(row.id))

    def cursor(self, row: Thread, cursor: Cursor) -> str:
        """Where the next page begins, behind a row; it is remembered what the text stands for."""
        times = self._times(row)
        text = (
            str(cursor) if self.way is Way.FILES and self.key == "created_at" else f"{exact(times[self.key])}|{row.id}"
        )
        self.server.cursors.keep((self.key, text), cursor)
        return text

    def backwards(self, first: Thread) -> str:
        """A time just beyond the first row: with it, the other direction begins with this row."""
        time = self._times(first)[self.key]
        if self.way is not Way.FILES and self.key == "created_at":
            time -= time % 1000
        return to_text(time + (1 if self.ascending else -1))

    def _times(self, row: Thread) -> dict[str, int]:
        """The times of a row as Codex would know them where it answers from."""
        known = self.known.get(row.id, NOTHING)
        if self.way is not Way.DATABASE or row.id in self.server.searched:
            created, updated = row.created_ms, row.modified_ms
        else:
            created, updated = known.created_ms or row.created_ms, updated_ms(row, known)
        recency = recency_ms(self.server, row, known) if self.key == "recency_at" else 0
        return {"created_at": created, "updated_at": updated, "recency_at": recency, "section_position": updated}

    def read_state(self, row: Thread) -> dict[str, Any] | None:
        """What was read of a row."""
        return read_state(row, self.known.get(row.id))


def exact(unix_ms: int) -> str:
    """A time with as many decimals as it needs."""
    text = to_text(unix_ms)
    return f"{text[:-1].rstrip('0').rstrip('.')}Z"


def read_state(row: Thread, known: Known | None) -> dict[str, Any] | None:
    """What was read of a thread, as far as Codex's database tells; None for sub-agents, which nobody reads."""
    if row.summary.source_key.startswith("subagent"):
        return None
    if known is None or known.revision is None:
        return {"firstUnread": None, "revision": f"initial:{row.id}"}
    unread = None if known.first_unread is None else {"type": "turn", "turnId": known.first_unread}
    return {"firstUnread": unread, "revision": known.revision}


def collect(server: Server, query: ThreadQuery, wanted: Callable[[Thread], bool] | None) -> Answer:
    """A page of rows of which something else than the query decides, page by page until it is full."""
    if wanted is None:
        page = server.library.page(query)
        return Answer(list(page.threads), page.next)
    rows: list[Thread] = []
    end: Cursor | None = None
    while True:
        page = server.library.page(query)
        for number, row in enumerate(page.threads, 1):
            if not wanted(row):
                continue
            if len(rows) == query.limit:
                return Answer(rows, end)
            rows.append(row)
            if len(rows) == query.limit:
                end = page.next if number == query.limit else server.library.page(query._replace(limit=number)).next
        if page.next is None:
            return Answer(rows, None)
        query = query._replace(cursor=page.next)


def _check(params: dict[str, Any]) -> None:
    if params["parentThreadId"] and params["ancestorThreadId"]:
        raise invalid("parentThreadId and ancestorThreadId are mutually exclusive")
    if params["sortKey"] == "section_position" and params["sectionId"] is None:
        raise invalid("section-position sorting requires a section filter")
    if len(params["excludedThreadIds"]) > _MOST_EXCLUDED:
        raise RpcError(INVALID_PARAMS, f"excludedThreadIds accepts at most {_MOST_EXCLUDED} entries")
    if params["projectId"] is not None:
        raise RpcError(INVALID_PARAMS, f"project not found: {params['projectId']}")
    if params["originators"]:
        raise RpcError(INVALID_PARAMS, "originator filtering is not supported by the local app-server")


def _query(server: Server, params: dict[str, Any]) -> ThreadQuery | None:
    """What the store is asked; None when nothing can be meant."""
    cwds = _cwds(params["cwd"])
    if cwds == () or params["sectionId"] is not None:
        return None
    configured, providers = server.settings.model_provider, params["modelProviders"]
    related = params["parentThreadId"] or params["ancestorThreadId"]
    key = _ORDERS[params["sortKey"]]
    return ThreadQuery(
        archived=params["archived"],
        sources=tuple(KINDS[kind] for kind in params["sourceKinds"]) or (() if related else INTERACTIVE),
        providers=(configured,) if providers is None and not related else tuple(providers or ()),
        default_provider=configured,
        cwds=cwds or (),
        untitled=params["archived"],
        order=Order(key, ascending=params["sortDirection"] == "asc", tick_ms=1000 if key == "created" else 1),
        cursor=_cursor(server, params),
        limit=limit_of(params["limit"]),
        parent=thread_id_of(params["parentThreadId"]) if params["parentThreadId"] else None,
    )


def _cwds(cwd: Any) -> tuple[str, ...] | None:  # noqa: ANN401 - JSON as it comes
    """One folder or several; an empty list means no thread, None every one."""
    return None if cwd is None else (text(cwd),) if isinstance(cwd, str) else tuple(list_of(text)(cwd))


def _cursor(server: Server, params: dict[str, Any]) -> Cursor | None:
    """A cursor; what a text stands for that was not given out here is told by its time and its id.

    A time alone stands behind all threads of that time.
    """
    told, key = params["cursor"], params["sortKey"]
    if told is None:
        return None
    if (kept := server.cursors.of((key, told))) is not None:
        return kept
    time = parse_ms(told) if "|" not in told else None
    found = cursor_of(told) if time is None else Cursor(time, "~" if params["sortDirection"] == "asc" else "")
    if found is None or key != "created_at" or isinstance(found.key, str):
        return found
    return found._replace(key=found.key - found.key % 1000)  # the order knows whole seconds


def _wanted(server: Server, params: dict[str, Any]) -> Callable[[Thread], bool] | None:
    """What the store cannot decide: a text in name or title with its case, excluded threads, distant relatives."""
    term, excluded = params["searchTerm"], frozenset(map(thread_id_of, params["excludedThreadIds"]))
    family = descendants(server, params["ancestorThreadId"]) if params["ancestorThreadId"] else None
    if not term and not excluded and family is None:
        return None

    def wanted(row: Thread) -> bool:
        return (
            row.id not in excluded and (family is None or row.id in family) and (not term or _bears(server, row, term))
        )

    return wanted


def _bears(server: Server, row: Thread, term: str) -> bool:
    """Whether name or title of a thread have a text in them; a fork's title is what was asked in itself."""
    title = own_preview(server, row) if row.summary.forked_from_id else row.summary.title
    return term in (row.name or "") or term in title


def descendants(server: Server, ancestor: str) -> frozenset[str]:
    """Whoever a thread has spawned, and whoever those have."""
    found: set[str] = set()
    waiting = [str(thread_id_of(ancestor))]
    while waiting:
        query = ThreadQuery(archived=None, sources=(), untitled=True, parent=waiting.pop(), limit=1000)
        fresh = [row.id for row in server.library.page(query).threads if row.id not in found]
        found.update(fresh)
        waiting += fresh
    return frozenset(found)
