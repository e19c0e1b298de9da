"""Keys in a hardware security module: a few threads, each with its own session, sign what the event loop hands them.

The threads are the device's alone, so that one which hangs in it holds up nothing else. A device that was lost is
looked for again by itself: with a new session, then with its library started anew, and not more than once a second.
"""

import asyncio
import concurrent.futures
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from queue import SimpleQueue
from typing import Any, TypeAlias, TypeVar

import structlog
from cryptography.hazmat.primitives.asymmetric import ec

from khoso.errors import KeyStoreError, Unavailable
from khoso.signing import device_keys
from khoso.signing.access import Access, DeviceAway
from khoso.signing.cryptoki import CkError, Cryptoki

T = TypeVar("T")
Answer: TypeAlias = "concurrent.futures.Future[Any]"

MAX_WAITING = 128
"""Papers that wait for the device in one process. With those being signed they leave other requests a quarter of it."""

_PATIENCE_SECONDS = 10.0
_PAUSE_SECONDS = 1.0
_CLOSING_SECONDS = 2.0
_SECOND_TRY_SECONDS, _THIRD_TRY_SECONDS = 0.05, 0.2
"""Some libraries do not see a token while another process logs in to it: SoftHSM2 writes its file then."""

log = structlog.get_logger(__name__)


class Seat:
    """One thread's session with the device, and the keys that it has found there."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self._run = 0
        self._session: int | None = None
        self._keys: dict[bytes, int] = {}

    def sign(self, kid: bytes, message: bytes) -> bytes:
        """The signature, from a new session if the last one is lost. Raises KeyStoreError or DeviceAway."""
        try:
            return self._try_to_sign(kid, message)
        except (CkError, KeyStoreError):  # a session that has died can also say that there is no such key
            self.leave()
        time.sleep(_SECOND_TRY_SECONDS)
        try:
            return self._try_to_sign(kid, message)
        except CkError:
            self._access.library.start_anew(self._run)
        time.sleep(_THIRD_TRY_SECONDS)
        try:
            return self._try_to_sign(kid, message)
        except CkError as error:
            raise self._access.away(error) from None

    def make_key(self, label: str) -> ec.EllipticCurvePublicKey:
        """A new key in the device. Raises KeyStoreError or DeviceAway."""
        return self._once(lambda cryptoki, session: device_keys.make_key(cryptoki, session, label), writing=True)

    def check(self) -> None:
        """Raise DeviceAway unless the token is there and takes the PIN."""
        self._once(lambda cryptoki, session: None, after_refusal=True)

    def leave(self) -> None:
        """Give the session back, if there still is one."""
        if self._session is not None:
            with suppress(CkError), self._access.library.calling() as cryptoki:
                if self._run == self._access.library.run:
                    cryptoki.close_session(self._session)
            self._session = None

    def _try_to_sign(self, kid: bytes, message: bytes) -> bytes:
        with self._access.library.calling() as cryptoki:
            session = self._sit_down(cryptoki)
            key = self._keys.get(kid)
            if key is None:
                key = self._keys[kid] = device_keys.find_key(cryptoki, session, kid)
            return device_keys.sign(cryptoki, session, key, message)

    def _sit_down(self, cryptoki: Cryptoki) -> int:
        """The session of this run of the library."""
        if self._session is None or self._run != self._access.library.run:
            self._keys.clear()
            self._session, self._run = None, self._access.library.run
            self._session = self._access.open_session(cryptoki)
        return self._session

    def _once(self, task: Callable[[Cryptoki, int], T], **how: bool) -> T:
        """Do something in a session of its own, without a second try."""
        try:
            with self._access.library.calling() as cryptoki:
                session = self._access.open_session(cryptoki, **how)
                try:
                    return task(cryptoki, session)
                finally:
                    cryptoki.close_session(session)
        except CkError as error:
            raise self._access.away(error) from None


class _Work:
    """Messages for one key, signed by several threads."""

    def __init__(self, kid: bytes, messages: Sequence[bytes]) -> None:
        self._kid = kid
        self._messages = messages
        self.signatures = [b""] * len(messages)
        self.abandoned = False

    @property
    def done(self) -> int:
        return sum(map(bool, self.signatures))

    def sign(self, share: range, seat: Seat) -> None:
        """Sign one thread's share, unless nobody waits for it any more."""
        for position in share:
            if self.abandoned:
                return
            self.signatures[position] = seat.sign(self._kid, self._messages[position])


