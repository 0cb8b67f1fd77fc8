"""What every item is: its line type, the tag inside its payload, and how it is carried."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

import msgspec
from msgspec import UnsetType

from rollout.codec import payload_tag, to_object
from rollout.errors import InvalidItemError

if TYPE_CHECKING:
    from rollout.codec import Record

Json: TypeAlias = Any
Maybe: TypeAlias = str | UnsetType | None


class RawItem:
    """Any item as bytes: the lossless carrier of every kind, known or unknown.

    ``payload`` is one JSON value without line breaks; it is written exactly as it is.
    """

    __slots__ = ("_tag", "line_type", "payload")

    def __init__(self, line_type: str, payload: bytes) -> None:
        """Take the bytes as they are.

        Raises InvalidItemError when they are not one JSON value on one line of valid UTF-8.
        """
        try:
            payload.decode()
            self._tag: str | None = payload_tag(payload)
        except (ValueError, RecursionError) as error:
            raise InvalidItemError(f"{line_type}: the payload is not JSON: {error}") from None
        if b"\n" in payload:
            raise InvalidItemError(f"{line_type}: the payload has a line break outside its strings")
        self.line_type = line_type
        self.payload = payload

    @classmethod
    def of(cls, record: Record) -> RawItem:
        """The item of a line that a reader has judged good already: its bytes are not looked at again."""
        item = cls.__new__(cls)
        item.line_type, item.payload, item._tag = record.type, bytes(record.payload), None  # noqa: SLF001 - its own class
        return item

    @property
    def tag(self) -> str:
        """The ``type`` inside the payload, "" when it has none."""
        if self._tag is None:
            self._tag = payload_tag(self.payload)
        return self._tag

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RawItem) and (self.line_type, self.payload) == (other.line_type, other.payload)

    def __hash__(self) -> int:
        return hash((self.line_type, self.payload))

    def __repr__(self) -> str:
        return f"RawItem({self.line_type!r}, {self.payload[:60]!r})"

    @property
    def object(self) -> Json:
        """The payload as plain Python values."""
        return to_object(self.payload)


class TypedItem(msgspec.Struct, kw_only=True, gc=False):
    """An item with named fields: ``line_type`` is the type of its line, ``tag`` the type inside its payload."""

    line_type: ClassVar[str]
    tag: ClassVar[str] = ""


Item: TypeAlias = TypedItem | RawItem
