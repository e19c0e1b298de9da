"""HEAD through a real server: its answer ends with its headers, and the connection goes on."""

from contextlib import closing
from http.client import HTTPConnection

from demo.launching import Demo


def test_a_monitor_asks_by_head_and_goes_on_asking(demo: Demo) -> None:
    with closing(HTTPConnection("localhost", demo.port, timeout=20)) as connection:
        for path in ("/", "/healthz", "/nothing", "/lists/bundle"):
            told = {}
            for method in ("HEAD", "GET"):
                connection.request(method, path)
                answer = connection.getresponse()
                length = answer.headers["content-length"]  # as it was sent: `http.client` counts none for HEAD
                told[method] = (answer.status, answer.headers["content-type"], length, len(answer.read()))
            assert told["HEAD"][:3] == told["GET"][:3], path
            assert told["HEAD"][3] == 0, path
            assert told["GET"][3] > 0, path
