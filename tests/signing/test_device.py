"""Keys in a real PKCS #11 device (SoftHSM2): they sign, they never leave, and what the device does is noticed."""

import asyncio
import hashlib
import threading
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.bindings import _rust
from cryptography.hazmat.primitives.asymmetric import ec

from khoso.errors import KeyStoreError, Unavailable
from khoso.formats import cose
from khoso.signing import device_keys
from khoso.signing.access import Access
from khoso.signing.cryptoki import Attribute, CkError, Cryptoki, ObjectClass
from khoso.signing.device import Device
from khoso.signing.files import KeyFiles
from khoso.signing.signers import Signers
from softhsm import LABEL, MODULE, PIN, SoftHsm, needs_softhsm

pytestmark = needs_softhsm

MESSAGES = [b"\x84jSignature1 %d" % number for number in range(200)]


def new_access(hsm: SoftHsm, label: str = LABEL) -> Access:
    """As another process would have."""
    return Access(MODULE, label, hsm.pin_file)


def signed_by(key: ec.EllipticCurvePublicKey, message: bytes, signature: bytes) -> bool:
    return cose.is_signed_by(key, hashlib.sha256(message).digest(), signature)


def objects(hsm: SoftHsm, kind: ObjectClass) -> list[int]:
    """What lies in the device."""
    with hsm.library.calling() as cryptoki:
        session = new_access(hsm).open_session(cryptoki)
        found = cryptoki.find_objects(session, {Attribute.CLASS: kind})
        cryptoki.close_session(session)
        return found


async def until_signed(device: Device, kid: bytes) -> list[bytes]:
    """The signatures of a device that has come back, which is looked for ten times a second."""
    while True:
        with suppress(Unavailable):
            return await device.sign(kid, MESSAGES[:4])
        await asyncio.sleep(0.05)


