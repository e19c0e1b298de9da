"""Verification over HTTP: open to everyone, and the hottest path of the house."""

from litestar import post
from litestar.di import NamedDependency
from litestar.params import JSONBody

from khoso.caller import Caller
from khoso.errors import InputProblem, InvalidInput
from khoso.hot import Asking, HotRoute
from khoso.verification.model import HandedOver, OfflineScans, VerdictView, VerifyRequest
from khoso.verification.receiving import ScanReceiver
from khoso.verification.service import Verifier

MAX_BODY = 8_192
MAX_HANDED_OVER = 1 << 19


async def verify(request: VerifyRequest, asking: Asking) -> bytes:
    """Judge a scanned or a typed code."""
    verifier: Verifier = asking.state.services.verifier
    inspector = asking.caller
    if request.code is not None and request.lookup_code is None:
        checked = await verifier.verify_code(request.code, inspector)
    elif request.lookup_code is not None and request.code is None:
        checked = await verifier.verify_lookup(request.lookup_code, inspector)
    else:
        raise InvalidInput(
            InputProblem(
                "body", "one_of", "gửi code hoặc lookup_code, không gửi cả hai | give either code or lookup_code"
            )
        )
    return verifier.view.write(checked, verifier.catalogue())


@post(
    "/api/v1/scans",
    opt={"scope": "inspect"},
    status_code=200,
    request_max_body_size=MAX_HANDED_OVER,
    tags=["verification"],
    summary="Hand over scans that an inspector's phone made without a network",
    description="Each is recorded once under the id that the phone gave it, however often it is handed over, and shown "
    "to the holder. 200 settles every scan of the batch, taken or refused. Anything else settles none.",
)
async def hand_over_scans(
    data: JSONBody[OfflineScans], caller: NamedDependency[Caller], scan_receiver: NamedDependency[ScanReceiver]
) -> HandedOver:
    return await scan_receiver.receive(data.scans, caller)


HANDLERS = [hand_over_scans]


VERIFY = HotRoute(
    path="/api/v1/verify",
    body=VerifyRequest,
    answer=VerdictView,
    handle=verify,
    scope="inspect",
    open_to_all=True,
    max_body=MAX_BODY,
    operation={
        "tags": ["verification"],
        "operationId": "Verify",
        "summary": "Judge a scanned or typed code",
        "description": "Always 200 for what the code says: the verdict is data. Open to everyone; with an inspector's "
        "token (scope `inspect`) the check is recorded under his name and shown to the holder.",
    },
    examples={
        "scanned": {"code": "https://kho.example.vn/v#1" + "0" * 24},
        "typed": {"lookup_code": "H17.05.12-261123-000123-KQ1 7K3M9X"},
    },
    refusals={
        "401": "The token is not good",
        "403": "The token has not the scope `inspect`",
        "413": "The body is larger than 8 KB",
        "422": "The body is not of this form",
        "429": "Too many wrong look-up codes for this result",
        "503": "A typed code cannot be looked up: the database is away",
    },
)
