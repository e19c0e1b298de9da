"""The least that an issuing endpoint on this stack can cost: Litestar on granian reads a request and answers.

python -m bench.peers.noop --port 8081 --workers 2
"""

from argparse import ArgumentParser
from datetime import datetime

import msgspec
from granian import Granian
from granian.constants import Interfaces, Loops
from litestar import Litestar, get, post
from litestar.params import JSONBody


class IssueRequest(msgspec.Struct, frozen=True):
    """What a request to issue one result carries."""

    agency_code: str
    type_code: str
    type_version: int
    dossier_code: str
    holder_id: str
    holder_name: str
    fields: dict[int, str]
    valid_from: datetime
    expires_at: datetime | None = None
    evidence_level: int = 1


class Issued(msgspec.Struct, frozen=True):
    """What such a request is answered with."""

    result_code: str
    fields: int


@get("/health", sync_to_thread=False)
def health() -> dict[str, bool]:
    return {"ok": True}


@post("/noop")
async def noop(data: JSONBody[IssueRequest]) -> Issued:
    return Issued(f"{data.dossier_code}-KQ1", len(data.fields))


def create_app() -> Litestar:
    return Litestar([health, noop], openapi_config=None)


def main() -> None:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    Granian(
        "bench.peers.noop:create_app",
        port=options.port,
        interface=Interfaces.ASGI,
        workers=options.workers,
        loop=Loops.uvloop,
        factory=True,
    ).serve()


if __name__ == "__main__":
    main()
