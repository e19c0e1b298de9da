"""The demonstration's identity provider: a process of its own, from a package; one logs in by clicking a name."""

import secrets
import sys
from importlib.util import find_spec
from urllib.parse import urlsplit

import msgspec

from khoso.config import Config
from khoso.demo.people import LEVELS, PEOPLE
from khoso.demo.places import Places

CLIENT_ID = "khoso-demo"
ACR = "loa3"


def with_provider(config: Config) -> Config:
    """The configuration of a demonstration with a provider on the port after its own, unless it names another.

    Without the package there is none, and nobody can log in.
    """
    if config.oidc_issuer or find_spec("oidc_provider_mock") is None:
        return config
    host = urlsplit(config.public_url).hostname
    return msgspec.structs.replace(
        config,
        oidc_issuer=f"http://{host}:{config.port + 1}",
        oidc_client_id=CLIENT_ID,
        oidc_secret_file=Places(config.data_dir).provider_secret,
        oidc_levels=LEVELS,
    )


def brings_provider(config: Config) -> bool:
    """Whether the demonstration starts the provider itself."""
    return config.oidc_client_id == CLIENT_ID


def provider_address(config: Config) -> Config:
    """The configuration as far as it says where the provider listens."""
    return msgspec.structs.replace(config, port=config.port + 1)


def write_secret(config: Config) -> None:
    """The secret that this provider takes, as it takes any."""
    file = Places(config.data_dir).provider_secret
    if not file.exists():
        file.touch(mode=0o600)
        file.write_text(secrets.token_urlsafe(16), "utf-8")


def serve_provider(config: Config) -> None:
    """Let the people of the demonstration log in, until the end. What it has to say goes into a file."""
    log = Places(config.data_dir).provider_log
    sys.stdout = sys.stderr = log.open("w", encoding="utf-8", buffering=1)  # before it is imported: it warns then
    from oidc_provider_mock.__main__ import run

    people = [
        {"sub": person.login, "name": person.name, "personal_id": person.personal_id, "acr": ACR} for person in PEOPLE
    ]
    claims = [argument for one in people for argument in ("--user-claims", msgspec.json.encode(one).decode())]
    run.main(["--host", config.host, "--port", str(config.port + 1), *claims], standalone_mode=False)
