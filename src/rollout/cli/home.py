"""The store that a command works on, and the thread that a person means."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from rollout.cli.statuses import UsageError
from rollout.errors import AmbiguousError, NotFoundError
from rollout.store.local.home import find_home
from rollout.store.local.index_path import index_place
from rollout.store.local.store import LocalStore

if TYPE_CHECKING:
    from argparse import Namespace

    from rollout.ids import ThreadId
    from rollout.store.base import ThreadStore
    from rollout.store.local.index_path import IndexPlace


def home_of(args: Namespace) -> str:
    """The home that the command line or the environment names."""
    return find_home(args.home, os.environ)


def open_store(args: Namespace, *, new: bool = False) -> ThreadStore:
    """The store of --store, else the one of the home; see ``open_home`` for ``new``."""
    if not args.store:
        return open_home(args, new=new)
    if args.home:
        raise UsageError("--store and --home exclude each other: each says where the threads are")
    from rollout.store import open_store as opened  # noqa: PLC0415 - a home needs none of it

    store = opened(args.store)
    if isinstance(store, LocalStore) and not new and not os.path.isdir(store.home):
        raise NotFoundError(f"there is no folder {store.home}; --store names a folder that holds sessions/, or a server")
    return store


def open_home(args: Namespace, *, new: bool = False) -> LocalStore:
    """The store of the home; unless it may be ``new``, a home that --home names must be there: NotFoundError."""
    if args.store:
        raise UsageError("this command is about the files of a home, and --store names none; give --home, or nothing")
    home = home_of(args)
    if args.home and not new and not os.path.isdir(home):
        raise NotFoundError(f"there is no folder {home}; --home names the folder that holds sessions/")
    return LocalStore(home, index=index_of(args))


def index_of(args: Namespace) -> IndexPlace | None:
    """Where the index of the home belongs, None when none is to be used."""
    return None if args.no_index else index_place(home_of(args), args.index, os.environ)


def find_thread(store: ThreadStore, text: str) -> ThreadId:
    """The one thread that a text means: an id, a unique beginning of one, or a name.

    Raises NotFoundError, or AmbiguousError naming the candidates.
    """
    found = store.resolve(text)
    if len(found) == 0:
        raise NotFoundError(f"no thread {text!r}: no id begins so and no thread has that name; see rollout list --all")
    if len(found) > 1:
        raise AmbiguousError(text, found)
    return found[0]
