"""What a signature costs from a file and from a device (SoftHSM2), and what that makes of single issues over HTTP.

    python -m bench.signers                 # less than a minute

Wants softhsm2, and wrk for the part over HTTP; says what it leaves out. SoftHSM2 is software on the same processors: a
real device takes its own time and none of theirs.
"""

import asyncio
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from statistics import median

import msgspec

from khoso.catalogue.model import SigningKey
from khoso.config import Config
from khoso.formats import cose
from khoso.formats.trust import KeyState
from khoso.formats.trust_list import public_der
from khoso.issuance.signer import Signer
from khoso.signing.access import Access
from khoso.signing.device import Device
from khoso.signing.files import KeyFiles
from khoso.wiring import open_services, utc_now

from . import town
from .issue_http import CONNECTIONS, WORKERS, write_bodies
from .load import BenchError, Load, Server, drive

MODULE = Path("/usr/lib/softhsm/libsofthsm2.so")
LABEL, PIN = "bench", "739184"
SESSIONS = (1, 2, 4)
BATCH = 32
ROUNDS, BATCHES = 3, 25
HTTP_ROUNDS, HTTP_SECONDS = 3, 2
DEVICE_AGENCY = "H17.05.13"

_MESSAGES = [b"\x84jSignature1" + os.urandom(260) for _ in range(BATCH)]


def main() -> None:
    room = Path(tempfile.mkdtemp(prefix="khoso-bench-", dir="/tmp"))
    try:
        _measure(room)
    finally:
        shutil.rmtree(room)


def _measure(room: Path) -> None:
    with_device = make_token(room)
    asyncio.run(_measure_signatures(room, with_device))
    if not with_device:
        print("Left out: the device. To measure it: sudo apt-get install softhsm2")
    elif shutil.which("wrk") is None:
        print("Left out: single issues over HTTP. To measure them: sudo apt-get install wrk")
    else:
        _measure_issues()


def make_token(room: Path) -> bool:
    """A SoftHSM2 in this directory, for this process and its children. False if it is not installed."""
    if not MODULE.exists() or shutil.which("softhsm2-util") is None:
        return False
    tokens = room / "tokens"
    tokens.mkdir()
    settings = room / "softhsm2.conf"
    settings.write_text(f"directories.tokendir = {tokens}\nobjectstore.backend = file\nlog.level = ERROR\n")
    os.environ["SOFTHSM2_CONF"] = str(settings)
    command = ["softhsm2-util", "--init-token", "--free", "--label", LABEL, "--so-pin", "12345678", "--pin", PIN]
    subprocess.run(command, check=True, capture_output=True)
    return True


async def _measure_signatures(room: Path, with_device: bool) -> None:
    files = KeyFiles(room / "keys")
    files.prepare()
    await _report("file", files.signer(cose.key_id(files.make_agency_key())))
    if with_device:
        access = Access(MODULE, LABEL, write_pin(room / "keys"))
        for sessions in SESSIONS:
            device = Device(access, sessions)
            key = await device.make_key("bench")
            await _report(f"SoftHSM2, sessions: {sessions}", device.signer(cose.key_id(key)))
            await device.close()


async def _report(name: str, signer: Signer) -> None:
    """The median of the rounds: alone, and a batch at a time."""
    await signer.sign(_MESSAGES)
    alone = median([await _seconds(signer, _MESSAGES[:1]) for _ in range(ROUNDS)])
    batch = median([await _seconds(signer, _MESSAGES) for _ in range(ROUNDS)])
    print(
        f"{name:22}{BATCH / batch:8,.0f} signatures/s   a batch of {BATCH} {batch * 1e3:6.2f} ms   "
        f"one alone {alone * 1e6:5.0f} us"
    )


async def _seconds(signer: Signer, messages: list[bytes]) -> float:
    began = time.perf_counter()
    for _ in range(BATCHES):
        await signer.sign(messages)
    return (time.perf_counter() - began) / BATCHES


def write_pin(keys_dir: Path) -> Path:
    pin_file = keys_dir / "pkcs11-pin"
    pin_file.touch(0o600)
    pin_file.write_text(PIN)
    return pin_file


def _measure_issues() -> None:
    with town.town() as plain:
        write_pin(plain.keys_dir)
        config = msgspec.structs.replace(plain, pkcs11_module=MODULE, pkcs11_token=LABEL)
        asyncio.run(_give_device_key(config))
        bodies = write_bodies(config)
        agencies = {"file": town.AGENCY, "SoftHSM2, sessions: 4": DEVICE_AGENCY}
        loads: dict[str, list[Load]] = {name: [] for name in agencies}
        with town.start(config, WORKERS) as server:
            for _ in range(HTTP_ROUNDS + 1):  # the first is the warm-up
                for name, agency in agencies.items():
                    loads[name].append(_round(config, server, bodies, agency))
    for name, rounds in loads.items():
        rate = median(load.requests_per_second for load in rounds[1:])
        p50, p99 = (median(getattr(load, which) for load in rounds[1:]) for which in ("p50_ms", "p99_ms"))
        print(f"issues, {name:22}{rate:8,.0f} requests/s   p50 {p50:6.1f} ms   p99 {p99:6.1f} ms")


async def _give_device_key(config: Config) -> None:
    async with open_services(config) as services:
        key = await services.signers.device.make_key(f"khoso {DEVICE_AGENCY}")
        made = SigningKey(
            kid=cose.key_id(key),
            agency_code=DEVICE_AGENCY,
            public_key=public_der(key),
            state=KeyState.ACTIVE,
            valid_from=utc_now(),
        )
        await services.catalogue.register_keys([made], "bench")


def _round(config: Config, server: Server, bodies: Path, agency: str) -> Load:
    load = drive(
        f"{server.origin}/api/v1/credentials",
        bodies,
        server.pid,
        connections=CONNECTIONS,
        seconds=HTTP_SECONDS,
        headers=town.officer(config, agency),
        idempotency_keys=True,
    )
    if load.refused or load.broken:
        raise BenchError(f"{agency}: {load.refused} answers refused, {load.broken} connections broken")
    return load


if __name__ == "__main__":
    main()
