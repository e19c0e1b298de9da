"""Pages of what is listed newest first: whoever has seen one asks for the next by the cursor that came with it."""

import base64
import binascii
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import TypeVar
from uuid import UUID

from khoso.errors import InputProblem, InvalidInput

Position = tuple[datetime, UUID]
"""Where something stands in a list: when it was made, and its id, for of one moment there may be many."""

Row = TypeVar("Row")

_END: Position = (datetime(9999, 1, 1, tzinfo=UTC), UUID(int=(1 << 128) - 1))


def read_cursor(cursor: str | None) -> Position:
    """What a page's rows are older than; without a cursor it is the first page. Raises InvalidInput for a bad one."""
    if cursor is None:
        return _END
    try:
        at, row_id = base64.urlsafe_b64decode(cursor).decode().split(" ")
        return datetime.fromisoformat(at).astimezone(UTC), UUID(row_id)
    except (binascii.Error, ValueError, OverflowError):
        raise InvalidInput(
            InputProblem("cursor", "cursor", "dùng next_cursor của trang trước | use next_cursor of the page before")
        ) from None


def next_cursor(found: Sequence[Row], limit: int, position: Callable[[Row], Position]) -> str | None:
    """The cursor behind a page of `limit` rows; None if no more than those were found."""
    if len(found) <= limit:
        return None
    at, row_id = position(found[limit - 1])
    return base64.urlsafe_b64encode(f"{at.isoformat()} {row_id}".encode()).decode()
