"""What pages answer that is for one reader alone, and what they tell him of an error."""

from litestar import Response

from khoso.errors import KhosoError
from khoso.pages.headers import SECURITY_HEADERS
from khoso.problems import sentence
from khoso.text import Words

HTML = "text/html"


def for_one_reader(page: bytes, status: int = 200) -> Response[bytes]:
    """A page that nobody else is to see: it says of no cache that it may hold it, so none does (`front.py`)."""
    return Response(page, media_type=HTML, status_code=status, headers=dict(SECURITY_HEADERS))


def words_of(error: KhosoError) -> Words:
    """The sentence on an error."""
    return Words(*sentence(type(error)).split(" | "))
