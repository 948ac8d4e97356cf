from __future__ import annotations

import urllib.error
import urllib.request
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from loadgen.collectors.collection import collect
from loadgen.deployer import describe
from loadgen.deployment import ApiKind
from loadgen.measurements.frames import REQUESTS
from loadgen.measurements.joined import join
from loadgen.measurements.reconciliation import reconcile
from loadgen.measurements.run import Intent, Run, write_record, write_shard
from loadgen.quotas import Quotas
from loadgen.shapes import Constant
from loadgen.target import Target

ASKED = (("GET /products", "/products", None), ("GET /products/{id}", "/products/p7", None),
         ("POST /orders", "/orders", b'{"product":"p1","quantity":1}'), ("POST /orders", "/orders", b"{}"))
ID_HEADER = {"rest": "x-amzn-RequestId", "http": "apigw-requestid"}


def ask(address: str, header: str, seq: int) -> dict[str, Any]:
    """Send one request; its row."""
    route, path, body = ASKED[seq % len(ASKED)]
    at = datetime.now(UTC)
    request = urllib.request.Request(address + path, body, {"Content-Type": "application/json"})
    try:
        answer = urllib.request.urlopen(request, timeout=30)
    except urllib.error.HTTPError as failed:
        answer = failed
    with answer:
        answer.read()
    taken_ms = (datetime.now(UTC) - at).total_seconds() * 1000
    return {"worker": 0, "seq": seq, "phase": "load", "route": route, "status": answer.status, "scheduled_at": at,
            "outcome": "ok" if answer.status < 400 else "http_error", "sent_at": at, "latency_ms": taken_ms,
            "response_ms": taken_ms, "gateway_request_id": answer.headers[header]}


@pytest.mark.parametrize("kind", ["rest", "http"])
def test_the_counts_of_what_the_local_cloud_answered_close(kind: ApiKind, local_cloud: Target, tmp_path: Path) -> None:
    configuration = describe(local_cloud, kind)
    write_record(Intent("by hand", 0, Constant(1, 1).to_dict(), local_cloud, configuration, Quotas()),
                 tmp_path / "intent.json")
    rows = [ask(local_cloud.api(kind).address, ID_HEADER[kind], seq) for seq in range(24)]
    write_shard(pa.Table.from_pylist(rows), tmp_path / "requests/0/0000.parquet", REQUESTS)
    run = Run(tmp_path)
    found = collect(run, deadline_s=20)
    assert found.complete, found
    reconciliation = reconcile(run)
    assert reconciliation.unexplained == 0
    assert reconciliation.gateway.seen == 24
    assert reconciliation.function.tried == reconciliation.function.ran == (18 if kind == "rest" else 24)
    assert {check.metric for check in reconciliation.checks} >= {"Count", "Invocations"}
    assert all(check.verdict in ("equal", "more") for check in reconciliation.checks)
    joined = join(run)
    assert joined.unknown == ()
    ran = joined.frame.dropna(subset="environment")
    assert (ran["duration_ms"] <= ran["integration_ms"] + 25).all()
    assert ran["billed_ms"].notna().all()
