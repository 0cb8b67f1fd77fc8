"""Patches as models write them: read into edits, and worked out against the files; nothing is written here."""

from __future__ import annotations

import os
from difflib import unified_diff
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

_BEGIN, _END, _END_OF_FILE = "*** Begin Patch", "*** End Patch", "*** End of File"
_ADD, _DELETE, _UPDATE, _MOVE = "*** Add File: ", "*** Delete File: ", "*** Update File: ", "*** Move to: "
_LIKE: tuple[Callable[[str], str], ...] = (str, str.rstrip, str.strip)


class PatchError(Exception):
    """A patch cannot be read, or does not fit."""


class Hunk(NamedTuple):
    """Lines that stand in a file, and what is to stand there. ``below``: a line that stands above them."""

    below: str
    old: list[str]
    new: list[str]
    at_end: bool


class Edit(NamedTuple):
    """What is to become of one file: ``add`` with its text, ``delete``, or ``update`` with hunks."""

    kind: str
    path: str
    target: str
    text: str
    hunks: list[Hunk]


class Change(NamedTuple):
    """What becomes of one file, worked out: absolute paths, texts before and after (None: the file is not there)."""

    path: str
    target: str
    before: str | None
    after: str | None

    @property
    def letter(self) -> str:
        """Added, modified or deleted."""
        return "D" if self.after is None else "A" if self.before is None else "M"

    @property
    def recorded(self) -> dict[str, Any]:
        """The change as files and clients are told it."""
        if self.before is None or self.after is None:
            kind = "add" if self.before is None else "delete"
            return {"type": kind, "content": self.after if self.before is None else self.before}
        lines = (self.before.splitlines(keepends=True), self.after.splitlines(keepends=True))
        diff = "".join(list(unified_diff(*lines))[2:])
        return {"type": "update", "unified_diff": diff, "move_path": self.target if self.target != self.path else None}


def parse(text: str) -> list[Edit]:
    """The edits of a patch. Raises PatchError."""
    lines = text.strip().splitlines()
    if not lines or lines[0].strip() != _BEGIN or lines[-1].strip() != _END:
        raise PatchError(f"a patch begins with {_BEGIN!r} and ends with {_END!r}")
    edits: list[Edit] = []
    for head, body in _sections(lines[1:-1]):
        edits.append(_edit(head, body))
    if not edits:
        raise PatchError("the patch changes no file")
    return edits


def _sections(lines: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
    """Each head of a file with the lines below it."""
    head, body = "", list[str]()
    for line in lines:
        if not line.startswith((_ADD, _DELETE, _UPDATE)):
            if not head:
                raise PatchError(f"{line!r} belongs to no file")
            body.append(line)
            continue
        if head:
            yield head, body
        head, body = line, []
    if head:
        yield head, body


def _edit(head: str, body: list[str]) -> Edit:
    if head.startswith(_ADD):
        if bad := next((line for line in body if not line.startswith("+")), None):
            raise PatchError(f"a line of a new file begins with +: {bad!r}")
        path = head[len(_ADD) :].strip()
        return Edit("add", path, path, "".join(f"{line[1:]}\n" for line in body), [])
    if head.startswith(_DELETE):
        path = head[len(_DELETE) :].strip()
        return Edit("delete", path, path, "", [])
    path = target = head[len(_UPDATE) :].strip()
    if body and body[0].startswith(_MOVE):
        target, body = body[0][len(_MOVE) :].strip(), body[1:]
    return Edit("update", path, target, "", list(_hunks(body)))


def _hunks(body: Sequence[str]) -> Iterator[Hunk]:
    hunk: Hunk | None = None
    for line in body:
        if line.startswith("@@"):
            if hunk is not None and (hunk.old or hunk.new):
                yield hunk
            hunk = Hunk(line[2:].strip(), [], [], at_end=False)
        elif line == _END_OF_FILE:
            hunk = (hunk or Hunk("", [], [], at_end=True))._replace(at_end=True)
        else:
            hunk = hunk or Hunk("", [], [], at_end=False)
            _take(hunk, line)
    if hunk is not None:
        yield hunk


def _take(hunk: Hunk, line: str) -> None:
    mark, rest = line[:1] or " ", line[1:]
    if mark not in " +-":
        raise PatchError(f"a changed line begins with a space, + or -: {line!r}")
    if mark != "+":
        hunk.old.append(rest)
    if mark != "-":
        hunk.new.append(rest)


def worked_out(edits: Sequence[Edit], cwd: str) -> list[Change]:
    """What becomes of the files; reads them. Raises PatchError and OSError."""
    return [_worked_out(edit, os.path.normpath(os.path.join(cwd, edit.path)), cwd) for edit in edits]


def _worked_out(edit: Edit, path: str, cwd: str) -> Change:
    if edit.kind == "add":
        return Change(path, path, None, edit.text)
    with open(path, encoding="utf-8", newline="") as file:
        before = file.read()
    if edit.kind == "delete":
        return Change(path, path, before, None)
    return Change(path, os.path.normpath(os.path.join(cwd, edit.target)), before, _updated(edit, before))


def _updated(edit: Edit, before: str) -> str:
    lines, at = before.split("\n"), 0
    ends_open = lines.pop() if lines[-1] == "" else None
    for hunk in edit.hunks:
        if hunk.below:
            at = _found(lines, [hunk.below], at, edit.path) + 1
        if hunk.old:
            start = max(at, len(lines) - len(hunk.old)) if hunk.at_end else at
            at = _found(lines, hunk.old, start, edit.path)
        elif not hunk.below:
            at = len(lines)
        lines[at : at + len(hunk.old)] = hunk.new
        at += len(hunk.new)
    return "\n".join(lines) + ("\n" if ends_open is not None or before == "" else "")


def _found(lines: Sequence[str], wanted: Sequence[str], start: int, path: str) -> int:
    """Where lines stand, from a place on: exactly, else but for spaces at their end, else but for those around."""
    for like in _LIKE:
        alike = [like(line) for line in wanted]
        for at in range(start, len(lines) - len(wanted) + 1):
            if [like(line) for line in lines[at : at + len(wanted)]] == alike:
                return at
    raise PatchError(f"{path} has no such lines: {wanted[0]!r} …")
