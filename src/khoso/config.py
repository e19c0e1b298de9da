"""The whole configuration: one documented value, read once at start, that refuses to guess.

Every field is an environment variable `KHOSO_<NAME>`. A name nobody knows stops the start, and so does a setting that
contradicts another. A secret is never a setting: passwords come by `passfile=` in the database URL (a libpq password
file), keys by the directory they lie in.
"""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Literal
from urllib.parse import parse_qs, urlsplit

import msgspec

from khoso.errors import ConfigurationError

LAST_PORT = 65_535
PREFIX = "KHOSO_"
_UNKNOWN = re.compile(r"Object contains unknown field `([^`]*)`")
_TESTS = "TEST_"
"""Names below KHOSO_TEST_ belong to the tests."""


class Config(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a running Kho Số is told from outside."""

    database_url: str = ""
    """PostgreSQL as the application role, which owns nothing. `khoso demo` brings its own."""
    database_owner_url: str = ""
    """PostgreSQL as the owner of the schema; only `khoso migrate` and `khoso demo` use it."""
    database_direct_url: str = ""
    """The application role past any connection pooler, for LISTEN; empty: `database_url`."""
    public_url: str = "http://localhost:8080"
    """Origin of the official page: what every code begins with. Printed papers carry it for years."""
    keys_dir: Path = Path("keys")
    """Signing keys, their passphrase file and the token key."""
    data_dir: Path = Path("var")
    """What this program keeps on disk itself: fingerprints, the spool, the published lists, the embedded database."""
    pkcs11_module: Path | None = None
    """The library of a signing device (PKCS #11), for agencies' keys that never leave it; none: all keys are files."""
    pkcs11_token: str = ""
    """Label of the token in that device. Its PIN lies in `keys_dir`/pkcs11-pin."""
    pkcs11_sessions: int = 4
    """Sessions of each process with the device, and threads that sign in them."""
    oidc_issuer: str = ""
    """The identity provider (OpenID Connect) at which people log in; empty: nobody can."""
    oidc_client_id: str = ""
    """What this platform is called there. Its redirect URI is `public_url`/login/callback."""
    oidc_secret_file: Path | None = None
    """A file with the secret that the provider gave; or else:"""
    oidc_key_file: Path | None = None
    """a PEM file with the P-256 key by which the platform proves itself there (private_key_jwt)."""
    oidc_scope: str = "openid profile"
    """What is asked for there."""
    oidc_name_claim: str = "name"
    oidc_personal_id_claim: str = "personal_id"
    """The claim of the ID token with the 12 digits by which a citizen's vault is found."""
    oidc_levels: str = ""
    """What the provider's `acr` values are worth here, from 1 to 3: `urn:example:loa2=2 urn:example:loa3=3`."""
    citizen_level: int = 2
    """The least level at which a citizen opens his vault."""
    officer_level: int = 2
    """The least level at which somebody acts for an agency."""
    demo: bool = False
    """Show the demonstration's papers. Set by `khoso demo`, never in production."""
    host: str = "127.0.0.1"
    port: int = 8080
    workers: int = 2
    pool_size: int = 8
    """Database connections of each worker."""
    prepared_statements: int = 100
    """How many each connection keeps; 0 behind a pooler that keeps none (docs/operations.md)."""
    coalesce: bool = True
    """Issue concurrent single requests in one transaction. Off only to measure what it brings."""
    log_format: Literal["json", "console"] = "json"
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    pg_bindir: Path | None = None
    """PostgreSQL binaries for the embedded database, if not the installed ones."""

    @property
    def is_this_machine(self) -> bool:
        """Whether nobody but who sits here reaches the public URL."""
        return urlsplit(self.public_url).hostname in ("localhost", "127.0.0.1")


def load(environ: Mapping[str, str] | None = None) -> Config:
    """The configuration in the environment. Raises ConfigurationError naming the variable and what to do."""
    given = {
        name.removeprefix(PREFIX).lower(): value
        for name, value in (os.environ if environ is None else environ).items()
        if name.startswith(PREFIX) and not name.startswith(PREFIX + _TESTS)
    }
    try:
        config = msgspec.convert(given, Config, strict=False, dec_hook=_read_path)
    except msgspec.ValidationError as error:
        raise ConfigurationError(f"{_variable(str(error))}; see docs/operations.md") from None
    check(config)
    return config


def to_environment(config: Config) -> dict[str, str]:
    """The variables from which `load` reads this configuration again, for child processes."""
    values = ((name, getattr(config, name)) for name in Config.__struct_fields__)
    return {PREFIX + name.upper(): str(value) for name, value in values if value is not None}


def _read_path(_: type, text: str) -> Path:
    """The only type here that msgspec does not know."""
    return Path(text)


def _variable(message: str) -> str:
    """msgspec names a field `$.port` or `unknown field`; say the variable instead."""
    for name in sorted(Config.__struct_fields__, key=len, reverse=True):
        message = message.replace(f"`$.{name}`", f"{PREFIX}{name.upper()}")
    return _UNKNOWN.sub(lambda found: f"There is an unknown setting `{PREFIX}{found[1].upper()}`", message)


def check(config: Config) -> None:
    """Raise ConfigurationError for what does not go together, or could not be printed in a code."""
    origin = urlsplit(config.public_url)
    if origin.scheme not in ("http", "https") or not origin.hostname or origin.path or origin.query or origin.username:
        raise ConfigurationError("KHOSO_PUBLIC_URL is an origin only, such as https://kho.example.vn")
    if config.public_url != config.public_url.lower():
        raise ConfigurationError("KHOSO_PUBLIC_URL must be lower case: phone cameras compare it to the byte")
    if origin.scheme == "http" and not config.is_this_machine and not config.demo:
        raise ConfigurationError("KHOSO_PUBLIC_URL must be https unless it is this machine")
    for name in ("database_url", "database_owner_url", "database_direct_url"):
        _check_database_url(name, getattr(config, name))
    if not 0 < config.port <= LAST_PORT or config.workers < 1 or config.pool_size < 2:
        raise ConfigurationError(
            f"KHOSO_PORT is 1 to {LAST_PORT}, KHOSO_WORKERS at least 1, KHOSO_POOL_SIZE at least 2"
        )
    if config.prepared_statements < 0:
        raise ConfigurationError("KHOSO_PREPARED_STATEMENTS is 0 or more")
    _check_device(config)
    _check_provider(config)


def _check_device(config: Config) -> None:
    if (config.pkcs11_module is None) != (not config.pkcs11_token):
        raise ConfigurationError("KHOSO_PKCS11_MODULE and KHOSO_PKCS11_TOKEN name one device: give both or neither")
    if config.pkcs11_module is not None and not config.pkcs11_module.is_absolute():
        raise ConfigurationError("KHOSO_PKCS11_MODULE is an absolute path, such as /usr/lib/softhsm/libsofthsm2.so")
    if not 1 <= config.pkcs11_sessions <= 64:
        raise ConfigurationError("KHOSO_PKCS11_SESSIONS is 1 to 64")


def _check_provider(config: Config) -> None:
    issuer = urlsplit(config.oidc_issuer)
    if not (1 <= config.citizen_level <= 3 and 1 <= config.officer_level <= 3):
        raise ConfigurationError("KHOSO_CITIZEN_LEVEL and KHOSO_OFFICER_LEVEL are 1 to 3")
    if not config.oidc_issuer:
        return
    if not config.demo and issuer.scheme != "https" and issuer.hostname not in ("localhost", "127.0.0.1"):
        raise ConfigurationError("KHOSO_OIDC_ISSUER must be https unless it is this machine")
    if not config.oidc_client_id or (config.oidc_secret_file is None) == (config.oidc_key_file is None):
        raise ConfigurationError(
            "KHOSO_OIDC_ISSUER needs KHOSO_OIDC_CLIENT_ID, and either KHOSO_OIDC_SECRET_FILE or KHOSO_OIDC_KEY_FILE"
        )
    if not re.fullmatch(r"\S+=[1-3]( \S+=[1-3])*", config.oidc_levels):
        raise ConfigurationError(
            "KHOSO_OIDC_LEVELS gives each acr value a level: `urn:example:loa2=2 urn:example:loa3=3`"
        )
    if "openid" not in config.oidc_scope.split():
        raise ConfigurationError("KHOSO_OIDC_SCOPE must contain openid")


def _check_database_url(name: str, url: str) -> None:
    if url and (urlsplit(url).password or "password" in parse_qs(urlsplit(url).query)):
        raise ConfigurationError(
            f"{PREFIX}{name.upper()} carries a password; put it into a file and name it: ?passfile=…"
        )
