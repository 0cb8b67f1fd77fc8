"""What to list, and the answer: ThreadQuery, Order, Cursor, Thread, Page.

Plain values: listing must not pay for a JSON or dataclass import.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from rollout.errors import InvalidQueryError
from rollout.ids import ThreadId, try_parse
from rollout.sources import INTERACTIVE, source_matches
from rollout.times import parse_ms, to_text
from rollout.tuples import NamedTuple

if TYPE_CHECKING:
    from rollout.summary import Summary

Key: TypeAlias = int | str

TIMES = ("active", "created", "updated")
ORDERS = (*TIMES, "name", "size", "tokens")
_TITLE_CHARACTERS = 200
_LAST_MS = 253_402_300_799_999


class Order(NamedTuple):
    """By what a listing is sorted; ties are broken by the id in the same direction.

    ``created`` is the time in the file name (local time read as UTC, as Codex has it), ``updated`` the file's
    time, ``active`` the time of the last record; ``name`` is what a listing calls a thread: its name, else what
    was asked first, case ignored; ``size`` the bytes of its files; ``tokens`` the last total. ``tick_ms``
    coarsens times: 1000 is the seed's precision.
    """

    key: str = "active"
    ascending: bool = False
    tick_ms: int = 1

    def cut(self, unix_ms: int) -> int:
        """A time at this order's precision."""
        return unix_ms - unix_ms % self.tick_ms


class Cursor(NamedTuple):
    """Where the next page begins: after the row with this key and id.

    Text form: ``<time>|<id>`` (a number in the form of a time), by name ``"<name as JSON>"|<id>``.
    """

    key: Key
    id: str

    @classmethod
    def parse(cls, text: str) -> Cursor:
        """Read a cursor: ours, or the seed's ``<RFC 3339 or YYYY-MM-DDThh-mm-ss>|<uuid>`` (spec 6.7).

        Raises InvalidQueryError for anything else.
        """
        told, bar, identity = text.rpartition("|")
        key, thread = _parse_key(told), try_parse(identity)
        if not bar or key is None or thread is None:
            raise InvalidQueryError(f"invalid cursor: {text}")
        return cls(key, thread)

    def __str__(self) -> str:
        if isinstance(self.key, str):
            return f"{_quoted(self.key)}|{self.id}"
        return f"{to_text(self.key, millis=bool(self.key % 1000))}|{self.id}"


def _parse_key(text: str) -> Key | None:
    if not text.startswith('"'):
        return parse_ms(text)
    import json  # noqa: PLC0415 - most cursors are times

    try:
        key = json.loads(text)
    except ValueError:
        return None
    return key if isinstance(key, str) else None


def _quoted(key: str) -> str:
    """As JSON in ASCII that a shell's single quotes can hold."""
    import json  # noqa: PLC0415 - most cursors are times

    return json.dumps(key).replace("'", "\\u0027")


class ThreadQuery(NamedTuple):
    """What to list. Every filter narrows; None or an empty tuple leaves it out.

    ``archived``: False active, True archived, None both. ``sources``: keys or families of
    ``rollout.sources``; empty means every source. ``default_provider``: what a thread that records no
    provider counts as. ``cwds``: folders, compared as the store compares paths. ``untitled``: also threads
    in which nobody has asked anything yet, and files that cannot be read. ``limit``: rows of the page.

    ``branches``: git branches, exactly. ``since_ms``, ``until_ms``: when the thread was active last, from and up
    to. ``parent``, ``forked_from``: the thread that spawned it, that it was forked from. ``name``: exactly, as
    ``resolve`` takes it. ``text``: stands in name, title or preview, case ignored. ``tags``: bears all of these.
    ``origins``: addresses of git repositories, exactly; ``rollout.origins.spellings`` gives the usual forms of one.

    ``counted``: whether what the filters leave out is to be counted. False is for whoever does not show it: a store
    for which that is work of its own answers with the rows alone, says nothing in ``hidden`` and is not ``complete``.
    """

    archived: bool | None = False
    sources: tuple[str, ...] = INTERACTIVE
    providers: tuple[str, ...] = ()
    default_provider: str | None = None
    cwds: tuple[str, ...] = ()
    untitled: bool = False
    order: Order = Order()
    cursor: Cursor | None = None
    limit: int = 25
    branches: tuple[str, ...] = ()
    since_ms: int | None = None
    until_ms: int | None = None
    parent: str | None = None
    forked_from: str | None = None
    name: str | None = None
    text: str | None = None
    tags: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()
    counted: bool = True


