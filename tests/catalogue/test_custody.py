"""New keys and stolen keys of a city whose root is somewhere else, with papers that were signed meanwhile."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import asyncpg
import msgspec
import pytest

from catalogue.keys import make_root
from desk import AGENCY
from forging import resign
from grounds import ORIGIN, Clock
from invariants import check_everything
from khoso import db, wiring
from khoso.catalogue import custody as custody_module
from khoso.catalogue import drafts
from khoso.catalogue.custody import Custody
from khoso.catalogue.trusting import seal_list
from khoso.config import Config
from khoso.errors import InvalidInput, NoSigningKey, NotFound, Unavailable
from khoso.formats import cose, link, verdict
from khoso.formats.claims import StatusRef
from khoso.formats.documents import keys_by_kid
from khoso.formats.lists import Lists
from khoso.formats.status_list import Status
from khoso.formats.trust import KeyState, Trust
from khoso.formats.verdict import OFFLINE, Outcome, StatusAnswer, Verdict
from khoso.issuance.model import IssueRequest
from khoso.issuance.service import issuing
from khoso.signing.files import DocumentSigner, KeyFiles
from khoso.wiring import Services, open_services
from samples import house_permit


@pytest.fixture
def root(key_dir: Path) -> DocumentSigner:
    """The city's root, on another machine."""
    root = KeyFiles(key_dir).development_root()
    assert root is not None
    return root


@pytest.fixture
def config(config: Config, key_dir: Path, tmp_path: Path) -> Config:
    """The city without its root."""
    shutil.copytree(key_dir, tmp_path / "keys")
    (tmp_path / "keys" / "root-development.pem").unlink()
    without: Config = msgspec.structs.replace(config, keys_dir=tmp_path / "keys")
    return without


@pytest.fixture
async def services(services: Services, config: Config) -> AsyncIterator[Services]:
    yield services
    await check_everything(config.database_owner_url)


@pytest.fixture
def custody(services: Services) -> Custody:
    return services.custody


async def issue(services: Services, serial: int) -> str:
    request = msgspec.convert(house_permit(serial), IssueRequest)
    return (await services.issuer.issue(request, AGENCY, "clerk", f"own-{serial}")).code


def kid_of(code: str) -> bytes:
    return cose.kid_of(link.parse(code, ORIGIN))


async def hold_ceremony(services: Services, root: DocumentSigner, clock: Clock) -> bytes:
    """Sign what the rows ask for."""
    draft = await services.custody.draft()
    trust = drafts.read_draft(draft, clock(), clock() + timedelta(days=90))
    return seal_list(root, draft.origin, trust)


async def told(services: Services, code: str) -> tuple[str, str]:
    await services.statuses.refresh()
    found = (await services.verifier.verify_code(code, None)).verdict
    return found.outcome.value, found.reason


class Recorded:
    """Status lists in which everything is in force."""

    def __init__(self, now: int) -> None:
        self.answer = StatusAnswer(Status.VALID, now)

    def find_status(self, ref: StatusRef) -> StatusAnswer:
        return self.answer


def scan_off_line(services: Services, root: DocumentSigner, clock: Clock, code: str) -> Verdict:
    """By a verifier that has nothing but what is published, and whose status lists show no theft."""
    lists, now = Lists(ORIGIN, keys_by_kid(root.public_key)), int(clock().timestamp())
    catalogue = services.catalogue.snapshot
    lists.take_trust(catalogue.signed_trust)
    for honest_set in catalogue.honest_sets.values():
        lists.take_honest_set(honest_set)
    return verdict.verify(code, ORIGIN, lists.trust, catalogue.types, Recorded(now), now, OFFLINE)


async def problems_of(services: Services, signed: bytes) -> set[str]:
    before = services.catalogue.snapshot.signed_trust
    with pytest.raises(InvalidInput) as refused:
        await services.custody.publish(signed, "clerk")
    await services.catalogue.refresh()
    assert services.catalogue.snapshot.signed_trust == before
    return {problem.code for problem in refused.value.problems}


async def test_a_new_key_waits_for_the_root_and_the_old_one_signs_meanwhile(
    services: Services, root: DocumentSigner, clock: Clock
) -> None:
    first = await issue(services, 1)
    key = await services.custody.add_key(AGENCY, services.keys.make_agency_key(), "clerk")
    pending = await services.custody.list_pending()
    assert {(one.kind, one.name, one.before) for one in pending} == {("key", key.kid.hex(), None)}
    meanwhile = await issue(services, 2)
    assert kid_of(meanwhile) == kid_of(first) != key.kid
    await services.custody.publish(await hold_ceremony(services, root, clock), "clerk")
    after = await issue(services, 3)
    assert kid_of(after) == key.kid
    for code in (first, meanwhile, after):
        assert await told(services, code) == ("in_force", "all_checks_passed")
        assert scan_off_line(services, root, clock, code).outcome is Outcome.IN_FORCE
    # The end of the old key goes along with the next list.
    assert {(one.name, one.member) for one in await services.custody.list_pending()} == {
        (kid_of(first).hex(), "state"),
        (kid_of(first).hex(), "valid_until"),
    }


