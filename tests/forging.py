"""What a thief with an agency's key could sign, and what nobody could have signed."""

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from grounds import ORIGIN
from khoso.formats import claims as claims_format
from khoso.formats import cose, link
from khoso.signing.files import KeyFiles


async def resign(code: str, key_dir: Path, *, origin: str = ORIGIN, **changes: Any) -> str:
    """A good code with other claims, signed with the same agency's real key."""
    parts = cose.parse(link.parse(code, origin))
    claims = claims_format.decode(parts.unverified_payload)._replace(**changes)
    payload = claims_format.encode(claims)
    kid = parts.unverified_kid
    [signature] = await KeyFiles(key_dir).signer(kid).sign([cose.to_be_signed(kid, payload)])
    return link.compose(origin, cose.assemble(kid, payload, signature))


def malformed(code: str, count: int, seed: int) -> Iterator[str]:
    """Texts that are no good code: damaged ones, and such as were made to hurt a reader."""
    chance = random.Random(seed)
    prefix, digits = link.prefix(ORIGIN), code.partition("#")[2]
    signed = link.parse(code, ORIGIN)
    yield from (
        "",
        "#",
        prefix,
        prefix + "1",
        prefix + "9" * 2_400,
        "9" * 7_000,
        prefix + "1" + "٣" * 600,
        "\0" * 1_000,
    )
    yield from (prefix + "1" + "0" * length for length in range(1, 600, 7))
    for _ in range(count):
        place = chance.randrange(1, len(digits))
        damaged = bytearray(signed)
        damaged[chance.randrange(len(damaged))] ^= 1 << chance.randrange(8)
        yield chance.choice(
            [
                prefix + digits[:place],
                prefix + digits[:place] + str(chance.randrange(10)) + digits[place:],
                prefix + digits[:place] + chance.choice("aA .-_٣½\n\u202e") + digits[place + 1 :],
                prefix + "1" + "".join(chance.choices("0123456789", k=chance.randrange(1, 1_900))),
                link.compose(ORIGIN, bytes(damaged)),
                link.compose(ORIGIN, signed[: chance.randrange(1, len(signed))]),
                link.compose(ORIGIN, signed + chance.randbytes(chance.randrange(1, 40))),
                link.compose(ORIGIN, signed[:17] + chance.randbytes(chance.randrange(1, 600))),
                chance.choice(["http://", "https://kho.danang.gov.vn.", "HTTPS://", "x" * 7_000]) + code,
            ]
        )
