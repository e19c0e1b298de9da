"""The command line, run in the test's own process."""

import io
import json
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from demo.launching import clean
from khoso.__main__ import main
from khoso.config import Config, to_environment


@dataclass(frozen=True)
class Ended:
    status: int
    out: str
    err: str

    @property
    def answer(self) -> Any:
        return json.loads(self.out)


Khoso = Callable[..., Ended]


def make_khoso(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Khoso:
    """Runs a command in this process with these settings and nothing else of ours."""

    def run(*command: str, config: Config | None = None, stdin: str = "", **settings: str) -> Ended:
        with monkeypatch.context() as patch:
            environ = clean(os.environ) | ({} if config is None else to_environment(config)) | settings
            for name in os.environ.keys() - environ.keys():
                patch.delenv(name)
            for name, value in environ.items():
                patch.setenv(name, value)
            patch.setattr(sys, "argv", ["khoso", *command])
            patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode())))
            capfd.readouterr()
            with pytest.raises(SystemExit) as ended:
                main()
        out, err = capfd.readouterr()
        assert "Traceback" not in err
        return Ended(int(ended.value.code or 0), out, err)

    return run
