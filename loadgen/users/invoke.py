"""InvokeUser: invokes functions directly, past any gateway, with Lambda's Invoke over HTTP.

    class Batch(InvokeUser):
        shape = Constant(rps=20, duration_s=30)

        @task
        def order(self):
            self.invoke("Orders", {"product": "p1", "quantity": 2})

Requests are signed (Signature Version 4) with botocore's signer; no boto3 client runs under gevent. Under `loadgen run`
the function's name, alias, Region and endpoint come from the run's target; under bare `locust -f` names are taken as
they are, AWS_REGION is the Region and AWS_ENDPOINT_URL_LAMBDA the endpoint. Rows have trigger `INVOKE <function>`.
Wire format: Lambda API reference, Invoke.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

from locust.contrib.fasthttp import FastHttpSession, FastResponse

import loadgen.users.session  # noqa: F401  (registers the `init` listener)
from loadgen.errors import LoadgenError
from loadgen.measurements.run import Run
from loadgen.target import Target
from loadgen.users.open_loop import OpenLoopUser


class InvokeUser(OpenLoopUser):
    """Invokes functions synchronously. An error of the function's code counts as `http_error`, as behind a gateway."""

    abstract = True

    def __init__(self, environment: Any) -> None:
        super().__init__(environment)
        self.client = SignedSession(self.client)  # type: ignore[assignment]

    def on_start(self) -> None:
        """Find the credentials before the first arrival."""
        _credentials(_place().endpoint_url)

    def invoke(self, function: str, payload: Any = None, *, qualifier: str | None = None) -> FastResponse:
        """Invoke `function` (its logical id) with a JSON payload; `qualifier` replaces its own alias."""
        place = _place()
        name, alias = place.resolve(function)
        url = f"{place.endpoint}/2015-03-31/functions/{quote(name, safe='')}/invocations"
        if qualifier or alias:
            url += f"?Qualifier={quote(qualifier or alias or '')}"
        self.arrival.direct = True
        return self.send("POST", url, route=f"INVOKE {function}", key=None, body=json.dumps(payload).encode())


class SignedSession:
    """A user's HTTP session that signs what it sends."""

    def __init__(self, session: FastHttpSession) -> None:
        self.session, self.client = session, session.client

    def request(self, method: str, url: str, *, data: bytes, headers: dict[str, str], **settings: Any) -> FastResponse:
        """As the session's own, with the headers of a signed request."""
        from botocore.auth import SigV4Auth
        from botocore.awsrequest import AWSRequest

        place = _place()
        request = AWSRequest(method, url, {"Content-Type": "application/json", **headers}, data)
        SigV4Auth(_credentials(place.endpoint_url).get_frozen_credentials(), "lambda", place.region).add_auth(request)
        signed = dict(request.headers.items())
        return self.session.request(method, url, data=data, headers=signed, **settings)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Place:
    """Where functions are invoked. `target=None`: names as they are."""

    region: str
    endpoint_url: str | None
    target: Target | None

    @property
    def endpoint(self) -> str:
        return (self.endpoint_url or f"https://lambda.{self.region}.amazonaws.com").rstrip("/")

    def resolve(self, function: str) -> tuple[str, str | None]:
        """A function's name in the account, and its alias."""
        if self.target is None or function not in self.target.functions:
            return function, None
        return self.target.functions[function].name, self.target.deployment.functions[function].alias


@cache
def _place() -> Place:
    out = os.environ.get("LOADGEN_OUT")
    target = Run(Path(out)).intent.target if out and (Path(out) / "intent.json").exists() else None
    region = target.region if target else os.environ.get("AWS_REGION", "us-east-1")
    endpoint_url = target.endpoint_url if target else os.environ.get("AWS_ENDPOINT_URL_LAMBDA")
    return Place(region, endpoint_url, target)


@cache
def _credentials(endpoint_url: str | None) -> Any:
    """As in `loadgen.aws`: fixed and worthless with an endpoint, else what botocore's usual chain finds."""
    from botocore.credentials import Credentials
    from botocore.session import Session

    found = Credentials("local", "local") if endpoint_url else Session().get_credentials()
    if found is None:
        raise LoadgenError("no AWS credentials: sign in (`aws sso login`, AWS_PROFILE or AWS_ACCESS_KEY_ID)")
    return found
