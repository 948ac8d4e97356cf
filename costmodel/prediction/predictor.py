"""predict(): what a configuration will do to a workload, simulated event by event, with the activity that is billed.

The same seed gives every configuration the same arrivals and the same draws, so that differences between
configurations are theirs. Intervals (90 %) come from the replications: of one run like this for a run's own arrivals,
of the long-run mean for a month. In quadrature they hold by how much the model is off too: those of cold starts and
environments the lifetime law's error, those of latency the interval of the mean duration that is least known, and of
percentiles also what so few measured durations leave open of them, as if all of a latency were that function's.
GB-seconds and throttles hold the simulation's noise alone: planning adds what the durations' spread makes of the bill.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import lru_cache, partial

import numpy as np

from costmodel.activity import INIT, Activity, FunctionTally, ProvisionedTally, RouteTally, Tally, standing_tallies
from costmodel.errors import InputError, InsufficientDataError
from costmodel.metering import billed_ms, gb_s
from costmodel.performance.model import FunctionModel, PerformanceModel
from costmodel.prediction.caching import mean_entries, with_fitted_keys
from costmodel.prediction.prediction import ALL, Interval, Latency, Prediction
from costmodel.prediction.provisioning import Provisioning, Schedule
from costmodel.prediction.replication import INVOKED, Job, Replication, replicate
from costmodel.prediction.rules import policies_of, routes_of, rules_of
from costmodel.prediction.simulator import (
    ACCOUNT,
    COLD,
    EXPIRED,
    HIT,
    IDLE_TABLE,
    OUTCOMES,
    PROVISIONED,
    RESERVED,
    STAGE,
    TABLE_SIZE,
    WARM,
    Floats,
)
from costmodel.workload import MOST_CACHE_REQUESTS, Demand, Popularity, Workload
from loadgen.configuration import Configuration, FunctionSettings
from loadgen.deployment import ApiKind, Route
from loadgen.quotas import Quotas

LEVEL = 0.9
LATENCIES: Mapping[str, float | None] = {"mean_ms": None, "p50_ms": 0.5, "p95_ms": 0.95, "p99_ms": 0.99}
"""And which share of the requests is faster; None: the mean."""


def predict(model: PerformanceModel, workload: Workload, configuration: Configuration, *, region: str = "us-east-1",
            seed: int = 0, replications: int = 1, executor: Executor | None = None, quotas: Quotas | None = None,
            provisioning: Mapping[str, Provisioning] | None = None) -> Prediction:
    """Simulate `replications` times, on `executor` when there is one. None quotas: those the model was fitted under.
    `provisioning`: by function, how its provisioned concurrency changes from the configuration's number on.

    Raises ConfigurationError for what the deployment cannot take, InputError for a route it lacks,
    InsufficientDataError for what was never measured.
    """
    for option, value, least in (("replications", replications, 1), ("seed", seed, 0)):
        if not isinstance(value, int | np.integer) or value < least:
            raise InputError(f"{option}={value}: give a whole number, {least} or more")
    if workload.warm_s >= workload.period_s:
        raise InsufficientDataError(f"workload: all requests are within warm_s={workload.warm_s:g}: give a longer run")
    model.deployment.accepts(configuration)
    routes = tuple(routes_of(model, configuration, workload.demands))
    cached = tuple(route.name for route in routes if configuration.api.caches(route.name) and route.cache_keys)
    workload, keys = _with_lasting_keys(workload, cached)
    case = _Case(model, workload, configuration, routes, provisioning or {}, keys)
    job = _job(case, quotas or model.quotas)
    seeds = [int(word) for word in np.random.SeedSequence(seed).generate_state(replications, np.uint64)]
    done = list(map(partial(replicate, job), seeds) if executor is None else executor.map(partial(replicate, job), seeds))
    return _prediction(case, done, [_activity(case, each, region) for each in done])


@dataclass(frozen=True)
class _Case:
    """What is to be predicted; routes in the order of the workload's triggers."""

    model: PerformanceModel
    workload: Workload
    configuration: Configuration
    routes: tuple[Route, ...]
    provisioning: Mapping[str, Provisioning]
    keys: tuple[str, ...] = ()
    """What the cache keys of a month were taken for, each a sentence."""

    @property
    def functions(self) -> tuple[str, ...]:
        """As the rules number them."""
        return tuple(dict.fromkeys(route.function for route in self.routes))


