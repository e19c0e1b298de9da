"""Nobody is trusted but by what a root has signed: whatever else is written, by whomever, changes nothing."""

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import date, datetime, timedelta

import asyncpg
import pytest
from structlog.testing import capture_logs

from catalogue.keys import make_key, make_root
from grounds import ORIGIN, Clock, Database
from khoso.catalogue import danang
from khoso.catalogue.model import Agency
from khoso.catalogue.service import LIST_LIFETIME, Catalogue
from khoso.catalogue.trusting import Root, say_the_same, seal_list
from khoso.formats.trust import KeyState, Trust, TrustedAgency
from khoso.signing.files import DocumentSigner

CITY = Agency(agency_code="H17", name_vi="UBND thành phố", name_en="City", level="city", valid_from=date(1997, 1, 1))
THIEF = "H17.05.12"
TYPE = "KQ.H17.000001"
Another = Callable[[], Catalogue]


@pytest.fixture
async def owner(database: Database) -> AsyncIterator[asyncpg.Connection]:
    """Whoever may write anything: an injection, or an administrator gone bad."""
    conn = await asyncpg.connect(database.owner_dsn)
    yield conn
    await conn.close()


async def write_list(conn: asyncpg.Connection, version: int, signed: bytes, now: datetime) -> None:
    """Behind everybody's back, and announced as any change is."""
    await conn.execute("INSERT INTO trust_list VALUES ($1, $2, $3, $3)", version, signed, now)
    await conn.execute("UPDATE catalogue_version SET version = version + 1")


def a_list(root: Root, version: int, clock: Clock, origin: str = ORIGIN) -> bytes:
    seconds = int(clock().timestamp())
    thief = TrustedAgency("H66", "Kẻ gian", "Thieves", frozenset({TYPE}))
    return seal_list(root, origin, Trust(seconds, seconds + 86_400, agencies={"H66": thief}, version=version))


async def test_rows_alone_make_nobody_trusted(catalogue: Catalogue, owner: asyncpg.Connection, clock: Clock) -> None:
    await catalogue.load(danang.load(), "clerk")
    before = catalogue.snapshot
    forged = make_key("H17.05.13")
    await owner.execute(
        "INSERT INTO signing_key VALUES ($1, $2, $3, 'active', $4)",
        forged.kid,
        forged.agency_code,
        forged.public_key,
        forged.valid_from,
    )
    await owner.execute("INSERT INTO issuing_right VALUES ('H17.11', $1, $2)", TYPE, forged.valid_from)
    await owner.execute("UPDATE agency SET name_vi = 'Kẻ gian' WHERE agency_code = 'H17.11'")
    await owner.execute("UPDATE catalogue_version SET version = version + 1")
    await catalogue.refresh()
    assert catalogue.snapshot.version == before.version + 1, "seen"
    assert catalogue.snapshot.trust == before.trust
    assert catalogue.snapshot.signed_trust == before.signed_trust
    assert catalogue.snapshot.signing_key("H17.05.13", clock()) is None
    assert ("H17.11", TYPE) in catalogue.snapshot.rights
    assert not catalogue.snapshot.may_issue("H17.11", TYPE, clock())


async def test_rows_alone_forbid(catalogue: Catalogue, owner: asyncpg.Connection, clock: Clock) -> None:
    await catalogue.load(danang.load(), "clerk")
    await catalogue.register_keys([make_key(THIEF)], "clerk")
    assert catalogue.snapshot.signing_key(THIEF, clock()) is not None
    assert catalogue.snapshot.may_issue(THIEF, TYPE, clock())
    await owner.execute("UPDATE signing_key SET state = 'retired'")
    await owner.execute("UPDATE issuing_right SET valid_until = $1", clock())
    await owner.execute("UPDATE catalogue_version SET version = version + 1")
    await catalogue.refresh()
    assert catalogue.snapshot.signing_key(THIEF, clock()) is None
    assert not catalogue.snapshot.may_issue(THIEF, TYPE, clock())


async def test_lists_that_no_root_signed_for_us_are_passed_over(
    catalogue: Catalogue, another: Another, owner: asyncpg.Connection, root: DocumentSigner, clock: Clock
) -> None:
    """And told: whoever wrote them had no business there."""
    await catalogue.upsert_agencies([CITY], [], "clerk")
    genuine = catalogue.snapshot.signed_trust
    lists = {
        "version": genuine,  # an old list under a new number
        "signer_unknown": a_list(make_root(), 3, clock),
        "cose_frame": b"nonsense",
        "origin": a_list(root, 5, clock, "https://kho.example.vn"),
        "signature": a_list(root, 6, clock)[:-1] + b"\0",
    }
    for version, signed in enumerate(lists.values(), 2):
        await write_list(owner, version, signed, clock())
    for worker in (catalogue, another()):
        with capture_logs() as logs:
            await worker.refresh()
        assert worker.snapshot.signed_trust == genuine
        assert worker.snapshot.trust.agencies.keys() == {"H17"}
        refused = {entry["reason"] for entry in logs if entry["event"] == "trust list refused"}
        assert refused == lists.keys() - ({"version"} if worker is catalogue else set())


