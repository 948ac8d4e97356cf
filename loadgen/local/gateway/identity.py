"""The ids of a request: `x-amzn-RequestId` (UUID), `x-amz-apigw-id` (16 characters), the X-Amzn-Trace-Id header.

A client may name its own request id (one that is no UUID is replaced) and its trace: a Root alone gets a Parent, a
header with more is kept as it is. Sources: API Gateway developer guide, "Set up CloudWatch logging", known issues;
recorded answers (2024).
"""

from __future__ import annotations

import base64
import random
import re

from loadgen.local.gateway.exchange import Request

_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
REPLACED = "UUID_REPLACED_INVALID_REQUEST_ID"


def identifiers(request: Request, epoch: float, entropy: random.Random) -> tuple[str, str, str]:
    """Request id, extended request id and trace header of a request that came in at `epoch` seconds."""
    sent_id = sent_trace = None
    for name, value in request.headers:
        lower = name.lower()
        if lower == "x-amzn-requestid":
            sent_id = value if _UUID.fullmatch(value) else REPLACED
        elif lower == "x-amzn-trace-id":
            sent_trace = value
    return sent_id or uuid4(entropy), _extended_id(entropy), _trace(sent_trace, epoch, entropy)


def uuid4(entropy: random.Random) -> str:
    """A random UUID, version 4."""
    digits = f"{entropy.getrandbits(128):032x}"
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"


def _extended_id(entropy: random.Random) -> str:
    return base64.urlsafe_b64encode(entropy.randbytes(11)).decode()


def _trace(sent: str | None, epoch: float, entropy: random.Random) -> str:
    if sent and "Root=" in sent:
        return sent if "Parent=" in sent or "Sampled=" in sent else f"{sent};Parent={entropy.getrandbits(64):016x}"
    return f"Root=1-{int(epoch):08x}-{entropy.getrandbits(96):024x};Parent={entropy.getrandbits(64):016x};Sampled=0"
