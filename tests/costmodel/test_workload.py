"""A period's demand by trigger: from shapes, from a run, and as a month."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from costmodel.errors import InputError, InsufficientDataError
from costmodel.workload import AsynchronousEvents, ClientRetries, Demand, Popularity, Workload
from loadgen.configuration import ApiSettings, Configuration, FunctionSettings
from loadgen.deployment import Deployment
from loadgen.measurements.frames import INVOCATIONS, REQUESTS
from loadgen.measurements.run import Finished, Intent, Run, Worker, write_record, write_shard
from loadgen.quotas import Quotas
from loadgen.shapes import Constant
from loadgen.target import Target

START = datetime(2026, 11, 1, 12, 0, tzinfo=UTC)


def write_run(path: Path, rows: list[dict[str, Any]], warm_s: float = 0.0) -> Run:
    target = Target(Deployment({}, {}, ()), {}, {})
    intent = Intent("spike.py", 1, Constant(2.0, 10.0).to_dict(), target,
                    Configuration(ApiSettings("rest"), {"F": FunctionSettings()}), Quotas(), warm_s=warm_s)
    write_record(intent, path / "intent.json")
    frame = pd.DataFrame([
        {"worker": 0, "seq": seq, "trigger": row["trigger"], "outcome": row.get("outcome", "ok"),
         "scheduled_at": START + timedelta(seconds=row["at"]), "cache_key": row.get("key"),
         "request_bytes": row.get("asked"), "response_bytes": row.get("answered")}
        for seq, row in enumerate(rows)
    ])
    write_shard(frame, path / "requests" / "0" / "0000.parquet", REQUESTS)
    return Run(path)


def test_a_run_gives_its_own_arrivals_whatever_became_of_them(tmp_path: Path) -> None:
    rows = [{"at": 0.0, "trigger": "A"}, {"at": 2.5, "trigger": "B"}, {"at": 1.0, "trigger": "A", "outcome": "no_response"},
            {"at": 4.0, "trigger": "A", "outcome": "dropped"}]
    workload = Workload.from_run(write_run(tmp_path, rows))
    stream = workload.stream(seed=1)
    assert stream.time_s.tolist() == [0.0, 1.0, 2.5, 4.0]
    assert [list(workload.demands)[trigger] for trigger in stream.trigger] == ["A", "A", "B", "A"]
    assert (workload.period_s, workload.cyclic, workload.activity_hours) == (10.0, False, 10 / 3600)
    assert "from an empty fleet" in workload.assumptions[0]


def test_environments_that_a_run_found_warm_are_counted_by_function(tmp_path: Path) -> None:
    run = write_run(tmp_path, [{"at": 0.0, "trigger": "A"}])
    seen = [("F", "e1", 5.0, "on-demand"), ("F", "e1", None, "on-demand"), ("F", "e2", None, "on-demand"),
            ("F", "e2", None, "on-demand"), ("F", "e3", None, "provisioned"), ("G", "e4", 5.0, "on-demand")]
    frame = pd.DataFrame(seen, columns=["function", "environment", "init_ms", "initialization"])
    write_shard(frame, tmp_path / "collected" / "logs" / "invocations" / "0000.parquet", INVOCATIONS)
    workload = Workload.from_run(run)
    assert workload.warm_environments == {"F": 1}
    assert "warm environments (1 of F)" in workload.assumptions[0]
    assert workload.scaled().warm_environments == {}


def test_arrivals_without_a_route_are_left_out_and_counted(tmp_path: Path) -> None:
    rows = [{"at": 0.0, "trigger": "A"}, {"at": 1.0, "trigger": None, "outcome": "dropped"}]
    workload = Workload.from_run(write_run(tmp_path, rows))
    assert workload.expected == 1
    assert any("1 arrivals of the run were dropped" in sentence for sentence in workload.assumptions)


def test_keys_and_sizes_come_from_the_rows_and_what_was_not_answered_has_the_mean_size(tmp_path: Path) -> None:
    rows = [{"at": 0.0, "trigger": "A", "key": "x", "asked": 7, "answered": 100},
            {"at": 1.0, "trigger": "A", "key": "y", "answered": 300}, {"at": 2.0, "trigger": "A", "key": "x", "answered": 36,
                                                                      "outcome": "http_error"},
            {"at": 3.0, "trigger": "B"}]
    workload = Workload.from_run(write_run(tmp_path, rows))
    stream, a = workload.stream(seed=1), workload.demands["A"]
    assert stream.key[0] == stream.key[2] != stream.key[1]
    assert stream.key[3] not in stream.key[:3]
    assert np.asarray(a.request_bytes).tolist() == [7.0, 0.0, 0.0]
    assert np.asarray(a.response_bytes).tolist() == [100.0, 300.0, 200.0]
    assert workload.demands["B"].response_bytes is None


def test_a_warmed_run_bills_its_warm_part_and_leaves_it_out_of_the_month(tmp_path: Path) -> None:
    rows = [{"at": float(second), "trigger": "A"} for second in range(10)]
    workload = Workload.from_run(write_run(tmp_path, rows, warm_s=4.0))
    stream = workload.stream(seed=1)
    assert (stream.from_s, stream.judged_from_s, stream.time_s.size) == (0.0, 4.0, 10)
    month = workload.scaled()
    assert (month.period_s, month.expected) == (6.0, 6)
    assert month.demands["A"].times(np.random.default_rng(1)).tolist() == [0, 1, 2, 3, 4, 5]


def test_a_month_is_730_hours_of_the_period_without_a_pause() -> None:
    month = Workload({"A": Demand(Constant(2.0, 100.0))}, 100.0).scaled()
    assert (month.activity_hours, month.requests) == (730.0, pytest.approx(2 * 730 * 3600))
    assert month.flow == pytest.approx(730 * 36)
    assert any("730 h" in sentence for sentence in month.assumptions)
    assert any("starts warm" in sentence for sentence in month.assumptions)


def test_fewer_requests_a_month_leave_the_intensity_as_it_is() -> None:
    month = Workload({"A": Demand(Constant(2.0, 100.0))}, 100.0).scaled(1_000_000)
    assert (month.requests, month.flow, month.expected) == (pytest.approx(1e6), pytest.approx(5000), 200.0)


@pytest.mark.parametrize("asked", [0, -5, 1e9, float("nan")])
def test_more_requests_than_the_period_repeated_can_give_are_refused(asked: float) -> None:
    with pytest.raises(InputError, match="at most 5,256,000"):
        Workload({"A": Demand(Constant(2.0, 100.0))}, 100.0).scaled(asked)


def test_a_month_needs_requests_after_the_warm_part() -> None:
    with pytest.raises(InsufficientDataError, match="within warm_s=5"):
        Workload({"A": Demand(np.array([0.0, 1.0]))}, 10.0, warm_s=5.0).scaled()


def test_a_cyclic_stream_repeats_its_arrivals_and_counts_whole_periods_after_the_lead() -> None:
    month = Workload({"A": Demand(np.array([1.0, 2.0, 9.0]))}, 10.0).scaled()
    stream = month.stream(seed=1, lead_s=25.0)
    assert stream.from_s == stream.judged_from_s == 30.0
    counted = stream.time_s >= stream.from_s
    assert counted.sum() >= 10_000
    assert stream.to_s == 30 + counted.sum() / 3 * 10
    assert stream.time_s[:6].tolist() == [1, 2, 9, 11, 12, 19]
    assert stream.row[:6].tolist() == [0, 1, 2, 0, 1, 2]


def test_the_lead_of_a_busy_workload_is_bounded() -> None:
    month = Workload({"A": Demand(Constant(1000.0, 10.0))}, 10.0).scaled()
    stream = month.stream(seed=1, lead_s=3600.0)
    assert (stream.time_s < stream.from_s).sum() == pytest.approx(50_000, rel=0.05)


def test_a_cache_is_filled_before_the_count_and_counted_until_its_entries_have_ended_once() -> None:
    month = Workload({"A": Demand(Constant(20.0, 10.0))}, 10.0).scaled()
    stream = month.stream(seed=1, lead_s=25.0, cache_s=3600.0)
    assert (stream.from_s, stream.to_s) == (3600.0, 7200.0)
    busy = Workload({"A": Demand(Constant(1000.0, 10.0))}, 10.0).scaled().stream(seed=1, cache_s=3600.0)
    assert (busy.from_s, busy.to_s) == (200.0, 400.0)


def test_the_seed_decides_the_stream() -> None:
    workload = Workload({"A": Demand(Constant(20.0, 10.0), keys=Popularity.zipf(5))}, 10.0)
    one, same, other = (workload.stream(seed) for seed in (1, 1, 2))
    assert (one.time_s.tolist(), one.key.tolist()) == (same.time_s.tolist(), same.key.tolist())
    assert one.time_s.tolist() != other.time_s.tolist()


def test_zipf_keys_are_drawn_by_their_weights() -> None:
    drawn = np.bincount(Popularity.zipf(3).draw(np.random.default_rng(1), 110_000)) / 110_000
    assert drawn == pytest.approx([6 / 11, 3 / 11, 2 / 11], abs=0.01)


def test_unknown_keys_stay_unknown() -> None:
    assert (Workload({"A": Demand(Constant(20.0, 10.0))}, 10.0).stream(seed=1).key == -1).all()


def test_a_workload_without_requests_is_refused() -> None:
    with pytest.raises(InputError, match="no requests"):
        Workload({}, 10.0)
    with pytest.raises(InputError, match="period_s"):
        Workload({"A": Demand(np.array([1.0]))}, 0.0)


NAN, INF = float("nan"), float("inf")
STEADY, TWO = Constant(2.0, 100.0), np.array([1.0, 2.0])


@pytest.mark.parametrize(("make", "said"), [
    (lambda: Demand(np.array([-1.0, 2.0])), r"demand\.arrivals: shape \(2,\), from -1 to 2: give"),
    (lambda: Demand(np.array([NAN, 2.0])), r"demand\.arrivals"),
    (lambda: Demand(np.array([INF])), r"demand\.arrivals"),
    (lambda: Demand(np.ones((2, 2))), r"demand\.arrivals: shape \(2, 2\)"),
    (lambda: Demand([1.0, 2.0]), r"demand\.arrivals: list: give a Shape"),  # type: ignore[arg-type]
    (lambda: Demand(TWO, keys=np.array([1])), r"demand\.keys: shape \(1,\) for 2 arrivals"),
    (lambda: Demand(STEADY, keys=np.array([1, 2])), r"demand\.keys: 2 entries .* give a Popularity"),
    (lambda: Demand(TWO, keys=np.array([1.5, 2.0])), r"demand\.keys: float64"),  # type: ignore[arg-type]
    (lambda: Demand(TWO, keys=np.array([-5, 2])), r"demand\.keys: int64 from -5"),
    (lambda: Demand(TWO, retries=3), r"demand\.retries=3: give ClientRetries"),  # type: ignore[arg-type]
    (lambda: Demand(TWO, events=5), r"demand\.events=5: give AsynchronousEvents"),  # type: ignore[arg-type]
    (lambda: Demand(TWO, keys="id"), r"demand\.keys: str"),  # type: ignore[arg-type]
    (lambda: Demand(STEADY, request_bytes=-1), r"demand\.request_bytes=-1"),
    (lambda: Demand(STEADY, response_bytes=INF), r"demand\.response_bytes=inf"),
    (lambda: Demand(STEADY, response_bytes=np.ones(2)), r"demand\.response_bytes: 2 entries .* give a mean"),
    (lambda: Demand(TWO, request_bytes=np.array([1.0, NAN])), r"demand\.request_bytes: float64 from nan"),
    (lambda: Demand(TWO, response_bytes=np.array([1.0, -2.0])), r"demand\.response_bytes: float64 from -2"),
    (lambda: Demand(STEADY, invalidating=NAN), r"demand\.invalidating=nan"),
    (lambda: Popularity(np.zeros(3)), r"popularity\.weights"),
    (lambda: Popularity(np.array([1.0, NAN])), r"popularity\.weights"),
    (lambda: Popularity.zipf(0), "keys=0: give a whole number"),
    (lambda: Popularity.zipf(10**12), "to 100,000,000"),
    (lambda: Popularity.zipf(3, NAN), "exponent=nan"),
    (lambda: ClientRetries(tries=1.5), "tries=1.5"),  # type: ignore[arg-type]
    (lambda: AsynchronousEvents(reruns=1.5), "reruns=1.5"),  # type: ignore[arg-type]
    (lambda: Workload({"A": Demand(Constant(2.0, 0.0))}, 10.0), "no requests"),
    (lambda: Workload({"A": Demand(STEADY)}, 60.0), r"period_s=60: the arrivals of 'A' go on until 100 s"),
    (lambda: Workload({"A": Demand(np.array([500.0]))}, 60.0), "until 500 s"),
    (lambda: Workload({"A": Demand(STEADY)}, NAN), r"workload\.period_s=nan"),
    (lambda: Workload({"A": Demand(STEADY)}, "100"), r"workload\.period_s='100'"),  # type: ignore[arg-type]
    (lambda: Workload({"A": Demand(STEADY)}, 100.0, warm_s=-1.0), r"workload\.warm_s=-1"),
    (lambda: Workload({"A": Demand(STEADY)}, 100.0, flow=NAN), r"workload\.flow=nan"),
    (lambda: Workload({"A": Demand(STEADY)}, 100.0, hours=0.0), r"workload\.hours=0"),
    (lambda: Workload({"A": Demand(STEADY)}, 100.0, warm_environments={"F": -1}), r"warm_environments\['F'\]=-1"),
    (lambda: Workload([Demand(STEADY)], 100.0), r"workload\.demands: list"),  # type: ignore[arg-type]
    (lambda: Workload({"A": Demand(STEADY)}, 100.0).scaled("5"), "requests_per_month='5'"),  # type: ignore[arg-type]
])
def test_what_makes_no_sense_is_refused_by_field_and_value_in_one_line(make: Callable[[], Any], said: str) -> None:
    with pytest.raises(InputError, match=said) as problem:
        make()
    assert "\n" not in str(problem.value)


@pytest.mark.parametrize("warm_s", [100.0, 200.0])
def test_a_warm_part_as_long_as_the_period_leaves_no_month(warm_s: float) -> None:
    with pytest.raises(InsufficientDataError, match=f"within warm_s={warm_s:g}"):
        Workload({"A": Demand(STEADY)}, 100.0, warm_s=warm_s).scaled()


def test_the_warm_part_of_a_shape_is_left_out_of_the_month_as_of_arrivals() -> None:
    """Ten seconds at 1/s, then ninety at 3/s: the month is all at 3/s."""
    month = Workload({"A": Demand(Constant(1.0, 10.0).then(Constant(3.0, 90.0)))}, 100.0, warm_s=10.0).scaled()
    assert (month.period_s, month.expected) == (90.0, pytest.approx(270.0))
    assert month.requests == pytest.approx(3 * 730 * 3600)
    times = month.demands["A"].times(np.random.default_rng(1))
    assert times.size == pytest.approx(270, abs=80) and times.min() >= 0 and times.max() <= 90


def test_a_run_that_was_killed_is_a_period_as_long_as_it_went_on(tmp_path: Path) -> None:
    """Five of ten seconds: at the run's own rate, not at half of it."""
    run = write_run(tmp_path, [{"at": second / 2, "trigger": "A"} for second in range(11)])
    worker = Worker(0, 1, 20, 20, START, sent=11)
    write_record(worker, tmp_path / "workers" / "0.json")
    workload = Workload.from_run(run)
    assert workload.period_s == 5.0
    assert any("not complete: its 11 recorded arrivals, until 5.0 s" in note for note in workload.notes)
    write_record(replace(worker, finished=True), tmp_path / "workers" / "0.json")
    assert Workload.from_run(run).period_s == 10.0
    write_record(Finished(False, "killed", START, START, 20, 11), tmp_path / "finished.json")
    assert Workload.from_run(run).period_s == 5.0


def test_a_run_of_which_nothing_was_sent_or_nothing_succeeded_is_refused(tmp_path: Path) -> None:
    nothing = write_run(tmp_path / "a", [{"at": 1.0, "trigger": None, "outcome": "dropped"}])
    with pytest.raises(InsufficientDataError, match="none of its 1 arrivals was sent"):
        Workload.from_run(nothing)
    failed = write_run(tmp_path / "b", [{"at": 1.0, "trigger": "A", "outcome": "http_error"}])
    with pytest.raises(InsufficientDataError, match="none of its 1 requests succeeded"):
        Workload.from_run(failed)
