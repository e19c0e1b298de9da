"""The authorization server over HTTP, but for what a person sees of it. Its errors are those of OAuth."""

from collections.abc import Iterator
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric import ec
from litestar import MediaType, Request, Response, get, post
from litestar.di import NamedDependency
from litestar.exceptions import ClientException
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import URLEncodedBody
from litestar.types import ExceptionHandlersMap

from khoso.errors import InvalidInput, OAuthRefused
from khoso.http import answering
from khoso.identity.authorizing import Authorizations, RevokeForm, TokenAnswer, TokenForm
from khoso.identity.clients import APP_SCOPES, jwk_of
from khoso.identity.proofs import thumbprint_of
from khoso.identity.tokens import ALGORITHM
from khoso.problems import CHALLENGE

_PUBLIC = {"public": True}
_MAX_FORM = 16_384


def on_refused(_: Request[Any, Any, Any], error: OAuthRefused) -> Response[dict[str, str]]:
    """As RFC 6749, 5.2 has it."""
    content = {"error": error.code, "error_description": error.reason}
    if error.code == "invalid_client":
        return Response(content, status_code=401, headers=CHALLENGE)
    return Response(content, status_code=400)


def on_unreadable(request: Request[Any, Any, Any], error: ClientException | InvalidInput) -> Response[dict[str, str]]:
    """A form that is incomplete or too large, or has a parameter twice (RFC 6749, 3.2)."""
    return on_refused(request, OAuthRefused("invalid_request", "; ".join(_faults_of(error))))


def _faults_of(error: ClientException | InvalidInput) -> Iterator[str]:
    """What is wrong, in English: of what a client sends, nothing is in it but names of parameters that we know."""
    if isinstance(error, InvalidInput):
        yield from (one.message.partition(" | ")[2] for one in error.problems)
    elif isinstance(error.extra, list):
        yield from (f"{one['key']}: {one['message']}" for one in error.extra)
    else:
        yield "too large" if error.status_code == 413 else "cannot be read"


class OAuthError(msgspec.Struct, frozen=True):
    """Why a client is refused (RFC 6749, 5.2)."""

    error: str
    error_description: str


_REFUSALS = {
    status: ResponseSpec(OAuthError, description=text, generate_examples=False)
    for status, text in ((400, "Refused, with an error code of RFC 6749, 5.2"), (401, "Not this client"))
}
_ERRORS: ExceptionHandlersMap = {
    OAuthRefused: on_refused,
    ClientException: on_unreadable,
    InvalidInput: on_unreadable,
}


@post(
    "/oauth/token",
    opt=_PUBLIC,
    status_code=200,
    request_max_body_size=_MAX_FORM,
    exception_handlers=_ERRORS,
    responses=_REFUSALS,
    tags=["authorization"],
    summary="An access token for a code, a refresh token or a client assertion (RFC 6749, 3.2)",
)
async def give_token(
    request: Request[Any, Any, Any], data: URLEncodedBody[TokenForm], authorizations: NamedDependency[Authorizations]
) -> TokenAnswer:
    proofs = request.headers.getall("dpop", [])
    if len(proofs) > 1:
        raise OAuthRefused("invalid_dpop_proof", "more than one")
    return await authorizations.give_token(data, proofs[0] if proofs else None)


@post(
    "/oauth/revoke",
    opt=_PUBLIC,
    status_code=200,
    request_max_body_size=_MAX_FORM,
    exception_handlers=_ERRORS,
    responses=_REFUSALS,
    tags=["authorization"],
    summary="End a refresh token with its login, or access tokens (RFC 7009)",
)
async def revoke(data: URLEncodedBody[RevokeForm], authorizations: NamedDependency[Authorizations]) -> Response[bytes]:
    await authorizations.revoke(data)
    return Response(b"")


class ServerMetadata(msgspec.Struct, frozen=True):
    """What a client has to know of the authorization server (RFC 8414, 2)."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    revocation_endpoint: str
    jwks_uri: str
    scopes_supported: list[str]
    response_types_supported: tuple[str, ...] = ("code",)
    response_modes_supported: tuple[str, ...] = ("query",)
    grant_types_supported: tuple[str, ...] = ("authorization_code", "refresh_token", "client_credentials")
    code_challenge_methods_supported: tuple[str, ...] = ("S256",)
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("none", "private_key_jwt")
    token_endpoint_auth_signing_alg_values_supported: tuple[str, ...] = (ALGORITHM,)
    revocation_endpoint_auth_methods_supported: tuple[str, ...] = ("none", "private_key_jwt")
    dpop_signing_alg_values_supported: tuple[str, ...] = (ALGORITHM,)
    authorization_details_types_supported: tuple[str, ...] = ("result_types",)
    authorization_response_iss_parameter_supported: bool = True


@get("/.well-known/oauth-authorization-server", opt=_PUBLIC, tags=["authorization"], summary="RFC 8414")
async def show_metadata(origin: NamedDependency[str]) -> Response[ServerMetadata]:
    metadata = ServerMetadata(
        issuer=origin,
        authorization_endpoint=f"{origin}/oauth/authorize",
        token_endpoint=f"{origin}/oauth/token",
        revocation_endpoint=f"{origin}/oauth/revoke",
        jwks_uri=f"{origin}/.well-known/jwks.json",
        scopes_supported=sorted(APP_SCOPES),
    )
    return Response(metadata, headers={"cache-control": "public, max-age=300"})


@get(
    "/.well-known/jwks.json",
    opt=_PUBLIC,
    tags=["authorization"],
    summary="The key that signs access tokens",
    responses=answering(dict[str, Any]),
)
async def show_keys(token_key: NamedDependency[ec.EllipticCurvePublicKey]) -> Response[bytes]:
    jwk = jwk_of(token_key.public_numbers())
    key = {**jwk, "kid": thumbprint_of(jwk), "use": "sig", "alg": ALGORITHM}
    headers = {"cache-control": "public, max-age=300"}
    return Response(msgspec.json.encode({"keys": [key]}), media_type=MediaType.JSON, headers=headers)


HANDLERS = [give_token, revoke, show_metadata, show_keys]
