"""A second demonstration beside a running one."""

import httpx

from demo.conftest import NewDemo
from demo.launching import Demo


def test_a_second_one_on_the_same_directory_is_refused(demo: Demo, new_demo: NewDemo) -> None:
    second = new_demo(KHOSO_DATA_DIR=str(demo.data_dir), KHOSO_KEYS_DIR=str(demo.keys_dir))
    for options in ((), ("--fresh",)):
        assert second.run(*options) == 1
        assert "already running on this directory" in second.err
        assert "KHOSO_DATA_DIR" in second.err
        assert "Traceback" not in second.err
    assert httpx.get(f"{demo.origin}/readyz").status_code == 200
