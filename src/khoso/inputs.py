"""What every room asks of what people and programs write: texts, and the keys under which they may ask again."""

from collections.abc import Iterator

from khoso.errors import InputProblem, InvalidInput
from khoso.formats.field_values import BadValue, clean_text

MAX_TEXT = 200
"""Characters of a name, a label, a reason, a number."""

MAX_KEY = 100
"""Characters of an Idempotency-Key."""


def find_text_faults(field: str, text: str) -> Iterator[InputProblem]:
    """What is wrong with a text, by the rules that a paper's own texts have."""
    try:
        clean_text(text, MAX_TEXT)
    except BadValue as bad:
        yield InputProblem(field, bad.code, str(bad))


def check_text(field: str, text: str) -> None:
    """Raise InvalidInput for a text with a fault."""
    faults = list(find_text_faults(field, text))
    if faults:
        raise InvalidInput(*faults)


def check_idempotency_key(key: str) -> str:
    """The key. Raises InvalidInput for one that is empty or too long."""
    if not 0 < len(key) <= MAX_KEY:
        raise InvalidInput(InputProblem("Idempotency-Key", "length", f"1 to {MAX_KEY} characters"))
    return key
