"""What begins a user's turn, in the seed's reading and in the later one."""

from __future__ import annotations

import pytest

from history_threads import ENVIRONMENT, Json, message, payloads
from rollout.boundaries import is_context, is_user_turn, message_text, strip_marker, user_texts

IMAGE = {"type": "input_image", "image_url": "data:image/png;base64,AAAA"}
AGENTS = "# AGENTS.md instructions for /app\n\n<INSTRUCTIONS>\nbe brief\n</INSTRUCTIONS>"


def said(role: str, *texts: str) -> Json:
    """A message."""
    return payloads(message(role, *texts))[0]


def text_part(text: str) -> Json:
    """A text inside a user message."""
    return {"type": "input_text", "text": text}


@pytest.mark.parametrize(
    ("text", "seed", "later"),
    [
        ("fix the login bug", True, True),
        ("Warning: the model is slow", True, True),
        ("", True, True),
        (AGENTS, False, False),
        ("# AGENTS.md instructions for /app, never closed", False, True),
        ("<user_instructions>\nx\n</user_instructions>", False, True),
        ("<skill>\nx\n</skill>", False, False),
        ("<skill name='x'>", False, True),
        (ENVIRONMENT, False, False),
        (f"\n  {ENVIRONMENT.upper()}  \n", False, False),
        ("<environment_context> never closed", False, True),
        ("<turn_aborted>\nx\n</turn_aborted>", False, False),
        ("<user_shell_command>\nls\n</user_shell_command>", False, False),
        ("<subagent_notification>\n{}\n</subagent_notification>", True, False),
        ("<recommended_plugins>x</recommended_plugins>", True, False),
        ('<hook_prompt hook_run_id="1">x</hook_prompt>', True, False),
        ("<hook_prompt>x</hook_prompt>", True, True),
        ("<user_action>x</user_action>", True, True),
    ],
)
def test_a_text_begins_a_turn_or_is_context(text: str, seed: bool, later: bool) -> None:
    """Each reading knows its own tags."""
    item = said("user", text)

    assert (seed, later) == (is_user_turn(item), is_user_turn(item, later=True))


def test_instructions_are_context_only_alone_at_the_seed() -> None:
    """Beside another text, the seed takes instructions for a user's words; the later reading does not."""
    item = said("user", AGENTS, "and now?")

    assert (True, False) == (is_user_turn(item), is_user_turn(item, later=True))


def test_one_wrapped_part_makes_the_message_context() -> None:
    """A tag in any part counts, in both readings."""
    item = said("user", "look", ENVIRONMENT)

    assert (False, False) == (is_user_turn(item), is_user_turn(item, later=True))


@pytest.mark.parametrize("role", ["assistant", "developer", "system"])
def test_only_users_begin_turns(role: str) -> None:
    """A message of another role begins no turn."""
    assert not is_user_turn(said(role, "hello"))


def test_another_agent_begins_a_turn_in_the_later_reading() -> None:
    """A message between agents counts since agents talk to each other."""
    item = {"type": "agent_message", "author": "/root", "recipient": "/root/child", "content": [text_part("go")]}

    assert (False, True) == (is_user_turn(item), is_user_turn(item, later=True))


def test_a_message_of_an_image_alone_begins_a_turn() -> None:
    """What is shown counts like what is said, and so does a content that is a plain text."""
    assert is_user_turn({"type": "message", "role": "user", "content": [IMAGE]})
    assert is_user_turn({"type": "message", "role": "user", "content": "hi"})
    assert is_user_turn({"type": "message", "role": "user", "content": None})


def test_labels_around_an_image_are_no_text_of_the_user() -> None:
    """Only a label directly beside its image is left out."""
    content = [
        text_part("<image name=[Image #1]>"),
        IMAGE,
        text_part("</image>"),
        text_part("look"),
        text_part("<image>"),
    ]

    assert ["look", "<image>"] == user_texts({"type": "message", "role": "user", "content": content})


@pytest.mark.parametrize(
    ("role", "text", "expected"),
    [
        ("developer", "<permissions instructions>x", True),
        ("developer", "  <Model_Switch>x", True),
        ("developer", "be brief", False),
        ("user", ENVIRONMENT, True),
        ("user", "hello", False),
        ("assistant", ENVIRONMENT, False),
    ],
)
def test_context_is_told_for_users_and_developers(role: str, text: str, expected: bool) -> None:
    """What the program put in for the model, whoever seems to say it."""
    assert expected == is_context(said(role, text))


def test_a_call_is_no_context() -> None:
    """Only messages are."""
    assert not is_context({"type": "function_call"})


def test_the_text_of_a_message_is_its_parts_together() -> None:
    """Parts without text count as nothing."""
    assert "one two" == message_text({"type": "message", "content": [text_part("one "), IMAGE, text_part("two")]})


def test_the_marker_of_an_editor_is_cut() -> None:
    """What stands before the editor's marker is not what the person typed."""
    assert "fix it" == strip_marker("# Context\n\n## My request for Codex:\n fix it\n")
    assert "fix it" == strip_marker(" fix it ")
