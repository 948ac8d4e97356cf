from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from costmodel.errors import InsufficientDataError
from costmodel.performance.distributions import Distribution
from costmodel.performance.fitting import fit, fit_observations, window_lifetime
from costmodel.performance.lifetime import Lifetime, default_lifetime
from costmodel.performance.replay import replay
from loadgen.configuration import FunctionSettings
from loadgen.errors import RunError
from loadgen.measurements.frames import INITS, INVOCATIONS, conform, from_rows, to_pandas
from loadgen.measurements.production import ASKED, FINISHED, Asked, Production, Reading
from loadgen.measurements.run import Finished, write_record, write_shard

WARM = np.linspace(40.0, 60.0, 101)


def test_duration_init_and_overhead_are_told_apart(observe) -> None:
    run = observe(WARM, inits_ms=(100.0,) * 10, cold_ms=75.0, overhead_ms=12.0)
    model = fit_observations([run])
    function, settings = model.functions["Products"], FunctionSettings(256)
    assert function.duration_ms(settings).mean == pytest.approx(50.0)
    assert function.cold_duration_ms(settings).mean == pytest.approx(75.0)
    assert function.init_ms(settings).mean == pytest.approx(100.0)
    assert model.overhead_ms("rest").mean == pytest.approx(12.0)


def test_runs_at_two_sizes_tell_a_third(observe, table_2020) -> None:
    rng = np.random.default_rng(3)
    runs = [observe(table_2020["f2", m].samples(600, 0.05, rng), memory_mb=m) for m in (256, 1024)]
    function = fit_observations(runs).functions["Products"]
    truth = 0.05 * table_2020["f2", 512].mean_ms
    assert function.duration_ms(FunctionSettings(512)).mean == pytest.approx(truth, rel=0.02)


def test_rest_and_http_have_their_own_overhead(observe) -> None:
    model = fit_observations([observe(WARM, overhead_ms=20.0), observe(WARM, kind="http", overhead_ms=8.0)])
    assert (model.overhead_ms("rest").mean, model.overhead_ms("http").mean) == (pytest.approx(20.0), pytest.approx(8.0))


def test_an_api_kind_that_no_run_used_has_no_overhead(observe) -> None:
    with pytest.raises(InsufficientDataError, match=r"'http'.*measured: rest"):
        fit_observations([observe(WARM)]).overhead_ms("http")


def test_failures_are_counted_and_not_fitted(observe) -> None:
    function = fit_observations([observe(WARM[:90], failed=10)]).functions["Products"]
    assert function.error_share == pytest.approx(0.1)
    assert function.duration_ms(FunctionSettings(256)).quantile(1.0) < 100


def test_throttled_requests_have_no_part_in_the_overhead(observe) -> None:
    run = observe(WARM)
    throttled = run.joined.assign(outcome="http_error", latency_ms=5000.0, duration_ms=float("nan"))
    model = fit_observations([replace(run, joined=pd.concat([run.joined, throttled], ignore_index=True))])
    assert model.overhead_ms("rest").mean == pytest.approx(12.0)


def test_the_architecture_is_the_configurations_because_report_lines_lack_it(observe) -> None:
    function = fit_observations([observe(WARM, architecture="arm64")]).functions["Products"]
    assert list(function.duration.by_architecture) == ["arm64"]


def test_bytes_and_memory_are_means_and_maxima_of_what_was_logged(observe) -> None:
    function = fit_observations([observe(WARM, inits_ms=(100.0,) * 4)]).functions["Products"]
    assert (function.log_bytes, function.cold_log_bytes, function.response_bytes) == (300.0, 420.0, 1800.0)
    assert function.max_memory_mb == 70


def test_no_cold_start_leaves_its_log_bytes_unknown(observe) -> None:
    assert fit_observations([observe(WARM)]).functions["Products"].cold_log_bytes is None


def test_inits_that_no_invocation_reports_are_measured_inits(observe) -> None:
    apart = pd.DataFrame({"environment": ["a", "b"], "function": "Products", "init_ms": [90.0, 110.0], "outcome": "ok"})
    run = replace(observe(WARM), inits=to_pandas(conform(apart, INITS)))
    init = fit_observations([run]).functions["Products"].init
    assert init.counts == {"x86_64": 2}
    assert init.init_ms("x86_64").mean == pytest.approx(100.0)


def test_a_function_without_invocations_is_not_in_the_model_and_is_refused_by_name(observe) -> None:
    model = fit_observations([observe(WARM)])
    with pytest.raises(InsufficientDataError, match="function Reports: not measured"):
        model.function("Reports")


def test_too_few_warm_invocations_say_how_many_are_needed(observe) -> None:
    with pytest.raises(InsufficientDataError, match="Products: 7 warm invocations at 256 MB x86_64: 20 at one memory size"):
        fit_observations([observe(WARM[:7])])


