"""The edits between the rebuilt history and the prompt."""

from __future__ import annotations

import pytest

from history_threads import (
    Json,
    Step,
    assistant,
    call,
    compaction,
    ghost,
    item,
    message,
    output,
    payloads,
    talk,
    thread,
    told,
    user,
)
from rollout.codec import decode
from rollout.history import EDITS, RULES_0_100, RULES_0_169, Rules, era_of, history, rebuild, rules_for
from rollout.lines import Damage, Found, Line, Position

both = pytest.mark.parametrize("rules", [RULES_0_100, RULES_0_169], ids=lambda rules: rules.name)
RESULT = '{"output":"one\\n","metadata":{"exit_code":1,"duration_seconds":1.5}}'
SHOWN = "Exit code: 1\nWall time: 1.5 seconds\nOutput:\none\n"
PATCH = item("custom_tool_call", status="completed", call_id="p", name="apply_patch", input="*** Begin Patch")


def patched(text: str) -> Step:
    """What the patch tool answered."""
    return item("custom_tool_call_output", call_id="p", output=text)


def last_output(*steps: Step, rules: Rules = RULES_0_100) -> object:
    """The output of the last item as it is sent."""
    return history(thread(*steps), (), rules)[-1]["output"]


@both
def test_an_open_call_is_answered_aborted(rules: Rules) -> None:
    """A crash or an interrupt leaves a call without output; its answer comes directly behind it."""
    shell = item("local_shell_call", call_id="c2", status="completed", action={"type": "exec", "command": ["ls"]})
    lines = thread(user("u1"), call("c1"), shell, PATCH, assistant("a1"))
    expected = payloads(
        user("u1"), call("c1"), output("c1", "aborted"), shell, output("c2", "aborted"), PATCH, patched("aborted"), assistant("a1")
    )  # fmt: skip

    assert expected == history(lines, (), rules)


@both
def test_an_open_search_is_answered_with_nothing_found(rules: Rules) -> None:
    """A search for tools has no text to answer with."""
    search = item("tool_search_call", call_id="s", status="completed", execution="client", arguments={})
    nothing = item("tool_search_output", call_id="s", status="completed", execution="client", tools=[])

    assert payloads(search, nothing) == history(thread(search), (), rules)


@both
def test_an_output_without_its_call_is_removed(rules: Rules) -> None:
    """The call must be of the output's own kind; a search that the model's side ran needs none."""
    served = item("tool_search_output", call_id=None, status="completed", execution="server", tools=[])
    lines = thread(user("u1"), output("c1"), call("p"), patched("x"), served)

    assert payloads(user("u1"), call("p"), output("p", "aborted"), served) == history(lines, (), rules)


@both
def test_an_output_may_stand_anywhere(rules: Rules) -> None:
    """Neither its place nor a second output of the same call is judged."""
    steps = (output("c1", "early"), call("c1"), output("c1", "again"))

    assert payloads(*steps) == history(thread(*steps), (), rules)


@both
def test_a_call_without_an_id_is_left_alone(rules: Rules) -> None:
    """Nothing can be answered to it."""
    shell = item("local_shell_call", call_id=None, status="completed", action={"type": "exec", "command": ["ls"]})

    assert payloads(shell) == history(thread(shell, output("x")), (), rules)


@both
def test_snapshots_and_system_messages_are_not_sent(rules: Rules) -> None:
    """They are the program's own; nor is an item that lost its kind."""
    lines = thread(message("system", "x"), *talk("1"), ghost(), item("other"), item("compaction_trigger"))

    assert ["u1", "a1"] == told(history(lines, (), rules))


def test_system_messages_of_a_replacement() -> None:
    """0.100 removes them there too, 0.169 takes a replacement as it is."""
    lines = thread(compaction("", [message("system", "x"), user("u1")]))

    assert ["u1"] == told(history(lines, (), RULES_0_100))
    assert ["x", "u1"] == told(history(lines, (), RULES_0_169))


@pytest.mark.parametrize("name", ["shell", "container.exec", "apply_patch"])
def test_a_shell_result_is_shown_as_text_in_0_100(name: str) -> None:
    """The JSON that the tool recorded is for the program."""
    assert SHOWN == last_output(call("c1", name), output("c1", RESULT))
    assert RESULT == last_output(call("c1", name), output("c1", RESULT), rules=RULES_0_169)


def test_a_patch_result_is_shown_as_text_in_0_100() -> None:
    """The free-form patch tool answers in the same JSON; a shell of the model's own likewise."""
    shell = item("local_shell_call", call_id="c1", status="completed", action={})

    assert SHOWN == last_output(PATCH, patched(RESULT))
    assert SHOWN == last_output(shell, output("c1", RESULT))


@pytest.mark.parametrize(
    "text",
    [
        "done",
        "{",
        '{"output":"x"}',
        '{"output":"x","metadata":{"exit_code":0}}',
        '{"output":"x","metadata":{"exit_code":0.5,"duration_seconds":1}}',
        '{"output":"x","metadata":{"exit_code":true,"duration_seconds":1}}',
        '{"output":"x","metadata":{"exit_code":0,"duration_seconds":1e300}}',
    ],
)
def test_another_result_is_sent_as_it_is(text: str) -> None:
    """Only the result of a command is shown as text."""
    assert text == last_output(call("c1"), output("c1", text))


