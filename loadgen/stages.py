"""A stage's cache and throttles: as AWS keeps them, as our `ApiSettings` say them, and how one becomes the other.

A method's own settings replace the stage's whole: AWS fills in defaults, not the stage's values, where one is not
given. So a route that has settings of its own gets all of them. "No throttle" is the account's limit, AWS's default.

Sources: API Gateway API reference, "UpdateStage" (patch paths), "MethodSetting"; API Gateway V2 API reference, "Stage".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from loadgen.aws import patiently
from loadgen.configuration import ApiSettings, RouteSettings
from loadgen.deployment import Route
from loadgen.journal import HttpStageState, RestStageState
from loadgen.quotas import Quotas
from loadgen.target import TargetApi

UNLIMITED_RPS, UNLIMITED_BURST = Quotas().gateway_rps, Quotas().gateway_burst
ALL = "*/*"
_REST_FIELDS: Mapping[str, tuple[str, Any]] = {
    "throttlingRateLimit": ("throttling/rateLimit", UNLIMITED_RPS),
    "throttlingBurstLimit": ("throttling/burstLimit", UNLIMITED_BURST),
    "cachingEnabled": ("caching/enabled", False),
    "cacheTtlInSeconds": ("caching/ttlInSeconds", 300),
}
"""A method setting's members that are ours to change: patch path and what holds when it is not set."""
Settings = Mapping[str, Any]
StageState = RestStageState | HttpStageState


def read_stage(api: TargetApi, client: Any) -> StageState:
    """The stage as it is. `client`: of `apigateway` for REST, of `apigatewayv2` for HTTP."""
    if api.kind == "rest":
        stage = client.get_stage(restApiId=api.id, stageName=api.stage)
        return RestStageState(api.id, api.stage, bool(stage.get("cacheClusterEnabled")),
                              stage.get("methodSettings", {}), stage.get("cacheClusterSize"))
    stage = client.get_stage(ApiId=api.id, StageName=api.stage)
    return HttpStageState(api.id, api.stage, stage.get("DefaultRouteSettings", {}), stage.get("RouteSettings", {}))


def to_settings(state: StageState, routes: tuple[Route, ...]) -> ApiSettings:
    """What the state means for an API with these routes."""
    return _rest_settings(state, routes) if isinstance(state, RestStageState) else _http_settings(state)


def to_state(state: StageState, settings: ApiSettings, routes: tuple[Route, ...]) -> StageState:
    """The state that the settings ask for, where the stage now is as `state`; what is not ours stays."""
    if isinstance(state, RestStageState):
        return _rest_state(state, settings, routes)
    return _http_state(state, settings)


def write_stage(client: Any, now: StageState, wanted: StageState) -> None:
    """Change what differs."""
    if isinstance(now, RestStageState) and isinstance(wanted, RestStageState):
        patches = rest_patches(now, wanted)
        if patches:
            patiently(lambda: client.update_stage(restApiId=now.api, stageName=now.stage, patchOperations=patches))
    elif isinstance(now, HttpStageState) and isinstance(wanted, HttpStageState) and now != wanted:
        for route in now.routes.keys() - wanted.routes.keys():
            client.delete_route_settings(ApiId=now.api, StageName=now.stage, RouteKey=route)
        default = _limited(wanted.default) if "ThrottlingRateLimit" in now.default else wanted.default
        patiently(lambda: client.update_stage(ApiId=now.api, StageName=now.stage, DefaultRouteSettings=default,
                                              RouteSettings=wanted.routes))


def rest_patches(now: RestStageState, wanted: RestStageState) -> list[dict[str, str]]:
    """The patch operations that take a REST stage from one state to the other; none when they are alike."""
    patches = []
    if wanted.cache_enabled != now.cache_enabled:
        patches.append(_replace("/cacheClusterEnabled", str(wanted.cache_enabled).lower()))
    if wanted.cache_enabled and (wanted.cache_size != now.cache_size or not now.cache_enabled):
        patches.append(_replace("/cacheClusterSize", str(wanted.cache_size)))
    for key in sorted(now.settings.keys() - wanted.settings.keys()):
        patches.append({"op": "remove", "path": f"/{key}"})
    for key, settings in sorted(wanted.settings.items()):
        before = now.settings.get(key, {})
        for field, (path, unset) in _REST_FIELDS.items():
            value = settings.get(field, unset)
            if before.get(field, unset) != value or key not in now.settings:
                patches.append(_replace(f"/{key}/{path}", str(value).lower()))
    return patches


