"""Whole rollouts in memory, as the seed loads them: items, id, and the number of lines without an item."""

from __future__ import annotations

import gc
import importlib
import json
import sys
from typing import TYPE_CHECKING

import pytest

from rollout.errors import FormatError
from rollout.initial_history import Resumed
from rollout.loading import get_rollout_history, load_items, load_rollout_items
from rollout.testing.builders import (
    agent,
    bare_bytes,
    item,
    line,
    message,
    meta_line,
    paginated_bytes,
    paginated_turn,
    rollout_bytes,
    thread_id,
    torn,
    turn,
    user,
)

if TYPE_CHECKING:
    from pathlib import Path

    from rollout.items import RawItem

ID = thread_id(1)
OTHER = thread_id(2)


def stored(folder: Path, data: bytes, name: str = "rollout.jsonl") -> str:
    """A file with these bytes."""
    path = folder / name
    path.write_bytes(data)
    return str(path)


def kinds(items: list[RawItem]) -> list[str]:
    """What the items are."""
    return [item.tag or item.line_type for item in items]


class TestItems:
    """What is loaded."""

    def test_all_items_come_in_file_order(self, tmp_path: Path) -> None:
        """The metadata is one of them, and nothing else is added."""
        loaded = load_rollout_items(stored(tmp_path, rollout_bytes(ID, *turn("why?", "because"))))

        expected = ["session_meta", "task_started", "message", "user_message", "turn_context", "message"]
        assert (expected, 0) == (kinds(loaded.items)[:6], loaded.errors)

    def test_payloads_keep_their_bytes(self, tmp_path: Path) -> None:
        """Numbers, key order and white space of a payload are those of the file."""
        payload = b'{"type":"brand_new","b":1e-7,"a":[18446744073709551617, 1.10],"c":"\\u00e9"}'
        data = meta_line(ID) + b'{"type":"event_msg","payload":' + payload + b',"timestamp":"t","later":1}\n'

        loaded = load_rollout_items(stored(tmp_path, data))

        assert payload == loaded.items[1].payload

    def test_unknown_kinds_are_items(self, tmp_path: Path) -> None:
        """An unknown response type, event and line type each stay, and none is an error."""
        unknown = [item("response_item", {"type": "hologram"}), item("event_msg", {"type": "x"}), item("y", {"z": 1})]

        loaded = load_rollout_items(stored(tmp_path, rollout_bytes(ID, *unknown)))

        assert (unknown, 0) == (loaded.items[1:], loaded.errors)

    @pytest.mark.parametrize("data", [bare_bytes(ID, message("user", "hi")), paginated_bytes(ID, *paginated_turn("a", "b"))])
    def test_every_era_is_loaded(self, tmp_path: Path, data: bytes) -> None:
        """The bare files of 2025 and files with ordinals give their items and their id."""
        loaded = load_rollout_items(stored(tmp_path, data))

        assert (ID, 0, data.count(b"\n")) == (loaded.thread_id, loaded.errors, len(loaded.items))

    def test_line_separators_inside_strings_are_no_line_ends(self, tmp_path: Path) -> None:
        """Only a newline ends a line: U+2028, U+0085, form feed and a carriage return before it do not."""
        odd = agent("one\u2028two\u0085three")
        data = meta_line(ID) + line(odd).removesuffix(b"\n") + b"\r\n"

        loaded = load_rollout_items(stored(tmp_path, data))

        assert ([odd], 0) == (loaded.items[1:], loaded.errors)

    def test_a_compressed_file_is_loaded_by_its_name(self, tmp_path: Path) -> None:
        """A ``.jsonl.zst`` gives what its plain form gave."""
        zstd = importlib.import_module("compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd")
        data = rollout_bytes(ID, *turn("why?", "because"))
        plain = load_rollout_items(stored(tmp_path, data))

        packed = load_rollout_items(stored(tmp_path, zstd.compress(data), "rollout.jsonl.zst"))

        assert plain == packed


class TestThreadId:
    """Whose file it is."""

    def test_the_first_metadata_names_the_thread(self, tmp_path: Path) -> None:
        """Copied metadata of a fork's source stays an item and changes nothing."""
        loaded = load_rollout_items(stored(tmp_path, meta_line(ID) + meta_line(OTHER) + line(user("hi"))))

        assert (ID, ["session_meta", "session_meta", "user_message"]) == (loaded.thread_id, kinds(loaded.items))

    def test_without_metadata_there_is_no_id(self, tmp_path: Path) -> None:
        """Items alone are loaded all the same."""
        loaded = load_rollout_items(stored(tmp_path, line(user("hi"))))

        assert (None, 1) == (loaded.thread_id, len(loaded.items))

    def test_an_id_in_another_spelling_is_the_same_id(self, tmp_path: Path) -> None:
        """Without hyphens and in capitals, as other programs may write it."""
        loaded = load_rollout_items(stored(tmp_path, meta_line(ID.replace("-", "").upper())))

        assert ID == loaded.thread_id

    def test_metadata_without_an_id_leaves_it_to_the_next(self, tmp_path: Path) -> None:
        """An unreadable id names nobody."""
        loaded = load_rollout_items(stored(tmp_path, meta_line("nobody") + meta_line(ID)))

        assert ID == loaded.thread_id


