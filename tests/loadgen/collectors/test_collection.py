from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from loadgen.aws import client_for
from loadgen.collectors.collection import collect, read_collected
from loadgen.configuration import FunctionSettings
from loadgen.errors import InputError, UnreachableError
from loadgen.target import Target

if TYPE_CHECKING:
    from conftest import Lab, MakeLab, VirtualClock

LOGS = ("access_logs", "logs")
FAULTS = [
    {"service": "logs", "operation": "FilterLogEvents", "probability": 0.3, "error": {"code": "ThrottlingException"}},
    {"service": "logs", "operation": "FilterLogEvents", "probability": 0.1,
     "error": {"code": "ServiceUnavailableException", "status": 503}},
    {"service": "logs", "operation": "FilterLogEvents", "probability": 0.1, "reset": True},
]


def once(target: Target, service: str) -> Any:
    """A real client that does not try again by itself: what fails is seen by the collector."""
    import boto3
    from botocore.config import Config

    return boto3.client(service, region_name=target.region, endpoint_url=target.endpoint_url, aws_access_key_id="local",
                        aws_secret_access_key="local", config=Config(retries={"total_max_attempts": 1}))


def ids(lab: Lab, frame: str, column: str) -> list[str]:
    return sorted(lab.run.frame(frame)[column])


