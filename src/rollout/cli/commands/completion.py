"""``rollout completion``: completion scripts, made from the parsers themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rollout.cli.commands import COMMANDS, summary_of
from rollout.cli.options import actions, command_parser, positionals
from rollout.cli.statuses import DONE

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Callable, Mapping, Sequence

    from rollout.cli.output import Output

DESCRIPTION = """
Print a completion script. It completes commands, options, their choices and the ids of the newest threads.

  bash: eval "$(rollout completion bash)"            in ~/.bashrc
  zsh:  eval "$(rollout completion zsh)"             in ~/.zshrc, after compinit
  fish: rollout completion fish | source             in ~/.config/fish/config.fish
"""
_IDS = "rollout list --all --sort created --limit 50 --quiet 2>/dev/null"


def options(parser: ArgumentParser) -> None:
    """The options of ``rollout completion``."""
    parser.add_argument("shell", choices=sorted(_SHELLS), help="the shell that is to read the script")


def run(args: Namespace, out: Output) -> int:
    """Print the script."""
    out.write(_SHELLS[args.shell](words_by_command()))
    return DONE


def words_by_command() -> Mapping[str, Sequence[str]]:
    """What may follow each command: its options and the choices of its arguments."""
    return {name: _words(command_parser(name)[1]) for name in COMMANDS}


def takes_thread(name: str) -> bool:
    """Whether a command asks for the id of a thread."""
    return "ID" in positionals(command_parser(name)[1])


def _words(parser: ArgumentParser) -> list[str]:
    words = [word for action in actions(parser) for word in action.option_strings if word.startswith("--")]
    choices = [str(choice) for action in actions(parser) for choice in action.choices or ()]
    return [*words, *choices]


def _with_ids() -> str:
    return "|".join(name for name in COMMANDS if takes_thread(name))


def _bash(words: Mapping[str, Sequence[str]]) -> str:
    cases = "\n".join(f"        {name}) words={' '.join(found)!r} ;;" for name, found in words.items())
    return f"""\
_rollout() {{
    local word command= words i
    for ((i = 1; i < COMP_CWORD; i++)); do
        word=${{COMP_WORDS[i]}}
        case $word in
        --home|--store|--index) ((i++)) ;;
        -*) ;;
        *) command=$word; break ;;
        esac
    done
    case $command in
        '') words='{" ".join(words)} --home --store --index --no-index --json --quiet --version --help' ;;
{cases}
        *) return ;;
    esac
    case $command in
        {_with_ids()}) [[ ${{COMP_WORDS[COMP_CWORD]}} == -* ]] || words+=" $({_IDS} | cut -f1)" ;;
    esac
    COMPREPLY=($(compgen -W "$words" -- "${{COMP_WORDS[COMP_CWORD]}}"))
}}
complete -o default -F _rollout rollout
"""


def _zsh(words: Mapping[str, Sequence[str]]) -> str:
    return "autoload -Uz bashcompinit && bashcompinit\n" + _bash(words)


def _fish(words: Mapping[str, Sequence[str]]) -> str:
    names = " ".join(words)
    lines = ["complete -c rollout -f"]
    for name, found in words.items():
        told = summary_of(name).replace("'", "")
        lines.append(f"complete -c rollout -n 'not __fish_seen_subcommand_from {names}' -a {name} -d '{told}'")
        lines.append(f"complete -c rollout -n '__fish_seen_subcommand_from {name}' -a '{' '.join(found)}'")
    threads = _with_ids().replace("|", " ")
    lines.append(f"complete -c rollout -n '__fish_seen_subcommand_from {threads}' -a '({_IDS} | cut -f1)'")
    return "\n".join(lines) + "\n"


_SHELLS: Mapping[str, Callable[[Mapping[str, Sequence[str]]], str]] = {"bash": _bash, "fish": _fish, "zsh": _zsh}
