"""Passkeys (WebAuthn Level 2), and the step-up: an act that needs more than a login is confirmed by one just before.

Who has no passkey registers one after a login that is sure enough; who has one shows it before he adds or drops any, so
a stolen session adds none. Systems have no hands to confirm with: they are exempt, and prove themselves by their key.
"""

import json
import secrets
from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from urllib.parse import urlsplit
from uuid import UUID

import msgspec
import webauthn
from webauthn.helpers import structs
from webauthn.helpers.cose import COSEAlgorithmIdentifier
from webauthn.helpers.exceptions import WebAuthnException

from khoso import db
from khoso.auditing import store as auditing
from khoso.bounds import Bounds
from khoso.caller import Caller, Hierarchy
from khoso.db import Connection, Pool
from khoso.errors import InputProblem, InvalidInput, NotFound, NotPermitted, StepUpRequired, TooManyAttempts
from khoso.identity import cutoff_store, login_store, store
from khoso.identity import passkey_store as passkeys
from khoso.identity.cutoffs import Cutoffs
from khoso.identity.model import Account, Act, account_of
from khoso.identity.passkey_store import Passkey
from khoso.identity.rights import Rights
from khoso.identity.sessions import IDLE, Sessions

FRESH = timedelta(minutes=5)
"""How long a step-up is good."""
MAX_TRIES = 5
TRIES_IN = timedelta(minutes=15)
MAX_PASSKEYS = 10

_PATIENCE = timedelta(minutes=5)
_MAX_NAME = 60
_REGISTER, _STEP_UP = "register", "step_up"
_ALGORITHMS = [COSEAlgorithmIdentifier.ECDSA_SHA_256, COSEAlgorithmIdentifier.RSASSA_PKCS1_v1_5_SHA_256]
_SYSTEM = "client:"


class _Owner(NamedTuple):
    """Whose passkeys: a person, in a session."""

    account: Account
    session_name: str


class Lost(msgspec.Struct, frozen=True):
    """What somebody had who has lost his passkeys: how many of them, and in how many places he was logged in."""

    passkeys: int
    logins: int


