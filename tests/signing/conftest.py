from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from khoso.signing.access import Access
from khoso.signing.device import Device
from softhsm import LABEL, MODULE, SoftHsm, make_softhsm


@pytest.fixture
def hsm(tmp_path: Path, key_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SoftHsm]:
    yield from make_softhsm(tmp_path, key_dir, monkeypatch)


@pytest.fixture
async def device(hsm: SoftHsm) -> AsyncIterator[Device]:
    """The device as one process sees it, with four sessions; it is given up after half a second, for a tenth."""
    device = Device(Access(MODULE, LABEL, hsm.pin_file), 4, patience=0.5, pause=0.1)
    yield device
    await device.close()