async def test_two_hundred_messages_by_four_sessions(device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    key = await device.make_key("khoso H17.05.12")
    threads = set()
    really = Cryptoki.sign

    def note(self: Cryptoki, session: int, key: int, digest: bytes) -> bytes:
        threads.add((threading.get_ident(), session))
        return really(self, session, key, digest)

    monkeypatch.setattr(Cryptoki, "sign", note)
    signatures = await device.sign(cose.key_id(key), MESSAGES)
    assert all(map(signed_by, [key] * 200, MESSAGES, signatures))
    assert len(set(signatures)) == 200
    assert len(threads) == 4, "each thread in a session of its own"
    assert threading.get_ident() not in {thread for thread, _ in threads}


async def test_no_message_needs_no_device(device: Device) -> None:
    assert await device.sign(b"12345678", []) == []


async def test_a_key_is_made_in_the_device_and_never_leaves_it(device: Device, hsm: SoftHsm) -> None:
    kid = cose.key_id(await device.make_key("khoso H17.05.12"))
    with hsm.library.calling() as cryptoki:
        session = new_access(hsm).open_session(cryptoki, writing=True)
        [private] = cryptoki.find_objects(session, {Attribute.CLASS: ObjectClass.PRIVATE_KEY, Attribute.ID: kid})
        assert cryptoki.read(session, private, Attribute.LABEL) == b"khoso H17.05.12"
        facts = {Attribute.TOKEN: 1, Attribute.PRIVATE: 1, Attribute.SIGN: 1, Attribute.DERIVE: 0}
        for attribute, value in facts.items():
            assert cryptoki.read(session, private, attribute) == bytes((value,)), attribute
        with pytest.raises(CkError, match="CKR_ATTRIBUTE_SENSITIVE"):
            cryptoki.read(session, private, Attribute.VALUE)
        for attribute, value in ((Attribute.EXTRACTABLE, True), (Attribute.SENSITIVE, False)):
            with pytest.raises(CkError, match="C_SetAttributeValue"):
                cryptoki.write(session, private, {attribute: value})
        cryptoki.close_session(session)


async def test_a_device_whose_keys_could_leave_makes_none(
    device: Device, hsm: SoftHsm, monkeypatch: pytest.MonkeyPatch
) -> None:
    really = Cryptoki.generate_ec_pair

    def careless(self: Cryptoki, session: int, public: Any, private: Any) -> tuple[int, int]:
        return really(self, session, public, {**private, Attribute.EXTRACTABLE: True})

    monkeypatch.setattr(Cryptoki, "generate_ec_pair", careless)
    with pytest.raises(KeyStoreError, match="CKA_EXTRACTABLE"):
        await device.make_key("khoso H17.05.12")
    assert objects(hsm, ObjectClass.PRIVATE_KEY) == objects(hsm, ObjectClass.PUBLIC_KEY) == []


async def test_a_key_that_could_leave_does_not_sign(device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever made it: it is looked at when it is opened, too."""
    monkeypatch.setattr(device_keys, "_BORN_GUARDED", {})
    monkeypatch.setitem(device_keys._GUARDED, Attribute.EXTRACTABLE, True)
    kid = cose.key_id(await device.make_key("khoso H17.05.12"))
    monkeypatch.setitem(device_keys._GUARDED, Attribute.EXTRACTABLE, False)
    with pytest.raises(KeyStoreError, match="CKA_EXTRACTABLE"):
        await device.sign(kid, MESSAGES[:1])


async def test_a_key_under_another_ones_kid_does_not_sign(device: Device, hsm: SoftHsm) -> None:
    kid = cose.key_id(await device.make_key("khoso H17.05.12"))
    with hsm.library.calling() as cryptoki:
        session = new_access(hsm).open_session(cryptoki, writing=True)
        for handle in cryptoki.find_objects(session, {Attribute.ID: kid}):
            cryptoki.write(session, handle, {Attribute.ID: b"12345678"})
        cryptoki.close_session(session)
    with pytest.raises(KeyStoreError, match="another key under the kid"):
        await device.sign(b"12345678", MESSAGES[:1])
    with pytest.raises(KeyStoreError, match=kid.hex()):
        await device.sign(kid, MESSAGES[:1])


async def test_a_private_key_that_does_not_answer_to_its_public_key_does_not_sign(
    device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    kid = cose.key_id(await device.make_key("khoso H17.05.12"))
    for wrong, said in ((bytes(63) + b"\x01", "does not answer"), (b"\x01" * 63, "63 bytes")):
        monkeypatch.setattr(Cryptoki, "sign", lambda *_, wrong=wrong: wrong)
        with pytest.raises(KeyStoreError, match=said):
            await device.sign(kid, MESSAGES[:1])


async def test_the_files_are_asked_first_and_then_the_device(device: Device, hsm: SoftHsm) -> None:
    files = KeyFiles(hsm.keys_dir)
    signers = Signers(files, device)
    in_file, in_device = files.make_agency_key(), await device.make_key("khoso H17.05.12")
    for key, place in ((in_file, "files"), (in_device, "device")):
        signer = signers.get(cose.key_id(key))
        assert signer.place == place
        assert signed_by(key, b"one", (await signer.sign([b"one", b"two"]))[0])
    with pytest.raises(KeyStoreError, match="there is no signing device"):
        _ = Signers(files, None).device
    with pytest.raises(KeyStoreError):
        Signers(files, None).get(cose.key_id(in_device))


async def test_a_refused_pin_is_tried_once_by_all_processes_together(
    device: Device, hsm: SoftHsm, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A few wrong PINs lock a token for good: SoftHSM2 never does, and still says that the last one was wrong."""
    kid = cose.key_id(await device.make_key("khoso H17.05.12"))
    await device.close()  # a process that is logged in needs no PIN
    tried = []
    really = Cryptoki.log_in

    def note(self: Cryptoki, session: int, pin: bytes) -> None:
        tried.append(pin)
        really(self, session, pin)

    monkeypatch.setattr(Cryptoki, "log_in", note)
    hsm.write_pin("000000")
    for other in (device, device, Device(new_access(hsm), 2)):
        with pytest.raises(Unavailable, match="refused a PIN") as refused:
            await other.sign(kid, MESSAGES)
        assert "000000" not in str(refused.value)
        await asyncio.sleep(0.2)
    assert tried == [b"000000"]

    hsm.write_pin(PIN)
    with pytest.raises(Unavailable, match="khoso check-config"):
        await device.sign(kid, MESSAGES)
    await device.check()
    assert len(await until_signed(device, kid)) == 4


async def test_a_token_before_its_last_try_is_left_alone(hsm: SoftHsm, monkeypatch: pytest.MonkeyPatch) -> None:
    really = Cryptoki.list_tokens
    monkeypatch.setattr(
        Cryptoki, "list_tokens", lambda self: (t._replace(flags=t.flags | 0x20000) for t in really(self))
    )
    monkeypatch.setattr(Cryptoki, "log_in", lambda *_: pytest.fail("the last try was wasted"))
    device = Device(new_access(hsm), 1)
    with pytest.raises(KeyStoreError, match="locked"):
        await device.check()
    await device.close()


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (Path.unlink, "write the token's PIN into it"),
        (lambda path: path.chmod(0o640), "chmod 600"),
        (lambda path: path.write_text("\n"), "empty"),
    ],
    ids=["missing", "open to others", "empty"],
)
def test_a_pin_that_is_not_kept_well_is_not_used(hsm: SoftHsm, spoil: Callable[[Path], Any], said: str) -> None:
    spoil(hsm.pin_file)
    with pytest.raises(KeyStoreError, match=said) as refused:
        new_access(hsm)
    assert PIN not in str(refused.value)


