"""What predict() makes of simulated requests: latency, shares, activity, intervals, refusals."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import nbinom

from costmodel.activity import CacheTally, FunctionTally, ProvisionedTally, RouteTally
from costmodel.errors import InputError, InsufficientDataError
from costmodel.performance.distributions import Distribution
from costmodel.performance.model import PerformanceModel
from costmodel.performance.sizes import MeasuredSize, MeasuredSizes
from costmodel.prediction.caching import fixed_ttl_hit_ratio
from costmodel.prediction.prediction import ALL, Prediction
from costmodel.prediction.predictor import _next_count, predict
from costmodel.prediction.provisioning import Allocation, Schedule, TargetTracking
from costmodel.workload import AsynchronousEvents, ClientRetries, Demand, Popularity, Workload
from loadgen.configuration import ApiSettings, Configuration, FunctionSettings
from loadgen.errors import ConfigurationError
from loadgen.quotas import Quotas
from loadgen.shapes import Constant

LIST, ITEM, ORDER = "GET /list", "GET /item/{id}", "POST /order"


def configuration(memory_mb: int = 1024, api: ApiSettings | None = None, **settings: Any) -> Configuration:
    given = FunctionSettings(memory_mb, **settings)
    return Configuration(api or ApiSettings("rest"), {"F": given, "G": FunctionSettings(memory_mb)})


def every(seconds: float, n: int, **demand: Any) -> Demand:
    return Demand(np.arange(n) * seconds, **demand)


def of(prediction: Prediction, kind: type[Any], name: str) -> Any:
    attribute = "route" if kind is RouteTally else "trigger"
    return next(tally for tally in prediction.activity.of(kind) if getattr(tally, attribute) == name)


def test_latency_is_overhead_init_and_duration(model: PerformanceModel) -> None:
    predicted = predict(model, Workload({LIST: every(1.0, 100)}, 100.0), configuration())
    assert predicted.latency[LIST].p50_ms == pytest.approx(5 + 20)
    assert predicted.latency[LIST].mean_ms == pytest.approx(5 + 20 + (200 + 30 - 20) / 100)
    assert (predicted.latency[LIST].n, predicted.cold_share) == (100, 0.01)
    assert predicted.latency[ALL] == predicted.latency[LIST]


def test_functions_are_tallied_as_they_are_billed(model: PerformanceModel) -> None:
    predicted = predict(model, Workload({LIST: every(1.0, 100)}, 3600.0), configuration(512))
    tally = of(predicted, FunctionTally, LIST)
    assert (tally.function, tally.memory_mb, tally.invocations, tally.cold_starts) == ("F", 512, 100, 1)
    assert tally.gb_s == pytest.approx((99 * 40 + 230) / 1000 / 2)
    assert tally.init_gb_s == pytest.approx(200 / 1000 / 2)
    assert tally.log_bytes == 99 * 100 + 150
    assert predicted.activity.hours == 1.0


def test_billed_durations_are_rounded_up_request_by_request(model: PerformanceModel) -> None:
    functions: Any = {"F": replace(model.functions["F"], ms_at_1024=Distribution(np.array([20.4]))), "G": model.functions["G"]}
    predicted = predict(replace(model, functions=functions), Workload({LIST: every(1.0, 11)}, 11.0), configuration())
    assert of(predicted, FunctionTally, LIST).gb_s == pytest.approx((10 * 21 + 230) / 1000)


def test_a_function_behind_two_routes_shares_its_environments_but_not_its_tallies(model: PerformanceModel) -> None:
    demands = {LIST: every(1.0, 10), ITEM: Demand(0.5 + np.arange(10) * 1.0)}
    predicted = predict(model, Workload(demands, 10.0), configuration())
    assert [of(predicted, FunctionTally, name).cold_starts for name in (LIST, ITEM)] == [1, 0]
    assert predicted.concurrency["F"] == pytest.approx((19 * 0.02 + 0.23) / 10)
    assert predicted.peak_concurrency == {"F": 1}


def test_cache_hits_take_only_the_overhead_and_invoke_nothing(model: PerformanceModel) -> None:
    keys = np.array([0, 1, 0, 1, 0, 0])
    workload = Workload({LIST: every(1.0, 4), ITEM: every(1.0, 6, keys=keys)}, 10.0)
    predicted = predict(model, workload, configuration(api=ApiSettings("rest", cache_gb=0.5, cache_ttl_s=60)))
    assert [of(predicted, RouteTally, name).cache_hits for name in (LIST, ITEM)] == [3, 4]
    assert of(predicted, FunctionTally, ITEM).invocations == 2
    assert predicted.latency[LIST].p50_ms == pytest.approx(5)
    assert predicted.cache_hit_share == pytest.approx(7 / 10)
    assert next(predicted.activity.of(CacheTally)).hours == pytest.approx(10 / 3600)


def test_what_the_stage_rejects_is_not_billed_and_not_in_the_latency(model: PerformanceModel) -> None:
    api = ApiSettings("rest", throttle_rps=1.0, throttle_burst=2)
    predicted = predict(model, Workload({LIST: every(0.01, 10)}, 1.0), configuration(api=api))
    tally = of(predicted, RouteTally, LIST)
    assert (tally.requests, tally.rejected, tally.response_bytes) == (2, 8, 2000)
    assert predicted.throttled["stage"] == pytest.approx(0.8)
    assert predicted.latency[ALL].n == 2


def test_what_lambda_throttles_is_billed_as_a_request(model: PerformanceModel) -> None:
    predicted = predict(model, Workload({LIST: every(0.01, 10)}, 1.0), configuration(reserved=1))
    tally = of(predicted, FunctionTally, LIST)
    assert (of(predicted, RouteTally, LIST).requests, tally.invocations, tally.throttled) == (10, 1, 9)
    assert predicted.throttled["reserved"] == pytest.approx(0.9)


def test_provisioned_concurrency_is_tallied_apart_and_stands_all_hours(model: PerformanceModel) -> None:
    predicted = predict(model, Workload({LIST: every(1.0, 10)}, 36.0), configuration(provisioned=2))
    tally = of(predicted, FunctionTally, LIST)
    assert (tally.gb_s, tally.provisioned_gb_s, tally.cold_starts) == (0.0, pytest.approx(0.2), 0)
    assert next(predicted.activity.of(ProvisionedTally)).gb_s == pytest.approx(2 * 36)


def test_initialising_provisioned_environments_is_billed_once_a_life(model: PerformanceModel) -> None:
    """An hour is the maximum age: 730 lives a month."""
    workload = Workload({LIST: every(1.0, 10)}, 10.0)
    run, month = (predict(model, each, configuration(provisioned=2)) for each in (workload, workload.scaled()))
    assert of(run, FunctionTally, "init").provisioned_gb_s == pytest.approx(2 * 0.2)
    assert of(month, FunctionTally, "init").provisioned_gb_s == pytest.approx(2 * 0.2 * 730)


def test_provisioned_and_reserved_environments_are_not_left_to_other_functions(model: PerformanceModel) -> None:
    quotas = replace(model.quotas, account_concurrency=3, unreserved_minimum=0)
    workload = Workload({ORDER: every(0.001, 5)}, 1.0)
    for settings in ({"provisioned": 2}, {"reserved": 2}):
        predicted = predict(model, workload, configuration(**settings), quotas=quotas)
        assert predicted.throttled["concurrency"] == pytest.approx(0.8)
    with pytest.raises(InputError, match="take 4 environments, the account has 3"):
        predict(model, workload, configuration(reserved=4), quotas=quotas)


def test_what_aws_keeps_unreserved_cannot_be_reserved(model: PerformanceModel) -> None:
    workload = Workload({LIST: every(1.0, 3)}, 3.0)
    predict(model, workload, configuration(reserved=900))
    with pytest.raises(InputError, match="take 901 environments, the account has 1000 and AWS keeps 100 unreserved"):
        predict(model, workload, configuration(provisioned=1, reserved=901))


@pytest.mark.parametrize(("name", "value"), [("account_concurrency", -1), ("gateway_rps", np.nan), ("scaling_refill_per_s", np.inf)])
def test_limits_that_no_account_has_are_named(name: str, value: float, model: PerformanceModel) -> None:
    with pytest.raises(InputError, match=f"quotas.{name}={value}"):
        predict(model, Workload({LIST: every(1.0, 3)}, 3.0), configuration(), quotas=replace(model.quotas, **{name: value}))


@pytest.mark.parametrize("api", [ApiSettings("rest", throttle_rps=-1.0), ApiSettings("rest", throttle_rps=np.nan, throttle_burst=1)])
def test_a_throttle_below_nothing_is_named(api: ApiSettings, model: PerformanceModel) -> None:
    with pytest.raises(InputError, match="throttle_rps="):
        predict(model, Workload({LIST: every(1.0, 3)}, 3.0), configuration(api=api))


def test_target_tracking_cannot_begin_with_nothing(model: PerformanceModel) -> None:
    """Without an environment there is no utilisation: no alarm would ever ask for one."""
    with pytest.raises(InputError, match=r"target tracking of 'F' from provisioned=0: .* 1 to 2"):
        predict(model, Workload({LIST: every(1.0, 3)}, 3.0), configuration(), provisioning={"F": TargetTracking(1, 2)})


@pytest.mark.parametrize(("how", "settings", "room"), [
    (TargetTracking(1, 902), {"provisioned": 1}, 900), (TargetTracking(1, 6), {"provisioned": 1, "reserved": 5}, 5),
    (Schedule(((0.0, 1), (9.0, 901))), {}, 900), (Schedule(((0.0, 6),)), {"reserved": 5}, 5)])
def test_more_provisioned_concurrency_than_there_can_be_is_refused(
        how: Any, settings: dict[str, int], room: int, model: PerformanceModel) -> None:
    with pytest.raises(InputError, match=f"provisioning of 'F': up to .* AWS lets it have {room}"):
        predict(model, Workload({LIST: every(1.0, 3)}, 3.0), configuration(**settings), provisioning={"F": how})


def test_http_requests_are_metered_in_units_of_512_kb(model: PerformanceModel) -> None:
    demand = every(1.0, 2, request_bytes=np.array([0.0, 600_000.0]), response_bytes=100.0)
    predicted = predict(model, Workload({ORDER: demand}, 2.0), configuration(api=ApiSettings("http")))
    assert (of(predicted, RouteTally, ORDER).units, of(predicted, RouteTally, ORDER).response_bytes) == (3, 200)
    assert predicted.latency[ORDER].p50_ms == pytest.approx((3 + 20 + 3 + 230) / 2)


def test_requests_before_the_judged_part_are_billed_but_not_judged(model: PerformanceModel) -> None:
    predicted = predict(model, Workload({LIST: every(1.0, 10)}, 10.0, warm_s=5.0), configuration())
    assert (predicted.latency[ALL].n, predicted.cold_share) == (5, 0.0)
    assert of(predicted, FunctionTally, LIST).cold_starts == 1


def test_environments_that_were_left_warm_spare_their_function_cold_starts(model: PerformanceModel) -> None:
    workload = Workload({ORDER: every(1.0, 10), LIST: every(1.0, 10)}, 10.0, warm_environments={"F": 1, "H": 4})
    predicted = predict(model, workload, configuration())
    assert [of(predicted, FunctionTally, name).cold_starts for name in (ORDER, LIST)] == [1, 0]


def test_a_month_starts_warm_and_holds_the_requests_asked_for(model: PerformanceModel) -> None:
    workload = Workload({LIST: every(0.1, 200)}, 20.0).scaled(1_000_000)
    predicted = predict(model, workload, configuration(provisioned=1))
    assert predicted.cold_share == 0.0
    assert of(predicted, RouteTally, LIST).requests == pytest.approx(1_000_000)
    assert of(predicted, FunctionTally, LIST).provisioned_gb_s == pytest.approx(1_000_000 * 0.02)
    assert next(predicted.activity.of(ProvisionedTally)).gb_s == pytest.approx(730 * 3600)


def test_the_same_seed_gives_the_same_prediction_on_an_executor_and_without(model: PerformanceModel) -> None:
    workload = Workload({LIST: Demand(Constant(50.0, 10.0))}, 10.0)
    alone = predict(model, workload, configuration(), seed=3, replications=3)
    with ThreadPoolExecutor(2) as executor:
        assert predict(model, workload, configuration(), seed=3, replications=3, executor=executor) == alone
    assert predict(model, workload, configuration(), seed=4, replications=3) != alone


def test_configurations_meet_the_same_arrivals(model: PerformanceModel) -> None:
    workload = Workload({LIST: Demand(Constant(50.0, 10.0))}, 10.0)
    one, other = (predict(model, workload, configuration(memory_mb), seed=3) for memory_mb in (512, 2048))
    assert of(one, RouteTally, LIST) == of(other, RouteTally, LIST)


def test_intervals_hold_the_mean_and_need_two_replications(model: PerformanceModel) -> None:
    workload = Workload({LIST: Demand(Constant(50.0, 10.0))}, 10.0)
    assert predict(model, workload, configuration()).intervals == {}
    predicted = predict(model, workload, configuration(), replications=6)
    interval = predicted.intervals["cold_share"]
    assert interval.low < predicted.cold_share < interval.high


def test_the_laws_own_error_widens_cold_starts_and_environments_however_many_replications(model: PerformanceModel) -> None:
    workload = Workload({LIST: Demand(Constant(50.0, 10.0))}, 10.0)
    off = replace(model, lifetime=replace(model.lifetime, cold_error=0.5, environments_error=0.5))
    plain, wide = (predict(each, workload, configuration(), replications=6) for each in (model, off))
    for name in ("cold_share", "environments"):
        narrow, interval = plain.intervals[name], wide.intervals[name]
        middle = (narrow.low + narrow.high) / 2
        assert interval.high == pytest.approx(middle + np.hypot(narrow.high - middle, 1.645 * 0.5 * middle), rel=1e-3)
        assert 0.0 <= interval.low < narrow.low
    assert wide.intervals["p95_ms"] == plain.intervals["p95_ms"]


def test_no_share_is_more_than_all(model: PerformanceModel) -> None:
    off = replace(model, lifetime=replace(model.lifetime, cold_error=0.5))
    predicted = predict(off, Workload({LIST: every(1.0, 1)}, 1.0), configuration(), replications=3)
    assert predicted.cold_share == predicted.intervals["cold_share"].high == 1.0


def test_the_interval_of_a_mean_duration_widens_those_of_latency_and_of_nothing_else(model: PerformanceModel) -> None:
    workload = Workload({LIST: Demand(Constant(50.0, 10.0))}, 10.0)
    unsure: Any = {name: replace(each, mean_interval=(0.8, 1.5)) for name, each in model.functions.items()}
    plain, wide = (predict(each, workload, configuration(), replications=6)
                   for each in (model, replace(model, functions=unsure)))
    narrow, interval = plain.intervals["p95_ms"], wide.intervals["p95_ms"]
    middle = (narrow.low + narrow.high) / 2
    assert interval.low == pytest.approx(middle - np.hypot(middle - narrow.low, 0.2 * middle))
    assert interval.high == pytest.approx(middle + np.hypot(narrow.high - middle, 0.5 * middle))
    assert {name for name in plain.intervals if plain.intervals[name] != wide.intervals[name]} == {
        "mean_ms", "p50_ms", "p95_ms", "p99_ms"}


def test_the_interval_of_a_percentile_holds_it_where_few_durations_were_measured(model: PerformanceModel) -> None:
    """Two hundred measured durations, forty times: 90 % of the intervals hold the p95 of those that they are drawn from."""
    truth, workload, held = np.exp(0.5 * 1.6449 - 0.125) * 20, Workload({LIST: Demand(Constant(50.0, 10.0))}, 10.0).scaled(), 0
    for seed in range(40):
        measured = Distribution.from_samples(20 * np.random.default_rng(seed).lognormal(-0.125, 0.5, 200))
        sizes = MeasuredSizes((MeasuredSize(1024, 200, measured),))
        told: Any = {**model.functions, "F": replace(model.functions["F"], ms_at_1024=measured, by_architecture={"x86_64": sizes})}
        interval = predict(replace(model, functions=told), workload, configuration(), replications=2).intervals["p95_ms"]
        held += interval.low - 5 <= truth <= interval.high - 5
    assert 33 <= held <= 39


def test_the_interval_of_the_long_run_mean_is_narrower_than_that_of_one_run(model: PerformanceModel) -> None:
    """Over n replications by sqrt(n + 1) where both simulate the same number of periods."""
    run = Workload({LIST: Demand(Constant(50.0, 200.0), keys=Popularity.zipf(50))}, 200.0)
    one, mean = (predict(model, replace(run, cyclic=cyclic), configuration(), replications=8).intervals["gb_s"]
                 for cyclic in (False, True))
    assert mean.high - mean.low < one.high - one.low


def test_a_cached_route_with_unknown_keys_is_refused(model: PerformanceModel) -> None:
    cached = configuration(api=ApiSettings("rest", cache_gb=0.5))
    with pytest.raises(InsufficientDataError, match=r"keys of 'GET /item/\{id\}' are not known"):
        predict(model, Workload({ITEM: every(1.0, 3)}, 3.0), cached)
    predict(model, Workload({ITEM: every(1.0, 3)}, 3.0), configuration())


def test_an_unknown_response_size_is_refused_not_taken_as_zero(model: PerformanceModel) -> None:
    functions: Any = {"F": replace(model.functions["F"], response_bytes=None), "G": model.functions["G"]}
    with pytest.raises(InsufficientDataError, match="response size of 'GET /list' is not known"):
        predict(replace(model, functions=functions), Workload({LIST: every(1.0, 3)}, 3.0), configuration())


def test_a_route_that_the_api_lacks_is_named(model: PerformanceModel) -> None:
    with pytest.raises(InputError, match=r"no route 'GET /nothing' .* \(there are: GET /list"):
        predict(model, Workload({"GET /nothing": every(1.0, 3)}, 3.0), configuration())


def test_what_the_deployment_cannot_take_is_refused(model: PerformanceModel) -> None:
    given = Configuration(ApiSettings("rest"), {"F": FunctionSettings(), "G": FunctionSettings(provisioned=1)})
    with pytest.raises(ConfigurationError, match="needs an alias"):
        predict(model, Workload({LIST: every(1.0, 3)}, 3.0), given)


def test_a_workload_that_is_all_warm_up_tells_nothing(model: PerformanceModel) -> None:
    with pytest.raises(InsufficientDataError, match="within warm_s=3"):
        predict(model, Workload({LIST: every(1.0, 3)}, 3.0, warm_s=3.0), configuration())


def test_in_shortened_hours_the_intervals_reach_down_to_what_whole_ones_may_have(model: PerformanceModel) -> None:
    month = Workload({LIST: Demand(Constant(20.0, 60.0))}, 60.0).scaled()
    whole, short = (predict(model, replace(month, shortened=factor), configuration(), replications=4).intervals
                    for factor in (1.0, 30.0))
    assert short["cold_share"].low == pytest.approx(whole["cold_share"].low / 30)
    assert short["environments"].low == pytest.approx(20 * 0.02, rel=0.1)
    assert [short[name].high for name in short] == [whole[name].high for name in short]


@pytest.mark.parametrize(("option", "value"), [("replications", 0), ("replications", 1.5), ("seed", -1), ("seed", 1.5)])
def test_numbers_that_count_nothing_are_refused(model: PerformanceModel, option: str, value: Any) -> None:
    with pytest.raises(InputError, match=f"{option}={value}: give a whole number"):
        predict(model, Workload({LIST: every(1.0, 3)}, 3.0), configuration(), **{option: value})


@pytest.mark.parametrize("how", [Schedule(((0.0, 600),)), TargetTracking(1, 600)])
def test_functions_that_may_ask_for_more_than_the_account_has_together_are_refused(how: Any, model: PerformanceModel) -> None:
    aliased = {name: replace(each, alias="live") for name, each in model.deployment.functions.items()}
    both = replace(model, deployment=replace(model.deployment, functions=aliased))
    asked = Configuration(ApiSettings("rest"), {"F": FunctionSettings(provisioned=1), "G": FunctionSettings(provisioned=1)})
    workload = Workload({LIST: every(1.0, 3), ORDER: every(1.0, 3)}, 3.0)
    with pytest.raises(InputError, match="provisioning of F, G: with what is reserved up to 1200 environments, the account has 1000"):
        predict(both, workload, asked, provisioning={"F": how, "G": how})


def test_an_interval_holds_its_figure_where_durations_come_in_steps(model: PerformanceModel) -> None:
    """A percentile at the edge of a step: that of all requests is one end of it, the mean of the replications' is between."""
    steps: Any = {name: replace(each, ms_at_1024=Distribution(np.array([20.0] * 99 + [500.0]))) for name, each in model.functions.items()}
    stepped, workload = replace(model, functions=steps), Workload({LIST: Demand(Constant(50.0, 10.0))}, 10.0).scaled()
    for seed in range(5):
        predicted = predict(stepped, workload, configuration(), seed=seed, replications=4)
        interval = predicted.intervals["p99_ms"]
        assert interval.low <= predicted.latency[ALL].p99_ms <= interval.high


