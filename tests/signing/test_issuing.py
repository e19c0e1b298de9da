"""Agencies whose keys lie in a device beside agencies whose keys are files: over HTTP, up to the record."""

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

import invariants
from desk import AGENCY, OTHER_AGENCY, Desk, Json, problem, read
from grounds import Clock, open_client
from khoso.caller import everything_of
from khoso.catalogue.model import SigningKey
from khoso.config import Config
from khoso.formats import cose, link
from khoso.formats.trust import KeyState
from khoso.formats.trust_list import public_der
from khoso.imports.model import Upload
from khoso.imports.running import run_import
from khoso.signing.cryptoki import Cryptoki
from khoso.wiring import open_services
from samples import house_permit
from sheets import AGENCY as BADGE_AGENCY
from sheets import TYPE_CODE, as_csv, badge
from softhsm import SoftHsm, needs_softhsm

pytestmark = needs_softhsm


@pytest.fixture
def hsm_config(config: Config, hsm: SoftHsm) -> Config:
    return hsm.settings(config)


@pytest.fixture
async def desk(hsm_config: Config, clock: Clock) -> AsyncIterator[Desk]:
    """One worker; the agency has a key in the device, all others have files."""
    await rotate(hsm_config, clock, AGENCY)
    async with open_client(hsm_config, clock) as client:
        yield Desk(client, hsm_config.keys_dir, clock, hsm_config.database_owner_url)
    await invariants.check_everything(hsm_config.database_owner_url)


async def rotate(config: Config, clock: Clock, agency: str) -> bytes:
    """Give the agency a key in the device; that in a file retires."""
    async with open_services(config, clock) as services:
        key = await services.signers.device.make_key(f"khoso {agency}")
        kid = cose.key_id(key)
        made = SigningKey(
            kid=kid, agency_code=agency, public_key=public_der(key), state=KeyState.ACTIVE, valid_from=clock()
        )
        await services.catalogue.register_keys([made], "test")
        return kid


def kid_of(code: str, config: Config) -> bytes:
    return cose.parse(link.parse(code, config.public_url)).unverified_kid


async def until_issued_by(desk: Desk, config: Config, kid: bytes) -> Json:
    """A paper by that key, of which a worker hears when the database tells it."""
    while True:
        issued = await desk.issue()
        if kid_of(issued["code"], config) == kid:
            return issued
        await asyncio.sleep(0.05)


async def until_issued(desk: Desk, request: Json, key: str) -> Json:
    """The paper, once the device is back, which is looked for once a second."""
    while True:
        answer = await desk.try_issue(request, key)
        if answer.status_code != 503:
            issued: Json = read(answer, 201)
            return issued
        await asyncio.sleep(0.1)


async def test_the_keys_of_both_kinds_issue_side_by_side(desk: Desk, hsm_config: Config) -> None:
    asked = [desk.try_issue(house_permit(n), agency=AGENCY if n % 2 else OTHER_AGENCY) for n in range(40)]
    issued = [read(answer, 201) for answer in await asyncio.gather(*asked)]
    assert len({kid_of(one["code"], hsm_config) for one in issued}) == 2
    for one in issued:
        assert (await desk.verify(code=one["code"]))["outcome"] == "in_force"


async def test_an_agency_goes_from_a_file_to_the_device(hsm_config: Config, clock: Clock) -> None:
    async with open_client(hsm_config, clock) as client:
        desk = Desk(client, hsm_config.keys_dir, clock, hsm_config.database_owner_url)
        before = await desk.issue()
        kid = await rotate(hsm_config, clock, AGENCY)
        after = await until_issued_by(desk, hsm_config, kid)
        for one in (before, after):
            assert (await desk.verify(code=one["code"]))["outcome"] == "in_force"
    await invariants.check_everything(hsm_config.database_owner_url)


