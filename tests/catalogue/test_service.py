import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from msgspec.structs import replace as replaced

from catalogue.keys import make_key
from grounds import Clock
from khoso import db
from khoso.auditing.service import AUDITING
from khoso.catalogue import danang, trusting
from khoso.catalogue.model import Agency, Right, Seed, SigningKey, Successor
from khoso.catalogue.service import Catalogue
from khoso.db import Connection, Pool
from khoso.errors import InvalidInput
from khoso.formats import cose
from khoso.formats.result_type import ResultType
from khoso.formats.trust import KeyState

Another = Callable[[], Catalogue]

SEED = danang.load()
HOUSE: ResultType = next(definition for definition in SEED.types if definition.code == "KQ.H17.000001")
CITY = Agency(agency_code="H17", name_vi="UBND thành phố", name_en="City", level="city", valid_from=date(1997, 1, 1))


async def problems_of(act: Awaitable[None]) -> set[str]:
    with pytest.raises(InvalidInput) as refused:
        await act
    return {problem.code for problem in refused.value.problems}


def test_before_the_first_refresh_nothing_is_believed(catalogue: Catalogue, clock: Clock) -> None:
    assert catalogue.snapshot.trust.expires_at <= clock().timestamp()
    assert not catalogue.snapshot.types


async def test_the_whole_of_da_nang_is_loaded_and_read_back(
    catalogue: Catalogue, another: Another, clock: Clock
) -> None:
    await catalogue.load(SEED, "clerk")
    other = another()
    await other.refresh()
    snapshot = other.snapshot
    assert snapshot == catalogue.snapshot
    assert snapshot.version == 1
    assert snapshot.agencies == {agency.agency_code: agency for agency in SEED.agencies}
    assert snapshot.types == {(definition.code, definition.version): definition for definition in SEED.types}
    assert snapshot.successors["H17.03"] == ("H17.03.11", "H17.03.12")
    assert snapshot.rights["H17.05.12", "KQ.H17.000001"].valid_from == datetime(2025, 6, 30, 17, tzinfo=UTC)
    assert "KQ.H17.000001" in snapshot.trust.agencies["H17.05"].may_issue
    assert not snapshot.may_issue("H17.05", "KQ.H17.000001", clock())


async def test_loading_again_changes_nothing(catalogue: Catalogue) -> None:
    await catalogue.load(SEED, "clerk")
    before = catalogue.snapshot
    await catalogue.load(SEED, "clerk")
    assert catalogue.snapshot._replace(version=before.version) == before


async def test_refresh_sees_what_another_worker_committed(catalogue: Catalogue, another: Another) -> None:
    other = another()
    await other.refresh()
    await catalogue.publish_type(HOUSE, "clerk")
    assert HOUSE.code not in other.snapshot.latest
    await other.refresh()
    assert other.snapshot.latest[HOUSE.code] == HOUSE


async def test_a_refresh_without_news_only_renews_trust(catalogue: Catalogue, clock: Clock) -> None:
    await catalogue.load(SEED, "clerk")
    before = catalogue.snapshot
    clock.forward(timedelta(hours=5))
    await catalogue.refresh()
    assert catalogue.snapshot.agencies is before.agencies
    assert catalogue.snapshot.trust.keys is before.trust.keys
    assert catalogue.snapshot.trust.expires_at == before.trust.expires_at + 5 * 3600
    assert catalogue.snapshot.trust.expires_at == clock().timestamp() + 24 * 3600


async def test_workers_are_told_of_a_change(catalogue: Catalogue, pool: Pool) -> None:
    told: asyncio.Queue[str] = asyncio.Queue()
    async with pool.acquire() as conn:
        await conn.add_listener("khoso_catalogue", lambda *arguments: told.put_nowait(str(arguments[-1])))
        await catalogue.publish_type(HOUSE, "clerk")
        assert await asyncio.wait_for(told.get(), 5) == "1"
        await conn.reset()