@pytest.fixture(scope="module")
def faulty_url(moto_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """moto behind a proxy that throttles, fails and drops half of the log reads."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    config = tmp_path_factory.mktemp("faults") / "faults.yaml"
    config.write_text(json.dumps({"upstream": moto_url, "port": port, "rules": FAULTS}))
    command = [sys.executable, "-m", "microburst", "--config", str(config), "--port", str(port), "--upstream", moto_url]
    proxy = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _wait_for(port)
    yield f"http://127.0.0.1:{port}"
    proxy.terminate()
    proxy.wait(10)


def _wait_for(port: int) -> None:
    for _ in range(200):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise TimeoutError("the proxy does not listen")


def test_a_run_is_collected_to_the_row(make_lab: MakeLab, clock: VirtualClock) -> None:
    lab = make_lab(20)
    lab.put_access(*lab.asked)
    lab.put_report(*lab.asked[1:])
    lab.put_report(lab.asked[0], stream="2026/11/24/[1]b", init_ms=120.5, prints=["hello\n"])
    found = collect(lab.run, sources=LOGS, clock=clock)
    assert found.complete
    assert ids(lab, "access", "gateway_request_id") == sorted(one.gateway_request_id for one in lab.asked)
    invocations = lab.run.frame("invocations").set_index("lambda_request_id")
    assert sorted(invocations.index) == sorted(one.lambda_request_id for one in lab.asked)
    cold = invocations.loc[lab.asked[0].lambda_request_id]
    assert (cold["init_ms"], cold["memory_mb"], cold["billed_ms"], cold["duration_ms"]) == (120.5, 256, 21, 20.25)
    assert (cold["environment"], cold["version"], cold["function"]) == ("2026/11/24/[1]b", "1", "Products")
    assert (cold["architecture"], cold["initialization"], cold["source"], cold["attempt"]) == (
        "x86_64", "on-demand", "api", 1)
    assert int(cold["started_at"].timestamp() * 1000) == lab.asked[0].at_ms
    assert invocations["log_bytes"].min() > 100
    assert found.sources["logs"].rows == {"invocations": 20, "inits": 0}
    assert clock.sleeps == []


def test_rows_of_the_neighbours_are_left_out_and_counted(make_lab: MakeLab, clock: VirtualClock) -> None:
    lab, neighbour = make_lab(5), make_lab(3)
    for one in (*lab.asked, *neighbour.asked):
        lab.put_access(one)
        lab.put_report(one)
    found = collect(lab.run, sources=LOGS, clock=clock)
    assert len(lab.run.frame("access")) == len(lab.run.frame("invocations")) == 5
    assert "3 rows of other requests" in str(found.sources["access_logs"])
    assert "3 invocations by other requests" in str(found.sources["logs"])


def test_late_events_are_waited_for(make_lab: MakeLab, clock: VirtualClock) -> None:
    lab = make_lab(12)
    lab.put_access(*lab.asked[:10])
    lab.put_report(*lab.asked[:4])
    clock.at_wake = {0: lambda: None, 1: lambda: lab.put_access(*lab.asked[10:]),
                     3: lambda: lab.put_report(*lab.asked[8:]), 4: lambda: lab.put_report(*lab.asked[4:8])}
    found = collect(lab.run, sources=LOGS, clock=clock)
    assert found.complete
    assert len(lab.run.frame("access")) == len(lab.run.frame("invocations")) == 12
    assert len(clock.sleeps) == 5


def test_a_cold_invocation_that_comes_last_does_not_make_its_environment_provisioned(
        make_lab: MakeLab, clock: VirtualClock) -> None:
    lab = make_lab(3, settings=FunctionSettings(256, provisioned=1))
    lab.put_access(*lab.asked)
    lab.put_report(*lab.asked[1:])
    clock.at_wake = {0: lambda: lab.put_report(lab.asked[0], init_ms=80.0)}
    collect(lab.run, sources=LOGS, clock=clock)
    assert set(lab.run.frame("invocations")["initialization"]) == {"on-demand"}


def test_events_that_were_delivered_twice_make_one_row(make_lab: MakeLab, clock: VirtualClock) -> None:
    lab = make_lab(6)
    for _ in range(2):
        lab.put_access(*lab.asked)
        lab.put_report(*lab.asked)
    assert collect(lab.run, sources=LOGS, clock=clock).complete
    frame = lab.run.frame("invocations")
    assert len(frame) == len(lab.run.frame("access")) == 6
    assert set(frame["attempt"]) == {1}


def test_at_the_deadline_it_is_said_what_is_missing(make_lab: MakeLab, clock: VirtualClock) -> None:
    lab = make_lab(7)
    lab.put_access(*lab.asked[:5])
    lab.put_report(*lab.asked[:2])
    found = collect(lab.run, sources=LOGS, deadline_s=10, clock=clock)
    assert not found.complete
    assert found.sources["access_logs"].missing == {"requests without their access-log row": 2}
    assert found.sources["logs"].missing == {"invocations without their REPORT line": 3}
    assert clock.now == pytest.approx(10)
    assert len(lab.run.frame("invocations")) == 2


def test_collecting_again_adds_what_was_missing_and_then_makes_no_call(make_lab: MakeLab, clock: VirtualClock) -> None:
    lab = make_lab(7)
    lab.put_access(*lab.asked)
    lab.put_report(*lab.asked[:3])
    collect(lab.run, sources=LOGS, deadline_s=0, clock=clock)
    lab.put_report(*lab.asked[3:])
    second = collect(lab.run, sources=LOGS, deadline_s=0, clock=clock)
    third = collect(lab.run, sources=LOGS, deadline_s=0, clock=clock)
    assert second.complete
    assert len(lab.run.frame("invocations")) == 7
    assert [len(second.sources[name].passes) for name in LOGS] == [1, 2]
    assert third == second == collect(lab.run, sources=LOGS, clock=clock)


def test_the_watermark_keeps_the_calls_of_every_pass(make_lab: MakeLab, clock: VirtualClock) -> None:
    lab = make_lab(2)
    lab.put_access(*lab.asked)
    collect(lab.run, sources=["access_logs"], clock=clock)
    [one] = read_collected(lab.run)["access_logs"].passes
    assert one.api_calls == {"filter_log_events": 1}
    assert json.loads((lab.run.path / "collected/access_logs/watermark.json").read_text())["schema_version"] == 1


def test_throttles_5xx_and_resets_change_nothing_but_the_number_of_calls(
        make_lab: MakeLab, faulty_url: str, moto_url: str, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("loadgen.collectors.calls.EVENTS_PER_PAGE", 25)
    lab = make_lab(80, endpoint_url=faulty_url)
    lab.endpoint_url = moto_url
    lab.put_access(*lab.asked)
    lab.put_report(*lab.asked)
    found = collect(lab.run, sources=LOGS, deadline_s=10_000, clock=clock, connect=once)
    assert found.complete
    assert ids(lab, "access", "gateway_request_id") == sorted(one.gateway_request_id for one in lab.asked)
    assert ids(lab, "invocations", "lambda_request_id") == sorted(one.lambda_request_id for one in lab.asked)
    pages = 80 // 25 + 240 // 25
    assert found.sources["access_logs"].api_calls + found.sources["logs"].api_calls > pages + 3


def test_throttled_invocations_are_not_waited_for(make_lab: MakeLab, clock: VirtualClock) -> None:
    lab = make_lab(4)
    lab.put_access(*lab.asked[:3])
    lab.put_access(lab.asked[3], integration_integrationStatus="429", status="500")
    lab.put_report(*lab.asked[:3])
    assert collect(lab.run, sources=LOGS, clock=clock).complete
    assert clock.sleeps == []


def test_without_an_access_log_all_invocations_in_the_runs_time_are_kept(
        make_lab: MakeLab, clock: VirtualClock) -> None:
    lab = make_lab(4, access_log=False)
    lab.put_report(*lab.asked)
    found = collect(lab.run, sources=LOGS, clock=clock)
    assert "it is off" in str(found.sources["access_logs"])
    assert not found.complete
    assert found.sources["logs"].complete
    assert "no request ids" in str(found.sources["logs"])
    assert lab.run.frame("invocations")["source"].isna().all()


def test_a_format_without_the_request_id_is_refused_with_what_it_lacks(make_lab: MakeLab, clock: VirtualClock) -> None:
    lab = make_lab(1, log_format="$context.status $context.responseLatency")
    problem = collect(lab.run, sources=["access_logs"], clock=clock).sources["access_logs"].problem
    assert problem is not None
    assert "$context.requestId, $context.requestTimeEpoch, $context.integrationLatency" in problem
    assert "\n" not in problem


def test_a_format_that_lacks_less_is_read_and_the_lack_is_said(make_lab: MakeLab, clock: VirtualClock) -> None:
    lab = make_lab(1, log_format='{"requestId":"$context.requestId","status":"$context.status"}')
    lab.put(lab.access_group, "a", [(lab.asked[0].at_ms, f'{{"requestId":"{lab.asked[0].gateway_request_id}","status":"200"}}')])
    found = collect(lab.run, sources=["access_logs"], clock=clock).sources["access_logs"]
    assert found.complete
    assert "lacks $context.requestTimeEpoch" in str(found)


def test_first_report_without_init_tells_a_provisioned_environment_from_a_spilled_one(
        make_lab: MakeLab, clock: VirtualClock) -> None:
    lab = make_lab(4, settings=FunctionSettings(256, provisioned=1))
    lab.put_access(*lab.asked)
    lab.put_report(*lab.asked[:2], stream="2026/11/24/[1]ready")
    lab.put_report(lab.asked[2], stream="2026/11/24/[1]spilled", init_ms=90.0)
    lab.put_report(lab.asked[3], stream="2026/11/24/[1]spilled")
    collect(lab.run, sources=LOGS, clock=clock)
    kinds = lab.run.frame("invocations").groupby("environment")["initialization"].unique().map(list).to_dict()
    assert kinds == {"2026/11/24/[1]ready": ["provisioned"], "2026/11/24/[1]spilled": ["on-demand"]}


def test_an_initialisation_that_no_invocation_reports_is_in_inits(make_lab: MakeLab, clock: VirtualClock) -> None:
    lab = make_lab(2, settings=FunctionSettings(256, provisioned=2))
    lab.put_access(*lab.asked)
    report = "INIT_REPORT Init Duration: 154.03 ms\tPhase: init\n"
    lab.put(lab.function_group, "2026/11/24/[1]used", [(lab.asked[0].at_ms - 500, report)])
    lab.put(lab.function_group, "2026/11/24/[1]idle", [(lab.asked[0].at_ms - 400, report)])
    lab.put(lab.function_group, "2026/11/24/[9]other", [(lab.asked[0].at_ms - 400, report)])
    lab.put_report(lab.asked[0], stream="2026/11/24/[1]used")
    lab.put_report(lab.asked[1], stream="2026/11/24/[1]cold", init_ms=70.0)
    collect(lab.run, sources=LOGS, clock=clock)
    inits = lab.run.frame("inits").sort_values("environment").reset_index(drop=True)
    assert inits["environment"].tolist() == ["2026/11/24/[1]idle", "2026/11/24/[1]used"]
    assert inits["init_ms"].tolist() == [154.03, 154.03]
    assert set(inits["initialization"]) == {"provisioned"}


def test_metrics_are_read_until_all_requests_are_counted(make_lab: MakeLab, clock: VirtualClock) -> None:
    lab = make_lab(10)
    metrics = client_for("us-east-1", lab.endpoint_url, "cloudwatch")
    api = lab.run.intent.target.api("rest")
    stage = [{"Name": "ApiName", "Value": api.name}, {"Name": "Stage", "Value": "prod"}]

    def publish(count: int) -> None:
        metrics.put_metric_data(Namespace="AWS/ApiGateway", MetricData=[
            {"MetricName": "Count", "Dimensions": stage, "Unit": "Count", "Value": float(count),
             "Timestamp": lab.asked[0].at_ms / 1000}])

    publish(4)
    clock.at_wake = {1: lambda: publish(6)}
    found = collect(lab.run, sources=["cloudwatch"], clock=clock).sources["cloudwatch"]
    frame = lab.run.frame("metrics")
    counts = frame[frame["metric"] == "Count"]
    assert found.complete
    assert counts["value"].sum() == 10
    assert set(counts["unit"]) == {"Count"}
    assert json.loads(counts["dimensions"].iloc[0]) == {"ApiName": api.name, "Stage": "prod"}
    assert len(clock.sleeps) == 2
    assert found.passes[0].api_calls["metrics_requested"] == 3 * 21
    assert found.api_calls == 3


def test_a_source_that_does_not_exist_is_named(make_lab: MakeLab) -> None:
    with pytest.raises(InputError, match=r"sources = xray: no such source \(there are: access_logs, logs, cloudwatch\)"):
        collect(make_lab(1).run, sources=["xray"])


def test_an_endpoint_that_nobody_serves_is_unreachable(make_lab: MakeLab, clock: VirtualClock) -> None:
    lab = make_lab(1, endpoint_url="http://127.0.0.1:9")
    with pytest.raises(UnreachableError):
        collect(lab.run, sources=LOGS, clock=clock, connect=once)


def test_the_folder_of_a_source_holds_its_frames_and_its_watermark(make_lab: MakeLab, clock: VirtualClock) -> None:
    lab = make_lab(1)
    lab.put_access(*lab.asked)
    collect(lab.run, sources=["access_logs"], clock=clock)
    folder = lab.run.path / "collected" / "access_logs"
    written = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    assert written == [str(Path("access/0000.parquet")), "watermark.json"]