@lru_cache(maxsize=16)
def _with_lasting_keys(workload: Workload, cached: tuple[str, ...]) -> tuple[Workload, tuple[str, ...]]:
    """A month asks for keys that the few minutes it is made of did not: those of these triggers are drawn from what their
    own tell of them, and what was done is said. Once for all configurations, which then have their requests in common too."""
    said = []
    for name in cached if workload.cyclic else ():
        try:
            fitted = with_fitted_keys(workload, [name])
        except InsufficientDataError as problem:
            said.append(f"{problem}: its keys are repeated as they came, and the cache will hit less than predicted")
        else:
            said += fitted.notes[len(workload.notes):]
            workload = fitted
    return workload, tuple(said)


def _job(case: _Case, quotas: Quotas) -> Job:
    model, workload, configuration, routes = case.model, case.workload, case.configuration, case.routes
    rules = rules_of(model, configuration, routes, quotas, case.provisioning)
    rules = rules._replace(policies=policies_of(model, routes, workload.demands.values()))
    for route, demand in zip(routes, workload.demands.values(), strict=True):
        if configuration.api.caches(route.name) and route.cache_keys and demand.keys is None:
            raise InsufficientDataError(
                f"workload: keys of {route.name!r} are not known, and the cache tells them apart by "
                f"{', '.join(route.cache_keys)}: give Demand(keys=…) or take the workload from a run")
    return Job(
        workload=workload, rules=rules, lead_s=float(rules.lifetime_s[IDLE_TABLE, -1]),
        overhead_ms=model.overhead_ms(configuration.api.kind).samples(TABLE_SIZE),
        one_key=tuple(not route.cache_keys for route in routes),
        response_bytes=tuple(map(partial(_response_bytes, model), routes, workload.demands.values())),
        packages=tuple(model.deployment.functions[route.function].package for route in routes),
        warm=tuple(workload.warm_environments.get(name, 0) for name in case.functions),
        schedules=_schedules(case),
        integration_timeout_ms=_integration_timeout_s(configuration.api.kind, quotas) * 1000,
        cache_s=_cache_s(case),
    )


def _cache_s(case: _Case) -> float:
    """How long the cache keeps an entry; 0: it keeps none."""
    api = case.configuration.api
    return float(api.cache_ttl_s) if case.workload.cyclic and any(map(api.caches, case.workload.demands)) else 0.0


def _schedules(case: _Case) -> dict[int, Schedule]:
    """By the number of the function. Raises InputError for a function that cannot take provisioned concurrency."""
    for name in case.provisioning:
        if name not in case.functions or case.model.deployment.functions[name].alias is None:
            able = ", ".join(each for each in case.functions if case.model.deployment.functions[each].alias) or "none"
            raise InputError(f"provisioning of {name!r}: no function of the workload with an alias (there are: {able})")
    return {number: how for number, name in enumerate(case.functions)
            if isinstance(how := case.provisioning.get(name), Schedule)}


def _integration_timeout_s(kind: ApiKind, quotas: Quotas) -> float:
    return {"rest": quotas.rest_integration_timeout_s, "http": quotas.http_integration_timeout_s}.get(kind, math.inf)


def _response_bytes(model: PerformanceModel, route: Route, demand: Demand) -> float:
    """Mean size of a response where the demand does not say; NaN where it does."""
    if demand.response_bytes is not None:
        return math.nan
    measured = model.function(route.function).response_bytes
    if measured is None:
        raise InsufficientDataError(f"workload: response size of {route.name!r} is not known: give Demand(response_bytes=…)")
    return measured


