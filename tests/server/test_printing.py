"""What the terminal shows of other people's text is that text, not markup."""

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from khoso import __main__ as command_line
from khoso import importing
from khoso.commands.terminal import EXIT_ERROR
from khoso.errors import InputProblem, InvalidInput
from khoso.imports.model import ListedFault

STRANGE = "[/red] [bold]x"


def test_an_error_is_printed_as_it_is(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def fail(**_: str) -> None:
        raise InvalidInput(InputProblem("file", "unreadable", STRANGE))

    monkeypatch.setattr(command_line, "app", fail)
    with pytest.raises(SystemExit) as ended:
        command_line.main()
    assert ended.value.code == EXIT_ERROR
    assert STRANGE in capsys.readouterr().err


def test_a_faults_column_is_printed_as_it_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    async def rejected(*_: object) -> tuple[Any, list[ListedFault]]:
        job = SimpleNamespace(state="rejected", rows_issued=0, rows_invalid=1)
        return job, [ListedFault(0, 3, STRANGE, "unknown_field", "there is no such field")]

    monkeypatch.setattr(importing, "import_from_disk", rejected)
    file = tmp_path / "badges.csv"
    file.write_text("x")
    command = ["khoso", "import", str(file), "--type", "KQ.H17.000001", "--agency", "H17.05.12", "--actor", "clerk"]
    monkeypatch.setattr(sys, "argv", command)
    with pytest.raises(SystemExit) as ended:
        command_line.main()
    assert ended.value.code == EXIT_ERROR
    assert f"3 {STRANGE}: there is no such field" in capsys.readouterr().out