@given(st.floats(0.01, 0.99), st.floats(0.5, 2000.0), st.floats(0.05, 0.95))
def test_the_count_of_one_more_replication_is_a_negative_binomial_s_quantile(probability: float, shape: float, success: float) -> None:
    """The least count whose cumulated probability, summed one by one, reaches it."""
    count = int(_next_count(probability, shape, success))
    counts = np.arange(count + 1)
    cumulated = nbinom.pmf(counts, shape, success).cumsum()
    assert cumulated[-1] >= probability - 1e-9
    assert count == 0 or cumulated[-2] < probability + 1e-9


def test_the_models_caveats_and_its_own_are_passed_on(model: PerformanceModel) -> None:
    slow: Any = {"F": replace(model.functions["F"], ms_at_1024=Distribution(np.array([4000.0]))), "G": model.functions["G"]}
    caveats = predict(replace(model, functions=slow), Workload({LIST: every(9.0, 3)}, 27.0), configuration()).caveats
    assert any("told, not measured" in caveat for caveat in caveats)
    assert any("timeout of 3 s" in caveat for caveat in caveats)


def test_an_invocation_that_reaches_its_timeout_is_billed_to_there_and_fails(model: PerformanceModel) -> None:
    """3 s is the template's timeout: what takes 4 s now and then ends there, and the next one holds an init."""
    slow: Any = {"F": replace(model.functions["F"], ms_at_1024=Distribution(np.array([20.0] * 9 + [4000.0]))), "G": model.functions["G"]}
    predicted = predict(replace(model, functions=slow), Workload({LIST: every(10.0, 2000)}, 20_000.0), configuration())
    assert predicted.error_share == pytest.approx(0.1, abs=0.02)
    assert predicted.latency[LIST].p99_ms == pytest.approx(5 + 3000)
    late = predicted.error_share * 2000
    assert of(predicted, FunctionTally, LIST).gb_s == pytest.approx((late * 3000 + late * 230 + (2000 - 2 * late) * 20) / 1000, rel=0.02)


