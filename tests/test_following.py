"""A copy in memory is followed whatever happens."""

import asyncio
from contextlib import suppress

import pytest

from khoso import following
from khoso.errors import Unavailable
from khoso.following import follow, in_background


@pytest.mark.parametrize("fault", [Unavailable("away"), ValueError("079200000001 is no number")])
async def test_a_refresh_that_failed_is_tried_again(
    fault: Exception, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(following, "_PAUSE_SECONDS", 0.0)
    monkeypatch.setattr(following, "POLL_SECONDS", 0.01)
    refreshed = asyncio.Event()
    faults = iter([fault])

    async def refresh() -> None:
        for one in faults:
            raise one
        refreshed.set()

    following_it = asyncio.create_task(follow("statuses", refresh, asyncio.Event()))
    async with asyncio.timeout(30):
        await refreshed.wait()
    following_it.cancel()
    with suppress(asyncio.CancelledError):
        await following_it
    assert "079200000001" not in capsys.readouterr().out


async def test_work_in_the_background_does_not_end_unnoticed(capsys: pytest.CaptureFixture[str]) -> None:
    async def fall_over() -> None:
        raise ValueError("079200000001 is no number")

    async with in_background(fall_over(), asyncio.sleep(3600)):
        await asyncio.sleep(0.01)
    told = capsys.readouterr().out
    assert told.count("background work ended") == 1
    assert "ValueError" in told
    assert "079200000001" not in told
