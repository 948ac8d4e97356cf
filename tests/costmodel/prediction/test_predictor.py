"""What predict() makes of simulated requests: latency, shares, activity, intervals, refusals."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from costmodel.activity import CacheTally, FunctionTally, ProvisionedTally, RouteTally
from costmodel.errors import InputError, InsufficientDataError
from costmodel.performance.distributions import Distribution
from costmodel.performance.model import PerformanceModel
from costmodel.prediction.prediction import ALL, Prediction
from costmodel.prediction.predictor import predict
from costmodel.workload import Demand, Popularity, Workload
from loadgen.configuration import ApiSettings, Configuration, FunctionSettings
from loadgen.errors import ConfigurationError
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
    quotas = replace(model.quotas, account_concurrency=3)
    workload = Workload({ORDER: every(0.001, 5)}, 1.0)
    for settings in ({"provisioned": 2}, {"reserved": 2}):
        predicted = predict(model, workload, configuration(**settings), quotas=quotas)
        assert predicted.throttled["concurrency"] == pytest.approx(0.8)
    with pytest.raises(InputError, match="take 4 environments, the account has 3"):
        predict(model, workload, configuration(reserved=4), quotas=quotas)


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


def test_no_replication_is_refused(model: PerformanceModel) -> None:
    with pytest.raises(InputError, match="replications=0"):
        predict(model, Workload({LIST: every(1.0, 3)}, 3.0), configuration(), replications=0)


def test_the_models_caveats_and_its_own_are_passed_on(model: PerformanceModel) -> None:
    slow: Any = {"F": replace(model.functions["F"], ms_at_1024=Distribution(np.array([4000.0]))), "G": model.functions["G"]}
    caveats = predict(replace(model, functions=slow), Workload({LIST: every(9.0, 3)}, 27.0), configuration()).caveats
    assert any("told, not measured" in caveat for caveat in caveats)
    assert any("timeout of 3 s" in caveat for caveat in caveats)