async def test_an_older_list_never_follows_a_newer_one(
    catalogue: Catalogue, owner: asyncpg.Connection, clock: Clock
) -> None:
    await catalogue.upsert_agencies([CITY], [], "clerk")
    await catalogue.register_keys([make_key("H17")], "clerk")
    held = catalogue.snapshot.believed
    assert held.trust.version == 2
    await owner.execute("DELETE FROM trust_list WHERE version = 2")
    await owner.execute("UPDATE catalogue_version SET version = version + 1")
    with capture_logs() as logs:
        await catalogue.refresh()
    assert catalogue.snapshot.believed == held
    assert {"rolled_back"} == {entry["reason"] for entry in logs if "reason" in entry}
    assert "no trust list as new as the one held" in {entry["event"] for entry in logs}
    await owner.execute("DELETE FROM trust_list")
    await owner.execute("UPDATE catalogue_version SET version = version + 1")
    await catalogue.refresh()
    assert catalogue.snapshot.believed == held


async def test_a_list_is_believed_until_its_end_and_for_a_day_without_news(catalogue: Catalogue, clock: Clock) -> None:
    await catalogue.upsert_agencies([CITY], [], "clerk")
    end = clock() + LIST_LIFETIME
    assert catalogue.snapshot.trust.expires_at == (clock() + timedelta(days=1)).timestamp()
    clock.time = end - timedelta(hours=5)
    await catalogue.refresh()
    assert catalogue.snapshot.trust.issued_at == clock().timestamp()
    assert catalogue.snapshot.trust.expires_at == end.timestamp()


async def test_nothing_is_signed_by_a_key_whose_list_has_ended(catalogue: Catalogue, clock: Clock) -> None:
    await catalogue.upsert_agencies([CITY], [], "clerk")
    await catalogue.register_keys([make_key("H17")], "clerk")
    assert catalogue.snapshot.signing_key("H17", clock() + LIST_LIFETIME - timedelta(seconds=1)) is not None
    assert catalogue.snapshot.signing_key("H17", clock() + LIST_LIFETIME) is None


async def test_a_root_at_hand_signs_what_changes_and_nothing_else(catalogue: Catalogue) -> None:
    await catalogue.upsert_agencies([CITY], [], "clerk")
    await catalogue.upsert_agencies([CITY], [], "clerk")
    assert catalogue.snapshot.trust.version == 1
    assert catalogue.snapshot.trust.development
    await catalogue.register_keys([make_key("H17")], "clerk")
    assert catalogue.snapshot.trust.version == 2


async def test_a_list_is_signed_anew_before_it_ends(catalogue: Catalogue, another: Another, clock: Clock) -> None:
    """By whoever is first; once."""
    await catalogue.upsert_agencies([CITY], [], "clerk")
    await catalogue.renew_trust()
    assert catalogue.snapshot.trust.version == 1
    clock.forward(timedelta(days=61))
    workers = [another() for _ in range(3)]
    for worker in workers:
        await worker.refresh()
    for worker in workers:
        await worker.renew_trust()
        assert worker.snapshot.trust.version == 2
        assert worker.snapshot.believed.trust.expires_at == (clock() + LIST_LIFETIME).timestamp()


async def test_a_key_waits_for_its_list(catalogue: Catalogue, another: Another, clock: Clock) -> None:
    """A registered key is listed as one that may sign, before its agency signs with it."""
    await catalogue.upsert_agencies([CITY], [], "clerk")
    waiting = make_key("H17", KeyState.PRE_ACTIVE)
    await catalogue.register_keys([waiting], "clerk")
    assert catalogue.snapshot.trust.keys[waiting.kid].state is KeyState.ACTIVE
    assert catalogue.snapshot.signing_key("H17", clock()) is None


def test_two_lists_that_say_the_same_differ_in_version_and_times_only() -> None:
    one = Trust(1, 2, agencies={"H17": TrustedAgency("H17", "UBND", "City")}, version=1)
    assert say_the_same(one, replace(one, issued_at=5, expires_at=6, version=2))
    assert not say_the_same(one, replace(one, agencies={}))
    assert not say_the_same(one, replace(one, development=True))
