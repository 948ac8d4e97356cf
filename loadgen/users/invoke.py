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

from locust.contrib.fasthttp import FastResponse

import loadgen.users.session  # registers the `init` listener
from loadgen.measurements.run import Run
from loadgen.target import Target
from loadgen.users.open_loop import OpenLoopUser

__all__ = ["InvokeUser", "loadgen"]


class InvokeUser(OpenLoopUser):
    """Invokes functions synchronously. An error of the function's code counts as `http_error`, as behind a gateway."""

    abstract = True

    def invoke(self, function: str, payload: Any = None, *, qualifier: str | None = None) -> FastResponse:
        """Invoke `function` (its logical id) with a JSON payload; `qualifier` replaces its own alias."""
        place = _place()
        name, alias = place.resolve(function)
        url = f"{place.endpoint}/2015-03-31/functions/{quote(name, safe='')}/invocations"
        if qualifier or alias:
            url += f"?Qualifier={quote(qualifier or alias or '')}"
        body = json.dumps(payload).encode()
        self.arrival.direct = True
        return self.send("POST", url, route=f"INVOKE {function}", key=None, body=body, headers=place.sign(url, body))


@dataclass(frozen=True)
class Place:
    """Where functions are invoked. `target=None`: names as they are."""

    region: str
    endpoint_url: str | None
    target: Target | None
    credentials: Any

    @property
    def endpoint(self) -> str:
        return (self.endpoint_url or f"https://lambda.{self.region}.amazonaws.com").rstrip("/")

    def resolve(self, function: str) -> tuple[str, str | None]:
        """A function's name in the account, and its alias."""
        if self.target is None or function not in self.target.functions:
            return function, None
        return self.target.functions[function].name, self.target.deployment.functions[function].alias

    def sign(self, url: str, body: bytes) -> dict[str, str]:
        """The headers of a signed POST."""
        from botocore.auth import SigV4Auth
        from botocore.awsrequest import AWSRequest

        request = AWSRequest("POST", url, {"Content-Type": "application/json"}, body)
        SigV4Auth(self.credentials.get_frozen_credentials(), "lambda", self.region).add_auth(request)
        return dict(request.headers.items())


@cache
def _place() -> Place:
    from botocore.credentials import Credentials
    from botocore.session import Session

    out = os.environ.get("LOADGEN_OUT")
    target = Run(Path(out)).intent.target if out and (Path(out) / "intent.json").exists() else None
    region = target.region if target else os.environ.get("AWS_REGION", "us-east-1")
    endpoint_url = target.endpoint_url if target else os.environ.get("AWS_ENDPOINT_URL_LAMBDA")
    found = Credentials("local", "local") if endpoint_url else Session().get_credentials()
    return Place(region, endpoint_url, target, found)