async def test_every_change_is_audited(catalogue: Catalogue, pool: Pool, clock: Clock) -> None:
    await catalogue.publish_type(HOUSE, "clerk")
    async with db.transaction(pool, AUDITING) as conn:
        rows = await conn.fetch("SELECT at, actor, act, subject FROM audit")
    assert [tuple(row) for row in rows] == [(clock(), "clerk", "publish_type", "KQ.H17.000001 v1")]


async def test_versions_rise_by_one_and_stay(catalogue: Catalogue) -> None:
    await catalogue.publish_type(HOUSE, "clerk")
    second = replace(HOUSE, version=2, name_vi="Giấy phép xây dựng")
    await catalogue.publish_type(second, "clerk")
    assert catalogue.snapshot.latest[HOUSE.code] == second
    assert catalogue.snapshot.types[HOUSE.code, 1] == HOUSE
    assert await problems_of(catalogue.publish_type(replace(HOUSE, version=4), "clerk")) == {"version"}
    assert await problems_of(catalogue.publish_type(replace(HOUSE, name_vi="Khác"), "clerk")) == {"version"}


async def test_two_publishers_of_one_version_are_told_apart(another: Another) -> None:
    rivals = [replace(HOUSE, name_vi=f"Giấy phép {number}") for number in range(4)]
    workers = [another() for _ in rivals]
    outcomes = await asyncio.gather(
        *(worker.publish_type(rival, "clerk") for worker, rival in zip(workers, rivals, strict=True)),
        return_exceptions=True,
    )
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["InvalidInput"] * 3 + ["NoneType"]


async def test_a_refused_change_leaves_no_trace(catalogue: Catalogue, pool: Pool) -> None:
    await problems_of(catalogue.publish_type(replace(HOUSE, glance=("nothing",)), "clerk"))
    await catalogue.refresh()
    assert catalogue.snapshot.version == 0
    async with db.transaction(pool, AUDITING) as conn:
        assert await conn.fetchval("SELECT count(*) FROM audit") == 0


async def test_agencies_are_written_again_and_their_faults_named(catalogue: Catalogue) -> None:
    await catalogue.upsert_agencies([CITY], [], "clerk")
    await catalogue.upsert_agencies([replaced(CITY, name_vi="UBND thành phố Đà Nẵng")], [], "clerk")
    assert catalogue.snapshot.agencies["H17"].name_vi == "UBND thành phố Đà Nẵng"
    for wrong, code in [
        (replaced(CITY, parent_code="H99"), "unknown"),
        (replaced(CITY, agency_code="h17"), "form"),
        (replaced(CITY, valid_until=CITY.valid_from), "order"),
    ]:
        assert await problems_of(catalogue.upsert_agencies([wrong], [], "clerk")) == {code}
    nobody = Successor(agency_code="H17", successor_code="H99", since=date(2026, 1, 1))
    assert await problems_of(catalogue.upsert_agencies([], [nobody], "clerk")) == {"unknown"}
    assert await problems_of(
        catalogue.upsert_agencies([], [replaced(nobody, agency_code="H99", successor_code="H17")], "clerk")
    ) == {"unknown"}


async def test_a_right_ends_but_what_was_issued_under_it_stays_authorised(catalogue: Catalogue, clock: Clock) -> None:
    await catalogue.publish_type(HOUSE, "clerk")
    await catalogue.upsert_agencies([CITY], [], "clerk")
    right = Right(agency_code="H17", type_code=HOUSE.code, valid_from=clock() - timedelta(days=9))
    assert not catalogue.snapshot.may_issue("H17", HOUSE.code, clock())
    await catalogue.grant([right], "clerk")
    assert catalogue.snapshot.may_issue("H17", HOUSE.code, clock())
    await catalogue.grant([replaced(right, valid_until=clock())], "clerk")
    assert not catalogue.snapshot.may_issue("H17", HOUSE.code, clock())
    assert catalogue.snapshot.may_issue("H17", HOUSE.code, clock() - timedelta(days=1))
    assert HOUSE.code in catalogue.snapshot.trust.agencies["H17"].may_issue


