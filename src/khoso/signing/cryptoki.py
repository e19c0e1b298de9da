"""The part of PKCS #11 (OASIS, version 2.40) that signing needs, called in the device's own library.

Thin on purpose: a function here is one of the standard's, or a search of it, and every answer but CKR_OK is a CkError.
The library is told that many threads will call it (CKF_OS_LOCKING_OK); while one does, the others of this process run.
Structures are laid out as C lays them out on Unix.
"""

import ctypes
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from ctypes import POINTER, Structure, byref, c_char, c_char_p, c_ubyte, c_ulong, c_void_p
from enum import IntEnum, IntFlag
from pathlib import Path
from typing import Any, NamedTuple

Value = bytes | bool | int
Template = Mapping["Attribute", Value]


class Attribute(IntEnum):
    """CKA_…"""

    CLASS = 0x000
    TOKEN = 0x001
    PRIVATE = 0x002
    LABEL = 0x003
    KEY_TYPE = 0x100
    ID = 0x102
    SENSITIVE = 0x103
    SIGN = 0x108
    VERIFY = 0x10A
    DERIVE = 0x10C
    EXTRACTABLE = 0x162
    LOCAL = 0x163
    NEVER_EXTRACTABLE = 0x164
    ALWAYS_SENSITIVE = 0x165
    EC_PARAMS = 0x180
    EC_POINT = 0x181
    VALUE = 0x011


class ObjectClass(IntEnum):
    """CKO_…"""

    PUBLIC_KEY = 2
    PRIVATE_KEY = 3


class Code(IntEnum):
    """CKR_…: the answers that somebody acts on or is likely to meet. Others have a number only."""

    SLOT_ID_INVALID = 0x003
    GENERAL_ERROR = 0x005
    FUNCTION_FAILED = 0x006
    ATTRIBUTE_SENSITIVE = 0x011
    DEVICE_ERROR = 0x030
    DEVICE_MEMORY = 0x031
    DEVICE_REMOVED = 0x032
    KEY_HANDLE_INVALID = 0x060
    MECHANISM_INVALID = 0x070
    OBJECT_HANDLE_INVALID = 0x082
    PIN_INCORRECT = 0x0A0
    PIN_INVALID = 0x0A1
    PIN_LEN_RANGE = 0x0A2
    PIN_EXPIRED = 0x0A3
    PIN_LOCKED = 0x0A4
    SESSION_CLOSED = 0x0B0
    SESSION_COUNT = 0x0B1
    SESSION_HANDLE_INVALID = 0x0B3
    TOKEN_NOT_PRESENT = 0x0E0
    TOKEN_NOT_RECOGNIZED = 0x0E1
    USER_ALREADY_LOGGED_IN = 0x100
    USER_NOT_LOGGED_IN = 0x101
    USER_PIN_NOT_INITIALIZED = 0x102
    CRYPTOKI_NOT_INITIALIZED = 0x190


_CODE_NAMES: Mapping[int, str] = {code: f"CKR_{code.name}" for code in Code}


class TokenFlag(IntFlag):
    """CKF_… of a token."""

    USER_PIN_COUNT_LOW = 0x10000
    USER_PIN_FINAL_TRY = 0x20000
    USER_PIN_LOCKED = 0x40000


class CkError(Exception):
    """A function answered something else than CKR_OK."""

    def __init__(self, function: str, code: int) -> None:
        name = _CODE_NAMES.get(code, f"0x{code:x}")
        super().__init__(f"{function}: {name}")
        self.code = code


class Token(NamedTuple):
    """A device as it lies in a slot."""

    slot: int
    label: str
    flags: TokenFlag


class _Version(Structure):
    _fields_ = (("major", c_ubyte), ("minor", c_ubyte))


class _FunctionList(Structure):
    _fields_ = (("version", _Version), ("functions", c_void_p * 68))


class _InitializeArgs(Structure):
    _fields_ = (("mutex_functions", c_void_p * 4), ("flags", c_ulong), ("reserved", c_void_p))


class _TokenInfo(Structure):
    _fields_ = (
        ("label", c_char * 32),
        ("manufacturer_model_serial", c_char * 64),
        ("flags", c_ulong),
        ("counts", c_ulong * 10),
        ("versions", _Version * 2),
        ("utc_time", c_char * 16),
    )


