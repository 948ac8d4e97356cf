"""The whole line, from requests to dollars: what the README's sweep measured, predicted and planned."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest

from costmodel.accuracy import check
from costmodel.performance.fitting import fit
from costmodel.pricing.price_book import PriceBook
from loadgen.configuration import Configuration, grid
from loadgen.local.cloud import LocalCloud
from loadgen.measurements.reconciliation import reconcile
from loadgen.sweeps import sweep
from loadgen.target import Target

BOOK = PriceBook.load("us-east-1")
SHOP = Path("scenarios/shop/template.yaml")


def limited(target: Target, kind: str, memory_mb: int) -> Configuration:
    """A stage throttle and a reserved limit, both below what the spike asks for."""
    (plain,) = grid(target.deployment, api=[kind], memory_mb=[memory_mb])
    functions = {**plain.functions, "Reports": replace(plain.functions["Reports"], reserved=4)}
    return replace(plain.with_api(throttle_rps=90, throttle_burst=10), functions=functions)


def test_every_run_has_a_row_an_arrival_and_closes_to_zero(readme: SimpleNamespace) -> None:
    assert [run.intent.configuration.label for run in readme.runs] == [
        "REST 256 MB", "REST 1024 MB", "HTTP 256 MB", "HTTP 1024 MB"]
    for run in readme.runs:
        found = reconcile(run)
        assert found.client.arrivals == run.finished.scheduled >= 2_500
        assert (found.unexplained, found.gaps, found.lost) == (0, {}, {})
        assert found.gateway.seen == found.function.tried == found.function.ran == found.client.sent


def test_pandas_reads_what_a_run_wrote(readme: SimpleNamespace) -> None:
    rows = pd.read_parquet(readme.runs[0].path / "requests")
    assert len(rows) == readme.runs[0].finished.scheduled


def test_the_bill_of_a_run_predicted_on_its_own_arrivals_is_the_metered_one(readme: SimpleNamespace) -> None:
    for run in readme.runs:
        bill = next(each for each in check(run, readme.model, BOOK) if each.metric == "bill")
        print(f"{bill.label}: predicted {bill.predicted:.4f}, metered {bill.measured:.4f} {bill.unit} ({bill.difference})")
        assert bill.error is not None and abs(bill.error) < 0.02


def test_a_size_that_was_held_out_is_predicted(readme: SimpleNamespace) -> None:
    with LocalCloud(SHOP, seed=5) as target:
        held_out = grid(target.deployment, api=["rest"], memory_mb=[512])
        (run,) = sweep("scenarios/spike.py", target, held_out, out="runs/held-out", seed=5)
    checks = {each.metric: each for each in check(run, readme.model, BOOK)}
    for metric, allowed in (("p50", 0.15), ("p95", 0.1), ("bill", 0.02)):
        found = checks[metric]
        print(f"512 MB {metric}: predicted {found.predicted:.3f}, measured {found.measured:.3f} {found.unit}")
        assert found.error is not None and abs(found.error) < allowed


def test_the_plan_is_the_cheapest_that_meets_its_slo_and_the_report_is_there(readme: SimpleNamespace) -> None:
    frame = readme.comparison.frame
    meeting = frame[frame["p95_ms"] < 300]
    assert readme.plan.choice.label == meeting.sort_values("usd_per_month")["label"].iloc[0]
    assert set(readme.plan.why_lost) == set(frame["label"]) - {readme.plan.choice.label}
    assert (readme.place / "runs/readme/plan.html").stat().st_size > 10_000


@pytest.fixture(scope="module")
def throttled(readme: SimpleNamespace) -> list[object]:
    """A run behind each kind of API that is throttled by the stage and by reserved concurrency."""
    with LocalCloud(SHOP) as target:
        return list(sweep("scenarios/spike.py", target, [limited(target, kind, 256) for kind in ("rest", "http")],
                          out="runs/throttled"))


@pytest.mark.parametrize("position", [0, 1], ids=["rest", "http"])
def test_each_lost_request_is_named_by_who_rejected_it(throttled: list[object], position: int) -> None:
    run = throttled[position]
    found = reconcile(run)  # type: ignore[arg-type]
    by_stage, by_reserved = (found.lost[name] for name in ("gateway: stage throttle", "lambda: reserved concurrency"))
    assert found.unexplained == 0 and by_stage > 0 and by_reserved > 0
    assert found.client.failed == by_stage + by_reserved == sum(found.lost.values())
    assert found.gateway.throttled_by == {"stage": by_stage}
    assert found.function.throttled_by == {"reserved": by_reserved}
    assert found.client.sent == found.gateway.seen == found.function.tried + by_stage


def test_a_model_of_throttled_runs_predicts_their_bills_and_throttles(throttled: list[object]) -> None:
    model = fit(throttled)  # type: ignore[arg-type]
    for run in throttled:
        checks = {each.metric: each for each in check(run, model, BOOK)}  # type: ignore[arg-type]
        assert abs(checks["bill"].error) < 0.02
        assert abs(checks["throttled"].error) < 0.15