EVERYTHING = ThreadQuery(archived=None, sources=(), untitled=True)


class Thread(NamedTuple):
    """One row: the facts of a thread and of the file that records it.

    Times in milliseconds since 1970, UTC. ``id`` is the id that the file's own metadata gives, else the one
    in its name. ``problem`` says in words why a file could not be read as a thread; None is good news. ``tags``, sorted,
    and ``note``, "" without one, are what people gave it beside its files.
    """

    id: ThreadId
    path: str
    archived: bool
    bytes: int
    created_ms: int
    modified_ms: int
    active_ms: int
    name: str | None
    summary: Summary
    segments: int = 1
    problem: str | None = None
    tags: tuple[str, ...] = ()
    note: str = ""

    @property
    def preview(self) -> str:
        """The first thing a person asked, "" when nothing was or when it lies too far in."""
        return self.summary.preview


class Page(NamedTuple):
    """One answer. ``next`` is None on the last page.

    ``hidden`` counts, by reason, what was skipped on the way to this page; ``complete`` says whether that is
    all there is to count. ``scanned`` and ``cap_reached`` are the seed's fields. ``note`` says in one line what a
    person should know of how the answer was found, "" when there is nothing to say.
    """

    threads: tuple[Thread, ...]
    next: Cursor | None
    hidden: dict[str, int]
    complete: bool
    scanned: int = 0
    cap_reached: bool = False
    note: str = ""


class Kind(NamedTuple):
    """What the broad filters look at; threads of one kind are shown or hidden together.

    ``state``: ``titled``, ``untitled`` (nobody has asked anything yet), ``unreadable``, or ``duplicate`` (its
    metadata claim the id of another thread); ``source`` is a key, ``provider`` the recorded one or "".
    """

    archived: bool
    state: str
    source: str
    provider: str


def sort_key(thread: Thread, order: Order) -> tuple[Key, str]:
    """The key of a row in an order: (time at the order's precision, number or name; id)."""
    if order.key == "name":
        return title_key(thread), thread.id
    if order.key in ("size", "tokens"):
        return min(thread.bytes if order.key == "size" else thread.summary.tokens, _LAST_MS), thread.id
    times: dict[str, int] = {"created": thread.created_ms, "updated": thread.modified_ms, "active": thread.active_ms}
    return order.cut(times[order.key]), thread.id


def title_key(thread: Thread) -> str:
    """What a listing calls a thread, as the order by name compares it."""
    return _folded((thread.name or thread.preview)[:_TITLE_CHARACTERS])


def is_past(key: tuple[Key, str], cursor: Cursor | None, order: Order) -> bool:
    """Whether a row with this key stands behind the cursor."""
    if cursor is None:
        return True
    return key > tuple(cursor) if order.ascending else key < tuple(cursor)


def kind_of(thread: Thread) -> Kind:
    """The kind of a thread by its own facts."""
    summary: Summary = thread.summary
    asked = summary.preview or summary.has_user_event or summary.partial
    state = "unreadable" if thread.problem is not None else "titled" if asked else "untitled"
    return Kind(thread.archived, state, summary.source_key, summary.model_provider or "")


def why_kind_hidden(kind: Kind, query: ThreadQuery) -> str | None:
    """The first reason for which the query leaves threads of this kind out, None when it may want them."""
    if query.archived is not None and kind.archived != query.archived:
        return "archived" if kind.archived else "active"
    if kind.state == "duplicate" or (kind.state == "unreadable" and not query.untitled):
        return kind.state
    if query.sources and not source_matches(kind.source, query.sources):
        return kind.source.partition(":")[0]
    if query.providers and (kind.provider or query.default_provider) not in query.providers:
        return "provider"
    return "no user message" if kind.state == "untitled" and not query.untitled else None


