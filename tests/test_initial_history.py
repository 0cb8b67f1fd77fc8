"""How a session begins, and what each beginning inherits (spec: rollout-format 5.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from rollout.initial_history import Cleared, Forked, InitialHistory, New, Resumed
from rollout.testing.builders import meta, thread_id, turn_context, user

if TYPE_CHECKING:
    from rollout.items import RawItem

CHILD, PARENT, ROOT = thread_id(3), thread_id(2), thread_id(1)


def resumed(*items: RawItem) -> Resumed:
    """A resumed child thread with these items."""
    return Resumed(CHILD, items, "/somewhere/rollout.jsonl")


BEGINNINGS: list[type[Forked] | Any] = [Forked, lambda items: Resumed(CHILD, items, None)]
EMPTY: list[InitialHistory] = [New(), Cleared()]


class TestWithoutAPast:
    """A new session, and one begun by clearing another."""

    @pytest.mark.parametrize("history", EMPTY)
    def test_nothing_is_inherited(self, history: InitialHistory) -> None:
        """Every accessor says none; there are no items, and no list of events at all."""
        answers = (
            history.event_msgs(), history.forked_from_id(), history.session_cwd(), history.base_instructions(),
            history.dynamic_tools(), history.history_mode(),
        )  # fmt: skip

        assert {None} == set(answers)
        assert [] == list(history.rollout_items())

    def test_new_and_cleared_differ(self) -> None:
        """A cleared session is marked as one."""
        cleared: InitialHistory = Cleared()

        assert cleared != New()


class TestOrigin:
    """``forked_from_id``."""

    def test_resumed_takes_the_first_that_is_told(self) -> None:
        """Metadata without one is passed over, whosever it is."""
        history = resumed(meta(CHILD), meta(PARENT, forked_from_id=ROOT), meta(ROOT, forked_from_id=CHILD))

        assert ROOT == history.forked_from_id()

    def test_resumed_passes_over_null(self) -> None:
        """An explicit null tells nothing."""
        assert PARENT == resumed(meta(CHILD, forked_from_id=None), meta(CHILD, forked_from_id=PARENT)).forked_from_id()

    def test_resumed_without_one_was_not_forked(self) -> None:
        """None, and not the thread itself."""
        assert None is resumed(meta(CHILD), user("hi")).forked_from_id()

    def test_forked_comes_from_the_first_metadata_it_copied(self) -> None:
        """The source itself, not the source's own origin."""
        assert PARENT == Forked([meta(PARENT, forked_from_id=ROOT), meta(ROOT)]).forked_from_id()

    def test_forked_without_metadata_comes_from_nowhere(self) -> None:
        """Items alone name no source."""
        assert None is Forked([user("hi")]).forked_from_id()


@pytest.mark.parametrize("begin", BEGINNINGS)
class TestInheritance:
    """What resumed and forked sessions share."""

    def test_all_items_are_inherited_in_order(self, begin: Any) -> None:
        """Metadata of others included."""
        items = [meta(PARENT), user("a"), meta(ROOT), user("b")]

        assert items == list(begin(items).rollout_items())

    def test_the_folder_is_that_of_the_first_metadata(self, begin: Any) -> None:
        """Later metadata and turns do not count."""
        items = [meta(PARENT, cwd="/first"), meta(ROOT, cwd="/second"), turn_context(cwd="/third")]

        assert "/first" == begin(items).session_cwd()

    def test_events_are_their_payloads(self, begin: Any) -> None:
        """A history without events has an empty list, not none."""
        told = begin([meta(PARENT), user("a")]).event_msgs()

        assert [["a"], []] == [[one["message"] for one in told], begin([meta(PARENT)]).event_msgs()]

    def test_instructions_and_tools_are_the_first_that_are_told(self, begin: Any) -> None:
        """Nulls are passed over, over all metadata."""
        told: dict[str, Any] = {"base_instructions": {"text": "be brief"}, "dynamic_tools": [{"name": "t"}]}
        history = begin([meta(PARENT, dynamic_tools=None), meta(ROOT, **told), meta(ROOT, base_instructions={"text": "late"})])

        assert told == {"base_instructions": history.base_instructions(), "dynamic_tools": history.dynamic_tools()}

    def test_without_metadata_nothing_is_told(self, begin: Any) -> None:
        """Items alone have no folder, instructions, tools or mode."""
        history = begin([user("a")])
        answers = history.session_cwd(), history.base_instructions(), history.dynamic_tools(), history.history_mode()

        assert (None, None, None, None) == answers

    @pytest.mark.parametrize(("told", "mode"), [({}, "legacy"), ({"history_mode": "paginated"}, "paginated")])
    def test_the_mode_of_the_source_is_kept(self, begin: Any, told: dict[str, Any], mode: str) -> None:
        """A file that tells none is of the legacy kind."""
        assert mode == begin([meta(PARENT, **told)]).history_mode()


def test_resumed_knows_its_thread_and_its_file() -> None:
    """Both are what the caller gave."""
    history = resumed(meta(CHILD))

    assert (CHILD, "/somewhere/rollout.jsonl") == (history.conversation_id, history.rollout_path)


def test_a_history_is_shown_without_its_items() -> None:
    """A log line with a history in it stays short."""
    assert "payload" not in repr(resumed(user("secret" * 100))) + repr(Forked([user("secret" * 100)]))
