"""Templates: Jinja with escaping always on, nothing unseen in a text, and times as a person in Vietnam reads them."""

from base64 import b64encode
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from khoso.formats.documents import PublicKeys
from khoso.formats.hidden import made_visible
from khoso.formats.trust_list import public_der
from khoso.formats.verdict import Outcome
from khoso.pages.assets import asset_url
from khoso.pages.browsers import name_browser
from khoso.times import as_minute
from khoso.verification.model import FieldView, VerdictView
from khoso.verification.wording import Wording, words

_UNANSWERED = ("no_network", "service_away", "too_many_attempts")


class Blank:
    """Stands where the script will put a value: every attribute is blank, nothing is shown."""

    def __getattr__(self, name: str) -> "Blank":
        return self

    def __html__(self) -> str:
        return ""


def render(template: str, **values: Any) -> bytes:
    """The page in UTF-8. Raises jinja2.UndefinedError for a value that the template misses."""
    return environment().get_template(template).render(**values).encode()


@cache
def environment() -> Environment:
    """The one environment, made at first use."""
    made = Environment(
        loader=PackageLoader("khoso.pages"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_finalized,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals.update(asset_url=asset_url, blank=Blank())
    made.filters.update(_unless_blank(iso=iso, instant=as_minute, last_instant=last_instant, rows=rows))
    made.filters["browser_name"] = name_browser
    made.tests["blank"] = is_blank
    return made


def unanswered() -> Mapping[str, Wording]:
    """What a script shows when the server does not answer, by the reason."""
    return {reason: words(Outcome.CANNOT_TELL, reason) for reason in _UNANSWERED}


def encoded_roots(roots: PublicKeys) -> str:
    """The root keys as a script reads them from its page."""
    return " ".join(b64encode(public_der(key)).decode() for key in roots.values())


def last_instant(end: datetime) -> str:
    """The last minute before an end: what ends at midnight is good until 23:59 of the day before."""
    return as_minute(end - timedelta(seconds=1))


def iso(moment: datetime) -> str:
    """As `<time datetime>` wants it."""
    return moment.isoformat()


def rows(verdict: VerdictView) -> list[FieldView]:
    """The fields to list: all but the one that already stands large above them."""
    assert verdict.paper is not None
    comparison = verdict.paper.comparison
    return [field for field in verdict.paper.fields if comparison is None or field.name != comparison.name]


def is_blank(value: object) -> bool:
    """Whether the script will fill this in."""
    return isinstance(value, Blank)


def _finalized(value: object) -> object:
    """What is put into a page: of a text, what can be seen. Markup, which is no plain `str`, is ours."""
    return made_visible(value) if type(value) is str else value


def _unless_blank(**filters: Callable[[Any], Any]) -> dict[str, Callable[[Any], Any]]:
    def passing(wanted: Callable[[Any], Any]) -> Callable[[Any], Any]:
        return lambda value: value if is_blank(value) else wanted(value)

    return {name: passing(wanted) for name, wanted in filters.items()}
