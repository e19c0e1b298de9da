"""The README's tour, run as it stands against a running demonstration."""

import re
import subprocess
from pathlib import Path

import pytest

from demo.launching import Demo

ROOT = Path(__file__).parents[2]
TOUR = "A tour of five minutes"
PERMIT = "H17.05.12-261120-900001-KQ1"


def list_blocks(page: str, heading: str) -> list[str]:
    """The shell blocks below a heading."""
    section = re.split(r"^## ", page, flags=re.MULTILINE)
    (tour,) = (text for text in section if text.startswith(heading))
    return re.findall(r"^```sh\n(.*?)^```", tour, re.MULTILINE | re.DOTALL)


@pytest.fixture
def checkout(tmp_path: Path, demo: Demo) -> Path:
    """A directory in which the demonstration was started, as far as the tour can tell."""
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    (tmp_path / "var").symlink_to(demo.data_dir)
    return tmp_path


def test_the_tour_does_what_it_says(checkout: Path) -> None:
    blocks = list_blocks((ROOT / "README.md").read_text(), TOUR)
    assert len(blocks) == 6
    # A mark after each block tells which of them said what.
    script = "".join(f"{block}\necho; echo '== end of block'\n" for block in blocks)
    run = subprocess.run(
        ["sh", "-eu", "-c", script], cwd=checkout, capture_output=True, text=True, timeout=120, check=False
    )
    assert (run.returncode, run.stderr) == (0, ""), run.stdout
    _, issued, vault, verified, revoked, imported, _ = run.stdout.split("== end of block")
    assert f'"lookup_code":"{PERMIT} ' in issued
    assert f'"result_code":"{PERMIT}"' in vault
    assert "<svg" in vault
    assert "Còn hiệu lực" in verified
    assert '"outcome":"in_force"' in verified
    assert "Đã thu hồi" in revoked
    assert "12/QĐ-UBND" in revoked
    assert "exit status 3: refused" in revoked
    assert len(re.findall(r"^[234],H17.05.12-261120-90000[234]-KQ1,", imported, re.MULTILINE)) == 3
