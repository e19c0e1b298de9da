"""Many callers, one batch: who travels together, who is told what, and that nobody is forgotten."""

import asyncio
from collections.abc import Sequence

import pytest

from khoso.coalescing import Coalescer
from khoso.errors import NotFound, Unavailable


class Ferry:
    """Doubles numbers; refuses 13 in its answer, sinks with 99 on board, and does not leave in a storm."""

    def __init__(self) -> None:
        self.crossings: list[list[int]] = []
        self.may_leave = asyncio.Event()
        self.may_leave.set()
        self.storm = False

    async def carry(self, items: Sequence[int]) -> Sequence[int | Exception]:
        self.crossings.append(list(items))
        await self.may_leave.wait()
        if self.storm:
            raise Unavailable("storm")
        if 99 in items:
            raise RuntimeError("sunk")
        return [NotFound("13") if item == 13 else 2 * item for item in items]


@pytest.fixture
def ferry() -> Ferry:
    return Ferry()


def coalescer(ferry: Ferry, max_batch: int = 4, max_waiting: int = 100) -> Coalescer[int, int]:
    return Coalescer(ferry.carry, max_batch=max_batch, max_waiting=max_waiting)


async def submit(to: Coalescer[int, int], *items: int) -> list[int | BaseException]:
    return await asyncio.gather(*(to.submit(item) for item in items), return_exceptions=True)


async def test_a_lone_caller_goes_at_once_and_a_crowd_travels_together(ferry: Ferry) -> None:
    boats = coalescer(ferry)
    assert await submit(boats, 1) == [2]
    ferry.may_leave.clear()
    first = asyncio.create_task(boats.submit(2))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    others = asyncio.create_task(submit(boats, 3, 4, 5, 6, 7))
    await asyncio.sleep(0)
    ferry.may_leave.set()
    assert await first == 4
    assert await others == [6, 8, 10, 12, 14]
    assert ferry.crossings == [[1], [2], [3, 4, 5, 6], [7]]


async def test_each_gets_his_own_answer_and_his_own_error(ferry: Ferry) -> None:
    answers = await submit(coalescer(ferry), 1, 13, 2)
    assert answers[0::2] == [2, 4]
    assert isinstance(answers[1], NotFound)


async def test_only_the_guilty_fails_when_a_batch_does(ferry: Ferry) -> None:
    answers = await submit(coalescer(ferry), 1, 99, 13, 3)
    assert (answers[0], answers[3]) == (2, 6)
    assert isinstance(answers[1], RuntimeError)
    assert isinstance(answers[2], NotFound)
    assert ferry.crossings == [[1, 99, 13, 3], [1], [99], [13], [3]]


async def test_when_nobody_can_be_carried_all_are_told_and_none_is_tried_alone(ferry: Ferry) -> None:
    boats = coalescer(ferry)
    ferry.storm = True
    assert [type(answer) for answer in await submit(boats, 1, 2, 3)] == [Unavailable] * 3
    assert ferry.crossings == [[1, 2, 3]]
    ferry.storm = False
    assert await submit(boats, 4) == [8], "the next one crosses"


async def test_too_many_are_turned_away_at_once(ferry: Ferry) -> None:
    boats = coalescer(ferry, max_batch=1, max_waiting=3)
    ferry.may_leave.clear()
    waiting = asyncio.create_task(submit(boats, 1, 2, 3))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    late = asyncio.create_task(submit(boats, 4, 5))
    await asyncio.sleep(0)
    ferry.may_leave.set()
    assert await waiting == [2, 4, 6]
    assert [type(answer) for answer in await late] == [int, Unavailable]


async def test_who_gives_up_leaves_the_others_where_they_are(ferry: Ferry) -> None:
    boats = coalescer(ferry)
    ferry.may_leave.clear()
    tasks = [asyncio.create_task(boats.submit(item)) for item in (1, 2, 3)]
    await asyncio.sleep(0)
    tasks[1].cancel()
    ferry.may_leave.set()
    answers = await asyncio.gather(*tasks, return_exceptions=True)
    assert (answers[0], answers[2]) == (2, 6)
    assert isinstance(answers[1], asyncio.CancelledError)


async def test_draining_waits_for_everything_submitted(ferry: Ferry) -> None:
    boats = coalescer(ferry)
    await boats.drain()
    ferry.may_leave.clear()
    waiting = asyncio.create_task(submit(boats, *range(9)))
    await asyncio.sleep(0)
    draining = asyncio.create_task(boats.drain())
    await asyncio.sleep(0.01)
    assert not draining.done()
    ferry.may_leave.set()
    await draining
    assert await waiting == [2 * item for item in range(9)]
