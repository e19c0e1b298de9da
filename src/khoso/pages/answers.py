"""What pages answer that is for one reader alone, and what they tell him of an error."""

from typing import Any

from litestar import Request, Response
from litestar.exceptions import HTTPException, MethodNotAllowedException, NotFoundException
from litestar.types import ExceptionHandlersMap

from khoso.errors import KhosoError, NotFound, sentence
from khoso.http import choose
from khoso.pages.headers import SECURITY_HEADERS
from khoso.pages.templates import render
from khoso.problems import MEDIA_TYPE, on_http_error, on_khoso_error
from khoso.text import Words

HTML = "text/html"
_JSON = "application/json"

_OF_PROGRAMS = frozenset({"api", "lists", "oauth"})
"""Below these nobody reads pages, whatever his program says that it likes."""


def for_one_reader(page: bytes, status: int = 200) -> Response[bytes]:
    """A page that nobody else is to see: it says of no cache that it may hold it, so none does (`front.py`)."""
    return Response(page, media_type=HTML, status_code=status, headers=dict(SECURITY_HEADERS))


def words_of(error: KhosoError) -> Words:
    """The sentence on an error."""
    return Words(*sentence(type(error)).split(" | "))


def on_no_page(request: Request[Any, Any, Any], error: KhosoError | HTTPException) -> Response[bytes]:
    """That there is no such page, said on one to whoever would read it there; programs are told as of any error."""
    told = on_khoso_error(request, error) if isinstance(error, KhosoError) else on_http_error(request, error)
    of_programs = request.scope["path"].lstrip("/").partition("/")[0] in _OF_PROGRAMS
    if of_programs or choose(request, MEDIA_TYPE, _JSON, HTML) != HTML:
        return told
    page = for_one_reader(render("missing.html"), told.status_code or 404)
    page.headers.update(told.headers)
    return page


NO_PAGE: ExceptionHandlersMap = dict.fromkeys((NotFound, NotFoundException, MethodNotAllowedException), on_no_page)
"""What a mistyped address comes to, and one that takes another method: of a form, opened once more by its address."""
