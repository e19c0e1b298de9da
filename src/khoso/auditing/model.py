"""What a check of the audit finds."""

from collections.abc import Mapping
from typing import Literal

import msgspec

FaultKind = Literal[
    "changed",
    "deleted",
    "reordered",
    "inserted",
    "truncated",
    "head_changed",
    "checkpoint_contradicts",
    "checkpoint_missing",
    "checkpoint_not_ours",
]

SENTENCES: Mapping[FaultKind, str] = {
    "changed": "dòng đã bị sửa | the row is not what was written",
    "deleted": "dòng đã bị xoá | the row was deleted",
    "reordered": "dòng đã bị đổi chỗ | the row has changed places with another",
    "inserted": "dòng bị chèn thêm | the row was put in by somebody else",
    "truncated": "các dòng từ đây đến cuối đã bị xoá | the rows from here to the end were deleted",
    "head_changed": "điểm cuối chuỗi không khớp với dòng này | the head of the chain does not fit this row",
    "checkpoint_contradicts": "chuỗi đến dòng này đã bị viết lại: trái với điểm kiểm tra đã ký"
    " | the chain up to this row was rewritten: a signed checkpoint contradicts",
    "checkpoint_missing": "thiếu điểm kiểm tra | a checkpoint was deleted",
    "checkpoint_not_ours": "điểm kiểm tra không do hệ thống này ký | the checkpoint was not signed by a known key",
}


class Fault(msgspec.Struct, frozen=True):
    """The first thing that is wrong with a chain, or something that is wrong with a checkpoint."""

    kind: FaultKind
    chain: int | None = None
    sequence: int | None = None
    """The first wrong row of the chain."""
    checkpoint: int | None = None
    """The number of the checkpoint concerned."""


class Report(msgspec.Struct, frozen=True):
    """What a check has found."""

    rows: int
    checkpoints: int
    rows_since_checkpoint: int
    """Rows that no checkpoint covers yet: whoever can rewrite the database can still rewrite these unnoticed."""
    faults: list[Fault]

    @property
    def sound(self) -> bool:
        return not self.faults