def _prediction(case: _Case, done: Sequence[Replication], activities: Sequence[Activity]) -> Prediction:
    routes, names = case.routes, case.functions
    pooled = [np.concatenate([each.latency_ms[number] for each in done]) for number in range(len(routes))]
    latency = {route.name: _latency(values) for route, values in zip(routes, pooled, strict=True)}
    shares = [_shares(each) for each in done]
    return Prediction(
        configuration=case.configuration,
        latency={**latency, ALL: _latency(np.concatenate(pooled))},
        cold_share=_mean([each["cold_share"] for each in shares]),
        throttled={cause: _mean([each[cause] for each in shares]) for cause in OUTCOMES[STAGE:EXPIRED]},
        cache_hit_share=_mean([each["hit"] for each in shares]),
        concurrency=_by_function(names, [each.busy for each in done]),
        peak_concurrency=dict(zip(names, np.max([each.peak for each in done], axis=0).astype(float).tolist(), strict=True)),
        activity=_mean_activity(activities),
        intervals=_with_model_error(case, _intervals(case.workload, done, shares, activities),
                                    _mean([float(each.busy.sum()) for each in done])),
        caveats=(*case.model.caveats(case.configuration), *_caveats(case, names, done)),
        error_share=_error_share(case, done),
        environments=_by_function(names, [each.environments for each in done]),
        provisioned=_by_function(names, [each.provisioned for each in done]),
        concurrency_over_time={name: tuple(row) for name, row in zip(
            names, np.mean([each.busy_at for each in done], axis=0).tolist(), strict=True)},
        expired_share=_mean([each[OUTCOMES[EXPIRED]] for each in shares]),
        replicated=tuple(activities),
    )


def _by_function(names: Sequence[str], values: Sequence[Floats]) -> dict[str, float]:
    return dict(zip(names, np.mean(values, axis=0).tolist(), strict=True))


def _latency(values: Floats) -> Latency:
    if not values.size:
        return Latency(0, *[math.nan] * 5)
    p50, p90, p95, p99 = (float(value) for value in np.percentile(values, [50, 90, 95, 99]))
    return Latency(values.size, float(values.mean()), p50, p90, p95, p99)


def _shares(each: Replication) -> dict[str, float]:
    """Shares of the judged requests by outcome; `cold_share` is of the invocations."""
    totals = each.judged.sum(axis=0)
    invoked, everything = totals[list(INVOKED)].sum(), totals.sum()
    shares = {name: float(total / everything) if everything else math.nan for name, total in zip(OUTCOMES, totals, strict=True)}
    return {**shares, "cold_share": float(totals[COLD] / invoked) if invoked else math.nan}


def _error_share(case: _Case, done: Sequence[Replication]) -> float:
    """Of the judged requests: what was throttled, and of what ran the share that failed when it was measured, or that
    reaches a timeout if that is more: what was measured holds timeouts too."""
    judged, late = (np.sum([getattr(each, name) for each in done], axis=0) for name in ("judged", "failed"))
    failing = np.array([case.model.function(route.function).error_share for route in case.routes])
    failed = judged[:, STAGE:].sum() + np.maximum(judged[:, list(INVOKED)].sum(axis=1) * failing, late).sum()
    return float(failed / judged.sum()) if judged.sum() else math.nan


def _activity(case: _Case, each: Replication, region: str) -> Activity:
    """What was counted, as so much of the workload's time: traffic by requests, what stands by hours."""
    hours = case.workload.activity_hours
    tallies = [tally for number in range(len(case.routes)) for tally in _flow(case, number, each)]
    flow = case.workload.requests / each.offered if each.offered else 0.0
    scaled = [tally.scaled(flow, 1.0) for tally in tallies]
    standing = (*_inits(case, each, hours), *_standing(case, each, hours))
    return Activity(region, hours, (*scaled, *standing), "predicted")


def _flow(case: _Case, number: int, each: Replication) -> Iterator[Tally]:
    """The tallies of one route and of its function."""
    model, configuration, route = case.model, case.configuration, case.routes[number]
    counts, runs, billed = each.counts[number], each.runs[number], each.billed_ms[number]
    rejected = counts[STAGE] + counts[ACCOUNT]
    kind, units = configuration.api.kind, float(each.units[number])
    yield RouteTally(kind, route.name, float(counts.sum() - rejected), float(rejected), units if kind == "http" else 0.0,
                     float(counts[HIT]), float(each.response_bytes[number]))
    settings, function = configuration.functions[route.function], model.function(route.function)
    if function.log_bytes is None:
        raise InsufficientDataError(f"function {route.function}: its log volume was not measured: collect its logs and fit")
    invoked = float(runs[list(INVOKED)].sum())
    cold_log_bytes = function.log_bytes if function.cold_log_bytes is None else function.cold_log_bytes
    yield FunctionTally(
        route.function, route.name, settings.architecture, settings.memory_mb, invocations=invoked,
        throttled=float(runs[RESERVED:EXPIRED].sum()), cold_starts=float(runs[COLD]),
        gb_s=gb_s(float(billed[WARM] + billed[COLD]), settings.memory_mb),
        init_gb_s=gb_s(float(each.init_billed_ms[number]), settings.memory_mb),
        provisioned_gb_s=gb_s(float(billed[PROVISIONED]), settings.memory_mb),
        log_bytes=float((invoked - runs[COLD]) * function.log_bytes + runs[COLD] * cold_log_bytes),
    )