def test_a_size_with_too_few_is_left_out_and_said(observe) -> None:
    model = fit_observations([observe(WARM), observe(WARM[:7], memory_mb=1024)])
    assert any("7 warm invocations at 1024 MB" in note and "left out" in note for note in model.notes)
    with pytest.raises(InsufficientDataError):
        model.functions["Products"].duration_ms(FunctionSettings(1024))


def test_all_failed_is_refused(observe) -> None:
    with pytest.raises(InsufficientDataError, match="all 30 invocations failed"):
        fit_observations([observe(WARM[:0], cold_ms=1.0, failed=30)])


@pytest.mark.parametrize("value", [-5.0, float("inf"), -float("inf")])
@pytest.mark.parametrize("column", ["duration_ms", "init_ms", "restore_ms"])
def test_a_time_that_cannot_be_is_refused_with_its_column_and_value(observe, column: str, value: float) -> None:
    run = observe(WARM)
    run.invocations.loc[3, column] = value
    with pytest.raises(RunError, match=f"Products: {column}={value:g} in 1 rows.*collect again"):
        fit_observations([run])


def test_a_memory_size_of_nothing_is_refused(observe) -> None:
    run = observe(WARM)
    run.invocations["memory_mb"] = 0
    with pytest.raises(RunError, match=r"Products: memory_mb=0 in 101 rows"):
        fit_observations([run])


def test_durations_of_nothing_are_refused(observe) -> None:
    with pytest.raises(InsufficientDataError, match="Products: all 30 durations at 1024 MB x86_64 are 0 ms"):
        fit_observations([observe(WARM), observe(np.zeros(30), memory_mb=1024)])


def test_an_invocation_whose_duration_is_not_known_does_not_count(observe) -> None:
    some, none = observe(WARM[:30]), observe(WARM)
    some.invocations.loc[:4, "duration_ms"] = none.invocations.loc[:, "duration_ms"] = pd.NA
    model = fit_observations([some])
    assert model.functions["Products"].duration.by_architecture["x86_64"].sizes[0].n == 25
    with pytest.raises(InsufficientDataError, match="Products: no warm invocation: 20 at one memory size"):
        fit_observations([none])


def test_runs_of_different_deployments_are_refused(observe) -> None:
    first, other = observe(WARM), observe(WARM)
    functions = {**other.deployment.functions, "Products": replace(other.deployment.functions["Products"], runtime="java21")}
    with pytest.raises(InsufficientDataError, match="different deployments"):
        fit_observations([first, replace(other, deployment=replace(other.deployment, functions=functions))])


def test_memory_that_discovery_saw_changed_is_still_the_same_deployment(observe) -> None:
    first, other = observe(WARM), observe(WARM, memory_mb=1024)
    functions = {**other.deployment.functions, "Products": replace(other.deployment.functions["Products"], memory_mb=1024)}
    model = fit_observations([first, replace(other, deployment=replace(other.deployment, functions=functions))])
    assert len(model.functions["Products"].duration.by_architecture["x86_64"].sizes) == 2


def test_no_run_at_all_is_refused() -> None:
    with pytest.raises(InsufficientDataError, match="at least one collected run"):
        fit_observations([])


def test_the_lifetime_is_a_dated_default_said_in_the_notes_or_the_one_given(observe) -> None:
    model = fit_observations([observe(WARM)])
    assert any("lifetime is not fitted" in note for note in model.notes)
    old = default_lifetime(date(2020, 6, 1))
    assert fit_observations([observe(WARM)], lifetime=old).lifetime == old


def test_a_fitted_lifetime_is_in_the_notes_where_a_rule_was_not_seen(observe) -> None:
    law = default_lifetime(date(2025, 6, 1))
    partly = replace(law, origin="fitted to 190 ends of environments in these runs; idle limit: not seen, the default's (2025)")
    wholly = replace(law, origin="fitted to 190 ends of environments in these runs")
    assert f"environment lifetime is {partly.origin}" in fit_observations([observe(WARM)], lifetime=partly).notes
    assert not any("lifetime" in note for note in fit_observations([observe(WARM)], lifetime=wholly).notes)


