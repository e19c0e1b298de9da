"""What the log is told of an answer, and the caller is not."""

from uuid import uuid4

import pytest

from khoso.errors import InputProblem, KhosoError, NotFound, RecordBehind, Unavailable
from khoso.problems import to_answer


def test_the_reason_of_a_503_is_in_the_log_once_and_not_in_the_answer(capsys: pytest.CaptureFixture[str]) -> None:
    reason = f"reason-{uuid4().hex}"
    for _ in range(3):
        status, _, body = to_answer(Unavailable(reason))
        assert status == 503
        assert reason.encode() not in body
    told = capsys.readouterr().out
    assert told.count(reason) == 1
    assert "answered 503" in told


@pytest.mark.parametrize("error", [NotFound("H17-secret"), RuntimeError("H17-secret")])
def test_what_a_caller_asked_for_is_not_in_the_log(error: KhosoError, capsys: pytest.CaptureFixture[str]) -> None:
    to_answer(error)
    assert "H17-secret" not in capsys.readouterr().out


def test_a_record_that_went_back_says_what_to_do() -> None:
    status, headers, body = to_answer(RecordBehind(InputProblem("status list 3", "behind", "run it")))
    assert (status, dict(headers)[b"retry-after"]) == (503, b"5")
    assert b"status list 3" in body