def _replace(path: str, value: str) -> dict[str, str]:
    return {"op": "replace", "path": path, "value": value}


def _rest_settings(state: RestStageState, routes: tuple[Route, ...]) -> ApiSettings:
    shared = state.settings.get(ALL, {})
    own = {route.name: state.settings.get(_key(route), shared) for route in routes}
    reads = [route.name for route in routes if route.method == "GET"]
    cached = [name for name in reads if own[name].get("cachingEnabled")]
    rps, burst = _throttle(shared, "throttling{}Limit")
    by_route = {}
    for name, settings in own.items():
        uncached = name in reads and name not in cached and bool(cached or state.cache_enabled)
        throttle = _throttle(settings, "throttling{}Limit")
        override = throttle if throttle != (rps, burst) else (None, None)
        if uncached or override != (None, None):
            by_route[name] = RouteSettings(False if uncached else None, *override)
    ttl_s = next((own[name]["cacheTtlInSeconds"] for name in cached if "cacheTtlInSeconds" in own[name]), 300)
    cache_gb = float(state.cache_size or 0.5) if state.cache_enabled else None
    return ApiSettings("rest", cache_gb, ttl_s, rps, burst, by_route)


def _rest_state(state: RestStageState, settings: ApiSettings, routes: tuple[Route, ...]) -> RestStageState:
    wanted = dict(state.settings)
    limits = _limits(settings.throttle_rps, settings.throttle_burst, "throttling{}Limit")
    if ALL in state.settings or settings.throttle_rps is not None:
        wanted[ALL] = {**state.settings.get(ALL, {}), **limits}
    for route in routes:
        own = settings.routes.get(route.name, RouteSettings())
        caches = settings.cache_gb is not None and route.method == "GET"
        if _key(route) in state.settings or caches or own.throttle_rps is not None:
            wanted[_key(route)] = {
                **state.settings.get(_key(route), {}), **limits,
                **(_limits(own.throttle_rps, own.throttle_burst, "throttling{}Limit") if own.throttle_rps else {}),
                "cachingEnabled": route.method == "GET" and own.cached is not False,
                "cacheTtlInSeconds": settings.cache_ttl_s,
            }
    size = state.cache_size if settings.cache_gb is None else f"{settings.cache_gb:g}"
    return replace(state, cache_enabled=settings.cache_gb is not None, cache_size=size, settings=wanted)


def _http_settings(state: HttpStageState) -> ApiSettings:
    rps, burst = _throttle(state.default, "Throttling{}Limit")
    by_route = {name: RouteSettings(None, *throttle) for name, settings in state.routes.items()
                if (throttle := _throttle(settings, "Throttling{}Limit")) != (None, None)}
    return ApiSettings("http", throttle_rps=rps, throttle_burst=burst, routes=by_route)


def _http_state(state: HttpStageState, settings: ApiSettings) -> HttpStageState:
    default = dict(state.default)
    if settings.throttle_rps is not None or "ThrottlingRateLimit" in default:
        default |= _limits(settings.throttle_rps, settings.throttle_burst, "Throttling{}Limit")
    routes = {name: {**state.routes.get(name, {}), **_limits(own.throttle_rps, own.throttle_burst, "Throttling{}Limit")}
              for name, own in settings.routes.items() if own.throttle_rps is not None}
    return replace(state, default=default, routes=routes)


def _key(route: Route) -> str:
    """A route's key among a REST stage's method settings."""
    return f"{route.path.replace('/', '~1')}/{route.method}"


def _throttle(settings: Settings, names: str) -> tuple[float | None, int | None]:
    """Rate and burst, or nothing where they are the account's own or negative (AWS's way of saying none)."""
    rps, burst = settings.get(names.format("Rate")), settings.get(names.format("Burst"))
    if rps is None or rps < 0 or (rps, burst) == (UNLIMITED_RPS, UNLIMITED_BURST):
        return None, None
    return float(rps), UNLIMITED_BURST if burst is None else int(burst)


def _limits(rps: float | None, burst: int | None, names: str) -> dict[str, Any]:
    return {names.format("Rate"): float(UNLIMITED_RPS if rps is None else rps),
            names.format("Burst"): UNLIMITED_BURST if burst is None else burst}


def _limited(default: Settings) -> Settings:
    """Settings that end an earlier throttle: an HTTP stage keeps what an update does not name."""
    return {**_limits(None, None, "Throttling{}Limit"), **default}
