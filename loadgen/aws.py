"""boto3 clients of a Target: the one place for region, endpoint, credentials and retries.

With an `endpoint_url` the credentials are fixed and worthless, never the user's; without, boto3's usual chain finds
them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, TypeVar

from loadgen.errors import DeployError, LoadgenError, UnreachableError
from loadgen.target import Target

T = TypeVar("T")

ATTEMPTS = 6
"""Of one call, with exponential backoff: Lambda's control plane takes 15 requests per second over all its APIs."""
CONNECT_TIMEOUT_S = 5
READ_TIMEOUT_S = 60
BUSY_DEADLINE_S = 300.0
_BUSY = ("ResourceConflictException", "ConflictException", "TooManyRequestsException")


def client(target: Target, service: str) -> Any:
    """A boto3 client (`lambda`, `logs`, …) for the target's Region and endpoint."""
    return client_for(target.region, target.endpoint_url, service)


@cache
def client_for(region: str, endpoint_url: str | None, service: str) -> Any:
    """A boto3 client for a Region, of AWS or of what answers at `endpoint_url`; the same one when asked again.

    A client may be used by several threads, and to make one takes some 50 ms.
    """
    import boto3
    from botocore.config import Config

    config = Config(retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
                    connect_timeout=CONNECT_TIMEOUT_S, read_timeout=READ_TIMEOUT_S)
    session: Any = boto3.Session(region_name=region)
    if endpoint_url is None:
        return session.client(service, config=config)
    return session.client(service, config=config, endpoint_url=endpoint_url,
                          aws_access_key_id="local", aws_secret_access_key="local", aws_session_token=None)


@contextmanager
def explained(error: type[LoadgenError], doing: str) -> Iterator[None]:
    """Raise what boto3 raises inside as one line: `error`, or UnreachableError when nothing answers."""
    from botocore import exceptions

    try:
        yield
    except exceptions.ClientError as problem:
        answer, operation = problem.response.get("Error", {}), problem.operation_name
        text = f"{doing}: {operation}: {answer.get('Code')}: {answer.get('Message')}"
        raise error(" ".join(text.split()) + _way_out(str(answer.get("Code"))), code=answer.get("Code")) from problem
    except (exceptions.NoCredentialsError, exceptions.PartialCredentialsError, exceptions.ProfileNotFound) as problem:
        raise error(f"{doing}: {problem}: sign in (`aws sso login`, AWS_PROFILE or AWS_ACCESS_KEY_ID)") from problem
    except (exceptions.ConnectionError, exceptions.HTTPClientError) as problem:
        raise UnreachableError(f"{doing}: {problem}: check the address and the network, and for the local cloud that "
                               "`loadgen serve` is running") from problem
    except exceptions.BotoCoreError as problem:
        raise error(f"{doing}: {' '.join(str(problem).split())}") from problem


def _way_out(code: str) -> str:
    if code.startswith("AccessDenied") or code.startswith("UnauthorizedOperation"):
        return " (`loadgen iam` prints the policy that is needed)"
    if code in ("ExpiredToken", "ExpiredTokenException", "UnrecognizedClientException", "InvalidClientTokenId"):
        return " (sign in again)"
    return ""


def patiently(call: Callable[[], T]) -> T:
    """Make the call, again while another change of the resource is in its way. Raises what refused it last."""
    from botocore.exceptions import ClientError

    deadline, pause_s = time.monotonic() + BUSY_DEADLINE_S, 0.1
    while True:
        try:
            return call()
        except ClientError as refused:
            if refused.response["Error"]["Code"] not in _BUSY or time.monotonic() > deadline:
                raise
        time.sleep(pause_s)
        pause_s = min(2 * pause_s, 5.0)


def until(check: Callable[[], bool], what: str, deadline_s: float) -> None:
    """Ask until it holds, ever more rarely: the control plane takes few requests. Raises DeployError in the end."""
    deadline, pause_s = time.monotonic() + deadline_s, 0.05
    while not check():
        if time.monotonic() > deadline:
            raise DeployError(f"{what} was not done within {deadline_s:g} s: look at it in the console, then restore")
        time.sleep(pause_s)
        pause_s = min(1.5 * pause_s, 5.0)