def test_clients_that_try_again_are_served_later_and_each_try_is_a_request(model: PerformanceModel) -> None:
    api = ApiSettings("rest", throttle_rps=10.0, throttle_burst=1)
    gone = predict(model, Workload({LIST: every(0.02, 10)}, 60.0), configuration(api=api))
    again = predict(model, Workload({LIST: every(0.02, 10, retries=ClientRetries(50, 0.5, 2.0))}, 60.0), configuration(api=api))
    assert gone.throttled["stage"] > 0.5
    assert again.throttled["stage"] == 0.0
    assert of(again, RouteTally, LIST).requests == pytest.approx(10)
    assert of(again, RouteTally, LIST).rejected > 10 * gone.throttled["stage"]
    assert again.latency[LIST].p50_ms > gone.latency[LIST].p50_ms + 100


def test_asynchronous_events_answer_at_once_wait_when_throttled_and_run_again_when_they_fail(model: PerformanceModel) -> None:
    functions: Any = {"F": replace(model.functions["F"], error_share=0.5), "G": model.functions["G"]}
    workload = Workload({LIST: every(0.01, 2000, events=AsynchronousEvents())}, 20.0)
    predicted = predict(replace(model, functions=functions), workload, configuration(reserved=1))
    tally = of(predicted, FunctionTally, LIST)
    assert predicted.latency[LIST].p99_ms == pytest.approx(5)
    assert (predicted.expired_share, sum(predicted.throttled.values())) == (0.0, 0.0)
    assert tally.throttled > 100
    assert tally.invocations == pytest.approx(2000 * (1 + 0.5 + 0.25), rel=0.05)
    assert of(predicted, RouteTally, LIST).requests == 2000