def _standing(case: _Case, each: Replication, hours: float) -> Iterator[Tally]:
    """What stands whether it is used or not; provisioned concurrency that changes with its mean."""
    settings = case.configuration.functions
    for tally in standing_tallies(case.configuration, hours):
        if not (isinstance(tally, ProvisionedTally) and tally.function in case.provisioning):
            yield tally
    for name in case.provisioning:
        mean = float(each.provisioned[case.functions.index(name)])
        yield ProvisionedTally.kept(name, settings[name].architecture, settings[name].memory_mb, mean, hours)


def _inits(case: _Case, each: Replication, hours: float) -> Iterator[Tally]:
    """Initialisations that no invocation waits for: of each provisioned environment, once in its maximum age."""
    lives = max(1.0, hours * 3600 / case.model.lifetime.maximum_age_s.mean) if case.workload.cyclic else 1.0
    for name, settings in case.configuration.functions.items():
        changes = name in case.provisioning
        environments = float(each.provisioned[case.functions.index(name)]) if changes else settings.provisioned
        if environments or changes:
            init_ms = billed_ms(case.model.function(name).init_ms(settings).quantiles)
            spent = gb_s(float(init_ms.mean()) * environments * lives, settings.memory_mb)
            yield FunctionTally(name, INIT, settings.architecture, settings.memory_mb, invocations=0.0, provisioned_gb_s=spent)


def _mean_activity(activities: Sequence[Activity]) -> Activity:
    """The replications' mean, tally by tally."""
    share = 1.0 / len(activities)
    first = activities[0]
    tallies = []
    for same in zip(*(activity.tallies for activity in activities), strict=True):
        means = {name: sum(getattr(tally, name) for tally in same) * share for name in same[0].quantities}
        tallies.append(type(same[0])(**{**vars(same[0]), **means}))
    return Activity(first.region, first.hours, tuple(tallies), first.origin)


def _intervals(workload: Workload, done: Sequence[Replication], shares: Sequence[Mapping[str, float]],
               activities: Sequence[Activity]) -> dict[str, Interval]:
    """Student's t over the replications; none from a single one. Shares of events that hardly ever happen are at least as
    uncertain as their count."""
    if len(done) < 2:
        return {}
    of_the_mean = workload.cyclic
    latencies = [_latency(np.concatenate(each.latency_ms)) for each in done]
    values = {
        **{name: [getattr(each, name) for each in latencies] for name in LATENCIES},
        "environments": [float(each.environments.sum()) for each in done],
        "gb_s": [sum(float(tally.gb_s + tally.provisioned_gb_s) for tally in each.of(FunctionTally)) for each in activities],
    }
    judged = np.array([each.judged.sum(axis=0) for each in done])
    counted = {"cold_share": ([COLD], INVOKED), "throttled": (range(STAGE, EXPIRED), range(len(OUTCOMES)))}
    series = {"cold_share": [each["cold_share"] for each in shares],
              "throttled": [sum(each[cause] for cause in OUTCOMES[STAGE:EXPIRED]) for each in shares]}
    rare = {name: _counted_interval(judged[:, list(events)].sum(axis=1), judged[:, list(trials)].sum(axis=1), of_the_mean)
            for name, (events, trials) in counted.items()}
    wide = {name: _hull(_interval(each, of_the_mean), rare[name]) for name, each in series.items()}
    found = {name: _interval(each, of_the_mean) for name, each in values.items()} | wide
    pooled = _latency(np.concatenate([each for one in done for each in one.latency_ms]))
    return found | {name: _holding(found[name], getattr(pooled, name)) for name in LATENCIES}


