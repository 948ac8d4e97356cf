"""One short run of a scenario with every kind of answer, in one process and in two, and what it wrote."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest

from loadgen.configuration import Configuration
from loadgen.runner import run_scenario
from loadgen.target import Target

TASKS = (
    'self.get("/products/{id}", id=self.random.randint(1, 5), query={"page": self.random.randint(1, 2)})',
    'self.post("/orders", json={"note": "request-secret"}, headers={"X-Api-Key": "key-secret"})',
    'self.get("/fail")', 'self.get("/close")', 'self.get("/products"); raise ValueError("after")',
    'self.get("/reports") if self.arrival.seq < 20 else None',  # sends nothing later on
)


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory, locustfiles: SimpleNamespace, api_server, api_target: Target,
        api_configuration: Configuration) -> SimpleNamespace:
    """The runs with one process and with two, and what the server was asked by the first."""
    folder = tmp_path_factory.mktemp("runs")
    scenario = locustfiles.write(folder / "mixed.py", *TASKS, shape="Constant(150, 2)")
    settings = {"target": api_target, "configuration": api_configuration, "seed": 3, "warm_s": 0.5}
    lines: list[str] = []
    api_server.asked.clear()
    api_server.requests.clear()
    one = run_scenario(scenario, out=folder / "one", progress=lines.append, **settings)
    asked, sent = Counter(api_server.asked), "".join(api_server.requests)
    two = run_scenario(scenario, out=folder / "two", processes=2, **settings)
    return SimpleNamespace(one=one, two=two, asked=asked, sent=sent, lines=lines, frame=one.frame("requests"))


def rows(frame: pd.DataFrame, route: str) -> pd.DataFrame:
    chosen = frame[frame["route"] == route]
    assert len(chosen) > 10
    return chosen


def test_every_arrival_has_one_row(ran: SimpleNamespace) -> None:
    assert ran.one.finished.complete
    assert ran.one.finished.scheduled == ran.one.finished.rows == len(ran.frame)
    assert sorted(ran.frame["seq"]) == list(range(len(ran.frame)))


def test_one_and_two_processes_send_the_same_arrivals(ran: SimpleNamespace) -> None:
    one, two = (run.frame("requests").sort_values("seq", ignore_index=True) for run in (ran.one, ran.two))
    assert len(one) == len(two)
    assert one[["seq", "cache_key", "phase"]].equals(two[["seq", "cache_key", "phase"]])
    offsets = [(frame["scheduled_at"] - run.finished.started_at).dt.total_seconds()
               for run, frame in ((ran.one, one), (ran.two, two))]
    assert (offsets[0] - offsets[1]).abs().max() < 1e-5
    assert two["worker"].tolist() == [seq % 2 for seq in two["seq"]]
    assert [worker.scheduled for worker in ran.two.workers] == [(len(two) + 1) // 2, len(two) // 2]


def test_each_kind_of_answer_has_its_outcome(ran: SimpleNamespace) -> None:
    def seen(route: str) -> set[tuple[str, object]]:
        chosen = rows(ran.frame, route)
        return set(zip(chosen["outcome"], chosen["status"].astype(object).where(chosen["status"].notna(), None),
                       strict=True))

    assert seen("GET /products/{id}") == {("ok", 200)}
    assert seen("GET /fail") == {("http_error", 500)}
    assert seen("GET /close") == {("no_response", None)}
    assert seen("GET /products") == {("ok", 200)}
    lost = rows(ran.frame, "GET /close")
    assert lost["error"].str.contains("closed|reset", case=False).all()
    assert lost["response_bytes"].isna().all()


def test_a_task_that_sends_nothing_is_a_dropped_row_that_says_so(ran: SimpleNamespace) -> None:
    dropped = ran.frame[ran.frame["outcome"] == "dropped"]
    assert len(dropped) > 10
    assert set(dropped["error"]) == {"task5: sent no request"}
    assert dropped["sent_at"].isna().all()
    assert dropped["latency_ms"].isna().all()


def test_one_row_is_one_request_even_when_the_server_hangs_up(ran: SimpleNamespace) -> None:
    sent = ran.frame[ran.frame["sent_at"].notna()]
    assert ran.asked.total() == len(sent)
    assert ran.asked["GET /close"] == len(rows(ran.frame, "GET /close"))


def test_latency_counts_from_when_the_request_was_due(ran: SimpleNamespace) -> None:
    answered = ran.frame[ran.frame["response_ms"].notna()]
    late_ms = (answered["sent_at"] - answered["scheduled_at"]).dt.total_seconds() * 1e3
    assert late_ms.min() >= 0
    assert (answered["latency_ms"] - answered["response_ms"] - late_ms).abs().max() < 0.01


def test_the_first_seconds_are_warming_up(ran: SimpleNamespace) -> None:
    offset_s = (ran.frame["scheduled_at"] - ran.one.finished.started_at).dt.total_seconds()
    assert set(ran.frame.loc[offset_s < 0.499, "phase"]) == {"warm"}
    assert set(ran.frame.loc[offset_s > 0.501, "phase"]) == {"load"}


def test_ids_of_the_answer_are_kept(ran: SimpleNamespace) -> None:
    answered = ran.frame[ran.frame["status"].notna()]
    assert answered["gateway_request_id"].is_unique
    assert answered["gateway_request_id"].notna().all()
    assert set(answered["trace_id"]) == {"1-5759e988-bd862e3fe1be46a994272793"}
    assert answered["lambda_request_id"].isna().all()


def test_the_cache_key_tells_parameters_apart_and_nothing_else(ran: SimpleNamespace) -> None:
    assert rows(ran.frame, "GET /products/{id}")["cache_key"].nunique() == 10
    assert rows(ran.frame, "GET /products")["cache_key"].nunique() == 1
    assert ran.frame["cache_key"].nunique() >= 14


def test_bytes_are_those_of_the_bodies(ran: SimpleNamespace) -> None:
    orders = rows(ran.frame, "POST /orders")
    assert set(orders["request_bytes"]) == {len('{"note": "request-secret"}')}
    assert set(orders["response_bytes"]) == {len('{"ok": true}')}
    assert set(orders["trigger"]) == {"POST /orders"}


def test_no_header_and_no_body_is_written_anywhere(ran: SimpleNamespace) -> None:
    assert "request-secret" in ran.sent
    assert "key-secret" in ran.sent
    secrets = (b"request-secret", b"key-secret", b"response-secret", b"body-secret")
    frame_text = ran.frame.to_csv().encode()
    files = [path.read_bytes() for path in Path(ran.one.path).rglob("*.json")]
    assert not any(secret in text for text in [frame_text, *files] for secret in secrets)


def test_a_worker_says_what_it_did(ran: SimpleNamespace) -> None:
    (worker,) = ran.one.workers
    outcomes = ran.frame["outcome"].value_counts()
    assert worker.finished
    assert (worker.arrivals, worker.scheduled) == (len(ran.frame), len(ran.frame))
    assert worker.sent == ran.frame["sent_at"].notna().sum()
    assert worker.ok == outcomes["ok"]
    assert worker.failed == outcomes["http_error"] + outcomes["no_response"]
    assert worker.dropped == outcomes["dropped"]
    assert set(worker.lateness_ms) == {"p50", "p99", "max"}
    assert worker.clock_offset_ms is not None


def test_progress_tells_rate_counts_and_p95(ran: SimpleNamespace) -> None:
    assert ran.lines[0].startswith("about 300 requests in 2 s")
    assert all(word in ran.lines[-1] for word in ("/s", "sent", "ok", "failed", "p95", "dropped"))
    assert f"sent {ran.one.workers[0].sent}" in ran.lines[-1]


def test_the_intent_holds_what_was_asked(ran: SimpleNamespace, api_target: Target) -> None:
    intent = ran.one.intent
    assert (intent.seed, intent.warm_s, intent.processes) == (3, 0.5, 1)
    assert intent.target == api_target
    assert intent.created_at < ran.one.finished.started_at
    assert "locust" in intent.versions