def test_a_schedule_repeats_and_its_environments_are_paid_while_asked_for(model: PerformanceModel) -> None:
    schedule = Schedule(((0.0, 4), (1800.0, 0)), every_s=3600.0)
    predicted = predict(model, Workload({LIST: every(10.0, 720)}, 7200.0), configuration(), provisioning={"F": schedule})
    assert predicted.provisioned["F"] == pytest.approx(2.0)
    assert next(predicted.activity.of(ProvisionedTally)).gb_s == pytest.approx(2 * 7200)
    assert 0.4 < of(predicted, FunctionTally, LIST).provisioned_gb_s / (720 * 0.02) < 0.5


def test_target_tracking_follows_the_traffic(model: PerformanceModel) -> None:
    slow: Any = {"F": replace(model.functions["F"], ms_at_1024=Distribution(np.array([1000.0]))), "G": model.functions["G"]}
    workload = Workload({LIST: Demand(Constant(10.0, 3600.0))}, 3600.0)
    tracked = predict(replace(model, functions=slow), workload, configuration(provisioned=1),
                      provisioning={"F": TargetTracking(1, 40, 0.7)})
    assert 10 < tracked.provisioned["F"] < 20
    assert tracked.concurrency["F"] == pytest.approx(10, rel=0.1)


def test_provisioning_needs_an_alias(model: PerformanceModel) -> None:
    with pytest.raises(InputError, match=r"provisioning of 'H': .* alias \(there are: F\)"):
        predict(model, Workload({LIST: every(1.0, 3)}, 3.0), configuration(), provisioning={"H": Schedule(((0.0, 2),))})
    with pytest.raises(InputError, match=r"provisioning of 'G': .* alias \(there are: F\)"):
        predict(model, Workload({LIST: every(1.0, 3), ORDER: every(1.0, 3)}, 3.0), configuration(),
                provisioning={"G": Schedule(((0.0, 2),))})