def why_hidden(thread: Thread, query: ThreadQuery) -> str | None:
    """The first reason for which the query leaves this thread out, None when it belongs to the answer.

    The narrow filters give one reason together: ``narrowed``. Folder filters are the store's business: only it
    can compare paths.
    """
    return why_kind_hidden(kind_of(thread), query) or (None if _is_wanted(thread, query) else narrowed(query))


def narrowed(query: ThreadQuery) -> str:
    """The narrow filters of a query by name, which is what a listing calls the threads that they leave out."""
    filters = {
        "cwd": query.cwds,
        "branch": query.branches,
        "repository": query.origins,
        "time": query.since_ms is not None or query.until_ms is not None,
        "parent": query.parent is not None,
        "fork": query.forked_from is not None,
        "name": query.name is not None,
        "text": query.text,
        "tag": query.tags,
    }
    return ", ".join(name for name, wanted in filters.items() if wanted)


def _is_wanted(thread: Thread, query: ThreadQuery) -> bool:
    """Whether the narrow filters want a thread; folders are not looked at."""
    if query.since_ms is not None and thread.active_ms < query.since_ms:
        return False
    if query.until_ms is not None and thread.active_ms > query.until_ms:
        return False
    git = ((query.branches, branch_of), (query.origins, origin_of))
    if any(wanted and told(thread.summary) not in wanted for wanted, told in git):
        return False
    family = ((query.parent, thread.summary.parent_id), (query.forked_from, thread.summary.forked_from_id))
    if any(wanted is not None and plain_id(found) != plain_id(wanted) for wanted, found in family):
        return False
    if not _was_given(thread, query):
        return False
    return not query.text or wanted_text(query.text) in text_of(thread)


def _was_given(thread: Thread, query: ThreadQuery) -> bool:
    """Whether a thread bears the name and all the tags."""
    return (query.name is None or thread.name == query.name.strip()) and {*query.tags} <= {*thread.tags}


def branch_of(summary: Summary) -> str | None:
    """The git branch that a thread began on, None where it tells none."""
    branch = summary.git.get("branch") if summary.git else None
    return branch if isinstance(branch, str) and branch else None


def origin_of(summary: Summary) -> str | None:
    """The address of the git repository that a thread began in, None where it tells none."""
    origin = summary.git.get("repository_url") if summary.git else None
    return origin if isinstance(origin, str) and origin else None


def plain_id(text: str | None) -> str | None:
    """An id in its one form; what is no id stays as it is."""
    return None if text is None else try_parse(text) or text


def text_of(thread: Thread) -> str:
    """What the text filter looks through: name, title and preview, case folded."""
    summary = thread.summary
    return _folded("\n".join(dict.fromkeys((thread.name or "", summary.title, summary.preview))))


def wanted_text(text: str) -> str:
    """A text that is looked for, as it stands in ``text_of``."""
    return _folded(text)


def _folded(text: str) -> str:
    """Case folded; what no encoding can write, and NUL, which ends a text in databases, are replaced."""
    folded = text.casefold()
    if not folded.isascii():
        folded = folded.encode("utf-8", "replace").decode()
    return folded.replace("\0", "\ufffd")


def query_from(**filters: Any) -> ThreadQuery:  # noqa: ANN401 - keyword arguments of ThreadQuery
    """A query from keywords; raises as ``checked`` does."""
    return checked(ThreadQuery(**filters))


def checked(query: ThreadQuery) -> ThreadQuery:
    """The query itself; raises InvalidQueryError for an unknown order, and for a cursor of another order."""
    order, cursor = query.order, query.cursor
    if order.key not in ORDERS:
        raise InvalidQueryError(f"unknown order {order.key!r}; there are {', '.join(ORDERS)}")
    if cursor is not None and isinstance(cursor.key, str) != (order.key == "name"):
        raise InvalidQueryError(f"invalid cursor: {cursor} is not of a listing by {order.key}")
    return query
