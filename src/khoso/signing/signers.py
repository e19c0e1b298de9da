"""Where a key is looked for: first among the files, then in the device. Nothing else says which; its kid is one."""

from khoso.errors import KeyStoreError
from khoso.signing.device import Device, DeviceSigner
from khoso.signing.files import FileSigner, KeyFiles


class Signers:
    """All keys that sign papers."""

    def __init__(self, files: KeyFiles, device: Device | None) -> None:
        self._files = files
        self._device = device
        self._found: dict[bytes, FileSigner | DeviceSigner] = {}

    @property
    def device(self) -> Device:
        """The device. Raises KeyStoreError if there is none."""
        if self._device is None:
            raise KeyStoreError("there is no signing device: set KHOSO_PKCS11_MODULE and KHOSO_PKCS11_TOKEN")
        return self._device

    def get(self, kid: bytes) -> FileSigner | DeviceSigner:
        """The signer with that kid. Raises KeyStoreError if it cannot be anywhere."""
        signer = self._found.get(kid)
        if signer is None:
            signer = self._found[kid] = self._open(kid)
        return signer

    async def check(self) -> None:
        """Raise KeyStoreError unless the device, where there is one, can be used."""
        if self._device is not None:
            await self._device.check()

    async def close(self) -> None:
        """Give the device back."""
        if self._device is not None:
            await self._device.close()

    def _open(self, kid: bytes) -> FileSigner | DeviceSigner:
        if self._device is None or self._files.has_agency_key(kid):
            return self._files.signer(kid)
        return self._device.signer(kid)
