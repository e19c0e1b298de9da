"""Issuance as a draft sees it: a request is looked at, shown as a SPECIMEN, and issued as it was approved."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from khoso.authority.service import Authority
from khoso.caller import Hierarchy, Purview, purview_by_grants
from khoso.catalogue.model import CatalogueSnapshot
from khoso.db import Connection
from khoso.drafts.model import APPROVE, Hand, Paper, Preview, PreviewLine, PurviewOf
from khoso.formats.field_values import shown, to_code
from khoso.formats.result_type import Field
from khoso.issuance.model import Approval, IssueRequest, Prepared
from khoso.issuance.service import Issuer
from khoso.issuance.unsigned import statement_of
from khoso.text import Words

SPECIMEN = Words("MẪU", "SPECIMEN")


class PapersToDraft:
    """The `Papers` of drafts."""

    def __init__(self, issuer: Issuer, catalogue: Callable[[], CatalogueSnapshot]) -> None:
        self._issuer = issuer
        self._catalogue = catalogue

    def look(self, request: IssueRequest, agency_code: str) -> Paper:
        """What `Issuer.prepare` says of the request."""
        prepared = self._issuer.prepare(request, agency_code)
        return Paper(prepared.claims.type_code, prepared.claims.type_version, statement_of(prepared), prepared)

    def preview(self, request: IssueRequest, agency_code: str) -> Preview:
        """The paper as it would be now; only what was checked is shown, and no key is touched."""
        prepared = self._issuer.prepare(request, agency_code)
        catalogue, claims = self._catalogue(), prepared.claims
        result_type, agency = catalogue.latest[claims.type_code], catalogue.agencies[agency_code]
        return Preview(
            mark=SPECIMEN,
            title=Words(result_type.name_vi, result_type.name_en),
            agency=Words(agency.name_vi, agency.name_en),
            holder_name=prepared.holder_name,
            dossier_code=prepared.dossier_code,
            legal_basis=prepared.legal_basis,
            decision_number=prepared.decision_number,
            valid_from=_instant(claims.issued_at if claims.valid_from is None else claims.valid_from),
            expires_at=None if claims.expires_at is None else _instant(claims.expires_at),
            fields=[
                _line(field, prepared.fields[field.name])
                for field in result_type.by_glance
                if field.name in prepared.fields
            ],
        )

    async def issue_in(
        self, conn: Connection, papers: Sequence[Paper], approver: str, hands: Sequence[Hand]
    ) -> Sequence[str]:
        """Issue in the caller's transaction."""
        prepared: list[Prepared] = [paper.prepared for paper in papers]
        approvals = [Approval(drafted_by=hand.drafted_by, on_behalf_of=hand.on_behalf_of) for hand in hands]
        return [one.result_code for one in await self._issuer.issue_in(conn, prepared, approver, approvals)]


def purview_by_assignments(authority: Authority, hierarchy: Callable[[], Hierarchy]) -> PurviewOf:
    """What a subject may approve by the roles that he has at the moment."""

    async def purview(conn: Connection, subject: str, agency_code: str) -> Purview:
        grants = await authority.grants_of(conn, subject)
        return purview_by_grants(subject, grants, agency_code, hierarchy(), APPROVE)

    return purview


def _line(field: Field, value: Any) -> PreviewLine:
    """A field whole, where the code will mask it."""
    words = shown(replace(field, keep_last=None), to_code(field, value))
    return PreviewLine(Words(field.label_vi, field.label_en), Words(*words))


def _instant(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