def _with_model_error(case: _Case, intervals: Mapping[str, Interval], busy: float) -> dict[str, Interval]:
    """What the errors of the lifetime law, where their size is known, of the durations, and of shortened hours add. `busy`:
    mean busy environments."""
    law = case.model.lifetime
    errors = {"cold_share": _law_error(law.cold_error), "environments": _law_error(law.environments_error)}
    if intervals:
        errors |= {name: latency_error(case.model, case.configuration, case.functions, name) for name in LATENCIES}
    wider = {name: _widened(each, *errors.get(name, (0.0, 0.0))) for name, each in intervals.items()}
    if "cold_share" in wider:
        wider["cold_share"] = _of_a_share(wider["cold_share"])
    if "cold_share" in wider and case.workload.shortened > 1:
        wider["cold_share"] = _reaching(wider["cold_share"], wider["cold_share"].low / case.workload.shortened)
        wider["environments"] = _reaching(wider["environments"], busy)
    return wider


def _reaching(interval: Interval, least: float) -> Interval:
    """Down to what it would be in whole hours at the least: in shortened ones, what follows a change of rate takes more of
    the time than it will, for all one knows all of it."""
    return Interval(min(interval.low, least), interval.high, interval.level)


def _law_error(deviation: float | None) -> tuple[float, float]:
    """Below and above, over the middle, from a relative standard deviation."""
    from scipy.special import ndtri

    reach = float(ndtri((1 + LEVEL) / 2)) * (deviation or 0.0)
    return reach, reach


def latency_error(model: PerformanceModel, configuration: Configuration, functions: Iterable[str],
                  name: str) -> tuple[float, float]:
    """How far one of LATENCIES may lie below and above, over itself, for what is not known of durations: the most of any
    function. Its mean's interval, and in quadrature, of a percentile, what so few measured durations leave open."""
    below, above = [0.0], [0.0]
    for each in functions:
        duration, settings = model.function(each).duration, configuration.functions[each]
        low, high = duration.spread(settings.memory_mb, settings.architecture, LEVEL)
        fewer, more = _percentile_error(model.function(each), settings, LATENCIES[name])
        below.append(math.hypot(max(1 - low, 0.0), fewer))
        above.append(math.hypot(max(high - 1, 0.0), more))
    return max(below), max(above)


def _percentile_error(function: FunctionModel, settings: FunctionSettings, share: float | None) -> tuple[float, float]:
    """Below and above, over the percentile: between the order statistics that hold it, by the normal approximation of the
    binomial (David and Nagaraja, Order Statistics, 2.5), with as many durations as the nearest measured size has."""
    from scipy.special import ndtri

    sizes = [(architecture != settings.architecture, abs(math.log(size.memory_mb / settings.memory_mb)), size)
             for architecture, measured in function.duration.by_architecture.items() for size in measured.sizes]
    if share is None or not sizes:
        return 0.0, 0.0
    nearest, durations = min(sizes, key=lambda each: each[:2])[2], function.duration_ms(settings)
    reach = float(ndtri((1 + LEVEL) / 2)) * math.sqrt(share * (1 - share) / (nearest.independent or nearest.n))
    middle = durations.quantile(share)
    if not middle:
        return 0.0, 0.0
    return 1 - durations.quantile(share - reach) / middle, durations.quantile(share + reach) / middle - 1


def _widened(interval: Interval, below: float, above: float) -> Interval:
    """With errors relative to its middle added in quadrature; no end passes 0."""
    if not below and not above:
        return interval
    middle, half = (interval.low + interval.high) / 2, (interval.high - interval.low) / 2
    low, high = middle - math.hypot(half, below * middle), middle + math.hypot(half, above * middle)
    return Interval(max(low, min(interval.low, 0.0)), high, interval.level)


def _interval(series: Sequence[float], of_the_mean: bool) -> Interval:
    from scipy.special import stdtrit

    n = len(series)
    spread = float(np.std(series, ddof=1)) * math.sqrt(1 / n if of_the_mean else 1 + 1 / n)
    reach = float(stdtrit(n - 1, (1 + LEVEL) / 2)) * spread
    return Interval(float(np.mean(series)) - reach, float(np.mean(series)) + reach, LEVEL)


def _holding(interval: Interval, value: float) -> Interval:
    """With the value in it: a percentile of all replications' requests is not the mean of their percentiles, and where the
    distribution has steps they may be a step apart."""
    return Interval(min(interval.low, value), max(interval.high, value), interval.level)


