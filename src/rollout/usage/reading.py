"""One rollout file ⇒ what each of its own model requests took."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from rollout.codec import payload_tag
from rollout.history.facts import TURN_STARTS, payload_of, turn_id_of
from rollout.lines import Damage
from rollout.times import parse_ms
from rollout.usage.copied import Copied
from rollout.usage.inherited import inherited
from rollout.usage.tokens import ZERO, Tokens, count_of, request_of
from rollout.usage.totals import Totals

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from rollout.codec import Record
    from rollout.lines import Found
    from rollout.usage.tokens import Info

Json = dict[str, Any]


class Use(NamedTuple):
    """What one request took, and where it belongs; "" and None are unknown.

    ``at_ms`` is when the line was written, in milliseconds since 1970, UTC. Where lines were lost, one use may
    hold several requests.
    """

    thread_id: str
    at_ms: int | None
    model: str
    cwd: str
    provider: str
    tokens: Tokens


class Ancestry(Protocol):
    """The other threads that a file builds on. Asked only where the file itself does not tell."""

    def source(self, thread_id: str) -> Iterable[Found] | None:
        """The thread that a file has copies of, the oldest line first; None when it is not there any more."""
        ...

    def base_back(self) -> Iterable[Found] | None:
        """What a file inherits by reference, the newest line first; None when it cannot be had."""
        ...


def uses(found: Iterable[Found], thread_id: str = "", lookup: Ancestry | None = None) -> Iterator[Use | Damage]:
    """What the requests took that the thread of this file made itself, in file order; damage is passed on.

    ``found`` are the lines of one physical file, the oldest first; without a ``thread_id`` its metadata name the
    thread. Without a ``lookup`` nothing is known of other threads. A count that cannot be read is yielded as damage.
    Holds the state of one file, however long it is.
    """
    reader = UseReader(thread_id, lookup)
    for thing in found:
        if isinstance(thing, Damage):
            yield thing
            continue
        try:
            use = reader.take(thing.record)
        except (ValueError, RecursionError):
            yield Damage(thing.n, thing.position, len(thing.data), "a token count that cannot be read")
            continue
        del thing  # a line may be long: it is not held while the next one is read
        if use is not None:
            yield use


class UseReader:
    """What is known in the middle of a file: ``uses`` for lines that come one by one."""

    def __init__(self, thread_id: str = "", lookup: Ancestry | None = None) -> None:
        """Arguments as those of ``uses``."""
        self._thread_id, self._lookup = thread_id, lookup
        self._meta: Json | None = None
        self._model = self._cwd = self._provider = ""
        self._totals = Totals()
        self._echo: Tokens | None = None
        self._copied: Copied | None = None
        self._needs_base = False

    def take(self, record: Record) -> Use | None:
        """One line, and what it tells of a request of this thread's own.

        Raises ValueError (or RecursionError) for a count that cannot be read.
        """
        behind_meta = self._meta is not None
        if record.type == "session_meta":
            self._take_meta(payload_of(record), record)
        if self._copied is not None and behind_meta:
            self._copied.look(record)
        if record.type == "token_usage_record":
            return self._take_request(record)
        if record.type == "event_msg":
            return self._take_event(record)
        if record.type == "turn_context":
            context = payload_of(record)
            self._take_settings(context)
            self._begin_turn(_text(context.get("turn_id")))
        return None

    def _take_meta(self, meta: Json, record: Record) -> None:
        """The first one is the thread's own; another thread's behind it begins a copy of that thread."""
        if self._meta is not None:
            if self._copied is None and not self._meta.get("history_base") and meta.get("id") != self._meta.get("id"):
                self._begin_copies(_text(meta.get("id")), record)
            return
        self._meta = meta
        self._thread_id = self._thread_id or _text(meta.get("id"))
        self._cwd, self._provider = _text(meta.get("cwd")), _text(meta.get("model_provider"))
        self._needs_base = bool(meta.get("history_base"))
        if not self._needs_base and meta.get("forked_from_id"):
            self._begin_copies(_text(meta.get("forked_from_id")), record)

    def _begin_copies(self, source: str, record: Record) -> None:
        meta = self._meta or {}
        created_ms = parse_ms(_text(meta.get("timestamp"))) or parse_ms(record.timestamp)
        start = meta.get("subagent_history_start_ordinal")
        if created_ms is not None:
            ordinal = start if isinstance(start, int) else None
            self._copied = Copied(created_ms, ordinal, lambda: self._lookup.source(source) if self._lookup else None)

    def _take_event(self, record: Record) -> Use | None:
        tag = payload_tag(record.payload)
        if tag == "token_count":
            info = count_of(record)
            return None if info is None else self._take_count(record, info)
        if tag in TURN_STARTS:
            self._begin_turn(turn_id_of(record) or "")
        elif tag == "thread_settings_applied":
            self._take_settings(payload_of(record).get("thread_settings"))
        return None

    def _take_settings(self, settings: object) -> None:
        if isinstance(settings, dict):
            self._model = _text(settings.get("model")) or self._model
            self._cwd = _text(settings.get("cwd")) or self._cwd
            self._provider = _text(settings.get("model_provider_id")) or self._provider

    def _begin_turn(self, turn_id: str) -> None:
        if self._copied is not None and turn_id:
            self._copied.begin_turn(turn_id)

    def _take_request(self, record: Record) -> Use | None:
        """A request by name: whoever copied it, it belongs to the thread that made it."""
        request = request_of(record)
        tokens = self._echo = request.usage.tokens()
        own = self._meta.get("id") if self._meta else self._thread_id
        if request.thread_id not in ("", own):
            return None
        use = self._use(record, tokens)
        return use._replace(model=request.model) if use and request.model else use

    def _take_count(self, record: Record, info: Info) -> Use | None:
        """A running total: a copy, the echo of a named request, a repetition, or a request of its own."""
        total, last = info.amounts()
        copied = self._copied is not None and self._copied.has(record, info)
        if copied or (self._echo is not None and self._echo == last and not self._totals.knows(total)):
            self._echo, self._needs_base = None, False
            self._totals.note(total)
            return None
        self._inherit(total, last)
        return self._use(record, self._totals.added(total, last))

    def _inherit(self, total: Tokens, last: Tokens | None) -> None:
        """Take the total that a fork by reference goes on from; where nobody knows it, this one is taken for it."""
        if not self._needs_base:
            return
        self._needs_base = False
        before = inherited(self._lookup.base_back() if self._lookup else None)
        self._model = self._model or before.model
        if before.total is not None:
            self._totals.note(before.total)
        elif total != last:
            self._totals.note(total)

    def _use(self, record: Record, tokens: Tokens) -> Use | None:
        if tokens == ZERO:
            return None
        at_ms = parse_ms(record.timestamp)
        return Use(self._thread_id, at_ms, self._model, self._cwd, self._provider, tokens)


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
