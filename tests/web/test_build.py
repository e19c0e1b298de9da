"""What `make web` builds: in the wheel, without what the pages' policy forbids, and missed at once."""

import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from khoso.errors import ConfigurationError
from khoso.pages import assets

ROOT = Path(__file__).parents[2]
BUILT = {name: asset.body for name, asset in assets.assets().items() if name.endswith((".js", ".wasm"))}
SCRIPTS = [name for name in BUILT if name.endswith(".js")]
FORBIDDEN = re.compile(r"https?://|\beval\(|new Function|innerHTML|outerHTML|document\.write|import\(")


def test_the_wheel_carries_what_was_built(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    [wheel] = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as packed:
        carried = {name: packed.read(f"khoso/pages/built/{name}") for name in BUILT}
    assert carried == BUILT


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_makes_no_markup_and_no_code_and_names_no_site(name: str) -> None:
    assert FORBIDDEN.findall(BUILT[name].decode()) == []


def test_a_server_without_the_scripts_does_not_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(assets, "_SOURCES", (("khoso.pages", "built/absent.js", "text/javascript"),))
    with pytest.raises(ConfigurationError, match="make web"):
        assets.assets.__wrapped__()
