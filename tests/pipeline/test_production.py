"""A window of an API in production, read from the local cloud over HTTP, beside the run that made its traffic."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from typer.testing import CliRunner

from costmodel.activity import Activity, FunctionTally, RouteTally, observed
from costmodel.cli import app
from costmodel.pricing.bill import Bill, price
from costmodel.pricing.price_book import PriceBook
from costmodel.pricing.production import observed_window
from costmodel.pricing.services import meter
from loadgen.aws import client
from loadgen.collectors.collection import collect
from loadgen.collectors.production import plan_reading, read_production
from loadgen.deployer import describe
from loadgen.deployment import ApiKind
from loadgen.local.cloud import LocalCloud
from loadgen.measurements.frames import REQUESTS
from loadgen.measurements.production import Production
from loadgen.measurements.run import Intent, Run, write_record, write_shard
from loadgen.quotas import Quotas
from loadgen.shapes import Constant
from loadgen.target import Target

ASKED = (("GET /products", "/products", None), ("GET /products/{id}", "/products/p7", None),
         ("POST /orders", "/orders", b'{"product":"p1","quantity":1}'))
ID_HEADER = {"rest": "x-amzn-RequestId", "http": "apigw-requestid"}
BOOK = PriceBook.load("us-east-1")


class LaterClock:
    """A clock ten minutes ahead: all of the traffic is over and published. Nothing waits."""

    def time(self) -> float:
        return datetime.now(UTC).timestamp() + 600

    def monotonic(self) -> float:
        return 0.0

    def sleep(self, seconds: float, /) -> None:
        raise AssertionError("nothing to wait for")


def ask(address: str, header: str, seq: int) -> dict[str, Any]:
    route, path, body = ASKED[seq % len(ASKED)]
    at = datetime.now(UTC)
    request = urllib.request.Request(address + path, body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        response = answer.read()
        return {"worker": 0, "seq": seq, "phase": "load", "route": route, "status": answer.status, "scheduled_at": at,
                "outcome": "ok", "sent_at": at, "latency_ms": 1.0, "response_ms": 1.0, "request_bytes": len(body or b""),
                "response_bytes": len(response), "gateway_request_id": answer.headers[header]}


@dataclass(frozen=True)
class Measured:
    """One traffic, twice: as a run and as a window without and with its logs."""

    kind: ApiKind
    run: Run
    window: Production
    logged: Production


@pytest.fixture(scope="module", params=["rest", "http"])
def measured(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Measured]:
    place, kind = tmp_path_factory.mktemp("production"), request.param
    with LocalCloud("scenarios/shop/template.yaml") as target:
        write_record(Intent("by hand", 0, Constant(1, 1).to_dict(), target, describe(target, kind), Quotas()),
                     place / "run" / "intent.json")
        rows = [ask(target.api(kind).address, ID_HEADER[kind], seq) for seq in range(60)]
        write_shard(pa.Table.from_pylist(rows), place / "run/requests/0/0000.parquet", REQUESTS)
        run = Run(place / "run")
        assert collect(run, deadline_s=20).complete
        _publish_incoming_bytes(target, run)
        yield Measured(kind, run, _read(target, place / "window"), _read(target, place / "logged", log_days=1))


def _publish_incoming_bytes(target: Target, run: Run) -> None:
    """The local cloud has no metrics of log groups: put what AWS would publish of these logs."""
    invocations = run.frame("invocations")
    for logical, bytes_ in invocations.groupby("function")["log_bytes"].sum().items():
        client(target, "cloudwatch").put_metric_data(Namespace="AWS/Logs", MetricData=[{
            "MetricName": "IncomingBytes", "Timestamp": datetime.now(UTC), "Value": float(bytes_), "Unit": "Bytes",
            "Dimensions": [{"Name": "LogGroupName", "Value": target.functions[str(logical)].log_group}]}])


def _read(target: Target, out: Path, **asked: Any) -> Production:
    return read_production(plan_reading(target, days=1, clock=LaterClock(), **asked), out, clock=LaterClock())


def bill(activity: Activity) -> Bill:
    return price(meter(activity), BOOK)


def cost(activity: Activity, service: str) -> float:
    return float(sum(component.cost for component in bill(activity).components if component.service == service))


def gb_seconds(activity: Activity, *, init: bool = True) -> float:
    return float(sum(tally.gb_s - (0 if init else tally.init_gb_s) for tally in activity.of(FunctionTally)))


def test_the_window_s_bill_is_the_run_s_within_what_metrics_cannot_tell(measured: Measured) -> None:
    run, window = observed(measured.run), observed_window(measured.window)
    for service in ("apigateway", "cloudwatch"):
        assert cost(window, service) == pytest.approx(cost(run, service), rel=1e-9)
    invocations = sum(tally.invocations for tally in run.of(FunctionTally))
    assert sum(tally.invocations for tally in window.of(FunctionTally)) == invocations
    largest_gb = max(tally.memory_mb for tally in run.of(FunctionTally)) / 1024
    # cold starts round Duration + INIT in one, so that up to 1 ms each may go to INIT
    assert abs(gb_seconds(window) - gb_seconds(run, init=False)) <= 0.0005 * invocations * largest_gb
    assert any("INIT is in no metric" in sentence for sentence in window.missing)


def test_with_the_logs_the_window_s_bill_is_the_run_s(measured: Measured) -> None:
    run, window = observed(measured.run), observed_window(measured.logged)
    for service in ("apigateway", "cloudwatch", "lambda"):
        assert cost(window, service) == pytest.approx(cost(run, service), rel=1e-9)
    assert sum(tally.cold_starts for tally in window.of(FunctionTally)) > 0
    assert not [sentence for sentence in (*window.missing, *window.notes) if "INIT is" in sentence or "Billed durations" in sentence]


def test_responses_are_transfer_where_a_metric_has_their_bytes(measured: Measured) -> None:
    window = observed_window(measured.window)
    (tally,) = window.of(RouteTally)
    assert (tally.api, tally.route, tally.requests) == (measured.kind, "", 60)
    run_bytes = sum(each.response_bytes for each in observed(measured.run).of(RouteTally))
    if measured.kind == "http":
        sent = measured.run.frame("requests")["request_bytes"].sum()
        assert tally.response_bytes == run_bytes + sent
    else:
        assert tally.response_bytes == 0
        assert any("data transfer out is not on the bill" in sentence for sentence in window.missing)


def test_the_command_line_prices_exports_and_reconciles_it(measured: Measured, tmp_path: Path) -> None:
    def invoke(*words: str) -> str:
        return CliRunner().invoke(app, list(words), catch_exceptions=False).output

    source, csv = str(measured.window.path), str(tmp_path / "focus.csv")
    shown = json.loads(invoke("price", source, "--json"))
    assert shown["requests"] == 60 and shown["usd_per_million"] > 0 and shown["missing"]
    assert "missing: " in invoke("price", source)
    invoke("export", source, "-o", csv)
    compared = json.loads(invoke("reconcile", source, "--cur", csv, "--json"))
    assert compared["items"] and all(item["difference_usd"] == 0 for item in compared["items"])


def test_reading_again_asks_nothing(measured: Measured) -> None:
    window = measured.window
    assert read_production(window.asked, window.path, connect=lambda target, service: None).finished
