"""What a ``postgresql:`` URL means: the server, the tenant, and how this store behaves. Never shows a password."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from rollout.errors import RolloutError

DEFAULT_TENANT = "default"
_OWN: tuple[str, ...] = ("tenant", "lease", "connections", "flush", "answer")
_COMMITS = ("off", "local", "on")
_USUAL = {"connect_timeout": "10", "keepalives_idle": "10", "tcp_user_timeout": "20000", "application_name": "rollout"}


class Target(NamedTuple):
    """One store on a server.

    ``conninfo`` is for the driver alone, ``shown`` for people. ``tenant`` "" means: the one to which the role is
    bound, else ``default``. ``flush_commit`` is the server's ``synchronous_commit`` for a flush. A write that is not
    answered within ``answer_s``, a question within ten times as long, is taken for lost and sent once more.
    """

    conninfo: str
    shown: str
    tenant: str = ""
    lease_s: float = 15.0
    connections: int = 8
    flush_commit: str = "local"
    answer_s: float = 30.0

    def __repr__(self) -> str:
        """Without the password, wherever it may be printed."""
        return f"Target({self.shown!r}, tenant={self.tenant!r})"

    def safe(self, error: BaseException) -> str:
        """What an error of the driver says, on one line and without secrets."""
        text = " ".join(str(error).split()) or type(error).__name__
        for secret in _secrets(self.conninfo):
            text = text.replace(secret, "***")
        return text


def parse(url: str) -> Target:
    """Read a URL; what is not ours in its query goes to the driver. Raises RolloutError, which quotes no secret."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise RolloutError("that is no URL of a server; give postgresql://user@host:port/database?tenant=name") from None
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    own: dict[str, str] = {name: options.pop(name) for name in _OWN if name in options}
    conninfo = f"postgresql://{parts.netloc}{parts.path}?{urlencode(_USUAL | options, quote_via=quote)}"
    shown = f"postgresql://{host or options.get('host', '')}{f':{port}' if port else ''}{parts.path}"
    target = Target(conninfo, shown, own.get("tenant", ""))
    return target._replace(
        lease_s=_number(own, "lease", target.lease_s, 0.1),
        connections=int(_number(own, "connections", target.connections, 1)),
        answer_s=_number(own, "answer", target.answer_s, 0.1),
        flush_commit=_commit(own.get("flush", target.flush_commit)),
    )


def without_secrets(url: str) -> str:
    """A URL as it may be shown: the password is left out, for the driver finds it in PGPASSWORD or ~/.pgpass."""
    head, found, rest = url.partition("//")
    user, at, host = rest.rpartition("@") if found else ("", "", url)
    place, mark, query = host.partition("?")
    kept = urlencode([(name, value) for name, value in parse_qsl(query) if "password" not in name], quote_via=quote)
    user = user.partition(":")[0]
    return f"{head}{found}{user}{at}{place}{mark if kept else ''}{kept}"


def _number(options: dict[str, str], name: str, usual: float, least: float) -> float:
    try:
        value = float(options.get(name, usual))
    except ValueError:
        value = -1.0
    if not least <= value < 1e6:
        raise RolloutError(f"{name}={options.get(name)}: not a number from {least} on")
    return value


def _commit(word: str) -> str:
    if word not in _COMMITS:
        raise RolloutError(f"flush={word}: unknown; there are {', '.join(_COMMITS)}")
    return word


def _secrets(conninfo: str) -> set[str]:
    from urllib.parse import unquote  # noqa: PLC0415 - only an error pays for it

    parts = urlsplit(conninfo)
    found = {parts.password or ""} | {value for name, value in parse_qsl(parts.query) if "password" in name}
    return {form for one in found if one for form in (one, unquote(one))}
