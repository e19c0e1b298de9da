"""Several processes with one device, as on a server: two web workers and the worker. One dies in the middle of it."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from khoso.formats.trust_list import public_der
from khoso.signing.device import Device
from softhsm import SoftHsm, needs_softhsm

pytestmark = needs_softhsm

PROGRAM = Path(__file__).with_name("signing_process.py")
ROUNDS, DEATHS = 3, 2


class Process:
    """One that signs; every line it writes is a batch that was signed and found good."""

    def __init__(self, hsm: SoftHsm, key_file: Path) -> None:
        command = [sys.executable, str(PROGRAM), str(hsm.pin_file), str(key_file)]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def until_signed(self, batches: int) -> None:
        assert self._process.stdout is not None
        for _ in range(batches):
            assert self._process.stdout.readline() == "signed\n", self._process.communicate()[1]

    def kill(self) -> None:
        self._process.kill()
        self._process.communicate()

    def end(self) -> None:
        self._process.terminate()
        _, errors = self._process.communicate()
        assert (self._process.returncode, errors) == (0, "")


@contextmanager
def started(hsm: SoftHsm, key_file: Path, number: int) -> Iterator[list[Process]]:
    processes = [Process(hsm, key_file) for _ in range(number)]
    try:
        yield processes
    finally:
        for process in processes:
            process.kill()


async def test_processes_sign_side_by_side_and_one_that_is_killed_disturbs_no_other(
    device: Device, hsm: SoftHsm, tmp_path: Path
) -> None:
    key_file = tmp_path / "key.der"
    key_file.write_bytes(public_der(await device.make_key("khoso H17.05.12")))
    with started(hsm, key_file, 3) as processes:
        for _ in range(DEATHS):
            for process in processes:
                process.until_signed(ROUNDS)
            processes.pop(0).kill()
            processes.append(Process(hsm, key_file))
        for process in processes:
            process.until_signed(ROUNDS)
        for process in processes:
            process.end()
