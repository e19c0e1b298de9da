"""`khoso clients`: what an operator does before an agency has an administrator."""

import json
from pathlib import Path

from command_line import Khoso
from identity.programs import Key
from khoso.config import Config


def test_a_system_from_its_registration_to_its_end(khoso: Khoso, config: Config, tmp_path: Path) -> None:
    added = khoso("clients", "add", "system", "Một cửa", "--agency", "H17.05.12", "--quota", "5", config=config)
    client_id = added.out.strip()
    assert client_id.startswith("system-")
    key, file = Key(), tmp_path / "key.json"
    file.write_text(json.dumps(key.jwk))
    assert key.thumbprint in khoso("clients", "key", "add", client_id, str(file), config=config).out
    assert khoso("clients", "change", client_id, "--quota", "0", "--name", "Khác", config=config).status == 0
    shown = khoso("clients", "show", client_id, config=config).answer
    assert (shown["client"]["name"], shown["client"]["quota_per_hour"]) == ("Khác", None)
    assert [one["kid"] for one in shown["keys"]] == [key.thumbprint]
    assert khoso("clients", "key", "end", client_id, key.thumbprint, config=config).status == 0
    assert khoso("clients", "end", client_id, "--yes", config=config).status == 0
    [listed] = khoso("clients", "list", "--json", config=config).answer
    assert listed["ended_at"] is not None


def test_mistakes_are_told(khoso: Khoso, config: Config) -> None:
    for command in (
        ("add", "app", "App", "--agency", "H17"),
        ("add", "robot", "x", "--agency", "H17"),
        ("add", "system", "x", "--agency", "H99"),
        ("show", "absent"),
        ("end", "absent", "--yes"),
    ):
        assert khoso("clients", *command, config=config).status == 1, command
