"""What an operator does with a signing device, and is told when something is wrong with it."""

import json
from pathlib import Path

import msgspec
import pytest

from command_line import Khoso
from desk import AGENCY
from khoso.config import Config
from samples import house_permit
from softhsm import PIN, SoftHsm, needs_softhsm

pytestmark = needs_softhsm


ISSUE = ("issue", "-", "--agency", AGENCY, "--actor", "clerk", "--idempotency-key", "one")


@pytest.fixture
def hsm_config(config: Config, hsm: SoftHsm) -> Config:
    """Its root is one of development."""
    return hsm.settings(msgspec.structs.replace(config, demo=True), sessions=2)


def test_a_key_is_made_in_the_device_and_signs(khoso: Khoso, hsm_config: Config) -> None:
    files = sorted((hsm_config.keys_dir / "agency").iterdir())
    assert khoso("check-config", config=hsm_config).status == 0
    made = khoso("keys", "make", AGENCY, "--hsm", "--json", config=hsm_config).answer
    assert sorted((hsm_config.keys_dir / "agency").iterdir()) == files, "nothing of it is on this disk"
    listed = {key["kid"]: key for key in khoso("keys", "list", "--json", config=hsm_config).answer}
    assert listed[made["kid"]] == {**made, "state": "active", "trusted_as": "active"}
    issued = khoso(*ISSUE, config=hsm_config, stdin=json.dumps(house_permit())).answer
    assert khoso("verify", issued["code"], config=hsm_config).status == 0


def test_a_device_that_was_not_configured_makes_no_key(khoso: Khoso, config: Config) -> None:
    ended = khoso("keys", "make", AGENCY, "--hsm", config=config)
    assert (ended.status, "KHOSO_PKCS11_MODULE" in ended.err) == (1, True)


def test_what_is_wrong_with_the_device_is_told(khoso: Khoso, hsm_config: Config, hsm: SoftHsm, tmp_path: Path) -> None:
    replace = msgspec.structs.replace
    faults = {
        "no library": (replace(hsm_config, pkcs11_module=tmp_path / "none.so"), "KHOSO_PKCS11_MODULE"),
        "no token": (replace(hsm_config, pkcs11_token="absent"), "CKR_TOKEN_NOT_PRESENT"),
    }
    for fault, (config, said) in faults.items():
        ended = khoso("check-config", config=config)
        assert ended.status == 1, fault
        assert said in ended.err, fault
    hsm.write_pin("000000")
    refused = khoso("check-config", config=hsm_config)
    assert (refused.status, "refused a PIN" in refused.err, "000000" in refused.err) == (1, True, False)
    assert "not tried again" in khoso("keys", "make", AGENCY, "--hsm", config=hsm_config).err
    hsm.write_pin(PIN)
    assert khoso("check-config", config=hsm_config).status == 0
    assert khoso("keys", "make", AGENCY, "--hsm", config=hsm_config).status == 0
    hsm.pin_file.unlink()
    for command in ("check-config", "serve"):
        ended = khoso(command, config=hsm_config)
        assert (ended.status, str(hsm.pin_file) in ended.err) == (1, True), command
