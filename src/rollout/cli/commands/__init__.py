"""The commands by name: which module holds each, and one line about it for ``rollout --help``.

A module of a command has ``DESCRIPTION``, ``options(parser)`` and ``run(args, out) -> int``. It is imported only
when its command is called, so this table is all that the others cost.
"""

from __future__ import annotations

COMMANDS: dict[str, tuple[str, str]] = {
    "record": ("record", "record items from standard input into a thread"),
    "list": ("listing", "list threads, newest activity first"),
    "show": ("show", "read a thread"),
    "view": ("view", "look at threads in an application for the terminal"),
    "replay": ("replay", "play a thread in its own time"),
    "search": ("search", "find what was said and done in threads"),
    "find": ("find", "find the threads that made a commit, touched a file, ran a command"),
    "history": ("history", "show what the model would be sent"),
    "stats": ("stats", "tell what is in the home: threads, sizes, days, folders"),
    "usage": ("usage", "add up the tokens that threads took"),
    "path": ("path", "print where a thread is stored"),
    "index": ("index", "look at or make anew the cache that makes listing quick"),
    "fork": ("fork", "begin a new thread with a prefix of another"),
    "rollback": ("rollback", "drop the last user turns of a thread, or bring them back"),
    "rename": ("rename", "give a thread a name"),
    "tag": ("tag", "give threads tags, take them, tell them"),
    "note": ("note", "write a note beside a thread"),
    "archive": ("archive", "put threads away"),
    "unarchive": ("unarchive", "bring archived threads back"),
    "delete": ("delete", "delete threads, into the trash or for good"),
    "restore": ("restore", "bring deleted threads back"),
    "app-server": ("app_server", "serve threads to programs that speak the Codex app-server protocol"),
    "serve": ("serve", "look at threads in a browser"),
    "export": ("export", "export threads for people and other programs"),
    "import": ("import_", "import threads from a bundle"),
    "copy": ("copy", "copy threads between stores, byte for byte"),
    "store": ("store", "lay out the database of a PostgreSQL store"),
    "completion": ("completion", "print a completion script for a shell"),
}
"""Name of a command: (module in this package, what it does in one line)."""


def summary_of(name: str) -> str:
    """What a command does, in one line."""
    return COMMANDS[name][1]


def module_of(name: str) -> str:
    """The module that holds a command."""
    return f"{__name__}.{COMMANDS[name][0]}"
