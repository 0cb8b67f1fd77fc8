"""Patches as models write them: what they make of files, and what is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from rollout.appserver.responses.patches import PatchError, parse, worked_out

if TYPE_CHECKING:
    from pathlib import Path


def applied(folder: Path, body: str, before: str = "a\nb\nc\nd\n") -> str | None:
    """What the patch makes of a file."""
    (folder / "f.txt").write_text(before)
    (change,) = worked_out(parse(f"*** Begin Patch\n{body}\n*** End Patch"), str(folder))
    return change.after


@pytest.mark.parametrize(
    ("body", "after"),
    [
        ("*** Update File: f.txt\n@@\n-b\n+B", "a\nB\nc\nd\n"),
        ("*** Update File: f.txt\n a\n-b\n c", "a\nc\nd\n"),
        ("*** Update File: f.txt\n@@ c\n-d\n+D", "a\nb\nc\nD\n"),
        ("*** Update File: f.txt\n@@\n-a\n+A\n@@\n-d\n+D", "A\nb\nc\nD\n"),
        ("*** Update File: f.txt\n@@\n-  b \n+B", "a\nB\nc\nd\n"),
        ("*** Update File: f.txt\n@@\n+e", "a\nb\nc\nd\ne\n"),
        ("*** Update File: f.txt\n@@\n c\n-d\n*** End of File", "a\nb\nc\n"),
        ("*** Add File: f.txt\n+x\n+", "x\n\n"),
        ("*** Delete File: f.txt", None),
    ],
)
def test_a_patch_changes_a_file(tmp_path: Path, body: str, after: str | None) -> None:
    """Exactly where its lines stand, or where they do but for the spaces around them."""
    assert after == applied(tmp_path, body)


def test_a_file_without_a_last_newline_stays_so(tmp_path: Path) -> None:
    """What the patch does not say is left alone."""
    assert "A\nb" == applied(tmp_path, "*** Update File: f.txt\n@@\n-a\n+A", "a\nb")


def test_a_moved_file_is_told_with_its_new_place(tmp_path: Path) -> None:
    """The change is recorded under the old path."""
    (tmp_path / "f.txt").write_text("a\n")
    body = "*** Begin Patch\n*** Update File: f.txt\n*** Move to: g/f.txt\n@@\n-a\n+b\n*** End Patch"
    (change,) = worked_out(parse(body), str(tmp_path))

    assert (str(tmp_path / "f.txt"), str(tmp_path / "g/f.txt"), "M") == (change.path, change.target, change.letter)
    assert {"type": "update", "unified_diff": "@@ -1 +1 @@\n-a\n+b\n", "move_path": change.target} == change.recorded


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        ("+x", "belongs to no file"),
        ("*** Add File: n\nx", "begins with"),
        ("*** Update File: f.txt\n@@\nx", "changed line"),
        ("*** Update File: f.txt\n@@\n-zzz\n+y", "no such lines"),
    ],
)
def test_what_does_not_fit_is_refused(tmp_path: Path, body: str, complaint: str) -> None:
    """With what is wrong."""
    with pytest.raises(PatchError, match=complaint):
        applied(tmp_path, body)


@pytest.mark.parametrize(("text", "complaint"), [("*** Begin Patch\n*** End Patch", "no file"), ("x", "begins with")])
def test_a_patch_has_a_frame_and_something_in_it(text: str, complaint: str) -> None:
    """Anything else is no patch."""
    with pytest.raises(PatchError, match=complaint):
        parse(text)
