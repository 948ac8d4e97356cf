from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pandas as pd
import pytest

from costmodel.planning.plan import Candidate, Comparison
from loadgen.configuration import FunctionSettings


@pytest.fixture
def frame(candidate: Callable[..., Candidate]) -> pd.DataFrame:
    first, second = candidate(256, usd=8.0, p95_ms=400.0), candidate(1024, usd=6.0, p95_ms=100.0, throttled=0.25)
    two = {"A": FunctionSettings(512, provisioned=2), "B": FunctionSettings(1024, provisioned=1)}
    mixed = replace(first, configuration=replace(first.configuration, functions=two).with_api(cache_gb=0.5))
    return Comparison((first, second, mixed), first, ()).frame


def test_the_table_has_a_row_a_candidate_with_latency_shares_and_money(frame: pd.DataFrame) -> None:
    assert frame["label"].tolist()[:2] == ["REST 256 MB", "REST 1024 MB"]
    row = frame.iloc[1]
    assert (row["api"], row["memory_mb"], row["architecture"], row["provisioned"]) == ("rest", 1024, "x86_64", 0)
    assert (row["p50_ms"], row["p95_ms"], row["p99_ms"]) == (50.0, 100.0, 200.0)
    assert (row["cold_share"], row["throttled_share"]) == (0.01, 0.25)
    assert (row["usd_per_month"], row["usd_per_million"]) == (6.0, 6.0)
    assert (row["usd_per_million_low"], row["usd_per_million_high"]) == pytest.approx((5.4, 6.6))
    assert row["caveats"] == "one; two"


def test_the_columns_of_services_add_up_to_the_month(frame: pd.DataFrame) -> None:
    services = frame.filter(regex="^usd_per_month_")
    assert set(services.columns) == {"usd_per_month_lambda", "usd_per_month_apigateway"}
    assert services.sum(axis=1).tolist() == pytest.approx(frame["usd_per_month"].tolist())


def test_what_functions_do_not_share_is_missing_and_provisioned_is_their_sum(frame: pd.DataFrame) -> None:
    mixed = frame.iloc[2]
    assert pd.isna(mixed["memory_mb"]) and mixed["architecture"] == "x86_64"
    assert (mixed["provisioned"], mixed["cache_gb"]) == (3, 0.5)
    assert pd.isna(frame.iloc[0]["cache_gb"])
