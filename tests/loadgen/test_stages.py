"""A stage's settings as AWS keeps them and as ours."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadgen.configuration import CACHE_SIZES_GB, ApiSettings, RouteSettings
from loadgen.deployment import Route
from loadgen.journal import HttpStageState, RestStageState
from loadgen.stages import rest_patches, to_settings, to_state

ROUTES = (Route("A", "GET", "/a", "F"), Route("A", "GET", "/a/{id}", "F"), Route("A", "POST", "/b", "F"))
BARE = RestStageState("abc", "prod", False, {})
NOT_THROTTLED = {"throttlingRateLimit": 10_000.0, "throttlingBurstLimit": 5_000}
BUILT = RestStageState("abc", "prod", False, {
    "*/*": {**NOT_THROTTLED, "cachingEnabled": False, "cacheTtlInSeconds": 300, "metricsEnabled": True},
    "~1a/GET": {**NOT_THROTTLED, "cachingEnabled": True, "cacheTtlInSeconds": 60},
})
LIMIT = st.tuples(st.integers(1, 9_999).map(float), st.integers(1, 4_999))


@st.composite
def rest_settings(draw: st.DrawFn) -> ApiSettings:
    rps, burst = draw(st.just((None, None)) | LIMIT)
    uncached = draw(st.sets(st.sampled_from(["GET /a", "GET /a/{id}"]), max_size=1))
    routes = {name: RouteSettings(cached=False) for name in uncached}
    if throttle := draw(st.none() | LIMIT.filter(lambda limit: limit != (rps, burst))):
        routes["POST /b"] = RouteSettings(None, *throttle)
    return ApiSettings("rest", draw(st.sampled_from(CACHE_SIZES_GB)), draw(st.integers(0, 3600)), rps, burst, routes)


def patched(state: RestStageState, patches: list[dict[str, str]]) -> RestStageState:
    """What AWS makes of the patch operations; a method's own settings start from its defaults."""
    fields = {"throttling/rateLimit": ("throttlingRateLimit", float),
              "throttling/burstLimit": ("throttlingBurstLimit", int),
              "caching/enabled": ("cachingEnabled", lambda text: text == "true"),
              "caching/ttlInSeconds": ("cacheTtlInSeconds", int)}
    settings = {key: dict(values) for key, values in state.settings.items()}
    for patch in patches:
        parts = patch["path"].strip("/").split("/")
        if patch["op"] == "remove":
            del settings["/".join(parts)]
        elif parts == ["cacheClusterEnabled"]:
            state = replace(state, cache_enabled=patch["value"] == "true")
        elif parts == ["cacheClusterSize"]:
            state = replace(state, cache_size=patch["value"])
        else:
            name, convert = fields["/".join(parts[2:])]
            settings.setdefault("/".join(parts[:2]), {})[name] = convert(patch["value"])
    return replace(state, settings=settings)


@given(st.sampled_from([BARE, BUILT]), rest_settings())
def test_what_was_asked_of_a_rest_stage_is_described_afterwards(now: RestStageState, settings: ApiSettings) -> None:
    wanted = to_state(now, settings, ROUTES)
    assert isinstance(wanted, RestStageState)
    assert to_settings(patched(now, rest_patches(now, wanted)), ROUTES) == settings


@given(st.sampled_from([BARE, BUILT]), rest_settings())
def test_patching_back_gives_the_settings_that_were(now: RestStageState, settings: ApiSettings) -> None:
    wanted = to_state(now, settings, ROUTES)
    assert isinstance(wanted, RestStageState)
    there = patched(now, rest_patches(now, wanted))
    back = patched(there, rest_patches(there, now))
    assert to_settings(back, ROUTES) == to_settings(now, ROUTES)
    assert back.settings.keys() == now.settings.keys()


@given(rest_settings())
def test_a_stage_that_is_as_asked_needs_no_patch(settings: ApiSettings) -> None:
    wanted = to_state(BUILT, settings, ROUTES)
    assert isinstance(wanted, RestStageState)
    assert rest_patches(wanted, wanted) == []


def test_a_route_with_settings_of_its_own_gets_the_stages_throttle_too() -> None:
    wanted = to_state(BUILT, ApiSettings("rest", throttle_rps=20.0, throttle_burst=10), ROUTES)
    assert isinstance(wanted, RestStageState)
    assert wanted.settings["~1a/GET"]["throttlingRateLimit"] == 20.0
    assert wanted.settings["*/*"]["throttlingBurstLimit"] == 10


def test_only_gets_are_cached() -> None:
    wanted = to_state(BARE, ApiSettings("rest", cache_gb=0.5), ROUTES)
    assert isinstance(wanted, RestStageState)
    assert {key for key, own in wanted.settings.items() if own["cachingEnabled"]} == {"~1a/GET", "~1a~1{id}/GET"}


def test_what_is_not_ours_is_left_alone() -> None:
    wanted = to_state(BUILT, ApiSettings("rest", throttle_rps=20.0), ROUTES)
    assert isinstance(wanted, RestStageState)
    assert wanted.settings["*/*"]["metricsEnabled"] is True


@pytest.mark.parametrize("unlimited", [{}, NOT_THROTTLED, {"throttlingRateLimit": -1.0, "throttlingBurstLimit": -1}])
def test_the_accounts_own_limit_is_no_throttle(unlimited: dict[str, float]) -> None:
    assert to_settings(replace(BARE, settings={"*/*": unlimited}), ROUTES).throttle_rps is None


@given(LIMIT, st.none() | LIMIT)
def test_what_was_asked_of_an_http_stage_is_described_afterwards(stage: tuple[float, int],
                                                                 own: tuple[float, int] | None) -> None:
    routes = {"GET /a": RouteSettings(None, *own)} if own else {}
    settings = ApiSettings("http", None, 300, *stage, routes)
    now = HttpStageState("def", "$default", {"DetailedMetricsEnabled": True}, {"GET /b": {"ThrottlingRateLimit": 1.0}})
    wanted = to_state(now, settings, ROUTES)
    assert to_settings(wanted, ROUTES) == settings
    assert isinstance(wanted, HttpStageState)
    assert wanted.default["DetailedMetricsEnabled"] is True
