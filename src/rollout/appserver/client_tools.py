"""Having a client run the tools that it brought along."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rollout.appserver.agent import NO_CALLS, ToolAnswer
from rollout.appserver.approvals import TurnCancelledError
from rollout.appserver.messages import RpcError

if TYPE_CHECKING:
    from rollout.appserver.connection import Connection
    from rollout.appserver.live import LiveThread

Fields = dict[str, Any]


class ClientTools:
    """The tools of one turn, run by the client that started it."""

    def __init__(self, live: LiveThread, turn_id: str, client: Connection | None) -> None:
        """Without a ``client`` every call fails."""
        self._live, self._turn_id, self._client = live, turn_id, client

    async def call(self, call_id: str, name: str, arguments: object, namespace: str | None = None) -> ToolAnswer:
        """What the client answers; a refusal is a call that failed. Raises TurnCancelledError when it goes away."""
        if self._client is None:
            return await NO_CALLS.call(call_id, name, arguments)
        where = {"threadId": self._live.id, "turnId": self._turn_id, "callId": call_id}
        named = {"tool": name, "arguments": arguments} | ({"namespace": namespace} if namespace else {})
        try:
            return _answer(await self._client.ask("item/tool/call", where | named))
        except RpcError as error:
            return ToolAnswer([{"type": "inputText", "text": str(error)}], success=False)
        except ConnectionError:
            raise TurnCancelledError from None


def _answer(told: Any) -> ToolAnswer:  # noqa: ANN401 - JSON as it comes
    found: Fields = told if isinstance(told, dict) else {}
    content = found.get("contentItems")
    parts = [one for one in content if isinstance(one, dict)] if isinstance(content, list) else []
    return ToolAnswer(parts, success=found.get("success") is True)
