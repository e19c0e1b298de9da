"""The way to the device: its library, which token in it, and the PIN, of which no try is wasted.

A token locks itself after a few wrong PINs, and only its security officer opens it again. So a PIN that was refused is
not tried a second time: the token itself says that the last one was wrong, to every process that asks.
"""

import threading
from pathlib import Path

from khoso.errors import KeyStoreError
from khoso.signing.cryptoki import CkError, Code, Cryptoki, Token, TokenFlag
from khoso.signing.library import Library, load_library

_PIN_REFUSED = (Code.PIN_INCORRECT, Code.PIN_INVALID, Code.PIN_LEN_RANGE, Code.PIN_EXPIRED, Code.PIN_LOCKED)
_LAST_TRY = TokenFlag.USER_PIN_FINAL_TRY | TokenFlag.USER_PIN_LOCKED


class DeviceAway(Exception):
    """The device cannot be used now; says why and what to do, and no secret."""


class Access:
    """How this process comes to its device."""

    def __init__(self, module: Path, label: str, pin_file: Path) -> None:
        """Raises KeyStoreError if the library cannot be loaded or the PIN's file is not as it must be."""
        self.library: Library = load_library(module)
        self.label = label
        self._pin_file = pin_file
        self._logging_in = threading.Lock()
        self._refused: bytes | None = None
        self._read_pin()

    def open_session(self, cryptoki: Cryptoki, *, writing: bool = False, after_refusal: bool = False) -> int:
        """A session that is logged in. Raises CkError, or DeviceAway if there is no use in trying again.

        The PIN is tried after another was refused only if the caller says so.
        """
        with self._logging_in:
            token = self._find_token(cryptoki)
            session = cryptoki.open_session(token.slot, writing=writing)
            try:
                if not cryptoki.is_logged_in(session):
                    self._log_in(cryptoki, session, token.flags, after_refusal)
            except Exception:
                cryptoki.close_session(session)
                raise
            return session

    def away(self, error: CkError) -> DeviceAway:
        """What that error means to whoever runs the device."""
        return DeviceAway(f"{error}; is the device in its place, and its token labelled {self.label!r}?")

    def _find_token(self, cryptoki: Cryptoki) -> Token:
        found = [token for token in cryptoki.list_tokens() if token.label == self.label]
        if len(found) > 1:
            raise DeviceAway(f"{len(found)} tokens are labelled {self.label!r}: give each a label of its own")
        if not found:
            raise CkError(f"the token {self.label!r}", Code.TOKEN_NOT_PRESENT)
        return found[0]

    def _log_in(self, cryptoki: Cryptoki, session: int, flags: TokenFlag, after_refusal: bool) -> None:
        pin = self._read_pin()
        if flags & _LAST_TRY:
            raise DeviceAway(f"the token {self.label!r} is locked, or one wrong PIN from it: use the device's own tool")
        if pin == self._refused or (flags & TokenFlag.USER_PIN_COUNT_LOW and not after_refusal):
            raise DeviceAway(self._say_refused())
        try:
            cryptoki.log_in(session, pin)
        except CkError as error:
            if error.code not in _PIN_REFUSED:
                raise
            self._refused = pin
            raise DeviceAway(self._say_refused()) from None

    def _say_refused(self) -> str:
        return (
            f"the token {self.label!r} refused a PIN: put the right one into {self._pin_file} and run "
            "`khoso check-config`; until then it is not tried again"
        )

    def _read_pin(self) -> bytes:
        try:
            shared = self._pin_file.stat().st_mode & 0o077
            pin = self._pin_file.read_bytes().rstrip(b"\r\n")
        except OSError as error:
            raise KeyStoreError(f"{self._pin_file}: {error.strerror}; write the token's PIN into it") from None
        if shared:
            raise KeyStoreError(f"{self._pin_file}: others may read it; chmod 600 it")
        if not pin:
            raise KeyStoreError(f"{self._pin_file}: empty; write the token's PIN into it")
        return pin
