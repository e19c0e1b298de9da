"""A process that signs in a device until it is told to end, and looks at every signature.

python signing_process.py PIN_FILE PUBLIC_KEY_FILE
"""

import asyncio
import hashlib
import signal
import sys
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_der_public_key

from khoso.formats import cose
from khoso.signing.access import Access
from khoso.signing.device import Device

MODULE, LABEL = Path("/usr/lib/softhsm/libsofthsm2.so"), "khoso"
MESSAGES = [b"\x84jSignature1 %d" % number for number in range(64)]


async def main(pin_file: Path, public_key: bytes) -> None:
    key = load_der_public_key(public_key)
    assert isinstance(key, ec.EllipticCurvePublicKey)
    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    device = Device(Access(MODULE, LABEL, pin_file), 4)
    while not ended.is_set():
        signatures = await device.sign(cose.key_id(key), MESSAGES)
        for message, signature in zip(MESSAGES, signatures, strict=True):
            assert cose.is_signed_by(key, hashlib.sha256(message).digest(), signature)
        sys.stdout.write("signed\n")
        sys.stdout.flush()
    await device.close()


asyncio.run(main(Path(sys.argv[1]), Path(sys.argv[2]).read_bytes()))