class Device:
    """A device in which agencies' keys lie, for one event loop."""

    def __init__(
        self, access: Access, sessions: int, *, patience: float = _PATIENCE_SECONDS, pause: float = _PAUSE_SECONDS
    ) -> None:
        """After `patience` seconds without a signature the device hangs; once away, it has `pause` seconds of peace."""
        self._access = access
        self._sessions = sessions
        self._patience = patience
        self._pause = pause
        self._tasks: SimpleQueue[tuple[Callable[[Seat], Any], Answer] | None] = SimpleQueue()
        self._threads: list[Answer] = []
        self._hanging: set[asyncio.Future[Any]] = set()
        self._away: str | None = None
        self._away_until = 0.0

    def signer(self, kid: bytes) -> "DeviceSigner":
        """The key with that kid, which is looked for when it has to sign."""
        return DeviceSigner(self, kid)

    async def sign(self, kid: bytes, messages: Sequence[bytes]) -> list[bytes]:
        """A raw 64-byte ES256 signature for each message, by all sessions at once.

        Raises Unavailable if the device is away or hangs, KeyStoreError if it has no such key.
        """
        if time.monotonic() < self._away_until or len(self._hanging) >= self._sessions:
            raise Unavailable(f"the signing device is away: {self._away}")
        work = _Work(kid, messages)
        try:
            await self._finish(work)
        except DeviceAway as error:
            raise self._note_away(str(error)) from None
        finally:
            work.abandoned = True
        self._note_back()
        return work.signatures

    async def make_key(self, label: str) -> ec.EllipticCurvePublicKey:
        """A new key that can sign and never leave. Raises KeyStoreError."""
        try:
            return await self._ask(lambda seat: seat.make_key(label))
        except DeviceAway as error:
            raise KeyStoreError(str(error)) from None

    async def check(self) -> None:
        """Raise KeyStoreError, saying what to do, unless the device is there and takes the PIN."""
        try:
            await asyncio.wait_for(self._ask(Seat.check), self._patience)
        except DeviceAway as error:
            raise KeyStoreError(str(error)) from None
        except TimeoutError:
            raise KeyStoreError("the signing device does not answer") from None

    async def close(self) -> None:
        """Give the sessions back; a thread that hangs is left to the end of the process."""
        for _ in self._threads:
            self._tasks.put(None)
        if self._threads:
            await asyncio.wait([asyncio.wrap_future(ended) for ended in self._threads], timeout=_CLOSING_SECONDS)
        self._threads = []

    async def _finish(self, work: _Work) -> None:
        """Wait for the whole work, as long as it gets on."""
        everything = range(len(work.signatures))
        shares = [everything[first :: self._sessions] for first in range(min(self._sessions, len(everything)))]
        pending = {self._ask(partial(work.sign, share)) for share in shares}
        while pending:
            before = work.done
            done, pending = await asyncio.wait(pending, timeout=self._patience, return_when=asyncio.FIRST_EXCEPTION)
            for share in done:
                share.result()
            if pending and work.done == before:
                self._note_hanging(pending)
                raise DeviceAway(f"no signature for {self._patience:.0f} s")

    def _ask(self, task: Callable[[Seat], T]) -> "asyncio.Future[T]":
        """What the next free thread makes of the task."""
        if not self._threads:
            self._start()
        answer: concurrent.futures.Future[T] = concurrent.futures.Future()
        self._tasks.put((task, answer))
        future = asyncio.wrap_future(answer)
        future.add_done_callback(lambda f: f.cancelled() or f.exception())  # seen, also if nobody waits any more
        return future

    def _start(self) -> None:
        # Daemons: the process ends without waiting for a device that does not answer.
        for number in range(self._sessions):
            ended: Answer = concurrent.futures.Future()
            threading.Thread(target=self._serve, args=(ended,), name=f"signing-{number}", daemon=True).start()
            self._threads.append(ended)

    def _serve(self, ended: Answer) -> None:
        seat = Seat(self._access)
        while (asked := self._tasks.get()) is not None:
            task, answer = asked
            if answer.set_running_or_notify_cancel():
                try:
                    answer.set_result(task(seat))
                except BaseException as error:  # noqa: BLE001 - raised again, to whoever asked
                    answer.set_exception(error)
        seat.leave()
        ended.set_result(None)

    def _note_hanging(self, pending: set["asyncio.Future[Any]"]) -> None:
        self._hanging |= pending
        for share in pending:
            share.add_done_callback(self._hanging.discard)

    def _note_away(self, reason: str) -> Unavailable:
        if self._away is None:
            log.error("signing device away", reason=reason)
        self._away, self._away_until = reason, time.monotonic() + self._pause
        return Unavailable(f"the signing device is away: {reason}")

    def _note_back(self) -> None:
        if self._away is not None:
            log.warning("signing device back")
        self._away = None


class DeviceSigner:
    """Signs with one agency key that lies in the device."""

    place = "device"
    max_waiting = MAX_WAITING

    def __init__(self, device: Device, kid: bytes) -> None:
        self._device = device
        self._kid = kid

    async def sign(self, messages: Sequence[bytes]) -> list[bytes]:
        """A raw 64-byte ES256 signature for each message. Raises Unavailable or KeyStoreError."""
        return await self._device.sign(self._kid, messages)