async def test_of_two_keys_that_wait_the_newer_one_is_brought(
    services: Services, root: DocumentSigner, clock: Clock
) -> None:
    await services.custody.add_key(AGENCY, services.keys.make_agency_key(), "clerk")
    newer = await services.custody.add_key(AGENCY, services.keys.make_agency_key(), "clerk")
    await services.custody.publish(await hold_ceremony(services, root, clock), "clerk")
    assert services.catalogue.snapshot.active_keys[AGENCY] == newer.kid


async def test_no_list_is_published_that_is_not_to_be_believed(
    services: Services, root: DocumentSigner, clock: Clock
) -> None:
    good = await hold_ceremony(services, root, clock)
    draft = await services.custody.draft()
    trust = drafts.read_draft(draft, clock(), clock() + timedelta(days=90))
    stranger = make_root()
    for wrong, code in {
        seal_list(stranger, ORIGIN, trust): "signer_unknown",
        seal_list(root, "https://kho.example.vn", trust): "origin",
        b"nonsense": "cose_frame",
        seal_list(root, ORIGIN, replace(trust, version=1)): "rolled_back",
        seal_list(root, ORIGIN, replace(trust, expires_at=int(clock().timestamp()))): "expired",
        seal_list(root, ORIGIN, replace(trust, keys={})): "loss",
    }.items():
        assert await problems_of(services, wrong) == {code}
    await services.custody.publish(good, "clerk")
    assert await problems_of(services, good) == {"rolled_back"}


def with_key(trust: Trust, kid: bytes, **changes: object) -> Trust:
    return replace(trust, keys={**trust.keys, kid: replace(trust.keys[kid], **changes)})  # type: ignore[arg-type]


async def test_a_set_that_is_not_here_cannot_be_named(services: Services, root: DocumentSigner, clock: Clock) -> None:
    """Its papers would all read "cannot tell". A loss can be forced, this cannot."""
    kid = services.catalogue.snapshot.active_keys[AGENCY]
    draft = await services.custody.draft()
    trust = drafts.read_draft(draft, clock(), clock() + timedelta(days=90))
    stolen = with_key(trust, kid, state=KeyState.COMPROMISED, honest_digest=bytes(32))
    assert await problems_of(services, seal_list(root, ORIGIN, stolen)) == {"honest_set"}
    gone = replace(trust, publishers={})
    assert await problems_of(services, seal_list(root, ORIGIN, gone)) == {"loss"}
    await services.custody.publish(seal_list(root, ORIGIN, gone), "clerk", force=True)
    assert services.catalogue.snapshot.trust.publishers == {}


async def test_a_stolen_key_stops_at_once_and_its_honest_papers_stay_good(
    services: Services, config: Config, root: DocumentSigner, clock: Clock
) -> None:
    honest = [await issue(services, serial) for serial in range(3)]
    kid = kid_of(honest[0])
    unrecorded = await resign(honest[0], config.keys_dir, status=StatusRef(0, 5))
    other_content = await resign(honest[0], config.keys_dir, fields={1: "Nhà của kẻ gian"})
    assert scan_off_line(services, root, clock, other_content).outcome is Outcome.IN_FORCE, "nobody knows yet"
    stopped = await services.custody.stop_key(kid, clock() - timedelta(days=2), "clerk")
    assert stopped.agency_code == AGENCY
    with pytest.raises(NoSigningKey):
        await issue(services, 9)
    new = await services.custody.add_key(AGENCY, services.keys.make_agency_key(), "clerk")
    saved = await services.custody.save_honest_papers(kid, "clerk")
    assert (saved.kid, saved.papers) == (kid, 3)
    for code in honest:  # what is waiting for the root has not made them worse
        assert await told(services, code) == ("in_force", "all_checks_passed")
    await services.custody.publish(await hold_ceremony(services, root, clock), "clerk")
    assert services.catalogue.snapshot.trust.keys[kid].state is KeyState.COMPROMISED
    assert services.catalogue.snapshot.honest_sets == {saved.digest: saved.content}
    for code in honest:
        assert await told(services, code) == ("in_force", "all_checks_passed")
        assert scan_off_line(services, root, clock, code).outcome is Outcome.IN_FORCE
    for forged in (unrecorded, other_content):
        assert await told(services, forged) == ("not_genuine", "key_compromised")
        assert scan_off_line(services, root, clock, forged).reason == "key_compromised"
    assert kid_of(await issue(services, 4)) == new.kid