class _SessionInfo(Structure):
    _fields_ = (("slot", c_ulong), ("state", c_ulong), ("flags", c_ulong), ("device_error", c_ulong))


class _Attribute(Structure):
    _fields_ = (("type", c_ulong), ("value", c_void_p), ("length", c_ulong))


class _Mechanism(Structure):
    _fields_ = (("mechanism", c_ulong), ("parameter", c_void_p), ("length", c_ulong))


_PLACES: Mapping[str, tuple[int, tuple[Any, ...]]] = {
    "C_Initialize": (0, (c_void_p,)),
    "C_Finalize": (1, (c_void_p,)),
    "C_GetSlotList": (4, (c_ubyte, c_void_p, c_void_p)),
    "C_GetTokenInfo": (6, (c_ulong, c_void_p)),
    "C_OpenSession": (12, (c_ulong, c_ulong, c_void_p, c_void_p, c_void_p)),
    "C_CloseSession": (13, (c_ulong,)),
    "C_GetSessionInfo": (15, (c_ulong, c_void_p)),
    "C_Login": (18, (c_ulong, c_ulong, c_char_p, c_ulong)),
    "C_DestroyObject": (22, (c_ulong, c_ulong)),
    "C_GetAttributeValue": (24, (c_ulong, c_ulong, c_void_p, c_ulong)),
    "C_SetAttributeValue": (25, (c_ulong, c_ulong, c_void_p, c_ulong)),
    "C_FindObjectsInit": (26, (c_ulong, c_void_p, c_ulong)),
    "C_FindObjects": (27, (c_ulong, c_void_p, c_ulong, c_void_p)),
    "C_FindObjectsFinal": (28, (c_ulong,)),
    "C_SignInit": (42, (c_ulong, c_void_p, c_ulong)),
    "C_Sign": (43, (c_ulong, c_char_p, c_ulong, c_void_p, c_void_p)),
    "C_GenerateKeyPair": (59, (c_ulong, c_void_p, c_void_p, c_ulong, c_void_p, c_ulong, c_void_p, c_void_p)),
}
"""Each function's place in CK_FUNCTION_LIST and what it takes."""

_OS_LOCKING_OK = 2
_SERIAL_SESSION, _RW_SESSION = 4, 2
_USER = 1
_USER_STATES = (1, 3)
"""CKS_RO_USER_FUNCTIONS, CKS_RW_USER_FUNCTIONS."""
_ECDSA, _EC_KEY_PAIR_GEN = 0x1041, 0x1040
_MAX_FOUND = 16
_MAX_SIGNATURE = 256
_MAX_VALUE = 4096
_UNAVAILABLE = c_ulong(-1).value