def test_concurrency_over_time_begins_and_ends_with_the_traffic(model: PerformanceModel) -> None:
    slow: Any = {"F": replace(model.functions["F"], ms_at_1024=Distribution(np.array([500.0])), cold_ms=500.0), "G": model.functions["G"]}
    demand = Demand(Constant(0.0, 50.0).then(Constant(20.0, 50.0)))
    over_time = predict(replace(model, functions=slow), Workload({LIST: demand}, 100.0), configuration()).concurrency_over_time["F"]
    assert len(over_time) == 101
    assert max(over_time[:50]) == 0.0
    assert np.mean(over_time[52:100]) == pytest.approx(10, rel=0.2)


@pytest.mark.parametrize("wrong", [
    lambda: Schedule(()), lambda: Schedule(((5.0, 1), (5.0, 2))), lambda: Schedule(((90_000.0, 1),)), lambda: Schedule(((0.0, -1),)),
    lambda: TargetTracking(0, 5), lambda: TargetTracking(5, 4), lambda: TargetTracking(1, 2, 0.95), lambda: Allocation(0.0),
    lambda: ClientRetries(0), lambda: ClientRetries(3, 5.0, 1.0), lambda: AsynchronousEvents(3), lambda: AsynchronousEvents(2, 30.0),
    lambda: Demand(np.zeros(1), invalidating=1.5)])
