"""docs/database.md as data."""

import re
from pathlib import Path
from typing import NamedTuple

PAGE = Path(__file__).parents[2] / "docs" / "database.md"

_ROW = re.compile(r"\| `(\w+)` \| (citizen|value|reference|local) \|([^|]*)\|")
_RIGHT = re.compile(r"(select|insert|update|delete|truncate)(?: \(([^)]*)\))?")


class Table(NamedTuple):
    name: str
    kind: str
    rights: frozenset[str]
    """`select` for the whole table, `update status` for one column."""


def read_tables() -> dict[str, Table]:
    """All tables by name."""
    rows = _ROW.findall(PAGE.read_text("utf-8"))
    return {name: Table(name, kind, frozenset(_rights(rights))) for name, kind, rights in rows}


def _rights(text: str) -> list[str]:
    found = []
    for verb, columns in _RIGHT.findall(text):
        found += [f"{verb} {column}" for column in columns.split(", ")] if columns else [verb]
    return found