class Passkeys:
    """The passkeys of all people."""

    def __init__(
        self,
        pool: Pool,
        sessions: Sessions,
        cutoffs: Cutoffs,
        rights: Rights,
        *,
        origin: str,
        now: Callable[[], datetime],
    ) -> None:
        self._pool = pool
        self._sessions = sessions
        self._cutoffs = cutoffs
        self._rights = rights
        self._origin = origin
        self._rp_id = urlsplit(origin).hostname or ""
        self._now = now

    async def list_passkeys(self, caller: Caller) -> list[Passkey]:
        """One's own, oldest first."""
        async with db.transaction(self._pool, Bounds(duty="identify")) as conn:
            return await passkeys.list_passkeys(conn, (await _owner(conn, caller)).account.account_id)

    async def begin_registration(self, caller: Caller) -> dict[str, Any]:
        """What a browser passes to `navigator.credentials.create`.

        Raises StepUpRequired, NotPermitted, InvalidInput.
        """
        async with db.transaction(self._pool, Bounds(duty="identify")) as conn:
            owner = await _owner(conn, caller)
            await self._check_sure(conn, caller)
            known = await passkeys.list_passkeys(conn, owner.account.account_id)
            self._check_may_change(caller, known)
            if len(known) >= MAX_PASSKEYS:
                raise InvalidInput(
                    InputProblem(
                        "passkeys",
                        "too_many",
                        f"tối đa {MAX_PASSKEYS} khoá truy cập: bỏ bớt một khoá trước"
                        f" | at most {MAX_PASSKEYS}: drop one first",
                    )
                )
            challenge = await self._challenge(conn, owner, _REGISTER)
        options = webauthn.generate_registration_options(
            rp_id=self._rp_id,
            rp_name="Kho Số",
            user_id=owner.account.account_id.bytes,
            user_name=owner.account.name or owner.account.subject,
            challenge=challenge,
            authenticator_selection=structs.AuthenticatorSelectionCriteria(
                user_verification=structs.UserVerificationRequirement.REQUIRED
            ),
            exclude_credentials=[structs.PublicKeyCredentialDescriptor(id=one.passkey_id) for one in known],
            supported_pub_key_algs=_ALGORITHMS,
        )
        return _as_json(options)

    async def finish_registration(self, caller: Caller, name: str, credential: dict[str, Any]) -> Passkey:
        """Register what the browser has made. Raises InvalidInput, StepUpRequired, NotPermitted."""
        if not 0 < len(name.strip()) <= _MAX_NAME:
            raise InvalidInput(
                InputProblem("name", "length", f"nhập từ 1 đến {_MAX_NAME} ký tự | 1 to {_MAX_NAME} characters")
            )
        now = self._now()
        async with db.transaction(self._pool, Bounds(duty="identify")) as conn:
            owner = await _owner(conn, caller)
            await cutoff_store.lock(conn, owner.account.subject)  # whoever was logged out meanwhile adds none
            await self._check_sure(conn, caller)
            self._check_may_change(caller, await passkeys.list_passkeys(conn, owner.account.account_id))
            challenge = await passkeys.take_challenge(conn, owner.session_name, _REGISTER, now)
            made = self._read_registration(credential, challenge)
            passkey = Passkey(
                passkey_id=made.credential_id,
                account_id=owner.account.account_id,
                public_key=made.credential_public_key,
                sign_count=made.sign_count,
                name=name,
                created_at=now,
                used_at=None,
            )
            await passkeys.insert_passkey(conn, passkey)
            await _audit(conn, owner, "register_passkey", now)
        return passkey

    async def drop(self, caller: Caller, passkey_id: bytes) -> None:
        """Forget a passkey of one's own. Raises StepUpRequired, NotFound."""
        async with db.transaction(self._pool, Bounds(duty="identify")) as conn:
            owner = await _owner(conn, caller)
            self._check_may_change(caller, await passkeys.list_passkeys(conn, owner.account.account_id))
            if not await passkeys.delete_passkey(conn, owner.account.account_id, passkey_id):
                raise NotFound("passkey")
            await _audit(conn, owner, "drop_passkey", self._now())

    async def reset(self, subject: str, actor: str) -> Lost:
        """Forget all passkeys of a person who can show none any more, and log him out everywhere, apps included.

        So nobody who has found them, or is logged in on what was lost, goes on; he himself begins anew, by a login that
        is sure enough. Raises NotFound.
        """
        now = self._now()
        async with db.transaction(self._pool, Bounds(duty="identify")) as conn:
            account_id = account_of(subject)
            account = None if account_id is None else await store.find_account(conn, account_id)
            if account is None:
                raise NotFound(subject)
            # Logins, then tokens, as everybody locks them; what is deleted after that, nobody can add any more.
            apps = await login_store.end_logins(conn, account.account_id, now)
            await self._cutoffs.end(conn, account.subject, now)
            known = await passkeys.delete_passkeys(conn, account.account_id)
            browsers = await store.list_sessions(conn, account.account_id, now, now - IDLE)
            await store.delete_sessions(conn, account.account_id)
            await auditing.append(conn, [auditing.Entry(actor, "reset_passkeys", account.subject)], now)
        return Lost(passkeys=known, logins=len(browsers) + apps)

    async def begin_step_up(self, caller: Caller) -> dict[str, Any]:
        """What a browser passes to `navigator.credentials.get`. Raises TooManyAttempts, or InvalidInput without any."""
        now = self._now()
        span = datetime.fromtimestamp(
            now.timestamp() // TRIES_IN.total_seconds() * TRIES_IN.total_seconds(), now.tzinfo
        )
        async with db.transaction(self._pool, Bounds(duty="identify")) as conn:
            owner = await _owner(conn, caller)
            known = await passkeys.list_passkeys(conn, owner.account.account_id)
            if not known:
                raise InvalidInput(
                    InputProblem("passkeys", "none", "đăng ký khoá truy cập trước | register a passkey first")
                )
            if not await passkeys.try_once(conn, f"step-up {owner.account.subject}", span, MAX_TRIES):
                raise TooManyAttempts("step-up")
            challenge = await self._challenge(conn, owner, _STEP_UP)
        options = webauthn.generate_authentication_options(
            rp_id=self._rp_id,
            challenge=challenge,
            allow_credentials=[structs.PublicKeyCredentialDescriptor(id=one.passkey_id) for one in known],
            user_verification=structs.UserVerificationRequirement.REQUIRED,
        )
        return _as_json(options)

    async def finish_step_up(self, caller: Caller, credential: dict[str, Any]) -> str | None:
        """One's passkey was shown: answers the session's new cookie; an app is told by its next token.

        Raises NotPermitted.
        """
        now = self._now()
        async with db.transaction(self._pool, Bounds(duty="identify")) as conn:
            owner = await _owner(conn, caller)
            challenge = await passkeys.take_challenge(conn, owner.session_name, _STEP_UP, now)
        async with db.transaction(self._pool, Bounds(duty="identify")) as conn:
            known = {one.passkey_id: one for one in await passkeys.list_passkeys(conn, owner.account.account_id)}
            shown = self._read_authentication(credential, challenge, known.get)
            if not await passkeys.use_passkey(conn, shown.credential_id, shown.new_sign_count, now):
                raise NotPermitted("passkey: counter")
            kind, _, text = owner.session_name.partition(":")
            cookie = None
            if kind == "session":
                cookie = await self._sessions.step_up(conn, UUID(text))
            else:
                await login_store.step_up(conn, UUID(text), now)
            await _audit(conn, owner, "step_up", now)
        return cookie

    async def _check_sure(self, conn: Connection, caller: Caller) -> None:
        """Raise NotPermitted unless the login is as sure as that by which a vault is opened."""
        kind, _, text = (caller.session_name or "").partition(":")
        level = await (store.find_level if kind == "session" else login_store.find_level)(conn, UUID(text))
        if level is None or not self._rights.opens_vault(level):
            raise NotPermitted("level")

    def _check_may_change(self, caller: Caller, known: Collection[Passkey]) -> None:
        if known and not is_fresh(caller, self._now()):
            raise StepUpRequired("passkeys")

    async def _challenge(self, conn: Connection, owner: _Owner, purpose: str) -> bytes:
        challenge = secrets.token_bytes(32)
        await passkeys.put_challenge(conn, owner.session_name, purpose, challenge, self._now() + _PATIENCE)
        return challenge

    def _read_registration(self, credential: dict[str, Any], challenge: bytes | None) -> Any:
        if challenge is None:
            raise InvalidInput(InputProblem("credential", "challenge", "làm lại từ đầu | begin again"))
        try:
            return webauthn.verify_registration_response(
                credential=credential,
                expected_challenge=challenge,
                expected_rp_id=self._rp_id,
                expected_origin=self._origin,
                require_user_verification=True,
                supported_pub_key_algs=_ALGORITHMS,
            )
        except (WebAuthnException, ValueError, TypeError, KeyError) as error:
            raise InvalidInput(
                InputProblem(
                    "credential",
                    "not_good",
                    f"khoá truy cập không dùng được, làm lại từ đầu | {type(error).__name__}: begin again",
                )
            ) from None

    def _read_authentication(
        self, credential: dict[str, Any], challenge: bytes | None, find: Callable[[bytes], Passkey | None]
    ) -> Any:
        try:
            passkey = find(webauthn.base64url_to_bytes(credential["id"]))
            if challenge is None or passkey is None:
                raise NotPermitted("passkey: none was asked for, or not one's own")
            return webauthn.verify_authentication_response(
                credential=credential,
                expected_challenge=challenge,
                expected_rp_id=self._rp_id,
                expected_origin=self._origin,
                credential_public_key=passkey.public_key,
                credential_current_sign_count=passkey.sign_count,
                require_user_verification=True,
            )
        except (WebAuthnException, ValueError, TypeError, KeyError, AttributeError) as error:
            raise NotPermitted(f"passkey: {type(error).__name__}") from None


