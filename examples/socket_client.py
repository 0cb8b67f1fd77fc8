"""A client of ``rollout app-server --listen unix://PATH``: asks the newest thread something and prints the answer.

python examples/socket_client.py PATH WORDS…
"""

from __future__ import annotations

import json
import socket
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator


class Client:
    """One connection; a message is a line of JSON."""

    def __init__(self, path: str) -> None:
        """Connect and say hello."""
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(path)
        self._stream = self._socket.makefile("rw", encoding="utf-8")
        self._asked = 0
        self.ask("initialize", clientInfo={"name": "socket_client", "version": "1"})

    def ask(self, method: str, **params: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
        """The result of a request."""
        self._asked += 1
        self._stream.write(json.dumps({"id": self._asked, "method": method, "params": params}) + "\n")
        self._stream.flush()
        for told in self.heard():
            if told.get("id") == self._asked and "method" not in told:
                if "error" in told:
                    raise RuntimeError(f"{method}: {told['error']['message']}")
                result: dict[str, Any] = told["result"]
                return result
        raise ConnectionError("the server hung up")

    def heard(self) -> Iterator[dict[str, Any]]:
        """What the server says, as it comes."""
        for line in self._stream:
            yield json.loads(line)

    def close(self) -> None:
        """Hang up."""
        self._stream.close()
        self._socket.close()


def main(path: str, words: str) -> None:
    """A turn in the newest thread."""
    client = Client(path)
    thread_id = client.ask("thread/list", limit=1)["data"][0]["id"]
    client.ask("thread/resume", threadId=thread_id)
    client.ask("turn/start", threadId=thread_id, input=[{"type": "text", "text": words}])
    for told in client.heard():
        if told["method"] == "item/completed" and told["params"]["item"]["type"] == "agentMessage":
            print(told["params"]["item"]["text"])
        if told["method"] == "turn/completed":
            break
    client.close()


if __name__ == "__main__":
    main(sys.argv[1], " ".join(sys.argv[2:]))
