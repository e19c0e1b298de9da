"""Bring the demonstration into a fresh system: catalogue, development keys, and papers of every kind.

Everything goes the way a city's own papers go, through `Issuer`; only the forgeries are made by hand. Loading again
after a crash takes up where it was: every paper has its idempotency key.
"""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric import ec

from khoso.caller import Caller, everything_of
from khoso.catalogue import danang
from khoso.catalogue.model import SigningKey
from khoso.config import Config
from khoso.demo import store
from khoso.demo.errors import DemoUnusable
from khoso.demo.papers import Paper, load
from khoso.demo.places import Places
from khoso.demo.record import Demonstration, find_demonstration, write_demonstration
from khoso.demo.telling import reason_to_expect, what_was_done
from khoso.drafts.model import Seen
from khoso.errors import IdempotencyKeyReused, KeyStoreError, StatusChangeRefused
from khoso.formats import claims as claims_format
from khoso.formats import cose, link
from khoso.formats.claims import Claims, StatusRef
from khoso.formats.field_values import shown, to_code
from khoso.formats.result_type import ResultType
from khoso.formats.status_list import SIZE
from khoso.formats.trust import KeyState
from khoso.formats.trust_list import public_der
from khoso.issuance.indexes import index_at
from khoso.issuance.model import Holder, Issued, IssueRequest
from khoso.issuance.service import Issuer
from khoso.issuance.signer import Signer
from khoso.orders.model import Orderer, StatusAct
from khoso.pages.model import PaperToScan, PrintedField
from khoso.signing.files import FileSigner
from khoso.text import Words
from khoso.times import VIETNAM, as_day
from khoso.vault.model import Reader
from khoso.wiring import Clock, Services, make_drafts, make_issuer, make_orders

ACTOR = "demo"

_CHIEF = Caller(subject="demo-chief", scopes=frozenset({"credentials:approve"}), agency_code="H17")
"""The second person, where a type takes two: for the whole city, its former agencies too."""

_MORNING = time(9, 30)
_AFTERNOON = time(15)
_A_SECOND = timedelta(seconds=1)


async def load_demonstration(config: Config, services: Services, now: Clock) -> Demonstration:
    """The demonstration of this database: as it was loaded before, or loaded now.

    Raises DemoUnusable when files, keys and database are not of one loading.
    """
    path = Places(config.data_dir).papers
    found = find_demonstration(path)
    if found is not None and found.papers and await store.is_recorded(services.pool, found.papers[0].result_code):
        return found.at(config.public_url)
    # Recorded before the first paper: whoever takes up an interrupted loading must ask for the very same papers.
    begun = Demonstration(origin=config.public_url, loading_began_at=now())
    if found is not None and not found.papers:
        begun = msgspec.structs.replace(begun, loading_began_at=found.loading_began_at)
    write_demonstration(path, begun)
    demonstration = msgspec.structs.replace(begun, papers=await _load_papers(config, services, begun.loading_began_at))
    write_demonstration(path, demonstration)
    return demonstration


async def _load_papers(config: Config, services: Services, now: datetime) -> list[PaperToScan]:
    try:
        await services.catalogue.load(danang.load(), ACTOR)
        await ensure_keys(services, now)
        loader = _Loader(config, services, now)
        return [await loader.load(paper) for paper in load().values()]
    except (IdempotencyKeyReused, KeyStoreError) as error:
        raise DemoUnusable(str(error)) from error


async def ensure_keys(services: Services, now: datetime) -> None:
    """A signing key for every agency that may issue something, valid since before the oldest paper; a publisher."""
    await services.catalogue.register_publisher(services.keys.publisher_signer().public_key, ACTOR)
    snapshot = services.catalogue.snapshot
    missing = sorted({agency for agency, _ in snapshot.rights} - snapshot.active_keys.keys())
    keys = {agency: services.keys.make_agency_key() for agency in missing}
    await services.catalogue.register_keys(
        [
            SigningKey(
                kid=cose.key_id(key),
                agency_code=agency,
                public_key=public_der(key),
                state=KeyState.ACTIVE,
                valid_from=now - timedelta(days=3650),
            )
            for agency, key in keys.items()
        ],
        ACTOR,
    )