class StepUp:
    """For which acts agencies ask for a passkey, as one process remembers it."""

    def __init__(self, pool: Pool, hierarchy: Callable[[], Hierarchy], now: Callable[[], datetime]) -> None:
        self._pool = pool
        self._hierarchy = hierarchy
        self._now = now
        self._rules: frozenset[passkeys.Rule] = frozenset()

    async def refresh(self) -> None:
        """Learn what agencies ask for now."""
        async with db.transaction(self._pool, Bounds(duty="identify")) as conn:
            self._rules = frozenset(await passkeys.list_rules(conn))

    def require(self, caller: Caller, act: Act) -> None:
        """Raise StepUpRequired unless the caller's agency does not ask, or he has just shown a passkey."""
        if caller.subject.startswith(_SYSTEM) or not self._asks(caller.agency_code, act):
            return
        if not is_fresh(caller, self._now()):
            raise StepUpRequired(act)

    def _asks(self, agency_code: str | None, act: Act) -> bool:
        asking = [rule.agency_code for rule in self._rules if rule.act == act]
        return any(agency_code in self._hierarchy().below(one) for one in asking)

    async def list_acts(self, agency_code: str, purview: Collection[str]) -> list[Act]:
        """For what an agency asks by a rule of its own. Raises NotFound for one that is not administered."""
        if agency_code not in purview:
            raise NotFound(agency_code)
        async with db.transaction(self._pool, Bounds(duty="identify")) as conn:
            return await _acts_of(conn, agency_code)

    async def set_acts(self, agency_code: str, acts: Collection[Act], purview: Collection[str], caller: Caller) -> None:
        """For what an agency asks from now on.

        Raises NotFound for one that is not administered, and StepUpRequired if that is another than now: whoever sets
        it has a passkey, so what passkeys guard is not opened by his login alone.
        """
        if agency_code not in purview:
            raise NotFound(agency_code)
        asked = sorted(set(acts))
        async with db.transaction(self._pool, Bounds(duty="identify")) as conn:
            if asked != await _acts_of(conn, agency_code) and not is_fresh(caller, self._now()):
                raise StepUpRequired(agency_code)
            await passkeys.set_rules(conn, agency_code, asked)
            entry = auditing.Entry(caller.subject, "set_step_up", f"{agency_code} {' '.join(asked)}".strip())
            await auditing.append(conn, [entry], self._now())