class Cryptoki:
    """One device library. Between `initialize` and `finalize` any thread may call it, each in a session of its own."""

    def __init__(self, path: Path) -> None:
        """Load it. Raises OSError if that is no PKCS #11 library."""
        try:
            get_function_list = ctypes.CDLL(str(path)).C_GetFunctionList
        except AttributeError:
            raise OSError(f"{path}: not a PKCS #11 library") from None
        get_function_list.restype = c_ulong
        found = POINTER(_FunctionList)()
        if code := get_function_list(byref(found)):
            raise OSError(f"{path}: {CkError('C_GetFunctionList', code)}")
        self._functions = {
            name: ctypes.CFUNCTYPE(c_ulong, *takes)(found.contents.functions[place])
            for name, (place, takes) in _PLACES.items()
        }

    def initialize(self) -> None:
        self._call("C_Initialize", byref(_InitializeArgs(flags=_OS_LOCKING_OK)))

    def finalize(self) -> None:
        """End every session of this process, and whatever the library keeps of the device."""
        self._call("C_Finalize", None)

    def list_tokens(self) -> Iterator[Token]:
        """The devices that are there, slot by slot. A slot that cannot say what it holds holds nothing."""
        for slot in self._list_slots():
            info = _TokenInfo()
            with suppress(CkError):
                self._call("C_GetTokenInfo", slot, byref(info))
                yield Token(slot, info.label.decode(errors="replace").rstrip(), TokenFlag(info.flags))

    def open_session(self, slot: int, *, writing: bool = False) -> int:
        session = c_ulong()
        flags = _SERIAL_SESSION | (_RW_SESSION if writing else 0)
        self._call("C_OpenSession", slot, flags, None, None, byref(session))
        return session.value

    def close_session(self, session: int) -> None:
        self._call("C_CloseSession", session)

    def is_logged_in(self, session: int) -> bool:
        """Whether this process is logged in as the user."""
        info = _SessionInfo()
        self._call("C_GetSessionInfo", session, byref(info))
        return info.state in _USER_STATES

    def log_in(self, session: int, pin: bytes) -> None:
        """Log this process in as the user: a state of all its sessions with the device."""
        self._call("C_Login", session, _USER, pin, len(pin))

    def find_objects(self, session: int, template: Template) -> list[int]:
        """Handles of at most 16 objects with these attributes."""
        found, count = (c_ulong * _MAX_FOUND)(), c_ulong()
        with _attributes(template) as wanted:
            self._call("C_FindObjectsInit", session, wanted, len(template))
        try:
            self._call("C_FindObjects", session, found, _MAX_FOUND, byref(count))
        finally:
            self._call("C_FindObjectsFinal", session)
        return found[: count.value]

    def read(self, session: int, handle: int, attribute: Attribute) -> bytes:
        """The value of one attribute, as bytes."""
        buffer = ctypes.create_string_buffer(_MAX_VALUE)
        asked = _Attribute(attribute, ctypes.addressof(buffer), _MAX_VALUE)
        self._call("C_GetAttributeValue", session, handle, byref(asked), 1)
        return b"" if asked.length == _UNAVAILABLE else buffer.raw[: asked.length]

    def write(self, session: int, handle: int, template: Template) -> None:
        with _attributes(template) as values:
            self._call("C_SetAttributeValue", session, handle, values, len(template))

    def destroy(self, session: int, handle: int) -> None:
        self._call("C_DestroyObject", session, handle)

    def generate_ec_pair(self, session: int, public: Template, private: Template) -> tuple[int, int]:
        """Handles of a new public and a new private key."""
        mechanism, public_handle, private_handle = _Mechanism(_EC_KEY_PAIR_GEN), c_ulong(), c_ulong()
        with _attributes(public) as of_public, _attributes(private) as of_private:
            self._call(
                "C_GenerateKeyPair",
                session,
                byref(mechanism),
                of_public,
                len(public),
                of_private,
                len(private),
                byref(public_handle),
                byref(private_handle),
            )
        return public_handle.value, private_handle.value

    def sign(self, session: int, key: int, digest: bytes) -> bytes:
        """CKM_ECDSA over a digest: r and s, each as long as the curve's order."""
        signature, length = ctypes.create_string_buffer(_MAX_SIGNATURE), c_ulong(_MAX_SIGNATURE)
        self._call("C_SignInit", session, byref(_Mechanism(_ECDSA)), key)
        self._call("C_Sign", session, digest, len(digest), signature, byref(length))
        return signature.raw[: length.value]

    def _list_slots(self) -> list[int]:
        count = c_ulong()
        self._call("C_GetSlotList", 1, None, byref(count))
        slots = (c_ulong * count.value)()
        self._call("C_GetSlotList", 1, slots, byref(count))
        return slots[: count.value]

    def _call(self, name: str, *args: Any) -> None:
        if code := self._functions[name](*args):
            raise CkError(name, code)


@contextmanager
def _attributes(template: Template) -> Iterator[Any]:
    """The template as an array of CK_ATTRIBUTE, whose values live as long as this."""
    values = [ctypes.create_string_buffer(packed, len(packed)) for packed in map(_pack, template.values())]
    yield (_Attribute * len(values))(
        *(_Attribute(name, ctypes.addressof(v), len(v)) for name, v in zip(template, values, strict=True))
    )


def _pack(value: Value) -> bytes:
    """CK_BBOOL is a byte, a number CK_ULONG."""
    if isinstance(value, bool):
        return bytes((value,))
    return bytes(c_ulong(value)) if isinstance(value, int) else value
