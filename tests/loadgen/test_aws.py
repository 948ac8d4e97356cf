"""boto3 clients: credentials, errors in one line, patience."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from botocore.exceptions import ClientError, NoCredentialsError

from loadgen import aws
from loadgen.errors import CollectError, DeployError, UnreachableError


class Endpoint(BaseHTTPRequestHandler):
    """Answers every call with an empty object, and keeps who signed it."""

    signed: list[str]

    def do_GET(self) -> None:
        self.signed.append(self.headers["Authorization"])
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture
def endpoint() -> Iterator[tuple[str, list[str]]]:
    Endpoint.signed = []
    server = HTTPServer(("127.0.0.1", 0), Endpoint)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", Endpoint.signed
    server.shutdown()
    server.server_close()


def test_an_endpoint_never_sees_the_users_credentials(endpoint: tuple[str, list[str]],
                                                      monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAREAL")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "real")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "real")
    url, signed = endpoint
    aws.client_for("eu-west-1", url, "lambda").get_account_settings()
    assert "AKIAREAL" not in signed[0]
    assert "Credential=local/" in signed[0]
    assert "/eu-west-1/lambda/" in signed[0]
    assert "x-amz-security-token" not in signed[0]


def test_nothing_at_the_address_is_an_unreachable_target_in_one_line() -> None:
    with pytest.raises(UnreachableError) as caught, aws.explained(CollectError, "logs"):
        aws.client_for("us-east-1", "http://127.0.0.1:9", "logs").describe_log_groups()
    assert str(caught.value).startswith("logs: Could not connect to the endpoint URL")
    assert "\n" not in str(caught.value)


def refusal(code: str, message: str = "no") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, "UpdateAlias")


@pytest.mark.parametrize(("problem", "said"), [
    (refusal("AccessDeniedException", "not\nauthorized"),
     "apply: UpdateAlias: AccessDeniedException: not authorized (`loadgen iam` prints the policy that is needed)"),
    (refusal("ExpiredTokenException"), "apply: UpdateAlias: ExpiredTokenException: no (sign in again)"),
    (refusal("InvalidParameterValueException"), "apply: UpdateAlias: InvalidParameterValueException: no"),
    (NoCredentialsError(), "apply: Unable to locate credentials: sign in (`aws sso login`, AWS_PROFILE or "
                           "AWS_ACCESS_KEY_ID)"),
])
def test_what_aws_refuses_is_one_line_with_the_way_out(problem: Exception, said: str) -> None:
    with pytest.raises(DeployError) as caught, aws.explained(DeployError, "apply"):
        raise problem
    assert str(caught.value) == said


def test_a_call_is_made_again_while_another_change_is_in_its_way() -> None:
    refusals = iter([refusal("ResourceConflictException"), refusal("ConflictException")])

    def call() -> str:
        for problem in refusals:
            raise problem
        return "done"

    assert aws.patiently(call) == "done"


def test_any_other_refusal_is_passed_on_at_once() -> None:
    calls = []

    def call() -> None:
        calls.append(1)
        raise refusal("ResourceNotFoundException")

    with pytest.raises(ClientError):
        aws.patiently(call)
    assert len(calls) == 1


def test_waiting_ends_when_the_condition_holds_and_at_the_deadline() -> None:
    answers = iter([False, False, True])
    aws.until(lambda: next(answers), "the cache", 10.0)
    with pytest.raises(DeployError, match="the cache was not done within 0 s"):
        aws.until(lambda: False, "the cache", 0.0)