class _Loader:
    """Issues the papers of one day's demonstration."""

    def __init__(self, config: Config, services: Services, now: datetime) -> None:
        self._config = config
        self._services = services
        self._now = now
        self._codes: dict[str, str] = {}
        self._forged = 0
        self.today = now.astimezone(VIETNAM).date()

    async def load(self, paper: Paper) -> PaperToScan:
        """Issue, or forge, one paper, and do to it what its story says."""
        if paper.fault in ("stranger_key", "unauthorised_agency", "unrecorded"):
            return await self._forge(paper)
        issued = await self._issue(paper)
        self._codes[paper.slug] = issued.result_code
        if paper.act is not None:
            await self._act(paper, issued.result_code)
        return self._printed(paper, issued, recorded=True)

    async def _issue(self, paper: Paper) -> Issued:
        issuer, request, key = self._issuer(paper.issued, _MORNING), self._request(paper), f"{ACTOR}-{paper.slug}"
        if not self._services.catalogue.snapshot.latest[paper.type_code].four_eyes:
            return await issuer.issue(request, paper.agency_code, ACTOR, key)
        services, then = self._services, self._at(paper.issued, _MORNING)
        drafts = make_drafts(services.pool, issuer, services.catalogue, services.authority, lambda: then)
        draft = await drafts.file(request, paper.agency_code, ACTOR, key)
        issued = await drafts.approve(Seen(draft.draft_id, draft.draft_hash), _CHIEF)
        assert issued.result_code is not None  # by the approval
        found = await services.vaults.get_result(issued.result_code, Reader(None, everything_of(paper.agency_code)))
        return Issued(
            result_code=found.result_code,
            lookup_code=found.lookup_code,
            code=found.code,
            issued_at=found.issued_at,
            valid_from=found.valid_from,
            expires_at=found.expires_at,
        )

    def _at(self, day: int, hour: time) -> datetime:
        """That hour of the day; of today, not later than now."""
        return min(datetime.combine(self.today + timedelta(days=day), hour, VIETNAM), self._now)

    def _issuer(self, day: int, hour: time) -> Issuer:
        """An issuer at that hour."""
        then = self._at(day, hour)
        return make_issuer(
            self._config,
            self._services.pool,
            self._services.keys,
            self._services.signers,
            self._services.catalogue,
            lambda: then,
            self._services.published.watch.require,
        )

    def _request(self, paper: Paper) -> IssueRequest:
        result_type = self._services.catalogue.snapshot.latest[paper.type_code]
        return IssueRequest(
            type_code=paper.type_code,
            dossier_code=paper.dossier_code(self.today),
            holder=Holder(paper.holder.kind, paper.holder.id, paper.holder.name),
            fields=paper.fields_on(self.today, result_type),
            valid_from=self._day(paper.valid_from),
            valid_until=self._day(paper.valid_until),
        )

    def _day(self, offset: int | None) -> date | None:
        return None if offset is None else self.today + timedelta(days=offset)

    async def _act(self, paper: Paper, result_code: str) -> None:
        act = paper.act
        assert act is not None
        with suppress(StatusChangeRefused):  # done before a crash
            then = self._at(act.day, _AFTERNOON)
            decided = StatusAct(
                act=act.act,
                reason_code=act.reason_code,
                decision_number=act.decision_number,
                superseded_by=None if act.superseded_by is None else self._codes[act.superseded_by],
            )
            watch = self._services.published.watch
            orders = make_orders(self._services.pool, self._services.catalogue, lambda: then, watch.require)
            order = await orders.act(result_code, decided, Orderer.of(paper.agency_code, ACTOR))
            if order.state == "awaiting_approval":
                purview = everything_of(paper.agency_code)
                await orders.approve(order.order_id, order.order_hash, purview, _CHIEF.subject)

    async def _forge(self, paper: Paper) -> PaperToScan:
        """What a forger would make: right in form, wrong in one thing, recorded nowhere."""
        catalogue = self._services.catalogue.snapshot
        entitled = next(agency for agency, code in catalogue.rights if code == paper.type_code)
        issuer = entitled if paper.fault == "unauthorised_agency" else paper.agency_code
        prepared = self._issuer(paper.issued, _MORNING).prepare(self._request(paper), issuer)
        result_code = f"{paper.dossier_code(self.today)}-KQ1"
        claims = prepared.claims._replace(
            issuer=paper.agency_code, result_code=result_code, status=await self._free_status()
        )
        if paper.fault == "stranger_key":
            stranger = ec.generate_private_key(ec.SECP256R1())
            signed = await _sign(claims, cose.key_id(stranger.public_key()), FileSigner(stranger))
        else:
            kid = catalogue.active_keys[paper.agency_code]
            signed = await _sign(claims, kid, self._services.signers.get(kid))
        issued = Issued(
            result_code=result_code,
            lookup_code="",
            code=link.compose(self._config.public_url, signed),
            issued_at=_instant(claims.issued_at),
            valid_from=_instant(claims.valid_from or claims.issued_at),
            expires_at=None if claims.expires_at is None else _instant(claims.expires_at),
        )
        return self._printed(paper, issued, recorded=False)

    async def _free_status(self) -> StatusRef:
        """An index that no paper will have for long: the last of the first list."""
        self._forged += 1
        seed = await store.first_list_seed(self._services.pool)
        return StatusRef(0, index_at(seed, SIZE - self._forged))

    def _printed(self, paper: Paper, issued: Issued, *, recorded: bool) -> PaperToScan:
        catalogue = self._services.catalogue.snapshot
        result_type = catalogue.latest[paper.type_code]
        agency = catalogue.agencies[paper.agency_code]
        return PaperToScan(
            slug=paper.slug,
            title=Words(result_type.name_vi, result_type.name_en),
            agency=Words(agency.name_vi, agency.name_en),
            result_code=issued.result_code,
            fields=(
                *_printed_fields(paper, paper.fields_on(self.today, result_type), result_type),
                *_printed_dates(issued),
            ),
            code=issued.code,
            lookup_code=issued.lookup_code if recorded else None,
            story=Words(paper.story_vi, paper.story_en),
            done=what_was_done(paper),
            expect=paper.expect,
            expect_reason=reason_to_expect(paper),
        )


