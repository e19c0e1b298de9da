"""What a person is shown of a paper whose fields cannot be read."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import NamedTuple

import pytest

from golden import vectors
from khoso.formats.trust import Trust
from khoso.formats.verdict import Outcome, TypeCatalogue
from khoso.verification.model import Checked
from khoso.verification.view import present

UNFIT = [name for name in vectors.names() if name.startswith("field-")]


class Catalogue(NamedTuple):
    trust: Trust
    types: TypeCatalogue
    successors: Mapping[str, tuple[str, ...]]


@pytest.mark.parametrize("name", UNFIT)
def test_a_field_that_does_not_fit_its_type_is_not_shown_even_if_the_record_decides(name: str) -> None:
    vector = vectors.read(name)
    by_record = vector.judge()._replace(outcome=Outcome.NOT_ISSUED, step=8, reason="never_recorded")
    view = present(Checked(by_record, datetime.now(UTC)), Catalogue(vector.trust, vector.types, {}))
    assert view.paper is not None
    assert (view.paper.type, view.paper.fields) == (None, [])
    assert view.paper.result_code