def _counted_interval(events: Floats, trials: Floats, of_the_mean: bool) -> Interval:
    """If the events came one by one (Poisson): of their long-run share, or of the share in one more replication. With no
    event at all its upper end is not 0."""
    from scipy.special import gammaincinv

    n, k, ends = len(events), float(events.sum()), ((1 - LEVEL) / 2, (1 + LEVEL) / 2)
    if not trials.sum():
        return Interval(math.nan, math.nan, LEVEL)
    if of_the_mean:
        low, high = (float(gammaincinv(k, ends[0])) if k else 0.0, float(gammaincinv(k + 1, ends[1])))
        return Interval(low / float(trials.sum()), high / float(trials.sum()), LEVEL)
    low, high = (_next_count(end, k + 0.5, n / (n + 1)) / float(trials.mean()) for end in ends)
    return Interval(low, high, LEVEL)


def _next_count(probability: float, shape: float, success: float) -> float:
    """Quantile of the negative binomial distribution: the least count whose cumulated probability reaches it."""
    from scipy.special import betainc

    low, high = -1, 1
    while betainc(shape, high + 1, success) < probability:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if betainc(shape, middle + 1, success) >= probability else (middle, high)
    return float(high)


def _hull(one: Interval, other: Interval) -> Interval:
    """The interval that holds both, within 0 to 1."""
    return _of_a_share(Interval(min(one.low, other.low), max(one.high, other.high), LEVEL))


def _of_a_share(interval: Interval) -> Interval:
    """Within 0 to 1."""
    return Interval(max(interval.low, 0.0), min(interval.high, 1.0), interval.level)


def _caveats(case: _Case, names: Sequence[str], done: Sequence[Replication]) -> Iterator[str]:
    model, configuration = case.model, case.configuration
    yield from case.keys
    if (lasts_s := _cache_s(case)) * case.workload.expected / case.workload.period_s > MOST_CACHE_REQUESTS:
        yield (f"The cache keeps its entries for {lasts_s:g} s, in which more than {MOST_CACHE_REQUESTS:,} requests arrive: "
               "no more than those are simulated, and they see fewer entries end than there will")
    for name in names:
        settings, timeout_ms = configuration.functions[name], model.deployment.functions[name].timeout_s * 1000
        if model.function(name).duration_ms(settings).quantile(0.99) >= timeout_ms:
            yield f"{name}: more than 1 % of its invocations reach its timeout of {timeout_ms / 1000:g} s and would fail"
        if settings.log_level != "INFO":
            yield f"{name}: log volume as measured; what log level {settings.log_level} leaves out is not taken off"
    needed_gb, cache_gb = _needed_cache_gb(case), configuration.api.cache_gb
    if cache_gb is not None and needed_gb > cache_gb / 2:
        yield (f"The cache of {cache_gb:g} GB is taken to hold as many bytes of response bodies, and to drop the least "
               f"recently used first: AWS says neither, and its entries would take {needed_gb:.3g} GB")
    if not sum(each.counts[:, list(INVOKED)].sum() for each in done):
        yield "No request reached a function: every one was throttled or answered by the cache"


def _needed_cache_gb(case: _Case) -> float:
    """What the entries of all cached routes take on average, by the bodies of their responses."""
    api, total, period_s = case.configuration.api, 0.0, case.workload.period_s
    for route, demand in zip(case.routes, case.workload.demands.values(), strict=True):
        if not api.caches(route.name) or not route.cache_keys or demand.keys is None or not demand.expected:
            continue
        keys = demand.keys
        weights = keys.weights if isinstance(keys, Popularity) else np.bincount(keys[keys >= 0]).astype(np.float64)
        size = case.model.function(route.function).response_bytes if demand.response_bytes is None else demand.response_bytes
        if weights.sum():
            rates = weights / weights.sum() * demand.expected / period_s
            total += mean_entries(rates, api.cache_ttl_s) * _mean_bytes(size) / 1e9
    return total


def _mean_bytes(size: float | Floats | None) -> float:
    """Of what is known; 0 when nothing is."""
    known = np.asarray([0.0] if size is None else size, dtype=np.float64)
    known = known[~np.isnan(known)]
    return float(known.mean()) if known.size else 0.0


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values))
