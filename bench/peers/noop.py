"""The least that an issuing endpoint on this stack can cost: Litestar on granian reads a request and answers.

python -m bench.peers.noop --port 8081 --workers 2
"""

from argparse import ArgumentParser
from datetime import UTC, datetime

from granian import Granian
from granian.constants import Interfaces, Loops
from litestar import Litestar, get, post
from litestar.params import JSONBody

from khoso.issuance.model import Issued, IssueRequest
from khoso.processes import take_long_turns

NOW = datetime(2026, 11, 23, tzinfo=UTC)
CODE = "https://kho.danang.gov.vn/v#1" + "0" * 600


@get("/health", sync_to_thread=False)
def health() -> dict[str, bool]:
    return {"ok": True}


@post("/noop")
async def noop(data: JSONBody[IssueRequest]) -> Issued:
    return Issued(
        result_code=data.type_code,
        lookup_code=data.type_code,
        code=CODE,
        issued_at=NOW,
        valid_from=NOW,
        expires_at=None,
    )


def create_app() -> Litestar:
    return Litestar([health, noop], openapi_config=None)


def create_scheduled_app() -> Litestar:
    """The same, its threads scheduled as those of `khoso serve`."""
    take_long_turns()
    return create_app()


def main() -> None:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--long-turns", action="store_true")
    options = parser.parse_args()
    Granian(
        f"bench.peers.noop:{'create_scheduled_app' if options.long_turns else 'create_app'}",
        port=options.port,
        interface=Interfaces.ASGI,
        workers=options.workers,
        loop=Loops.uvloop,
        factory=True,
    ).serve()


if __name__ == "__main__":
    main()
