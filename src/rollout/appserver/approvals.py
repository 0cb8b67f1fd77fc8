"""Asking whether a command may run or files may change.

Whoever started the turn is asked, and everyone who follows the thread, also who comes later; the first decision counts, and a client that
cannot decide leaves it to the others. A yes for the session is remembered as long as the thread is loaded; a cancel, or
that all went away, ends the turn as an interrupted one.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any

from rollout.appserver.fresh import now_ms
from rollout.appserver.messages import RpcError
from rollout.appserver.question import Question
from rollout.appserver.wire import shell

if TYPE_CHECKING:
    from rollout.appserver.connection import Connection
    from rollout.appserver.live import LiveThread
    from rollout.appserver.state import Listener, Server

Fields = dict[str, Any]


class Decision(Enum):
    """What a client may answer."""

    ACCEPT = "accept"
    ACCEPT_FOR_SESSION = "acceptForSession"
    DECLINE = "decline"
    CANCEL = "cancel"


class TurnCancelledError(Exception):
    """A person was asked something and ended the turn instead."""


class ClientApprovals:
    """The approvals of one turn, by the client that started it and by those who follow the thread."""

    def __init__(self, server: Server, live: LiveThread, turn_id: str, client: Connection | None) -> None:
        """Without a ``client`` there is nobody to ask, and nothing is allowed."""
        self._server, self._live, self._turn_id, self._client = server, live, turn_id, client

    async def command(self, call_id: str, words: list[str], cwd: str, reason: str | None = None) -> bool:
        """Whether a command may run. Raises TurnCancelledError."""
        line = shell.join(words)
        action = {"type": "unknown", "command": words[-1] if words else ""}
        asked = {"reason": reason, "command": line, "cwd": cwd, "commandActions": [action]}
        kind = {"kind": "command", "environmentId": "local"} if self._server.level.later else {}
        return await self._ask("item/commandExecution/requestApproval", call_id, {f"{cwd}\0{line}"}, asked | kind)

    async def change(self, call_id: str, paths: list[str], reason: str | None = None) -> bool:
        """Whether files may change. Raises TurnCancelledError."""
        asked = {"reason": reason, "grantRoot": None}
        return await self._ask("item/fileChange/requestApproval", call_id, {f"file\0{one}" for one in paths}, asked)

    async def _ask(self, method: str, call_id: str, subjects: set[str], asked: Fields) -> bool:
        if subjects <= self._live.allowed:
            return True
        if self._client is None and not self._server.followers(self._live.id):
            return False
        when = {"startedAtMs": now_ms()} if self._server.level.later else {}
        where = {"threadId": self._live.id, "turnId": self._turn_id, "itemId": call_id, **when}
        decision = await self._decision(method, where | asked)
        if decision is Decision.CANCEL:
            raise TurnCancelledError
        if decision is Decision.ACCEPT_FOR_SESSION:
            self._live.allowed |= subjects
        return decision is not Decision.DECLINE

    async def _decision(self, method: str, params: Fields) -> Decision:
        """What is answered; meanwhile the thread is told to be waiting."""
        self._live.question = question = Question(method, params)
        try:
            await self._server.status(self._live)
            return _decided(await question.first_answer(self._asked()))
        except RpcError:
            return Decision.DECLINE
        except ConnectionError:
            return Decision.CANCEL
        finally:
            self._live.question = None
            await self._server.status(self._live)

    def _asked(self) -> list[Listener]:
        followers = self._server.followers(self._live.id)
        return followers if self._client is None or self._client in followers else [self._client, *followers]


def _decided(answer: Any) -> Decision:  # noqa: ANN401 - JSON as it comes
    """The decision in an answer; one that amends rules allows this once, and what is not understood does not."""
    told = answer.get("decision") if isinstance(answer, dict) else None
    if isinstance(told, dict) and any(name.startswith("accept") for name in told):
        return Decision.ACCEPT
    known = {one.value: one for one in Decision}
    return known.get(told, Decision.DECLINE) if isinstance(told, str) else Decision.DECLINE
