"""The grammar of the bare files of 2025, which have no events: turns from what was sent to the model and came back."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from rollout.boundaries import is_user_turn, message_text
from rollout.codec import to_object
from rollout.turns.grammar import Fields, Grammar, array, mapping, text_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from rollout.lines import Line
    from rollout.turns.model import Turn


class BareGrammar(Grammar):
    """Turns of a bare file: each begins with a message of a person. Items are numbered: ``item-<n>``."""

    def _other(self, line: Line) -> None:
        item = mapping(to_object(line.record.payload)) if line.record.type == "response_item" else {}
        reader = _READERS.get(text_of(item.get("type")))
        if reader is not None:
            reader(self, item)

    def message(self, item: Fields) -> None:
        """What a person or the agent said; context that the program put in is passed over."""
        text = message_text(item)
        if is_user_turn(item):
            self._begin()
            self._numbered("UserMessage", content=[{"type": "text", "text": text, "text_elements": []}])
        elif item.get("role") == "assistant" and text:
            self._numbered("AgentMessage", content=[{"type": "Text", "text": text}])

    def reasoning(self, item: Fields) -> None:
        """What the agent thought, as far as it is told."""
        summary, content = _texts(item.get("summary")), _texts(item.get("content"))
        if summary or content:
            self._numbered("Reasoning", summary_text=summary, raw_content=content)

    def call(self, item: Fields) -> None:
        """A command; its output comes later, under the id of the call."""
        call_id = text_of(item.get("call_id")) or text_of(item.get("id"))
        command = _command_of(item)
        if command and call_id:
            fields = {"command": command, "cwd": "", "parsed_cmd": [], "source": "agent", "status": "completed"}
            self._add(self._turn(), {"type": "CommandExecution", "id": call_id, **fields})

    def output(self, item: Fields) -> None:
        """What a command printed."""
        call_id = text_of(item.get("call_id"))
        known = self._known.get(self._turn().seq, {}).get(call_id)
        if known is not None:
            told = _output_of(item.get("output"))
            self._add(self._turn(), {**known.item, "id": call_id, **told})

    def _turn(self) -> Turn:
        return self._touch(self.turns[-1]) if self.turns else self._begin()

    def _begin(self) -> Turn:
        if self.turns:
            self._let_go(self.turns[-1])
        turn = self._open(f"rollout-{self.index}", explicit=False)
        turn.next_item = self._standing + 1
        self.turns.append(turn)
        return turn

    def _numbered(self, kind: str, **fields: Any) -> None:  # noqa: ANN401 - JSON
        self._add(self._turn(), {"type": kind, "id": f"item-{self._standing + 1}", **fields})

    kinds: dict[str, Callable[[Any, Fields], None]] = {}  # noqa: RUF012 - there are no events


def _texts(parts: object) -> list[str]:
    return [text for part in array(parts) if (text := text_of(mapping(part).get("text")))]


def _command_of(item: Fields) -> list[str]:
    action = mapping(item.get("action")) or mapping(_json(item.get("arguments")))
    command = action.get("command")
    return [part for part in command if isinstance(part, str)] if isinstance(command, list) else []


def _output_of(output: object) -> Fields:
    """Output and exit status: a text, or JSON that holds both."""
    found = mapping(_json(output)) or mapping(output)
    text = text_of(found.get("output")) if found else text_of(output)
    code = mapping(found.get("metadata")).get("exit_code")
    return {"aggregated_output": text, "exit_code": code, "status": "failed" if code else "completed"}


def _json(text: object) -> object:
    try:
        return json.loads(text) if isinstance(text, str) else None
    except ValueError:
        return None


_READERS: dict[str, Callable[[BareGrammar, Fields], None]] = {
    "message": BareGrammar.message,
    "reasoning": BareGrammar.reasoning,
    "local_shell_call": BareGrammar.call,
    "function_call": BareGrammar.call,
    "function_call_output": BareGrammar.output,
}