def test_settings_out_of_range_are_refused(wrong: Any) -> None:
    with pytest.raises(InputError, match="give"):
        wrong()


def test_what_never_happened_in_the_replications_may_still_happen(model: PerformanceModel) -> None:
    """Once in one more run of 500 requests; in the long run with a share below ln(20) / requests, with 95 %."""
    workload = Workload({LIST: Demand(Constant(50.0, 10.0))}, 10.0)
    run, month = (predict(model, each, configuration(), replications=4) for each in (workload, workload.scaled()))
    assert sum(run.throttled.values()) == sum(month.throttled.values()) == 0.0
    assert run.intervals["throttled"].low == month.intervals["throttled"].low == 0.0
    assert run.intervals["throttled"].high == pytest.approx(1 / 500, rel=0.05)
    assert month.intervals["throttled"].high == pytest.approx(np.log(20) / (4 * 10_000), rel=0.1)


def test_the_interval_of_one_more_run_holds_nine_of_ten(model: PerformanceModel) -> None:
    """Cold starts are few here, so that Student's t alone would not do."""
    rare: Any = {"F": replace(model.functions["F"], ms_at_1024=Distribution(np.array([20.0] * 19 + [900.0]))), "G": model.functions["G"]}
    run, held = Workload({LIST: Demand(Constant(5.0, 60.0))}, 60.0), 0
    for seed in range(40):
        interval = predict(replace(model, functions=rare), run, configuration(), seed=seed, replications=8).intervals["cold_share"]
        actual = predict(replace(model, functions=rare), run, configuration(), seed=1000 + seed).cold_share
        held += interval.low <= actual <= interval.high
    assert held >= 32


