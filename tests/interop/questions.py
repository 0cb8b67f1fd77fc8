"""What a client asks of a home, and the places in which two servers answer it differently."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from interop.lab import Server

Json = dict[str, Any]
NOBODY = "01a00000-0000-7000-8000-000000000000"
LISTS: list[Json] = [
    {}, {"limit": 3}, {"sortKey": "updated_at"}, {"archived": True}, {"modelProviders": []}, {"modelProviders": ["nobody"]},
    {"sourceKinds": ["exec", "cli"]}, {"sourceKinds": ["vscode"], "limit": 100}, {"cursor": "nonsense"}, {"limit": "many"}, {"sortKey": "size"},
]  # fmt: skip
LATER_LISTS: list[Json] = [
    {"sortDirection": "asc"}, {"sortKey": "updated_at", "sortDirection": "asc"}, {"searchTerm": "first"}, {"searchTerm": "nowhere"},
    {"useStateDbOnly": True}, {"cwd": "/nowhere"},
]  # fmt: skip
TIMES = (".updatedAt", ".recencyAt")
NEAR_S = 2
"""Codex's database moves times of the same second apart, and knows of the last line a little later than it is written."""
PAGED: list[Json] = [{"limit": 4}, {"limit": 5, "sortKey": "updated_at"}, {"limit": 3, "modelProviders": []}]
LATER_PAGED: list[Json] = [{"limit": 4, "sortDirection": "asc"}]


def ask(server: Server, ids: list[str], *, later: bool) -> dict[str, Any]:
    """Every answer, by its question."""
    found: dict[str, Any] = {}
    for question, method, params in questions(ids, later=later):
        found[question] = server.driver.try_request(method, params)
    for params in [*PAGED, *LATER_PAGED] if later else PAGED:
        found[f"pages {params}"] = list(walk(server, "thread/list", params))
    return found | (pages_of(server, ids) if later else {})


def pages_of(server: Server, ids: list[str]) -> dict[str, Any]:
    """The turns and the items of threads, along their cursors in both directions."""
    found: dict[str, Any] = {}
    for thread_id in ids:
        for direction in ("asc", "desc"):
            params = {"threadId": thread_id, "limit": 2, "sortDirection": direction}
            found[f"turns {direction} {thread_id}"] = list(walk(server, "thread/turns/list", {**params, "itemsView": "full"}))
            found[f"items {direction} {thread_id}"] = list(walk(server, "thread/items/list", params))
    return found


def questions(ids: list[str], *, later: bool) -> Iterator[tuple[str, str, Json]]:
    """A name, a method and its parameters; nothing that changes a thread."""
    for params in LISTS + (LATER_LISTS if later else []):
        yield f"list {params}", "thread/list", params
    for thread_id in [*ids, NOBODY, "nonsense"]:
        yield f"read {thread_id}", "thread/read", {"threadId": thread_id, "includeTurns": True}
        yield f"look {thread_id}", "thread/read", {"threadId": thread_id}
        if not later:
            yield f"v1 {thread_id}", "getConversationSummary", {"conversationId": thread_id}
    if not later:
        yield "v1 list", "listConversations", {"pageSize": 5}


def walk(server: Server, method: str, params: Json) -> Iterator[Json]:
    """The answers along the cursors; an error ends it."""
    cursor: str | None = None
    for _ in range(50):
        answer: Json = server.driver.try_request(method, {**params, "cursor": cursor})
        yield answer
        cursor = answer.get("result", {}).get("nextCursor")
        if cursor is None:
            return
    raise AssertionError(f"{method} {params} does not come to an end")


def differences(theirs: Any, ours: Any, place: str = "") -> Iterator[str]:
    """Where two answers differ, and how."""
    if isinstance(theirs, dict) and isinstance(ours, dict):
        for name in sorted(theirs.keys() | ours.keys()):
            if name not in theirs or name not in ours:
                yield f"{place}.{name}: {short(theirs.get(name, '-'))} | {short(ours.get(name, '-'))}"
            else:
                yield from differences(theirs[name], ours[name], f"{place}.{name}")
    elif isinstance(theirs, list) and isinstance(ours, list) and len(theirs) == len(ours):
        for number, (one, other) in enumerate(zip(theirs, ours, strict=True)):
            yield from differences(one, other, f"{place}[{number}]")
    elif theirs != ours and not (place.endswith(TIMES) and near(theirs, ours)):
        yield f"{place}: {short(theirs)} | {short(ours)}"


def near(one: object, other: object) -> bool:
    """Whether two times in seconds may be the same."""
    return isinstance(one, int) and isinstance(other, int) and abs(one - other) <= NEAR_S


def short(value: object) -> str:
    """The beginning of a value."""
    return json.dumps(value, ensure_ascii=False)[:100]