def test_other_tools_and_second_outputs_are_sent_as_they_are() -> None:
    """A name that is no shell's, a list of parts, and a second output of the same call."""
    parts = [{"type": "input_text", "text": RESULT}]

    assert RESULT == last_output(call("c1", "exec_command"), output("c1", RESULT))
    assert RESULT == last_output(call("c1"), output("c1", RESULT), output("c1", RESULT))
    assert parts == last_output(call("c1"), item("function_call_output", call_id="c1", output=parts))


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("Total output lines: 3\\n\\none", "Total output lines: 3\nOutput:\none"),
        ("Total output lines: 3\\none", "Total output lines: 3\nOutput:\none"),
        ("Total output lines: many\\none", "Output:\nTotal output lines: many\none"),
        ("Total output lines: 3", "Output:\nTotal output lines: 3"),
    ],
)
def test_the_count_of_a_cut_output_goes_up(said: str, expected: str) -> None:
    """A head line that counts the lines stands before the output."""
    result = f'{{"output":"{said}","metadata":{{"exit_code":0,"duration_seconds":0.1}}}}'

    assert f"Exit code: 0\nWall time: 0.1 seconds\n{expected}" == last_output(call("c1"), output("c1", result))


@pytest.mark.parametrize(
    ("seconds", "shown"), [("0.0", "0"), ("2", "2"), ("0.30000001192", "0.3"), ("12345678.25", "12345678")]
)
def test_seconds_are_shown_in_single_precision(seconds: str, shown: str) -> None:
    """The shortest text that means the same single-precision number."""
    result = f'{{"output":"","metadata":{{"exit_code":0,"duration_seconds":{seconds}}}}}'

    assert f"Exit code: 0\nWall time: {shown} seconds\nOutput:\n" == last_output(call("c1"), output("c1", result))


def test_the_content_of_a_reasoning_is_sent_only_when_it_is_reasoning_text() -> None:
    """Other content is left out; an explicit null stays."""

    def sent(content: object) -> Json:
        return history(thread(item("reasoning", summary=[], content=content)))[0]

    raw = [{"type": "reasoning_text", "text": "x"}]
    assert {"type": "reasoning", "summary": []} == sent([]) == sent([{"type": "text", "text": "x"}])
    assert {"type": "reasoning", "summary": [], "content": raw} == sent(raw)
    assert {"type": "reasoning", "summary": [], "content": None} == sent(None)


def test_ids_and_metadata() -> None:
    """0.100 sends no ids; 0.169 sends them, but none of the program's own notes."""
    noted = item("message", id="m1", role="user", content=[], internal_chat_message_metadata_passthrough={"a": 1})
    plain = {"type": "message", "role": "user", "content": []}

    assert "id" not in history(thread(noted))[0]
    assert [{**plain, "id": "m1"}] == history(thread(noted), (), RULES_0_169)
    assert payloads(noted) == rebuild(thread(noted))


def test_an_old_name_is_read_as_the_new_one() -> None:
    """A sealed compaction was once called ``compaction_summary``."""
    old = item("compaction_summary", encrypted_content="gAAA")

    assert [{"type": "compaction", "encrypted_content": "gAAA"}] == history(thread(old))
    assert [{"type": "compaction", "encrypted_content": "gAAA"}] == history(thread(compaction("", [old])))


@both
def test_what_nobody_knows_yet_is_kept(rules: Rules) -> None:
    """A kind or a field of a newer version is sent by whoever wrote it."""
    new = item("telepathy", thought="hm", depth=1)

    assert payloads(new) == history(thread(new), (), rules)


@both
def test_outputs_are_not_cut_again(rules: Rules) -> None:
    """The limit belongs to the model of the session that resumes, which a file cannot tell."""
    assert "y" * 200_000 == last_output(call("c1"), output("c1", "y" * 200_000), rules=rules)


def test_the_edits_are_named_and_explained() -> None:
    """Every rule of a version names an edit, and each edit says what it does."""
    assert set(EDITS) == {*RULES_0_100.edits, *RULES_0_169.edits}
    assert all(edit.__doc__ for edit in EDITS.values())


def test_a_bare_thread_is_read_by_the_rules_of_the_seed() -> None:
    """Naked items are a conversation; state lines and lines that lost their envelope are not."""
    lost = ("", {"type": "event_msg", "payload": {"type": "user_message", "message": "u1"}})
    state = ("", {"record_type": "state"})
    lines = thread(*talk("1"), state, lost, call("c1"), era="bare")

    assert payloads(*talk("1"), call("c1"), output("c1", "aborted")) == history(lines)


def test_the_newest_line_tells_the_rules() -> None:
    """A file is read as the version that wrote its end would read it."""
    assert ["bare", "legacy", "paginated"] == [
        era_of(thread(user("u1"), era=era)[-1].record) for era in ("bare", "legacy", "paginated")
    ]
    assert [RULES_0_100, RULES_0_100, RULES_0_169] == [rules_for("bare"), rules_for("legacy"), rules_for("paginated")]
    noted = item("message", id="m1", role="user", content=[])
    assert "id" in history(thread(noted, era="paginated"))[0]


def test_damage_and_foreign_lines_are_passed_over() -> None:
    """One bad line costs one line."""
    one, two = thread(*talk("1"))[1:]
    foreign = Line(b"{}\n", 9, Position(0, 9), decode(b"{}"))
    lines: list[Found] = [Damage(0, Position(0, 0), 5, "torn record"), one, foreign, two]

    assert ["u1", "a1"] == told(history(lines))


@pytest.mark.parametrize("payload", [b"[]", b"1", b'{"type":1}', b'{"role":"user"}'])
def test_an_item_that_cannot_be_understood_is_passed_over(payload: bytes) -> None:
    """The rest of the conversation is sent."""
    data = b'{"timestamp":"t","type":"response_item","payload":' + payload + b"}\n"
    lines = [*thread(*talk("1")), Line(data, 3, Position(0, 999), decode(data))]

    assert ["u1", "a1"] == told(history(lines))


def test_an_empty_thread_has_no_history() -> None:
    """Nor has a thread of a session_meta alone."""
    assert [] == history([]) == history(thread()) == rebuild(thread())