@pytest.mark.parametrize("ttl_s", [300, 3600])
def test_a_months_cache_meets_keys_that_the_minutes_it_is_made_of_did_not(model: PerformanceModel, ttl_s: int) -> None:
    rng, keys = np.random.default_rng(1), Popularity.zipf(100_000, 0.8)
    minutes = Demand(np.sort(rng.uniform(0.0, 300.0, 6000)), keys=keys.draw(rng, 6000))
    predicted = predict(model, Workload({ITEM: minutes}, 300.0).scaled(),
                        configuration(api=ApiSettings("rest", cache_gb=118, cache_ttl_s=ttl_s)))
    lasting = fixed_ttl_hit_ratio(20 * keys.weights / keys.weights.sum(), ttl_s)
    assert predicted.cache_hit_share == pytest.approx(lasting, rel=0.03)
    assert any("its cache keys are drawn from" in caveat for caveat in predicted.caveats)


def test_too_few_keys_to_tell_those_of_a_month_are_repeated_and_said(model: PerformanceModel) -> None:
    few = Demand(np.linspace(0.0, 9.0, 50), keys=np.arange(50) % 7)
    cached = configuration(api=ApiSettings("rest", cache_gb=0.5))
    caveats = predict(model, Workload({ITEM: few}, 10.0).scaled(), cached).caveats
    assert any("keys are repeated as they came" in caveat for caveat in caveats)
    assert not any("keys" in caveat for caveat in predict(model, Workload({ITEM: few}, 10.0), cached).caveats)