async def test_two_hundred_at_once_in_two_workers(hsm_config: Config, clock: Clock) -> None:
    await rotate(hsm_config, clock, AGENCY)
    async with AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(open_client(hsm_config, clock)) for _ in range(2)]
        desks = [Desk(one, hsm_config.keys_dir, clock, hsm_config.database_owner_url) for one in clients]
        asked = [desks[n % 2].try_issue(house_permit(n), f"key-{n}") for n in range(200)]
        issued = [read(answer, 201) for answer in await asyncio.gather(*asked)]
        assert len({one["code"] for one in issued}) == len({one["result_code"] for one in issued}) == 200
        for one in issued:
            assert (await desks[0].verify(code=one["code"]))["outcome"] == "in_force"
    await invariants.check_everything(hsm_config.database_owner_url)


async def test_a_file_of_results(hsm_config: Config, clock: Clock) -> None:
    kid = await rotate(hsm_config, clock, BADGE_AGENCY)
    async with open_services(hsm_config, clock) as services:
        upload = Upload(type_code=TYPE_CODE, file_format="csv", issue_valid=False, idempotency_key="badges")
        content = as_csv([badge(number) for number in range(1, 61)])

        async def pieces() -> AsyncIterator[bytes]:
            yield content

        job = await services.imports.receive(upload, BADGE_AGENCY, "test", pieces())
        await run_import(services.pool, services.bulk, job.import_id, clock, chunk_rows=25)
        done = await services.imports.get_import(job.import_id, everything_of(BADGE_AGENCY))
    assert (done.state, done.rows_issued) == ("finished", 60)
    desk = Desk(None, hsm_config.keys_dir, clock, hsm_config.database_owner_url)  # type: ignore[arg-type]
    signed = await desk.rows("SELECT signed FROM credential")
    assert {cose.parse(row["signed"]).unverified_kid for row in signed} == {kid}
    await invariants.check_everything(hsm_config.database_owner_url)


async def test_while_the_device_is_away_everything_else_goes_on(desk: Desk, hsm: SoftHsm) -> None:
    before = await desk.issue()
    hsm.lose()
    mine = [desk.try_issue(house_permit(n), f"mine-{n}") for n in range(40)]
    others = [desk.try_issue(house_permit(n), f"other-{n}", agency=OTHER_AGENCY) for n in range(40, 80)]
    answers = await asyncio.gather(*mine, *others)
    for refused in answers[:40]:
        problem(refused, 503, "unavailable")
        assert refused.headers["retry-after"] == "5"
    for issued in answers[40:]:
        read(issued, 201)
    assert (await desk.verify(code=before["code"]))["outcome"] == "in_force"
    assert len(await desk.rows("SELECT FROM credential WHERE agency_code = $1", AGENCY)) == 1

    hsm.bring_back()
    first = await until_issued(desk, house_permit(0), "mine-0")
    assert (await desk.verify(code=first["code"]))["outcome"] == "in_force"
    assert read(await desk.try_issue(house_permit(0), "mine-0"), 201) == first


async def test_what_was_issued_is_still_the_answer_when_its_key_is_gone(desk: Desk, hsm: SoftHsm) -> None:
    issued = read(await desk.try_issue(house_permit(1), "once"), 201)
    hsm.lose()
    assert read(await desk.try_issue(house_permit(1), "once"), 201) == issued


async def test_more_than_the_device_can_sign_wait_in_bounds_and_leave_room_for_others(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, go_on = await desk.issue(), threading.Event()
    really = Cryptoki.sign

    def wait(self: Cryptoki, session: int, key: int, digest: bytes) -> bytes:
        go_on.wait()
        return really(self, session, key, digest)

    monkeypatch.setattr(Cryptoki, "sign", wait)
    asked = [asyncio.create_task(desk.try_issue(house_permit(n), f"key-{n}")) for n in range(300)]
    await asyncio.wait(asked, return_when=asyncio.FIRST_COMPLETED)
    assert (await desk.verify(code=before["code"]))["outcome"] == "in_force"
    read(await desk.try_issue(house_permit(999), "other", agency=OTHER_AGENCY), 201)
    go_on.set()
    answers = await asyncio.gather(*asked)
    served = [answer for answer in answers if answer.status_code == 201]
    assert 128 <= len(served) <= 192, "at most two batches wait while a third is signed"
    for number, answer in enumerate(answers):
        if answer not in served:
            problem(answer, 503, "unavailable")
            read(await desk.try_issue(house_permit(number), f"key-{number}"), 201)
