"""Parsers: the global options, the options of one command, and what several commands ask for."""

from __future__ import annotations

import argparse
import os
from importlib import import_module
from typing import TYPE_CHECKING, NoReturn

from rollout.cli.commands import COMMANDS, module_of, summary_of
from rollout.cli.output import terminal_width
from rollout.cli.statuses import MEANING, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import ModuleType

THREAD_HELP = "id of a thread, a unique beginning of it (4 characters or more), or its name"
_WITH_VALUE = frozenset({"--home", "--store", "--index", "--config", "-c"})
_GLOBAL = frozenset({"--json", "--quiet", "-q", "--no-index"})


class Parser(argparse.ArgumentParser):
    """A parser that raises instead of printing its usage: every error is one line."""

    def error(self, message: str) -> NoReturn:
        """Raise UsageError."""
        raise UsageError(f"{message}; see {self.prog} --help")


class _Help(argparse.RawDescriptionHelpFormatter):
    """Keeps paragraphs. Knows its width, since argparse makes one for every option and would ask shutil each time."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=26, width=min(terminal_width(2, os.environ), 110) - 2)

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        """Paragraphs are filled; those with indented lines are laid out already."""
        return "\n\n".join(_filled(paragraph, width, indent) for paragraph in text.split("\n\n"))


class Call:
    """What was asked for: the command's module and its parsed options."""

    __slots__ = ("module", "options")

    def __init__(self, module: ModuleType, options: argparse.Namespace) -> None:
        """Keep both."""
        self.module, self.options = module, options


def parse(argv: Sequence[str]) -> Call | argparse.Namespace:
    """Read a command line; without a command, only the global options come back.

    Imports the module of the one command that is called. Raises UsageError, or SystemExit(0) after --help.
    """
    at = _command_at(argv)
    if at is None:
        return _top_parser().parse_args(argv)
    module, parser = command_parser(argv[at])
    words = [*argv[:at], *argv[at + 1 :]]
    return Call(module, parser.parse_args(module.spelled(words) if hasattr(module, "spelled") else words))


def command_parser(name: str) -> tuple[ModuleType, Parser]:
    """The module and the parser of one command; raises UsageError when there is no such command."""
    if name not in COMMANDS:
        raise UsageError(f"there is no command {name!r}{_similar(name)}; see rollout --help")
    module = import_module(module_of(name))
    parser = _parser(f"rollout {name}", module.DESCRIPTION)
    module.options(parser)
    parser.usage = " ".join([parser.prog, "[options]", *positionals(parser)])
    _add_globals(parser)
    return module, parser


def positionals(parser: argparse.ArgumentParser) -> list[str]:
    """The names of a command's arguments, as its usage tells them."""
    return [str(one.metavar or one.dest) for one in actions(parser) if not one.option_strings]


def actions(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    """The options and arguments of a parser."""
    return parser._actions  # noqa: SLF001 - argparse offers no other way to list them


def _command_at(argv: Sequence[str]) -> int | None:
    """Where the command stands: the first word that is neither a global option nor the value of one."""
    skip = False
    for at, word in enumerate(argv):
        if skip:
            skip = False
        elif not word.startswith("-"):
            return at
        elif word in _WITH_VALUE:
            skip = True
        elif word not in _GLOBAL and not word.startswith(("--home=", "--store=", "--index=")):
            return None
    return None


def _top_parser() -> Parser:
    parser = _parser("rollout", "The session store for coding agents: record, list, read and repair threads.")
    parser.usage = "rollout [options] COMMAND [options of the command]"
    parser.epilog = _epilog()
    parser.add_argument("--version", action="store_true", help="print the version and exit")
    _add_globals(parser)
    return parser


def top_help() -> str:
    """What ``rollout --help`` prints."""
    return _top_parser().format_help()


def _epilog() -> str:
    commands = "\n".join(f"  {name:<12} {summary_of(name)}" for name in COMMANDS)
    statuses = "\n".join(f"  {status:<4} {meaning}" for status, meaning in MEANING)
    return f"commands (rollout COMMAND --help tells more):\n{commands}\n\nexit statuses:\n{statuses}"


def _parser(prog: str, description: str) -> Parser:
    return Parser(
        prog=prog,
        description=description.strip(),
        formatter_class=_Help,
        allow_abbrev=False,
    )


def _filled(paragraph: str, width: int, indent: str) -> str:
    if "\n " in f"\n{paragraph}":
        return paragraph
    from textwrap import fill  # noqa: PLC0415 - only --help needs it

    return fill(paragraph, width, initial_indent=indent, subsequent_indent=indent)


def _add_globals(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("global options, before or after the command")
    group.add_argument("--home", metavar="DIR", help="home of the threads; else $ROLLOUT_HOME, $CODEX_HOME, ~/.codex")
    group.add_argument(
        "--store", metavar="URL", default="", help="threads that are in no home: postgresql://user@host/database?tenant=name"
    )  # fmt: skip
    group.add_argument("--index", metavar="PATH", help="file of the index; else $ROLLOUT_INDEX, the user's cache folder")
    group.add_argument("--no-index", action="store_true", help="use the files alone")
    group.add_argument("--json", action="store_true", help="one JSON document on standard output")
    group.add_argument("-q", "--quiet", action="store_true", help="no notes on standard error, only errors")


def _similar(name: str) -> str:
    from difflib import get_close_matches  # noqa: PLC0415 - only a mistake pays for it

    found = get_close_matches(name, COMMANDS, 1)
    return f"; did you mean {found[0]!r}?" if found else ""


def count(text: str) -> int:
    """An option that counts: 0 or more."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"not a number from 0 on: {text!r}")
    return int(text)


def ordinal(text: str) -> int:
    """An option that names one of several: 1 or more."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"not a number from 1 on: {text!r}")
    return int(text)


def seconds(text: str) -> float:
    """An option in seconds: 0 or more."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < 1e9:
        raise argparse.ArgumentTypeError(f"not a number of seconds: {text!r}")
    return value
