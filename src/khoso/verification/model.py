"""What a scan asks, what is recorded of it, and what the inspector is told."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal, Protocol
from uuid import UUID

import msgspec

from khoso.caller import Caller
from khoso.formats.trust import Trust
from khoso.formats.verdict import Outcome, TypeCatalogue, Verdict
from khoso.text import Words


class CatalogueView(Protocol):
    """What verification needs to know of the catalogue, at one moment."""

    @property
    def trust(self) -> Trust:
        """Agencies and their keys."""
        ...

    @property
    def types(self) -> TypeCatalogue:
        """Result types by code and version."""
        ...


class VerifyRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One of the two ways to the same answer."""

    code: str | None = None
    """The whole text of the scanned QR code."""
    lookup_code: str | None = None
    """The code printed under it, as typed."""


class Scan(msgspec.Struct, frozen=True):
    """One verdict on its way into the record."""

    text: str
    verdict: Verdict
    inspector: Caller | None
    """An authenticated inspector: his checks are shown to the holder."""
    scan_id: UUID


class OfflineScan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One verdict that an inspector's phone gave by itself."""

    scan_id: UUID
    """Made by the phone, the same however often the scan is handed over."""
    code: Annotated[str, msgspec.Meta(max_length=2_500)]
    """The whole text of the scanned QR code."""
    scanned_at: Annotated[datetime, msgspec.Meta(tz=True)]
    outcome: Outcome
    reason: Annotated[str, msgspec.Meta(pattern="^[a-z_]{1,40}$")]


class OfflineScans(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a phone hands over at once."""

    scans: Annotated[list[OfflineScan], msgspec.Meta(min_length=1, max_length=100)]


class RefusedScan(msgspec.Struct, frozen=True):
    """A scan that is not recorded, and need not be handed over again."""

    scan_id: UUID
    reason: Literal["no_genuine_paper", "in_the_future", "too_old"]


class HandedOver(msgspec.Struct, frozen=True):
    """What became of each scan; none of them need be kept any longer."""

    taken: list[UUID]
    refused: list[RefusedScan]


class Withdrawal(msgspec.Struct, frozen=True):
    """The act by which a paper was withdrawn."""

    act: str
    since: datetime
    reason_code: str
    decision_number: str
    superseded_by: str | None


class Checked(msgspec.Struct, frozen=True):
    """A verdict after the record was asked."""

    verdict: Verdict
    checked_at: datetime
    withdrawal: Withdrawal | None = None
    recorded: Mapping[str, Any] = {}
    """Fields of the record that the inspector is shown beyond what the code holds, by their names."""


class Record(msgspec.Struct, frozen=True):
    """What was recorded when a paper was issued, and its status now."""

    list_id: int
    status_index: int
    status: int
    signed_hash: bytes
    vault_id: UUID
    credential_id: UUID


class FieldView(msgspec.Struct, frozen=True):
    """One field of the paper: its value as the API gives it, and as a person reads it."""

    name: str
    label: Words
    value: Any
    shown: Words


class TypeView(msgspec.Struct, frozen=True):
    code: str
    version: int
    name: Words


class IssuerView(msgspec.Struct, frozen=True):
    """Who issued the paper, under the name it had; `successors` answer for it now, if it is no more."""

    code: str
    name: Words
    successors: "list[IssuerView]" = []


class PaperView(msgspec.Struct, frozen=True, kw_only=True):
    """What a genuine code says."""

    result_code: str
    type: TypeView | None
    issuer: IssuerView
    subject_kind: str | None
    comparison: FieldView | None
    """The one thing to compare with what the inspector sees."""
    fields: list[FieldView]
    issued_at: datetime
    valid_from: datetime
    expires_at: datetime | None
    evidence_level: int


class WithdrawalView(msgspec.Struct, frozen=True):
    """A withdrawal with its reason in words; `reason_code` is as the agency gave it."""

    act: str
    since: datetime
    reason_code: str
    reason: Words
    decision_number: str
    superseded_by: str | None


class VerdictView(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The answer to a scan. `outcome` and `reason` are stable codes."""

    outcome: str
    colour: str
    step: int
    reason: str
    title: Words
    explanation: Words
    guidance: Words
    bearer: str
    checked_at: datetime
    status_as_of: datetime | None
    trust_as_of: datetime | None
    paper: PaperView | None
    withdrawal: WithdrawalView | None
    recorded: list[FieldView] = []
    """What the record has beyond the code, for an inspector whose authority is shown it; absent for everybody else."""
