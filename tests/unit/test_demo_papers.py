"""The demonstration's papers are issued and judged here by the real rules, without a database."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta, timezone

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from khoso.catalogue import danang, snapshots, trusting
from khoso.catalogue.model import Believed, CatalogueSnapshot, Right, SigningKey
from khoso.demo import papers
from khoso.demo.papers import Paper
from khoso.formats import claims, cose, link, verdict
from khoso.formats.claims import StatusRef
from khoso.formats.status_list import Status
from khoso.formats.trust import KeyState
from khoso.formats.verdict import Outcome, StatusAnswer
from khoso.issuance.model import Holder, IssueRequest
from khoso.issuance.preparing import prepare

ORIGIN = "https://kho.danang.gov.vn"
VIETNAM = timezone(timedelta(hours=7))
DAYS = (date(2026, 11, 23), date(2027, 2, 28), date(2028, 2, 29))
PAPERS = papers.load()
SEED = danang.load()
KEYS = {right.agency_code: ec.generate_private_key(ec.SECP256R1()) for right in SEED.rights}
STRANGER = ec.generate_private_key(ec.SECP256R1())
STATUS_OF_ACT = {"revoke": Status.INVALID, "suspend": Status.SUSPENDED, "supersede": Status.SUPERSEDED}


def signing_key(agency_code: str, key: ec.EllipticCurvePrivateKey) -> SigningKey:
    public = key.public_key()
    return SigningKey(
        kid=cose.key_id(public),
        agency_code=agency_code,
        public_key=public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        state=KeyState.ACTIVE,
        valid_from=datetime(2020, 1, 1, tzinfo=UTC),
    )


@pytest.fixture(scope="module", params=DAYS, ids=str)
def catalogue(request: pytest.FixtureRequest) -> CatalogueSnapshot:
    """The catalogue on the afternoon of each of the days of loading."""
    loaded_at = datetime.combine(request.param, time(15), VIETNAM)
    keys = [signing_key(code, key) for code, key in KEYS.items()]
    end = int((loaded_at + timedelta(days=1)).timestamp())
    trust = replace(trusting.want(SEED, keys, [], {}), expires_at=end)
    return snapshots.build(1, loaded_at, timedelta(days=1), SEED, keys, Believed(trust, b"", {}))


class OneStatus:
    """A status source that says the same of everything, and knows it for certain."""

    def __init__(self, value: Status, as_of: int) -> None:
        self.answer = StatusAnswer(value, as_of)

    def find_status(self, ref: StatusRef) -> StatusAnswer:
        return self.answer


def on(day: int, catalogue: CatalogueSnapshot) -> date:
    return catalogue.loaded_at.date() + timedelta(days=day)


def issued_at(paper: Paper, catalogue: CatalogueSnapshot) -> datetime:
    return datetime.combine(on(paper.issued, catalogue), time(9, 30), VIETNAM)


def payload_of(paper: Paper, catalogue: CatalogueSnapshot) -> bytes:
    today = catalogue.loaded_at.date()
    request = IssueRequest(
        type_code=paper.type_code,
        dossier_code=paper.dossier_code(today),
        holder=Holder(paper.holder.kind, paper.holder.id, paper.holder.name),
        fields=paper.fields_on(today, catalogue.latest[paper.type_code]),
        valid_from=None if paper.valid_from is None else on(paper.valid_from, catalogue),
        valid_until=None if paper.valid_until is None else on(paper.valid_until, catalogue),
    )
    prepared = prepare(request, paper.agency_code, catalogue, b"pepper", issued_at(paper, catalogue))
    complete = prepared.claims._replace(result_code=f"{request.dossier_code}-KQ1", status=StatusRef(0, 100_000))
    return claims.encode(complete)


def granting(catalogue: CatalogueSnapshot, paper: Paper) -> CatalogueSnapshot:
    """What an agency that oversteps its rights believes."""
    right = Right(agency_code=paper.agency_code, type_code=paper.type_code, valid_from=issued_at(paper, catalogue))
    agency = replace(catalogue.trust.agencies[paper.agency_code], may_issue=frozenset({paper.type_code}))
    trust = replace(catalogue.trust, agencies={agency.code: agency})
    return catalogue._replace(rights={(paper.agency_code, paper.type_code): right}, trust=trust)


def sign(paper: Paper, catalogue: CatalogueSnapshot) -> bytes:
    issuing = granting(catalogue, paper) if paper.fault == "unauthorised_agency" else catalogue
    payload = payload_of(paper, issuing)
    key = STRANGER if paper.fault == "stranger_key" else KEYS[paper.agency_code]
    kid = cose.key_id(key.public_key())
    return cose.assemble(kid, payload, cose.sign(key, cose.to_be_signed(kid, payload)))


def status_of(paper: Paper) -> Status:
    if paper.fault == "unrecorded":
        return Status.INVALID
    return STATUS_OF_ACT[paper.act.act] if paper.act else Status.VALID


@pytest.mark.parametrize("slug", PAPERS)
def test_a_scanner_says_what_the_paper_expects(slug: str, catalogue: CatalogueSnapshot) -> None:
    paper = PAPERS[slug]
    now = int(catalogue.loaded_at.timestamp())
    text = link.compose(ORIGIN, sign(paper, catalogue))
    answer = verdict.verify(text, ORIGIN, catalogue.trust, catalogue.types, OneStatus(status_of(paper), now), now)
    outcome = answer.outcome
    if paper.act and paper.act.act == "revoke":  # only a server's record tells revoked from never issued
        assert outcome is Outcome.NOT_ISSUED
        outcome = Outcome.REVOKED
    assert outcome is paper.expect, answer.reason


@pytest.mark.parametrize("slug", PAPERS)
def test_every_paper_fits_version_12(slug: str, catalogue: CatalogueSnapshot) -> None:
    assert len(sign(PAPERS[slug], catalogue)) <= 256


@pytest.mark.parametrize("slug", PAPERS)
def test_the_agency_had_the_right_when_it_issued(slug: str, catalogue: CatalogueSnapshot) -> None:
    paper = PAPERS[slug]
    authorised = catalogue.may_issue(paper.agency_code, paper.type_code, issued_at(paper, catalogue))
    assert authorised is (paper.fault != "unauthorised_agency")
    agency = catalogue.agencies[paper.agency_code]
    assert agency.valid_from <= on(paper.issued, catalogue)
    assert agency.valid_until is None or on(paper.issued, catalogue) < agency.valid_until


def test_every_outcome_and_fault_of_an_official_code_is_there() -> None:
    assert {paper.expect for paper in PAPERS.values()} == {
        Outcome.IN_FORCE,
        Outcome.EXPIRES_SOON,
        Outcome.EXPIRED,
        Outcome.NOT_YET_IN_FORCE,
        Outcome.REVOKED,
        Outcome.SUSPENDED,
        Outcome.SUPERSEDED,
        Outcome.NOT_GENUINE,
        Outcome.NOT_ISSUED,
    }
    assert {paper.fault for paper in PAPERS.values()} == {
        None,
        "stranger_key",
        "unauthorised_agency",
        "unrecorded",
        "altered_paper",
    }
    assert {paper.type_code for paper in PAPERS.values()} == {definition.code for definition in SEED.types}


def test_most_papers_are_good() -> None:
    good = [paper for paper in PAPERS.values() if paper.expect is Outcome.IN_FORCE and paper.fault is None]
    assert len(good) * 5 >= len(PAPERS) * 2
    assert len(PAPERS) >= 60


def test_a_newer_paper_stands_before_the_one_it_replaces() -> None:
    before: set[str] = set()
    for slug, paper in PAPERS.items():
        successor = paper.act.superseded_by if paper.act else None
        assert (successor is not None) is (paper.expect is Outcome.SUPERSEDED)
        if successor is not None:
            assert successor in before
            assert PAPERS[successor].holder.id == paper.holder.id
        before.add(slug)


def test_dates_are_in_order() -> None:
    for paper in PAPERS.values():
        assert paper.received <= paper.issued <= 0
        if paper.act:
            assert paper.issued <= paper.act.day <= 0


def test_an_altered_paper_alters_fields_of_its_code(catalogue: CatalogueSnapshot) -> None:
    for paper in PAPERS.values():
        assert bool(paper.altered) is (paper.fault == "altered_paper")
        in_code = {field.name for field in catalogue.latest[paper.type_code].fields if field.in_code}
        for name, printed in paper.altered.items():
            assert name in in_code
            assert printed != str(paper.fields[name])


def test_nobody_exists() -> None:
    """Ids have the right form and carry the mark of invention; one holder has one name."""
    names: Mapping[str, str] = {paper.holder.id: paper.holder.name for paper in PAPERS.values()}
    for paper in PAPERS.values():
        assert names[paper.holder.id] == paper.holder.name
        if paper.holder.kind == "person":
            assert paper.holder.id[:3] in ("048", "049")
            assert paper.holder.id[6:9] == "999"
        else:
            assert paper.holder.id.startswith("0401999")


def test_dossier_codes_are_unique() -> None:
    codes = [paper.dossier_code(DAYS[0]) for paper in PAPERS.values()]
    assert len(set(codes)) == len(codes)