class TestDamage:
    """What costs a line, and what costs a file."""

    @pytest.mark.parametrize(
        "bad",
        [
            b"not json\n",
            b'{"a":1}\n',
            b"[1]\n",
            b'{"timestamp":"t","type":"event_msg","payload":{"type":"agent_message","message":"\xff"}}\n',
            b'{"timestamp":"t","type":"event_msg","payload":{"type":"agent_message","message":"\\ud800"}}\n',
            line(agent("torn"))[:-9] + b"\n",
            b"\0\0\0\n",
        ],
    )
    def test_a_bad_line_costs_one_line(self, tmp_path: Path, bad: bytes) -> None:
        """Not even a byte that is no UTF-8 costs more than its line."""
        data = meta_line(ID) + line(user("before")) + bad + line(agent("after"))

        loaded = load_rollout_items(stored(tmp_path, data))

        assert (["session_meta", "user_message", "agent_message"], 1) == (kinds(loaded.items), loaded.errors)

    def test_blank_lines_are_nothing(self, tmp_path: Path) -> None:
        """They are neither items nor errors."""
        loaded = load_rollout_items(stored(tmp_path, b"\n  \n" + rollout_bytes(ID, user("hi")) + b"\n \t\r\n"))

        assert (2, 0) == (len(loaded.items), loaded.errors)

    def test_a_torn_tail_is_one_error(self, tmp_path: Path) -> None:
        """What stands before it is loaded."""
        loaded = load_rollout_items(stored(tmp_path, torn(rollout_bytes(ID, user("hi"), agent("lost")))))

        assert (["session_meta", "user_message"], 1) == (kinds(loaded.items), loaded.errors)

    def test_a_last_line_that_lacks_only_its_newline_counts(self, tmp_path: Path) -> None:
        """It is whole."""
        loaded = load_rollout_items(stored(tmp_path, rollout_bytes(ID, user("hi")).removesuffix(b"\n")))

        assert (2, 0) == (len(loaded.items), loaded.errors)

    def test_garbage_alone_is_loaded_as_nothing(self, tmp_path: Path) -> None:
        """No items, no id, so many errors; and no exception."""
        loaded = load_rollout_items(stored(tmp_path, b"a\nb\nc\n"))

        assert ([], None, 3) == loaded

    @pytest.mark.parametrize("data", [b"", b"\n", b" \n\t\r\n"])
    def test_a_blank_file_is_an_error(self, tmp_path: Path, data: bytes) -> None:
        """It is named, and called empty."""
        path = stored(tmp_path, data)

        with pytest.raises(FormatError, match="empty session file") as caught:
            load_rollout_items(path)

        assert str(caught.value).startswith(path)

    def test_a_missing_file_is_the_systems_error(self, tmp_path: Path) -> None:
        """As from any other opening of a file."""
        with pytest.raises(FileNotFoundError):
            load_rollout_items(str(tmp_path / "none.jsonl"))


class TestHistory:
    """The beginning of a resumed session."""

    def test_a_thread_is_resumed_with_all_its_items(self, tmp_path: Path) -> None:
        """Id, items and path."""
        path = stored(tmp_path, rollout_bytes(ID, user("hi")))

        history = get_rollout_history(path)

        assert Resumed(ID, load_rollout_items(path).items, path) == history

    def test_a_file_without_an_id_cannot_be_resumed(self, tmp_path: Path) -> None:
        """The error names the file."""
        path = stored(tmp_path, line(user("hi")))

        with pytest.raises(FormatError, match="failed to parse thread ID") as caught:
            get_rollout_history(path)

        assert str(caught.value).startswith(path)

    def test_a_compressed_file_is_told_by_its_plain_name(self, tmp_path: Path) -> None:
        """That is the name it will bear when it is written to."""
        zstd = importlib.import_module("compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd")
        path = stored(tmp_path, zstd.compress(rollout_bytes(ID, user("hi"))), "rollout.jsonl.zst")

        history = get_rollout_history(path)

        assert isinstance(history, Resumed)
        assert path.removesuffix(".zst") == history.rollout_path


class TestCollector:
    """The cyclic collector rests during a load."""

    @pytest.mark.parametrize("running", [True, False])
    def test_it_is_as_it_was_afterwards(self, tmp_path: Path, running: bool) -> None:
        """Running or not, also when the load fails."""
        was, path = gc.isenabled(), stored(tmp_path, b"")
        (gc.enable if running else gc.disable)()
        try:
            with pytest.raises(FormatError):
                load_rollout_items(path)
            load_rollout_items(stored(tmp_path, meta_line(ID)))

            assert running == gc.isenabled()
        finally:
            (gc.enable if was else gc.disable)()


def test_any_reader_can_be_loaded() -> None:
    """No lines, no items; the file is not needed."""
    assert ([], None, 0) == load_items([])


def test_loading_changes_nothing(tmp_path: Path) -> None:
    """Neither bytes nor times."""
    path = stored(tmp_path, torn(rollout_bytes(ID, user("hi"), agent(json.dumps("lost")))))
    before = (tmp_path / "rollout.jsonl").stat().st_mtime_ns, (tmp_path / "rollout.jsonl").read_bytes()

    load_rollout_items(path)

    assert before == ((tmp_path / "rollout.jsonl").stat().st_mtime_ns, (tmp_path / "rollout.jsonl").read_bytes())
