"""One short run of direct invocations against a server that keeps what it was sent."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from loadgen.configuration import Configuration
from loadgen.runner import run_scenario
from loadgen.target import Target, TargetFunction

LOCUSTFILE = """
from locust import task
from loadgen.shapes import Constant
from loadgen.users.invoke import InvokeUser

class Batch(InvokeUser):
    shape = Constant(80, 1)

    @task
    def order(self):
        self.invoke("Orders", {"product": "p1"})

    @task
    def fail(self):
        self.invoke("Broken", qualifier="7")
"""


@pytest.fixture(scope="module")
def invoked(tmp_path_factory: pytest.TempPathFactory, api_server, api_target: Target,
            api_configuration: Configuration) -> SimpleNamespace:
    """The requests frame, and the requests as the server saw them."""
    folder = tmp_path_factory.mktemp("invoke")
    (folder / "direct.py").write_text(LOCUSTFILE)
    functions = {name: replace(api_target.deployment.functions["Orders"], name=name) for name in ("Orders", "Broken")}
    target = replace(
        api_target, deployment=replace(api_target.deployment, functions=functions),
        functions={**api_target.functions, "Broken": TargetFunction("broken", "/aws/lambda/broken")})
    api_server.requests.clear()
    run = run_scenario(folder / "direct.py", target, api_configuration, out=folder / "run")
    return SimpleNamespace(frame=run.frame("requests"), requests=list(api_server.requests))


def test_functions_are_invoked_by_their_name_in_the_account_and_their_alias(invoked: SimpleNamespace) -> None:
    lines = {request.splitlines()[0] for request in invoked.requests}
    assert lines == {"POST /2015-03-31/functions/shop-orders/invocations?Qualifier=live HTTP/1.1",
                     "POST /2015-03-31/functions/broken/invocations?Qualifier=7 HTTP/1.1"}
    assert {request.split("\r\n\r\n")[1] for request in invoked.requests} == {'{"product": "p1"}', "null"}


def test_the_request_id_is_lambdas_and_no_gateways(invoked: SimpleNamespace) -> None:
    assert invoked.frame["lambda_request_id"].is_unique
    assert invoked.frame["lambda_request_id"].notna().all()
    assert invoked.frame["gateway_request_id"].isna().all()
    assert set(invoked.frame["trigger"]) == {"INVOKE Orders", "INVOKE Broken"}


def test_an_error_of_the_function_is_an_error_though_the_status_is_200(invoked: SimpleNamespace) -> None:
    by_trigger = invoked.frame.groupby("trigger")["outcome"].unique().map(list).to_dict()
    assert by_trigger == {"INVOKE Orders": ["ok"], "INVOKE Broken": ["http_error"]}
    assert set(invoked.frame["error"].dropna()) == {"function error: Unhandled"}


def test_requests_are_signed_as_botocore_signs_them(invoked: SimpleNamespace) -> None:
    head, body = invoked.requests[0].split("\r\n\r\n")
    first, *lines = head.split("\r\n")
    headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
    url = f"http://{headers['host']}{first.split(' ')[1]}"
    signed = AWSRequest("POST", url, {"Content-Type": headers["content-type"]}, body.encode())
    signed.context["timestamp"] = headers["x-amz-date"]
    signed.headers["X-Amz-Date"] = headers["x-amz-date"]
    signer = SigV4Auth(Credentials("local", "local"), "lambda", "us-east-1")
    signature = signer.signature(signer.string_to_sign(signed, signer.canonical_request(signed)), signed)
    assert headers["authorization"].endswith(f"Signature={signature}")
