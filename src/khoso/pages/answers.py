"""What pages answer that is for one reader alone, and what they tell him of an error."""

from litestar import Response

from khoso.errors import KhosoError
from khoso.http import NEVER_KEPT
from khoso.pages.headers import SECURITY_HEADERS
from khoso.problems import sentence
from khoso.text import Words

HTML = "text/html"


def never_kept(page: bytes, status: int = 200) -> Response[bytes]:
    """A page that lies in no cache."""
    return Response(page, media_type=HTML, status_code=status, headers={**SECURITY_HEADERS, **NEVER_KEPT})


def words_of(error: KhosoError) -> Words:
    """The sentence on an error."""
    return Words(*sentence(type(error)).split(" | "))
