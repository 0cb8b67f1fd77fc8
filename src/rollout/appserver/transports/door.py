"""Who may come in over a websocket.

A browser says for whom it asks in the header Origin, which no other client sends: none is let in, so that no web page
can reach a server on loopback, whatever name it was loaded from.
"""

from __future__ import annotations

from hashlib import sha256
from hmac import compare_digest
from http import HTTPStatus
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from websockets.http11 import Request, Response
    from websockets.server import ServerProtocol

PATHS = ("/", "/rpc")
_HEALTH = ("/healthz", "/readyz")


class Door(NamedTuple):
    """What a handshake must show; ``digest`` is the SHA-256 of the token, None where none is asked for."""

    digest: bytes | None = None

    def answer(self, protocol: ServerProtocol, request: Request) -> Response:
        """The answer to a handshake."""
        refused = self._refused(request)
        if refused is None:
            return protocol.accept(request)
        status, text = refused
        response = protocol.reject(status, f"{text}\n")
        if status is HTTPStatus.UNAUTHORIZED:
            response.headers["WWW-Authenticate"] = "Bearer"
        return response

    def _refused(self, request: Request) -> tuple[HTTPStatus, str] | None:
        path = request.path.partition("?")[0]
        if "Origin" in request.headers:
            return HTTPStatus.FORBIDDEN, "web pages are not let in: the request has an Origin header"
        if path in _HEALTH:
            return HTTPStatus.OK, "ok"
        if path not in PATHS:
            return HTTPStatus.NOT_FOUND, f"there is nothing here; connect to {' or '.join(PATHS)}"
        if self.digest is not None and not self._knows(request.headers.get_all("Authorization")):
            return HTTPStatus.UNAUTHORIZED, "give the token: Authorization: Bearer TOKEN"
        return None

    def _knows(self, authorizations: list[str]) -> bool:
        """Compared in a time that tells nothing, by digests, which also hide the length."""
        kind, _, token = (authorizations[0] if len(authorizations) == 1 else "").partition(" ")
        shown = sha256(token.strip().encode("utf-8", "surrogateescape")).digest()
        return compare_digest(shown, self.digest or b"") and kind.lower() == "bearer"
