"""The quick bound of a credential's size is never below its real size."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from khoso.formats import claims as claims_format
from khoso.formats import cose
from khoso.formats.claims import Claims, FieldValue, StatusRef
from khoso.formats.status_list import SIZE
from khoso.issuance.preparing import _size_at_most  # pyright: ignore[reportPrivateUsage]

INTEGERS = st.integers(-(1 << 53), 1 << 53)
TEXTS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=300)
VALUES: st.SearchStrategy[FieldValue] = (
    INTEGERS | TEXTS | st.lists(INTEGERS, min_size=1, max_size=30) | st.lists(TEXTS, min_size=1, max_size=5)
)
TIMES = st.integers(0, 253_402_300_799)


@settings(suppress_health_check=[HealthCheck.too_slow])  # the first text waits for the tables of Unicode
@given(st.dictionaries(st.integers(1, 70_000), VALUES, max_size=12), TIMES, st.none() | TIMES, st.none() | TIMES)
def test_the_bound_holds(
    fields: dict[int, FieldValue], issued_at: int, valid_from: int | None, expires_at: int | None
) -> None:
    draft = Claims(
        "H17." + "05." * 10,
        issued_at,
        "",
        "KQ." + "A" * 35 + ".000001",
        70_000,
        StatusRef(0, 0),
        dict(sorted(fields.items())),
        2,
        valid_from,
        expires_at,
    )
    dossier = "H17.05.12.34.56-261123-000123"
    longest = draft._replace(result_code=f"{dossier}-KQ9999", status=StatusRef(1 << 16, SIZE - 1))
    signed = cose.assemble(bytes(cose.KID_BYTES), claims_format.encode(longest), bytes(64))
    assert len(signed) <= _size_at_most(draft, dossier)