@pytest.mark.parametrize("module", ["/nowhere/libpkcs11.so", _rust.__file__, __file__], ids=["absent", "other", "text"])
def test_a_library_that_is_none_is_named(hsm: SoftHsm, module: str) -> None:
    with pytest.raises(KeyStoreError, match="KHOSO_PKCS11_MODULE") as refused:
        Access(Path(module), LABEL, hsm.pin_file)
    assert module in str(refused.value)


async def test_an_absent_token_and_an_ambiguous_one(hsm: SoftHsm) -> None:
    hsm.make_token("twice")
    hsm.make_token("twice")
    for label, said in (("absent", "CKR_TOKEN_NOT_PRESENT"), ("twice", "2 tokens are labelled")):
        device = Device(new_access(hsm, label), 2)
        for act in (device.check, lambda device=device: device.make_key("x")):
            with pytest.raises(KeyStoreError, match=said):
                await act()
        with pytest.raises(Unavailable, match=said):
            await device.sign(b"12345678", MESSAGES[:1])
        await device.close()


async def test_sessions_closed_behind_its_back_are_opened_again(device: Device, hsm: SoftHsm) -> None:
    kid = cose.key_id(await device.make_key("khoso H17.05.12"))
    await device.sign(kid, MESSAGES)
    with hsm.library.calling() as cryptoki:
        for session in range(1, 1_000):
            with suppress(CkError):
                cryptoki.close_session(session)
    assert len(set(await device.sign(kid, MESSAGES))) == 200


async def test_a_device_that_was_lost_is_away_until_it_is_back(device: Device, hsm: SoftHsm) -> None:
    key = await device.make_key("khoso H17.05.12")
    kid = cose.key_id(key)
    await device.sign(kid, MESSAGES)
    hsm.lose()
    run = hsm.library.run
    for _ in range(50):
        with pytest.raises(Unavailable, match="signing device is away"):
            await device.sign(kid, MESSAGES)
    assert 0 < hsm.library.run - run < 10, "looked for at its pace, not at that of the requests"
    with pytest.raises(KeyStoreError, match="is the device in its place"):
        await device.check()
    hsm.bring_back()
    assert signed_by(key, MESSAGES[0], (await until_signed(device, kid))[0])


async def test_a_device_that_hangs_is_given_up_and_asked_again_when_it_answers(
    device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = await device.make_key("khoso H17.05.12")
    kid, answers, begun = cose.key_id(key), threading.Event(), []
    really = Cryptoki.sign

    def hang(self: Cryptoki, session: int, key: int, digest: bytes) -> bytes:
        begun.append(digest)
        answers.wait()
        return really(self, session, key, digest)

    monkeypatch.setattr(Cryptoki, "sign", hang)
    with pytest.raises(Unavailable, match=r"no signature for"):
        await device.sign(kid, MESSAGES)
    await asyncio.sleep(0.2)
    with pytest.raises(Unavailable):
        await device.sign(kid, MESSAGES)
    assert len(begun) == 4, "one for each session, and nothing while all of them hang"
    answers.set()
    assert signed_by(key, MESSAGES[3], (await until_signed(device, kid))[3])


async def test_one_who_gives_up_leaves_the_device_to_others(device: Device) -> None:
    key = await device.make_key("khoso H17.05.12")
    given_up: Awaitable[Any] = asyncio.wait_for(device.sign(cose.key_id(key), MESSAGES * 20), 0.05)
    with pytest.raises(TimeoutError):
        await given_up
    assert signed_by(key, b"next", (await device.sign(cose.key_id(key), [b"next"]))[0])
