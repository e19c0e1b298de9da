"""Texts of the shape a credential's code has."""

import math
import random

HEAD = "https://kho.danang.gov.vn/v#"


def credential_text(payload_bytes: int, *, seed: int = 0) -> str:
    """The official page, format version 1, and the payload as one decimal number of the width its length has."""
    number = random.Random(seed).getrandbits(8 * payload_bytes)
    return f"{HEAD}1{number:0{math.ceil(8 * payload_bytes * math.log10(2))}d}"
