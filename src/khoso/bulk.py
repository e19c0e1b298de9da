"""Issuance as an import sees it: the rows of a file become the requests that the API takes."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime

from khoso.authority.service import Authority
from khoso.caller import Hierarchy, purview_by_grants
from khoso.catalogue.model import CatalogueSnapshot
from khoso.db import Connection
from khoso.drafts.model import ISSUE
from khoso.errors import UNKNOWN_TYPE, DraftNeeded, InvalidInput, NotAuthorisedToIssue, NotPermitted
from khoso.formats.result_type import ResultType
from khoso.identity.cutoffs import have_ended
from khoso.imports.model import Job, Row
from khoso.issuance.model import Credential, Holder, IssueRequest, Prepared
from khoso.issuance.service import Issuer

CheckRight = Callable[[Connection, Job], Awaitable[None]]
"""Raises NotPermitted if the right by which a file was uploaded has ended; in the transaction that would issue."""


class BulkIssuing:
    """The `BulkIssuer` of an import."""

    def __init__(
        self,
        issuer: Issuer,
        catalogue: Callable[[], CatalogueSnapshot],
        now: Callable[[], datetime],
        check_record: Callable[[], None],
        check_right: CheckRight,
    ) -> None:
        """`check_record` raises RecordBehind if the record is older than what is published."""
        self._check_record = check_record
        self._check_right = check_right
        self._issuer = issuer
        self._catalogue = catalogue
        self._now = now

    def result_type(self, type_code: str, agency_code: str) -> ResultType:
        """The newest version.

        Raises InvalidInput if there is none, NotAuthorisedToIssue if not for this agency, DraftNeeded for a type that
        takes two persons: a file is one person's; and RecordBehind.
        """
        self._check_record()
        catalogue = self._catalogue()
        result_type = catalogue.latest.get(type_code)
        if result_type is None:
            raise InvalidInput(UNKNOWN_TYPE)
        if not catalogue.may_issue(agency_code, type_code, self._now()):
            raise NotAuthorisedToIssue(agency_code, type_code)
        if result_type.four_eyes:
            raise DraftNeeded(type_code)
        return result_type

    def prepare(self, row: Row, type_code: str, agency_code: str) -> Prepared:
        """What `Issuer.prepare` says of the row."""
        request = IssueRequest(
            type_code=type_code,
            dossier_code=row.dossier_code,
            legal_basis=row.legal_basis,
            decision_number=row.decision_number,
            holder=Holder(row.holder_kind, row.holder_id, row.holder_name),
            fields=row.fields,
            valid_from=row.valid_from,
            valid_until=row.valid_until,
            evidence_level=row.evidence_level,
        )
        return self._issuer.prepare(request, agency_code)

    async def check_right(self, conn: Connection, job: Job) -> None:
        """Raise NotPermitted if the right by which the file was uploaded has ended."""
        await self._check_right(conn, job)

    async def issue_in(self, conn: Connection, prepared: Sequence[Prepared], actor: str) -> Sequence[Credential]:
        """Issue in the caller's transaction."""
        return await self._issuer.issue_in(conn, prepared, actor)


def right_of_upload(
    authority: Authority, hierarchy: Callable[[], Hierarchy], now: Callable[[], datetime]
) -> CheckRight:
    """A file is issued as long as an access token would be good that was made when it came, and had no end of its own.

    So it ends with all tokens of its client, and when no assignment gives him the right any more, if one did then.
    Whoever had it by none, by a token of `khoso token` or on the command line, is asked for none.
    """

    async def check(conn: Connection, job: Job) -> None:
        async def may(at: datetime) -> bool:
            grants = await authority.grants_of(conn, job.client, at)
            purview = purview_by_grants(job.client, grants, job.agency_code, hierarchy(), ISSUE)
            return purview.has(job.agency_code, job.type_code)

        ended = await have_ended(conn, job.client, job.created_at)
        if ended or (await may(job.created_at) and not await may(now())):
            raise NotPermitted(job.client)

    return check