def _printed_fields(paper: Paper, given: Mapping[str, Any], result_type: ResultType) -> Iterator[PrintedField]:
    """The fields in the order of the paper: whole, where the code masks them; altered, where the story says so."""
    for field in result_type.fields:
        if field.name in paper.altered:
            text = paper.altered[field.name]
            yield PrintedField(Words(field.label_vi, field.label_en), Words(text, text), altered=True)
        elif field.name in given:
            value = to_code(field, given[field.name])
            whole = replace(field, keep_last=None)
            yield PrintedField(Words(field.label_vi, field.label_en), Words(*shown(whole, value)))


def _printed_dates(issued: Issued) -> Iterator[PrintedField]:
    yield PrintedField(Words("Ngày cấp", "Issued"), _day_words(issued.issued_at))
    if issued.valid_from > issued.issued_at:
        yield PrintedField(Words("Có giá trị từ", "Valid from"), _day_words(issued.valid_from))
    if issued.expires_at is not None:
        yield PrintedField(Words("Có giá trị đến hết", "Valid until"), _day_words(issued.expires_at - _A_SECOND))


def _day_words(instant: datetime) -> Words:
    day = as_day(instant)
    return Words(day, day)


def _instant(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


async def _sign(claims: Claims, kid: bytes, signer: Signer) -> bytes:
    payload = claims_format.encode(claims)
    [signature] = await signer.sign([cose.to_be_signed(kid, payload)])
    return cose.assemble(kid, payload, signature)
