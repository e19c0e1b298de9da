"""Many callers, one batch: concurrent requests share a transaction, so durability costs one commit for all of them.

Nothing waits on purpose. While one batch is being written the next one gathers, so a lone request goes at once and a
crowd travels together.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from khoso.errors import Unavailable

Item = TypeVar("Item")
Answer = TypeVar("Answer")


class Coalescer(Generic[Item, Answer]):
    """Hands items to `handle` in batches of at most `max_batch`, and each caller his own answer.

    `handle` returns one answer per item, in order; an answer that is an exception is raised to that caller alone. If
    `handle` raises Unavailable, the whole batch gets it; any other error is some item's fault, and the items are tried
    one at a time so that only the guilty fails. One batch is under way at a time: two would be smaller and cost more.
    At most `max_waiting` items wait; more raise Unavailable.
    """

    def __init__(
        self,
        handle: Callable[[Sequence[Item]], Awaitable[Sequence[Answer | Exception]]],
        *,
        max_batch: int,
        max_waiting: int = 10_000,
    ) -> None:
        self._handle = handle
        self._max_batch = max_batch
        self._max_waiting = max_waiting
        self._waiting: list[tuple[Item, asyncio.Future[Answer]]] = []
        self._writer: asyncio.Task[None] | None = None

    async def submit(self, item: Item) -> Answer:
        """The answer to one item. A caller who gives up leaves the batch as it is."""
        if len(self._waiting) >= self._max_waiting:
            raise Unavailable("too many requests are waiting")
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
        if self._writer is None:
            self._writer = asyncio.create_task(self._write())
        return await future

    async def drain(self) -> None:
        """Wait until everything submitted so far is answered."""
        if self._writer is not None:
            await asyncio.wait([self._writer])

    async def _write(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[: self._max_batch], self._waiting[self._max_batch :]
                await self._write_batch(batch)
        finally:
            # Here and not in a callback: an item that comes before the callback ran would wait for nobody.
            self._writer = None

    async def _write_batch(self, batch: list[tuple[Item, asyncio.Future[Answer]]]) -> None:
        answers = await self._answers([item for item, _ in batch])
        for (_, future), answer in zip(batch, answers, strict=True):
            if future.done():
                continue
            if isinstance(answer, Exception):
                future.set_exception(answer)
            else:
                future.set_result(answer)

    async def _answers(self, items: list[Item]) -> Sequence[Answer | Exception]:
        try:
            return await self._handle(items)
        except Unavailable as error:
            return [error] * len(items)
        except Exception as error:  # noqa: BLE001 - raised again, to the caller whose item it is
            if len(items) == 1:
                return [error]
            return [answer for item in items for answer in await self._answers([item])]