def test_what_nothing_is_reserved_for_may_be_invoked_ten_times_the_accounts_concurrency(model: PerformanceModel) -> None:
    quotas = Quotas(account_concurrency=20, unreserved_minimum=0)
    settings = Configuration(ApiSettings("rest"), {"F": FunctionSettings(1024), "G": FunctionSettings(1024, reserved=10)})
    burst = Demand(np.linspace(0.0, 10.0, 2500))  # 5 busy, of the 10 that may be
    throttled = 2500 * predict(model, Workload({LIST: burst}, 10.0), settings, quotas=quotas).throttled["concurrency"]
    while_starting = 250 * 0.23
    assert 2500 - 200 - 2000 <= throttled <= 2500 - 200 - 2000 + while_starting


def test_a_cache_that_cannot_hold_its_entries_is_a_caveat(model: PerformanceModel) -> None:
    """100 requests a second for a million keys alike, each entry kept for an hour: some 300,000 entries of 1 MB."""
    demand = Demand(Constant(100.0, 10.0), Popularity(np.ones(1_000_000)), response_bytes=1e6)
    cached = configuration(api=ApiSettings("rest", cache_gb=0.5, cache_ttl_s=3600))
    caveats = predict(model, Workload({ITEM: demand}, 10.0), cached).caveats
    assert any(caveat.startswith("The cache of 0.5 GB is taken to hold") and "would take 265 GB" in caveat for caveat in caveats)
    few = predict(model, Workload({ITEM: replace(demand, keys=Popularity.zipf(100))}, 10.0), cached).caveats
    assert not any("is taken to hold" in caveat for caveat in few)


def test_a_small_cache_drops_entries_and_a_response_above_a_mebibyte_is_never_in_it(model: PerformanceModel) -> None:
    """Six hundred keys of 1 MB, asked for in turn: all of them fit into 1.6 GB, in 0.5 GB each is dropped before its turn."""
    keys = np.tile(np.arange(600), 2)
    hits = {(size_gb, each): predict(
        model, Workload({ITEM: Demand(np.arange(1200) * 1.0, keys, response_bytes=each)}, 1200.0),
        configuration(api=ApiSettings("rest", cache_gb=size_gb, cache_ttl_s=3600))).cache_hit_share
        for size_gb in (0.5, 1.6) for each in (1e6, 1.1e6)}
    assert hits == {(0.5, 1e6): 0.0, (1.6, 1e6): 0.5, (0.5, 1.1e6): 0.0, (1.6, 1.1e6): 0.0}


def test_an_init_above_ten_seconds_runs_again_in_the_first_invocation(model: PerformanceModel) -> None:
    """F's timeout of 3 s cuts it off: every cold start fails, and so does every invocation after it."""
    slow: Any = {name: replace(each, init_of_ms=12_000.0) for name, each in model.functions.items()}
    predicted = predict(replace(model, functions=slow), Workload({LIST: every(20.0, 5)}, 100.0), configuration(1769))
    tally = of(predicted, FunctionTally, LIST)
    assert (tally.cold_starts, predicted.error_share) == (1, 1.0)
    assert tally.init_gb_s == pytest.approx(10 * 1769 / 1024)
    assert tally.gb_s == pytest.approx((10 + 5 * 3) * 1769 / 1024)


def test_a_runs_own_sizes_an_entry_an_arrival_and_some_unknown_tell_what_a_cache_must_hold(model: PerformanceModel) -> None:
    n, sizes = 1_000, np.full(1_000, 2e6)
    sizes[::2] = np.nan
    demand = Demand(np.linspace(0.0, 10.0, n), np.arange(n), response_bytes=sizes)
    cached = configuration(api=ApiSettings("rest", cache_gb=0.5, cache_ttl_s=3600))
    caveats = predict(model, Workload({ITEM: demand}, 10.0), cached).caveats
    assert any("its entries would take 1.9" in caveat or "its entries would take 2" in caveat for caveat in caveats)
