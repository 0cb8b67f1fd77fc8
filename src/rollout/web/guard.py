"""Who may ask: only this machine's browser, under this server's own name, after it has shown the token.

Everything is refused that was not asked for under a loopback name with our port (a page of the web that had its own
name point here would bring that name along), and every change that does not come from a page of ours. What is
answered forbids the browser to load, run or send anything else.
"""

from __future__ import annotations

import secrets
from hmac import compare_digest
from http.cookies import CookieError, SimpleCookie
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlencode

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, RedirectResponse

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "x-frame-options": "DENY",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}
_SAFE = frozenset({"GET", "HEAD"})
_MOST_SESSIONS = 64


class Keys:
    """The token of the link, good for one exchange, and the sessions that came of exchanges.

    ``renewed`` is called with each further token, for whoever tells the person the next link.
    """

    def __init__(self, renewed: Callable[[str], None] | None = None) -> None:
        """A first token; nobody has come yet."""
        self.token = secrets.token_urlsafe(32)
        self._renewed = renewed
        self._sessions: dict[str, str] = {}

    def exchange(self, token: str) -> str | None:
        """A new session for the token, None for a wrong one; the token is used up."""
        if not compare_digest(token.encode(), self.token.encode()):
            return None
        self.token = secrets.token_urlsafe(32)
        session = secrets.token_urlsafe(32)
        self._sessions[session] = secrets.token_urlsafe(32)
        while len(self._sessions) > _MOST_SESSIONS:
            del self._sessions[next(iter(self._sessions))]
        if self._renewed:
            self._renewed(self.token)
        return session

    def stamp(self, session: str) -> str | None:
        """What the forms of a session must bear; None for no session of ours."""
        return self._sessions.get(session)


class Guard:
    """Lets requests through to the application, or answers them itself. ``scope["stamp"]`` is the session's."""

    def __init__(self, app: ASGIApp, keys: Keys, hosts: frozenset[str]) -> None:
        """``hosts``: the names with port under which this server may be asked."""
        self._app, self._keys, self._hosts = app, keys, hosts
        self._cookie = "rollout_" + min(hosts).rpartition(":")[2]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update({name: value for name, value in HEADERS.items() if name not in headers})
                if "cache-control" not in headers:
                    headers["cache-control"] = "no-store"
            await send(message)

        await (self._refusal(scope) or self._entered(scope) or self._app)(scope, receive, guarded)

    def _refusal(self, scope: Scope) -> ASGIApp | None:
        headers = Headers(scope=scope)
        if headers.get("host", "").lower() not in self._hosts:
            return PlainTextResponse("This server answers only under its loopback address.\n", 421)
        origin = self._origin(headers)
        if origin is not None and origin not in {f"http://{host}" for host in self._hosts}:
            return PlainTextResponse("Another site asked; refused.\n", 403)
        if scope["method"] not in _SAFE and origin is None:
            return PlainTextResponse("A change must come from a page of this server.\n", 403)
        if headers.get("sec-fetch-site", "none") not in ("none", "same-origin") and not _is_entry(scope):
            return PlainTextResponse("Another site asked; refused.\n", 403)
        return None

    def _origin(self, headers: Headers) -> str | None:
        """Who asks. Under ``no-referrer`` a browser sends ``null`` with our own forms too, but says that it is we."""
        origin = headers.get("origin", "").lower()
        if origin == "null" and headers.get("sec-fetch-site") == "same-origin":
            return f"http://{headers['host'].lower()}"
        return origin or None

    def _entered(self, scope: Scope) -> ASGIApp | None:
        stamp = self._keys.stamp(self._session(scope))
        if stamp is not None:
            scope["stamp"] = stamp
        given = dict(parse_qsl(scope["query_string"].decode("latin-1")))
        if "token" in given and scope["method"] == "GET":
            return self._exchanged(scope, given, known=stamp is not None)
        if stamp is not None:
            return None
        return PlainTextResponse("Open the link that rollout serve printed in the terminal.\n", 401)

    def _exchanged(self, scope: Scope, given: dict[str, str], *, known: bool) -> ASGIApp:
        session = self._keys.exchange(given.pop("token"))
        if session is None and not known:
            return PlainTextResponse(
                "This link was used already, or is of another server; the terminal shows the newest one.\n", 401
            )
        rest = f"?{urlencode(given)}" if given else ""
        answer = RedirectResponse("/" + scope["path"].lstrip("/") + rest, 303)
        if session is not None:
            answer.set_cookie(self._cookie, session, httponly=True, samesite="strict", path="/")
        return answer

    def _session(self, scope: Scope) -> str:
        try:
            found = SimpleCookie(Headers(scope=scope).get("cookie", "")).get(self._cookie)
        except CookieError:
            return ""
        return found.value if found else ""


def _is_entry(scope: Scope) -> bool:
    """A link in a mail or a chat leads here from another site; it may bring the token, and nothing else."""
    return scope["method"] == "GET" and b"token=" in scope["query_string"]
