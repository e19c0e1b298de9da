"""By what a vault is found."""

import pytest

from khoso.issuance.model import Holder
from khoso.issuance.preparing import _holder_key

PEPPER = bytes(32)


def test_a_branch_has_one_vault_however_its_tax_code_is_written() -> None:
    written = [Holder("organisation", tax_code, "Công ty") for tax_code in ("0400999001-001", "0400999001001")]
    assert len({_holder_key(holder, PEPPER) for holder in written}) == 1


@pytest.mark.parametrize("other", ["0400999001", "0400999001-002"])
def test_another_branch_and_the_whole_have_others(other: str) -> None:
    branch = Holder("organisation", "0400999001-001", "Công ty")
    assert _holder_key(branch, PEPPER) != _holder_key(Holder("organisation", other, "Công ty"), PEPPER)
