"""The data plane as a client meets it: over HTTP on 127.0.0.1, and by direct invocation."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, NamedTuple

import pytest

from loadgen.errors import LocalCloudError
from loadgen.local.account import Account, FunctionState, MethodSettings, Provisioned
from loadgen.local.gateway.stages import GatewayOptions
from loadgen.local.server import DataPlane, Options
from loadgen.quotas import Quotas

MakeAccount = Callable[..., Account]
MakeFunction = Callable[..., FunctionState]
NAME = "shop-Products"
GROUP = f"/aws/lambda/{NAME}"


class Reply(NamedTuple):
    status: int
    headers: Mapping[str, str]
    body: bytes


class Client:
    """One kept-alive connection, spoken to by hand."""

    def __init__(self, port: int) -> None:
        self._port = port

    async def open(self) -> None:
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self._port)

    def send(self, target: str, method: str = "GET", body: bytes = b"", headers: str = "") -> None:
        self.writer.write(f"{method} {target} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n{headers}\r\n".encode())
        self.writer.write(body)

    async def receive(self, *, with_body: bool = True) -> Reply:
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = dict(line.split(": ", 1) for line in head[1:-2])
        body = await self.reader.readexactly(int(headers.get("Content-Length", 0))) if with_body else b""
        return Reply(int(head[0].split()[1]), headers, body)

    async def get(self, target: str, method: str = "GET", body: bytes = b"") -> Reply:
        self.send(target, method, body)
        return await self.receive(with_body=method != "HEAD")


@asynccontextmanager
async def serving(account: Account, sink: Any, **options: Any) -> AsyncIterator[tuple[DataPlane, Client]]:
    quick = GatewayOptions(overhead_ms={"rest": 0.0, "http": 0.0, "url": 0.0})
    plane = DataPlane(account, sink, seed=1, options=Options(**({"gateway": quick, "tick_s": 0.02,
                                                                  "ingestion_delay_s": 0.0} | options)))
    client = Client(await plane.serve())
    await client.open()
    try:
        yield plane, client
    finally:
        client.writer.close()
        await plane.close()


def run(scene: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(scene, 20.0))


def test_a_request_is_answered_logged_and_counted_under_one_id(make_account: MakeAccount, sink: Any) -> None:
    async def scene() -> None:
        async with serving(make_account(), sink) as (_, client):
            reply = await client.get("/a1/prod/products")
        assert (reply.status, len(reply.body)) == (200, 100)
        (access,) = (json.loads(line) for line in sink.lines("rest-access"))
        assert access["requestId"] == reply.headers["x-amzn-RequestId"]
        lines = sink.lines(GROUP)
        assert [line.split()[0] for line in lines] == ["INIT_START", "START", "END", "REPORT"]
        assert all(access["lambda"] in line for line in lines[1:])
        assert sink.total("Count", ApiName="ShopRest", Stage="prod") == 1
        assert sink.total("Invocations", FunctionName=NAME, Resource=f"{NAME}:live") == 1

    run(scene())


def test_only_the_first_invocation_of_an_environment_reports_init(make_account: MakeAccount, sink: Any) -> None:
    async def scene() -> None:
        async with serving(make_account(), sink) as (_, client):
            for _ in range(3):
                await client.get("/h1/products")
        reports = [line for line in sink.lines(GROUP) if line.startswith("REPORT")]
        assert ["Init Duration" in line for line in reports] == [True, False, False]
        assert len({stream for group, stream in sink.streams if group == GROUP}) == 1

    run(scene())


def test_the_drawn_duration_is_what_is_logged_and_counted(make_account: MakeAccount, sink: Any) -> None:
    async def scene() -> None:
        async with serving(make_account(), sink) as (_, client):
            for _ in range(5):
                await client.get("/a1/prod/products")
        printed = [float(found[1]) for line in sink.lines(GROUP) if (found := re.search(r"\tDuration: ([\d.]+)", line))]
        assert len(printed) == 5
        assert sink.total("Duration", FunctionName=NAME) == pytest.approx(sum(printed), abs=0.05)

    run(scene())


def test_new_settings_govern_the_next_report(make_account: MakeAccount, sink: Any) -> None:
    async def scene() -> None:
        account = make_account()
        async with serving(account, sink) as (_, client):
            await client.get("/a1/prod/products")
            function = account.functions[NAME]
            bigger = replace(function.versions["1"], memory_mb=256, revision="r2")
            account.replace({NAME: replace(function, versions=dict(function.versions) | {"1": bigger})}, account.apis)
            await client.get("/a1/prod/products")
        sizes = re.findall(r"Memory Size: (\d+) MB\tMax Memory Used: \d+ MB\tInit", "".join(sink.lines(GROUP)))
        assert sizes == ["1024", "256"]

    run(scene())


def test_a_stage_throttle_and_a_lambda_throttle_are_told_apart(make_account: MakeAccount, make_function: MakeFunction,
                                                               sink: Any) -> None:
    async def scene() -> None:
        account = make_account(make_function(reserved=0), default=MethodSettings(0.001, 1))
        async with serving(account, sink) as (_, client):
            replies = [await client.get("/a1/prod/products") for _ in range(2)]
            replies.append(await client.get("/h1/products"))
        assert [reply.status for reply in replies] == [500, 429, 503]
        lines = [json.loads(line) for line in sink.lines("rest-access")]
        assert [(line["status"], line["lambdaStatus"], line["type"]) for line in lines] == [
            ("500", "429", "INTEGRATION_FAILURE"), ("429", "-", "THROTTLED")]
        assert sink.total("Throttles", FunctionName=NAME) == 2
        assert sink.total("Invocations", FunctionName=NAME) == 0
        assert sink.total("4XXError", ApiName="ShopRest") == sink.total("5XXError", ApiName="ShopRest") == 1

    run(scene())


def test_a_function_that_times_out_is_an_error_and_says_so_in_its_report(
        make_account: MakeAccount, make_function: MakeFunction, make_version: Any, sink: Any) -> None:
    async def scene() -> None:
        versions = [make_version(timeout_s=0.02), make_version("1", timeout_s=0.02)]
        async with serving(make_account(make_function(versions=versions, Scale=1.0)), sink) as (_, client):
            replies = [await client.get("/a1/prod/products"), await client.get("/h1/products")]
        assert [reply.status for reply in replies] == [502, 500]
        reports = [line for line in sink.lines(GROUP) if line.startswith("REPORT")]
        assert all(line.endswith("Status: timeout\n") and "\tDuration: 20.00 ms" in line for line in reports)
        assert sink.total("Errors", FunctionName=NAME) == 2

    run(scene())


def test_after_a_timeout_the_next_invocation_runs_init_within_its_duration(
        make_account: MakeAccount, make_function: MakeFunction, make_version: Any, sink: Any) -> None:
    async def scene() -> None:
        versions = [make_version("1", timeout_s=0.2)]
        account = make_account(make_function(versions=versions, Scale=1.0))
        async with serving(account, sink) as (plane, _):
            late = await plane.invoke(NAME, "live")
            quick = make_function(versions=versions, Scale=0.0005, InitScale=1.0)
            account.replace({NAME: quick}, account.apis)
            logs = [(await plane.invoke(NAME, "live")).log_tail or "" for _ in range(2)]
        assert late.function_error == "Unhandled"
        reset, warm = (float(re.findall(r"\tDuration: ([\d.]+)", log)[0]) for log in logs)
        assert reset > 60.0 and warm < 5.0
        assert not any("Init Duration" in log for log in logs)

    run(scene())


def test_beyond_the_integrations_timeout_the_gateway_answers_and_the_function_runs_on(
        make_account: MakeAccount, make_function: MakeFunction, sink: Any) -> None:
    async def scene() -> None:
        account = make_account(make_function(Scale=0.1), quotas=Quotas(rest_integration_timeout_s=0.02))
        async with serving(account, sink) as (plane, client):
            reply = await client.get("/a1/prod/products")
            busy = plane.lambda_.fleet.busy[NAME]
            while not any(line.startswith("REPORT") for line in sink.lines(GROUP)):
                await asyncio.sleep(0.01)
        assert (reply.status, reply.body, busy) == (504, b'{"message": "Endpoint request timed out"}', 1)
        (access,) = (json.loads(line) for line in sink.lines("rest-access"))
        assert (access["integration"], access["type"], access["lambda"]) == ("20", "INTEGRATION_TIMEOUT", "-")

    run(scene())


def test_provisioned_environments_report_their_init_alone_and_no_invocation_does(
        make_account: MakeAccount, make_function: MakeFunction, sink: Any) -> None:
    async def scene() -> None:
        function = make_function(provisioned={"live": Provisioned(2, 0.0)})
        async with serving(make_account(function), sink) as (plane, client):
            while not plane.lambda_.fleet.allocated(NAME, "1"):
                await asyncio.sleep(0.01)
            await client.get("/a1/prod/products")
        words = [line.split()[0] for line in sink.lines(GROUP)]
        assert (words.count("INIT_REPORT"), words.count("INIT_START"), words.count("REPORT")) == (2, 2, 1)
        assert not any("REPORT RequestId" in line and "Init Duration" in line for line in sink.lines(GROUP))
        resource = {"FunctionName": NAME, "Resource": f"{NAME}:live"}
        assert sink.total("ProvisionedConcurrencyInvocations", **resource) == 1
        assert sink.total("ProvisionedConcurrencyUtilization", **resource) == 0.5

    run(scene())


def test_a_cache_hit_calls_no_function_until_the_cache_is_flushed(make_account: MakeAccount, sink: Any) -> None:
    async def scene() -> None:
        async with serving(make_account(cache_gb=0.5), sink) as (plane, client):
            for _ in range(3):
                await client.get("/a1/prod/products/7")
            plane.flush_cache("a1", "prod")
            await client.get("/a1/prod/products/7")
        assert sink.total("CacheHitCount", ApiName="ShopRest") == 2
        assert sink.total("CacheMissCount", ApiName="ShopRest") == 2
        assert sink.total("Invocations", FunctionName=NAME) == 2

    run(scene())


def test_direct_invocations_share_the_environments_of_the_apis(make_account: MakeAccount, sink: Any) -> None:
    async def scene() -> None:
        async with serving(make_account(), sink) as (plane, client):
            await client.get("/a1/prod/products")
            result = await plane.invoke(NAME, "live")
        assert (result.status, result.executed_version, result.function_error) == (200, "1", None)
        assert result.log_tail is not None and "Init Duration" not in result.log_tail
        assert result.log_tail.startswith(f"START RequestId: {result.request_id} Version: 1\n")

    run(scene())


@pytest.mark.parametrize(("qualifier", "kind", "status"), [
    ("live", "event", 202), ("live", "dry_run", 204), ("nobody", "sync", 404), ("nobody", "dry_run", 404)])
def test_a_direct_invocation_answers_by_its_kind(qualifier: str, kind: Any, status: int, make_account: MakeAccount,
                                                 sink: Any) -> None:
    async def scene() -> None:
        async with serving(make_account(), sink) as (plane, _):
            result = await plane.invoke(NAME, qualifier, kind=kind)
        assert result.status == status
        if status == 404:
            assert json.loads(result.payload)["Message"].endswith(f"function:{NAME}:nobody")

    run(scene())


def test_a_throttled_direct_invocation_says_why(make_account: MakeAccount, make_function: MakeFunction,
                                                sink: Any) -> None:
    async def scene() -> None:
        async with serving(make_account(make_function(reserved=0)), sink) as (plane, _):
            result = await plane.invoke(NAME, None)
        assert (result.status, result.error_code) == (429, "TooManyRequestsException")
        assert json.loads(result.payload) == {"Reason": "ReservedFunctionConcurrentInvocationLimitExceeded",
                                              "Type": "User", "message": "Rate Exceeded."}

    run(scene())


def test_an_answer_above_6_mib_is_a_functions_error(make_account: MakeAccount, make_function: MakeFunction,
                                                    sink: Any) -> None:
    async def scene() -> None:
        async with serving(make_account(make_function(), quotas=Quotas(lambda_payload_bytes=50)), sink) as (plane, _):
            result = await plane.invoke(NAME, None)
        assert result.function_error == "Unhandled"
        assert json.loads(result.payload)["errorType"] == "Function.ResponseSizeTooLarge"

    run(scene())


def test_pipelined_requests_are_answered_in_their_order(make_account: MakeAccount, sink: Any) -> None:
    async def scene() -> None:
        async with serving(make_account(), sink) as (_, client):
            client.send("/a1/prod/products")
            client.send("/a1/prod/nothing")
            client.send("/h1/nothing")
            assert [(await client.receive()).status for _ in range(3)] == [200, 403, 404]

    run(scene())


def test_head_gets_the_headers_alone_and_the_connection_lives_on(make_account: MakeAccount, sink: Any) -> None:
    async def scene() -> None:
        async with serving(make_account(), sink) as (_, client):
            head = await client.get("/a1/prod/products", "HEAD")
            after = await client.get("/a1/prod/products")
        assert (head.status, head.headers["Content-Length"], after.status) == (403, "42", 200)

    run(scene())


def test_a_client_that_asks_first_may_send_its_body(make_account: MakeAccount, sink: Any) -> None:
    async def scene() -> None:
        async with serving(make_account(), sink) as (_, client):
            client.send("/a1/prod/orders", "POST", b"", "Expect: 100-continue\r\n")
            assert (await client.receive()).status == 100
            assert (await client.receive()).status == 200

    run(scene())


def test_what_is_no_http_gets_400_and_the_connection_is_closed(make_account: MakeAccount, sink: Any) -> None:
    async def scene() -> None:
        async with serving(make_account(), sink) as (_, client):
            client.writer.write(b"\x16\x03\x01 no http\r\n\r\n")
            assert (await client.receive()).status == 400
            assert await client.reader.read() == b""

    run(scene())


class BrokenSink:
    """Fails at everything."""

    def logs(self, group: str, stream: str, events: Any) -> None:
        raise RuntimeError("no logs today")

    def metrics(self, data: Any) -> None:
        raise RuntimeError("no metrics today")


def test_a_sink_that_fails_costs_telemetry_and_no_request(make_account: MakeAccount) -> None:
    async def scene() -> None:
        async with serving(make_account(), BrokenSink()) as (plane, client):
            statuses = []
            while plane.reporter.failures < 2:
                statuses.append((await client.get("/a1/prod/products")).status)
        assert set(statuses) == {200}

    run(scene())


def test_logs_stay_unreadable_for_the_ingestion_delay(make_account: MakeAccount, sink: Any) -> None:
    async def scene() -> None:
        async with serving(make_account(), sink, ingestion_delay_s=3600.0) as (plane, client):
            await client.get("/a1/prod/products")
            await plane.flush()
            assert sink.lines(GROUP) == []
            assert sink.total("Invocations", FunctionName=NAME) == 1
        assert len(sink.lines(GROUP)) == 4

    run(scene())


def test_a_port_in_use_is_told_in_one_line(make_account: MakeAccount, sink: Any) -> None:
    async def scene() -> None:
        async with serving(make_account(), sink) as (_, client):
            taken = client.writer.get_extra_info("peername")[1]
            with pytest.raises(LocalCloudError, match=rf"^port {taken}: .*give another one, or 0 for any free one$"):
                await DataPlane(make_account(), sink).serve(taken)

    run(scene())
