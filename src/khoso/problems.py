"""The only place where an error becomes an HTTP status: problem details by RFC 9457."""

import re
import traceback
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, cast

import msgspec
import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException, InternalServerException
from litestar.status_codes import HTTP_503_SERVICE_UNAVAILABLE
from litestar.types import ExceptionHandlersMap

from khoso import errors
from khoso.alarms import Alarms
from khoso.errors import InputProblem, InvalidInput, KhosoError, code_of, sentence
from khoso.inputs import NO_JSON, to_form_problem

log = structlog.get_logger(__name__)

MEDIA_TYPE = "application/problem+json"

STATUS: Mapping[type[KhosoError], int] = {
    errors.InvalidInput: 422,
    errors.CodeTooLong: 422,
    errors.IdempotencyKeyReused: 422,
    errors.NotAuthenticated: 401,
    errors.NotPermitted: 403,
    errors.NotAuthorisedToIssue: 403,
    errors.SecondPersonNeeded: 403,
    errors.InvitationRefused: 403,
    errors.CrossSiteRequest: 403,
    errors.LoginRefused: 403,
    errors.StepUpRequired: 403,
    errors.OAuthRefused: 400,
    errors.DraftNeeded: 403,
    errors.IssuingHeld: 403,
    errors.NotFound: 404,
    errors.StatusChangeRefused: 409,
    errors.NotAsExpected: 409,
    errors.OrderEnded: 409,
    errors.ImportEnded: 409,
    errors.LastAdministrator: 409,
    errors.DraftEnded: 409,
    errors.HoldReleased: 409,
    errors.BodyTooLarge: 413,
    errors.TooManyAttempts: 429,
    errors.QuotaUsedUp: 429,
    errors.Unavailable: 503,
    errors.RecordBehind: 503,
    errors.KeyStoreError: 503,
    errors.NoSigningKey: 503,
}
"""Every error that a request can meet. A test compares it with the family."""

_FRAMEWORK: Mapping[int, type[KhosoError]] = {404: errors.NotFound, 413: errors.BodyTooLarge}
"""Errors of the framework that ours have a name for: one error, one code, whoever found it."""

_MISSING = re.compile(r"Missing required \w+ parameter '([^']+)'")

CHALLENGE: Mapping[str, str] = {"www-authenticate": 'Bearer realm="khoso"'}
"""In every 401 (RFC 9110, 15.5.2)."""

_HEADERS: Mapping[int, Mapping[str, str]] = {
    401: CHALLENGE,
    429: {"retry-after": "3600"},
    503: {"retry-after": "5"},
}


class Problem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Problem details (RFC 9457, 3.1). `code` is stable; `title` is Vietnamese, then English."""

    type: str
    title: str
    status: int
    code: str
    problems: tuple[InputProblem, ...] = ()
    """What is wrong with which field, and what to do."""


_ALARMS = Alarms(lambda: datetime.now(UTC), lambda _: None)


def on_khoso_error(request: Request[Any, Any, Any], error: KhosoError) -> Response[bytes]:
    """An error of ours: its class tells the status, its docstring the sentence.

    What keeps the server from answering is told to those who run it, once in a while; a caller need not know.
    """
    status = STATUS.get(type(error))
    if status is None:
        return on_anything_else(request, error)
    if status == HTTP_503_SERVICE_UNAVAILABLE:
        _ALARMS.raise_alarm("answered 503", code_of(type(error)), str(error))
    headers = {} if error.retry_after is None else {"retry-after": str(error.retry_after)}
    return _response(to_problem(error), headers)


def to_problem(error: KhosoError) -> Problem:
    """An error that a request can meet, as it is told."""
    return _make_problem(STATUS[type(error)], code_of(type(error)), sentence(type(error)), error.problems)


def on_http_error(request: Request[Any, Any, Any], error: HTTPException) -> Response[bytes]:
    """An error of the framework: unknown path or method, or a body, header or parameter that does not fit."""
    if error.status_code == 400:
        return on_khoso_error(request, InvalidInput(*_parameter_problems(error)))
    ours = _FRAMEWORK.get(error.status_code)
    if ours is not None:
        return on_khoso_error(request, ours())
    said = error.detail  # ours is in both languages, the framework's in English
    title = said if " | " in said else f"Máy chủ không nhận yêu cầu như vậy. | {said}"
    return _answer(error.status_code, f"http_{error.status_code}", title, headers=error.headers)


def on_unreadable_body(request: Request[Any, Any, Any], _: Exception) -> Response[bytes]:
    """A body that is not UTF-8, or nested without end: what the framework's reading of JSON lets through."""
    return on_khoso_error(request, InvalidInput(NO_JSON))


def on_anything_else(_: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """A fault of ours: logged by kind and place, answered with one fixed sentence."""
    log.error("unhandled error", errors=list(_kinds_and_places(error)))
    return _answer(500, "internal", "Lỗi hệ thống, đã được ghi nhận. | An internal error; it has been recorded.")


HANDLERS: ExceptionHandlersMap = {
    KhosoError: on_khoso_error,
    InternalServerException: on_anything_else,
    HTTPException: on_http_error,
    UnicodeDecodeError: on_unreadable_body,
    RecursionError: on_unreadable_body,
    Exception: on_anything_else,
}


def to_answer(error: Exception) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
    """Status, headers and body for an error outside of the framework's routes, as its handlers would answer it."""
    handler = next(handler for kind, handler in HANDLERS.items() if isinstance(kind, type) and isinstance(error, kind))
    response = cast("Response[bytes]", handler(cast("Request[Any, Any, Any]", None), error))
    headers = [(name.encode(), value.encode()) for name, value in response.headers.items()]
    headers.append((b"content-type", MEDIA_TYPE.encode()))
    return response.status_code or 500, headers, response.content


def _answer(
    status: int,
    code: str,
    title: str,
    problems: tuple[InputProblem, ...] = (),
    headers: Mapping[str, str] | None = None,
) -> Response[bytes]:
    return _response(_make_problem(status, code, title, problems), headers)


def _make_problem(status: int, code: str, title: str, problems: tuple[InputProblem, ...]) -> Problem:
    return Problem(type=f"urn:khoso:problem:{code}", title=title, status=status, code=code, problems=problems)


def _response(problem: Problem, headers: Mapping[str, str] | None = None) -> Response[bytes]:
    return Response(
        msgspec.json.encode(problem),
        status_code=problem.status,
        media_type=MEDIA_TYPE,
        headers={**_HEADERS.get(problem.status, {}), **(headers or {})},
    )


def _parameter_problems(error: HTTPException) -> list[InputProblem]:
    """What Litestar found wrong, as ours: one for each parameter, or one for the body."""
    if isinstance(error.extra, list):
        return [to_form_problem(str(one.get("message", "")), _field(one.get("key", ""))) for one in error.extra]
    missing = _MISSING.match(error.detail)
    return [
        NO_JSON if missing is None else InputProblem(missing[1], "required", "thiếu tham số này: gửi kèm | is missing")
    ]


def _field(key: str) -> str:
    """Litestar calls the body `data`."""
    return "body" if key in ("", "data") else key


def _kinds_and_places(error: BaseException | None) -> Iterator[dict[str, Any]]:
    """An error and its causes, each by its class and the lines it passed.

    Never its message: PostgreSQL's quotes the row, msgspec's the value, and a row or value is a citizen's.
    """
    while error is not None:
        frames = traceback.extract_tb(error.__traceback__)
        yield {"kind": type(error).__name__, "places": [f"{f.filename}:{f.lineno} {f.name}" for f in frames]}
        error = error.__cause__ or error.__context__