@pytest.fixture
def write_window(tmp_path, build_run) -> Callable[..., Production]:
    """A production window of 28 h in which environments go after 330 to 350 s idle; `changed`: hours after its start
    when the function was replaced, with all its environments; `recorded`: what every record says instead."""

    def write(hours: float = 28.0, changed_h: float | None = None, **recorded: object) -> Production:
        at = datetime(2026, 11, 1, tzinfo=UTC)
        law = Lifetime(Distribution(np.linspace(330, 350, 20)), Distribution(np.array([1e9])), "made")
        rng, until_s = np.random.default_rng(4), hours * 3600
        start_s = np.sort(rng.uniform(0, until_s, int(0.006 * until_s)))
        seen = replay(start_s, np.full(start_s.size, 1.0), law, rng)
        changed = {} if changed_h is None else {"Products": at + timedelta(hours=changed_h)}
        rows = [{"environment": f"e{environment}", "lambda_request_id": f"l{n}", "function": "Products",
                 "ended_at": at + timedelta(seconds=second + 1.0), "duration_ms": 1000.0, "initialization": "on-demand", **recorded}
                for n, (second, environment) in enumerate(zip(start_s, seen.environment, strict=True))]
        target = build_run().run.intent.target
        write_record(Asked(target, {}, at, at + timedelta(hours=hours), 60, hours / 24, log_days=hours / 24, changed=changed),
                     tmp_path / "month" / ASKED)
        write_record(Reading(at, {}), tmp_path / "month" / FINISHED)
        table = from_rows([[row.get(column) for column in INVOCATIONS.columns] for row in rows], INVOCATIONS)
        write_shard(table, tmp_path / "month" / "invocations" / "2026-11-01.parquet", INVOCATIONS)
        return Production(tmp_path / "month")

    return write


def test_a_window_of_production_tells_how_long_environments_live(write_window) -> None:
    law = window_lifetime(write_window())
    assert law.origin.startswith("fitted to") and "production, 2026-11-01 to 2026-11-02" in law.origin
    limits = [each for each in (law.idle_s, law.function_idle_s) if each is not None]
    assert any(300 < limit.quantile(0.02) < limit.quantile(0.98) < 380 for limit in limits)


def test_what_was_before_a_functions_last_change_is_left_out(write_window) -> None:
    def ends(window: Production) -> int:
        return int(window_lifetime(window).origin.split()[2])

    everything = ends(write_window())
    assert ends(write_window(changed_h=14.0)) == pytest.approx(everything / 2, rel=0.3)


def test_a_window_without_logs_or_too_short_is_refused_with_what_is_needed(write_window) -> None:
    window = write_window(hours=2.0)
    with pytest.raises(InsufficientDataError, match="20 are needed"):
        window_lifetime(window)
    for shard in window.shards(INVOCATIONS):
        shard.unlink()
    with pytest.raises(InsufficientDataError, match="loadgen metrics --log-days 7"):
        window_lifetime(window)


@pytest.mark.parametrize(("recorded", "missing"), [
    ({"environment": None}, "on demand has the id of its environment"),
    ({"initialization": "snap-start"}, "ran in an environment on demand"),
    ({"initialization": "provisioned-concurrency"}, "ran in an environment on demand"),
    ({"duration_ms": None}, "with the id of their environment has a duration_ms"),
])
def test_a_window_whose_records_show_no_environment_is_refused_with_what_they_lack(write_window, recorded, missing) -> None:
    window = write_window(**recorded)
    with pytest.raises(InsufficientDataError, match=f"month: environment lifetime: none of 604 invocations {missing}: .*default law"):
        window_lifetime(window)


@pytest.fixture
def collected(build_run):
    """A collected run directory: 40 requests of 9.5 ms and 5.5 ms of overhead, the first from cold with 100 ms of init."""
    builder = build_run()
    for number in range(40):
        cold = number == 0
        builder.report(builder.request(), outcome="ok", init_ms=100.0 if cold else None)
        builder.rows["requests"][-1]["latency_ms"] = 115.0 if cold else 15.0
    builder.write()
    return builder.run


def test_a_run_directory_is_read_by_run_or_by_path(collected) -> None:
    model = fit([collected])
    assert fit([str(collected.path)]) == model
    assert model.overhead_ms("rest").mean == pytest.approx(5.5)
    assert model.functions["Products"].duration_ms(FunctionSettings(1024, "arm64")).mean == pytest.approx(9.5)
    assert model.functions["Products"].init.counts == {"arm64": 1}
    assert list(model.functions) == ["Products"]
    assert model.measured == (collected.intent.configuration,)


def test_a_saturated_run_is_refused_with_the_way_out(collected) -> None:
    now = datetime(2026, 11, 24, tzinfo=UTC)
    write_record(Finished(True, "completed", now, now, 40, 40, saturated=True), collected.path / "finished.json")
    with pytest.raises(InsufficientDataError, match=r"saturated.*more processes or a lower rate"):
        fit([collected])


def test_a_run_that_was_not_collected_is_refused_by_what_would_collect_it(collected) -> None:
    for shard in collected.shards("invocations"):
        shard.unlink()
    with pytest.raises(RunError, match="loadgen collect"):
        fit([collected])