async def test_stopping_again_takes_up_what_was_interrupted(services: Services, clock: Clock) -> None:
    kid = kid_of(await issue(services, 1))
    since = clock() - timedelta(days=2)
    await services.custody.stop_key(kid, since, "clerk")
    assert services.catalogue.snapshot.trust.keys[kid].state is KeyState.ACTIVE, "the root has not signed"
    again = await services.custody.stop_key(kid, clock(), "clerk")
    assert (again.state, again.compromised_at) == (KeyState.COMPROMISED, since)
    first = await services.custody.save_honest_papers(kid, "clerk")
    clock.forward(timedelta(hours=1))
    second = await services.custody.save_honest_papers(kid, "clerk")
    assert second.digest == first.digest


async def test_an_unknown_key_is_not_stopped(custody: Custody, clock: Clock) -> None:
    with pytest.raises(NotFound):
        await custody.stop_key(bytes(8), clock(), "clerk")


async def test_a_worker_that_has_not_heard_cannot_record_either(
    services: Services, config: Config, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wiring, "follow", lambda *_: asyncio.sleep(3600))
    async with open_services(config, clock) as deaf:
        kid = kid_of(await issue(deaf, 1))
        await services.custody.stop_key(kid, clock(), "clerk")
        assert deaf.catalogue.snapshot.active_keys[AGENCY] == kid
        with pytest.raises(Unavailable, match="withdrawn"):
            await issue(deaf, 2)
        other = msgspec.convert(house_permit(3), IssueRequest)
        with pytest.raises(Unavailable, match="withdrawn"):
            async with db.transaction(deaf.pool, issuing([AGENCY])) as conn:
                await deaf.issuer.issue_in(conn, [deaf.issuer.prepare(other, AGENCY)], "import")
    assert (await services.custody.save_honest_papers(kid, "clerk")).papers == 1


async def test_whoever_was_issuing_when_the_key_was_stopped_is_waited_for(services: Services, clock: Clock) -> None:
    """His paper is honest; the thief's, a moment later, is not."""
    kid = kid_of(await issue(services, 1))
    prepared = services.issuer.prepare(msgspec.convert(house_permit(2), IssueRequest), AGENCY)
    async with db.transaction(services.pool, issuing([AGENCY])) as conn:
        await services.issuer.issue_in(conn, [prepared], "import")
        await services.custody.stop_key(kid, clock(), "clerk")
        saving = asyncio.create_task(services.custody.save_honest_papers(kid, "clerk"))
        await asyncio.sleep(0.3)
        assert not saving.done()
    assert (await saving).papers == 2


async def test_a_transaction_that_never_ends_is_told(
    services: Services, config: Config, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(custody_module, "PATIENCE", timedelta(seconds=0.2))
    kid = kid_of(await issue(services, 1))
    await services.custody.stop_key(kid, clock(), "clerk")
    conn = await asyncpg.connect(config.database_owner_url)
    async with conn.transaction():
        await conn.execute("UPDATE catalogue_version SET version = version")
        with pytest.raises(Unavailable, match="pg_stat_activity"):
            await services.custody.save_honest_papers(kid, "clerk")
    await conn.close()
    assert (await services.custody.save_honest_papers(kid, "clerk")).papers == 1


async def test_a_set_that_somebody_else_wrote_is_told(services: Services, config: Config, clock: Clock) -> None:
    kid = kid_of(await issue(services, 1))
    await services.custody.stop_key(kid, clock(), "clerk")
    conn = await asyncpg.connect(config.database_owner_url)
    await conn.execute("INSERT INTO honest_set VALUES ('x', $1, 'x', 1, $2)", kid, clock())
    with pytest.raises(InvalidInput, match="find out who wrote it"):
        await services.custody.save_honest_papers(kid, "clerk")
    await conn.execute("DELETE FROM honest_set")
    await conn.close()


async def test_a_publisher_is_registered_retired_and_withdrawn(
    services: Services, root: DocumentSigner, clock: Clock
) -> None:
    first, following = services.keys.publisher_signer().kid, services.keys.make_next_publisher()
    kid = cose.key_id(following)
    assert services.catalogue.snapshot.trust.publishers.keys() == {first}
    await services.catalogue.register_publisher(following, "clerk")
    await services.custody.publish(await hold_ceremony(services, root, clock), "clerk")
    assert services.catalogue.snapshot.trust.publishers.keys() == {first, kid}
    await services.custody.follow_publisher(kid, "clerk")
    await services.custody.publish(await hold_ceremony(services, root, clock), "clerk")
    publishers = services.catalogue.snapshot.trust.publishers
    assert (publishers[first].valid_until, publishers[kid].valid_until) == ((clock().timestamp() + 600), None)
    await services.custody.withdraw_publisher(kid, "clerk")
    assert await services.custody.find_publishers() == {first}
    signed = await hold_ceremony(services, root, clock)
    assert await problems_of(services, signed) == {"loss"}
    await services.custody.publish(signed, "clerk", force=True)
    assert services.catalogue.snapshot.trust.publishers.keys() == {first}