async def _acts_of(conn: Connection, agency_code: str) -> list[Act]:
    return sorted(rule.act for rule in await passkeys.list_rules(conn) if rule.agency_code == agency_code)


def is_fresh(caller: Caller, now: datetime) -> bool:
    """Whether the caller has shown a passkey a moment ago."""
    shown = caller.stepped_up_at
    return shown is not None and shown >= (now - FRESH).timestamp()


async def _owner(conn: Connection, caller: Caller) -> _Owner:
    """Raises NotPermitted for whoever has not logged in."""
    account_id = account_of(caller.subject)
    if account_id is None or caller.session_name is None:
        raise NotPermitted("no login")
    account = await store.find_account(conn, account_id)
    if account is None:
        raise NotPermitted("no account")
    return _Owner(account, caller.session_name)


async def _audit(conn: Connection, owner: _Owner, act: str, now: datetime) -> None:
    await auditing.append(conn, [auditing.Entry(owner.account.subject, act, owner.session_name)], now)


def _as_json(options: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(webauthn.options_to_json(options))
    return found


def encode_id(passkey: Passkey) -> str:
    """What a passkey is called by in JSON."""
    return webauthn.helpers.bytes_to_base64url(passkey.passkey_id)


def decode_id(text: str) -> bytes:
    """The other way. Raises NotFound for what is no such name."""
    try:
        return webauthn.base64url_to_bytes(text)
    except ValueError:
        raise NotFound("passkey") from None
