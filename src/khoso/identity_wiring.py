"""The parts of identity, each built once and handed what it needs of the others and of other rooms."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import UUID

from khoso.caller import Caller, Hierarchy, purview_of
from khoso.config import Config
from khoso.db import Pool
from khoso.errors import ConfigurationError
from khoso.identity.authorizing import Authorizations
from khoso.identity.clients import Clients
from khoso.identity.cutoffs import Cutoffs
from khoso.identity.door import Door
from khoso.identity.logins import Logins
from khoso.identity.me import Me, NameOf
from khoso.identity.model import GrantsOf
from khoso.identity.passkeys import Passkeys, StepUp
from khoso.identity.proofs import Proofs
from khoso.identity.provider import Provider, ProviderSettings
from khoso.identity.quotas import Quotas
from khoso.identity.rights import Rights
from khoso.identity.sessions import Sessions
from khoso.identity.tokens import TokenReader
from khoso.issuance.vaults import open_vault
from khoso.signing.files import KeyFiles

Clock = Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class Identity:
    """Who asks, for one process."""

    door: Door
    cutoffs: Cutoffs
    sessions: Sessions
    logins: Logins
    authorizations: Authorizations
    clients: Clients
    me: Me
    passkeys: Passkeys
    step_ups: StepUp
    administered: Callable[[Caller], frozenset[str]]
    """The agencies whose clients a caller administers."""
    appointed: Callable[[Caller], frozenset[str]]
    """The agencies whose people a caller administers."""


def make_identity(
    config: Config,
    pool: Pool,
    keys: KeyFiles,
    now: Clock,
    cutoffs: Cutoffs,
    *,
    grants_of: GrantsOf,
    hierarchy: Callable[[], Hierarchy],
    name_of: NameOf,
) -> Identity:
    """Everything by which callers are found. Raises KeyStoreError, or ConfigurationError for a missing secret."""
    origin, key = config.public_url, keys.token_key()
    rights = Rights(grants_of, hierarchy, citizen_level=config.citizen_level, officer_level=config.officer_level)
    proofs = Proofs(pool, origin, now)
    sessions = Sessions(pool, rights, now)
    pepper = keys.holder_pepper()

    async def vault_of(personal_id: str) -> UUID:
        return await open_vault(pool, personal_id, pepper, now())

    logins = Logins(pool, make_provider(config, now), sessions, rights, vault_of, now)
    authorizations = Authorizations(pool, logins, rights, proofs, cutoffs, key, origin=origin, now=now)
    reader = TokenReader(key.public_key(), origin)

    def agencies_by(scope: str) -> Callable[[Caller], frozenset[str]]:
        def agencies(caller: Caller) -> frozenset[str]:
            purview = purview_of(caller, hierarchy(), scope)
            return frozenset(filter(purview.has, purview.agencies))  # whole: what is asked about is of no one type

        return agencies

    return Identity(
        door=Door(reader, cutoffs, proofs, sessions, Quotas(pool, now), origin=origin, now=now),
        cutoffs=cutoffs,
        sessions=sessions,
        logins=logins,
        authorizations=authorizations,
        clients=Clients(pool, cutoffs, now),
        me=Me(pool, rights, authorizations, name_of, now),
        passkeys=Passkeys(pool, sessions, cutoffs, rights, origin=origin, now=now),
        step_ups=StepUp(pool, hierarchy, now),
        administered=agencies_by("clients:write"),
        appointed=agencies_by("assignments:write"),
    )


def make_provider(config: Config, now: Clock) -> Provider | None:
    """The identity provider of that configuration, if it names one.

    Raises ConfigurationError for a secret or key that is missing, or is none.
    """
    if not config.oidc_issuer:
        return None
    levels = {acr: int(level) for acr, _, level in (one.rpartition("=") for one in config.oidc_levels.split())}
    settings = ProviderSettings(
        issuer=config.oidc_issuer,
        client_id=config.oidc_client_id,
        secret=None if config.oidc_secret_file is None else _read(config.oidc_secret_file),
        key_pem=None if config.oidc_key_file is None else _read(config.oidc_key_file),
        scope=config.oidc_scope,
        redirect_uri=f"{config.public_url}/login/callback",
        name_claim=config.oidc_name_claim,
        personal_id_claim=config.oidc_personal_id_claim,
        levels=levels,
        least_level=min(config.citizen_level, config.officer_level),
    )
    return Provider(settings, now)


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8").strip()
    except OSError as error:
        raise ConfigurationError(f"{path}: {error.strerror}; see docs/identity.md") from None
