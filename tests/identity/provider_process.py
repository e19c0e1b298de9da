"""The identity provider of the tests: oidc-provider-mock, taught to know one client by its key (private_key_jwt).

Everybody else is let in with any secret; this client with nothing but its key. Its id and public key, and to whom it is
to prove itself, are in the environment; arguments are those of oidc-provider-mock.
"""

import os
from typing import Any

from authlib.oauth2.rfc7523 import JWTBearerClientAssertion
from joserfc.jwk import ECKey
from oidc_provider_mock import _app as mock
from oidc_provider_mock import _storage as storage
from oidc_provider_mock.__main__ import run


class Assertion(JWTBearerClientAssertion):  # type: ignore[misc]  # the library has no types
    """Whether the client's key has signed that it is the client (RFC 7523, 3)."""

    CLIENT_AUTH_METHOD = "private_key_jwt"

    def __init__(self) -> None:
        super().__init__(leeway=0)
        self._shown: set[str] = set()

    def get_audiences(self) -> list[str]:
        return [os.environ["AUDIENCE"]]

    def verify_claims(self, claims: Any) -> None:
        super().verify_claims(claims)
        assert claims["exp"] - claims["iat"] <= 300, "many providers take no more"

    def validate_jti(self, _: Any, jti: str) -> bool:
        new = jti not in self._shown
        self._shown.add(jti)
        return new

    def resolve_client_public_key(self, _: Any) -> ECKey:
        return ECKey.import_key(os.environ["CLIENT_KEY"])


CLIENT = storage.Client(
    id=os.environ["CLIENT_ID"],
    secret="",
    redirect_uris=storage.ClientAllowAny(),
    allowed_scopes=storage.Client.SCOPES_SUPPORTED,
    token_endpoint_auth_method=Assertion.CLIENT_AUTH_METHOD,
)
ASSERTION = Assertion()


def know_the_client() -> None:
    storage.storage.store_client(CLIENT)
    mock.authorization.register_client_auth_method(ASSERTION.CLIENT_AUTH_METHOD, ASSERTION)


mock.blueprint.before_app_request(know_the_client)
mock.AuthorizationCodeGrant.TOKEN_ENDPOINT_AUTH_METHODS = ["client_secret_basic", ASSERTION.CLIENT_AUTH_METHOD]
run()
