"""An import that cannot go on now, and could later, waits with its file."""

import pytest

from desk import read
from imports.conftest import BulkDesk
from khoso import working
from khoso.errors import NoSigningKey
from khoso.imports.model import JOB_NAME
from sheets import AGENCY, as_csv, badge


async def test_an_import_waits_for_a_key_of_its_agency(bulk: BulkDesk) -> None:
    """As after a stolen key was stopped, until its successor is believed."""
    services = bulk.services
    location = (await bulk.upload(as_csv([badge(number) for number in range(5)]))).headers["location"]
    await services.custody.stop_key(services.catalogue.snapshot.active_keys[AGENCY], bulk.clock(), "clerk")
    with pytest.raises(NoSigningKey):
        await bulk.work(location)
    shown = read(await bulk.get(location), 200)
    assert (shown["state"], shown["rows_invalid"]) == ("validating", 0)
    await services.custody.add_key(AGENCY, services.keys.make_agency_key(), "clerk")
    shown = await bulk.work(location)
    assert (shown["state"], shown["rows_issued"]) == ("finished", 5)


async def test_the_worker_tells_why_an_import_waits(bulk: BulkDesk, capsys: pytest.CaptureFixture[str]) -> None:
    """And the queue takes it for done: `resume` brings it again."""
    services = bulk.services
    location = (await bulk.upload(as_csv([badge(1)]))).headers["location"]
    await services.custody.stop_key(services.catalogue.snapshot.active_keys[AGENCY], bulk.clock(), "clerk")
    await working.carry_out_import(services, location.rsplit("/", 1)[1].encode(), lambda: False)
    told = capsys.readouterr().out
    assert "import waits" in told
    assert "NoSigningKey" in told
    await bulk.desk.rows("DELETE FROM pgqueuer")
    await working.resume_imports(services)
    assert [row["entrypoint"] for row in await bulk.desk.rows("SELECT entrypoint FROM pgqueuer")] == [JOB_NAME]