async def test_rights_name_what_exists(catalogue: Catalogue, clock: Clock) -> None:
    await catalogue.publish_type(HOUSE, "clerk")
    right = Right(agency_code="H17", type_code=HOUSE.code, valid_from=clock())
    assert await problems_of(catalogue.grant([right], "clerk")) == {"unknown"}
    assert await problems_of(catalogue.grant([replaced(right, type_code="KQ.H17.000999")], "clerk")) == {"unknown_type"}


async def test_a_new_active_key_retires_the_old_one(catalogue: Catalogue, clock: Clock) -> None:
    await catalogue.upsert_agencies([CITY], [], "clerk")
    old, new = make_key("H17"), make_key("H17")
    await catalogue.register_keys([old], "clerk")
    assert catalogue.snapshot.active_keys == {"H17": old.kid}
    assert catalogue.snapshot.signing_key("H17", clock()) == old.kid
    assert catalogue.snapshot.signing_key("H17", old.valid_from - timedelta(seconds=1)) is None, "nothing good yet"
    assert catalogue.snapshot.signing_key("H18", clock()) is None
    await catalogue.register_keys([new], "clerk")
    assert catalogue.snapshot.active_keys == {"H17": new.kid}
    assert catalogue.snapshot.trust.keys[old.kid].state is KeyState.RETIRED
    assert catalogue.snapshot.trust.keys[new.kid].agency_code == "H17"
    await catalogue.register_keys([new], "clerk")
    assert catalogue.snapshot.active_keys == {"H17": new.kid}


async def test_a_key_only_moves_on(catalogue: Catalogue) -> None:
    await catalogue.upsert_agencies([CITY, replaced(CITY, agency_code="H18")], [], "clerk")
    retired = make_key("H17", KeyState.RETIRED)
    await catalogue.register_keys([retired], "clerk")
    again = replaced(retired, state=KeyState.ACTIVE)
    assert await problems_of(catalogue.register_keys([again], "clerk")) == {"key_state"}
    assert await problems_of(catalogue.register_keys([replaced(retired, agency_code="H18")], "clerk")) == {"key_state"}


def wrong_curve() -> SigningKey:
    public = ec.generate_private_key(ec.SECP384R1()).public_key()
    der = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    key: SigningKey = replaced(make_key("H17"), public_key=der, kid=cose.key_id(public))
    return key


async def test_a_key_that_no_worker_could_use_is_refused(catalogue: Catalogue, clock: Clock) -> None:
    await catalogue.upsert_agencies([CITY], [], "clerk")
    good = make_key("H17")
    for wrong, code in [
        (replaced(good, public_key=b"nonsense"), "public_key"),
        (wrong_curve(), "public_key"),
        (replaced(good, kid=bytes(8)), "kid"),
        (replaced(good, compromised_at=clock()), "compromised"),
        (make_key("H17", KeyState.COMPROMISED), "compromised"),
        (replaced(good, agency_code="H99"), "unknown"),
    ]:
        assert await problems_of(catalogue.register_keys([wrong], "clerk")) == {code}
    assert await problems_of(catalogue.register_keys([good, make_key("H17")], "clerk")) == {"two_active"}


async def test_a_slow_refresh_puts_nothing_older_in_the_place_of_a_change(
    catalogue: Catalogue, another: Another, monkeypatch: pytest.MonkeyPatch
) -> None:
    await another().upsert_agencies([CITY], [], "clerk")
    reading, may_go_on, read_content = asyncio.Event(), asyncio.Event(), trusting.read_content

    async def read_slowly(conn: Connection) -> Seed:
        content = await read_content(conn)
        if not reading.is_set():
            reading.set()
            await may_go_on.wait()
        return content

    monkeypatch.setattr(trusting, "read_content", read_slowly)
    slow = asyncio.create_task(catalogue.refresh())
    await reading.wait()
    change = asyncio.create_task(catalogue.upsert_agencies([replaced(CITY, name_en="Renamed")], [], "clerk"))
    await asyncio.wait([change], timeout=1)
    may_go_on.set()
    await asyncio.gather(slow, change)
    assert catalogue.snapshot.agencies["H17"].name_en == "Renamed"
