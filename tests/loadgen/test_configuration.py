"""The settings that are compared."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadgen.configuration import (
    CACHE_SIZES_GB,
    ApiSettings,
    Configuration,
    FunctionSettings,
    RouteSettings,
    declared,
    grid,
)
from loadgen.deployment import Deployment
from loadgen.errors import ConfigurationError
from loadgen.schema import from_plain, to_plain
from loadgen.template import read_template

SHOP = Path(__file__).parents[2] / "scenarios" / "shop" / "template.yaml"


@pytest.fixture(scope="module")
def shop() -> Deployment:
    return read_template(SHOP)


ROUTES = st.dictionaries(st.sampled_from(["GET /a", "POST /b", "GET /c"]), st.builds(
    RouteSettings, cached=st.none() | st.booleans(), throttle_rps=st.none() | st.floats(1, 100),
    throttle_burst=st.none() | st.integers(1, 100)))
APIS = st.one_of(
    st.builds(ApiSettings, kind=st.just("rest"), cache_gb=st.none() | st.sampled_from(CACHE_SIZES_GB),
              cache_ttl_s=st.integers(0, 3600), throttle_rps=st.none() | st.floats(1, 1e4),
              throttle_burst=st.integers(1, 5000), routes=ROUTES),
    st.builds(ApiSettings, kind=st.just("http"), throttle_rps=st.none() | st.floats(1, 1e4), routes=ROUTES),
)
FUNCTIONS = st.builds(FunctionSettings, memory_mb=st.integers(128, 10_240),
                      architecture=st.sampled_from(["x86_64", "arm64"]), provisioned=st.integers(0, 5),
                      reserved=st.none() | st.integers(5, 50), log_level=st.sampled_from(["INFO", "WARN"]))
CONFIGURATIONS = st.builds(Configuration, APIS, st.dictionaries(st.sampled_from(["F", "G"]), FUNCTIONS, min_size=1))


@given(CONFIGURATIONS)
def test_a_configuration_survives_plain_data_and_hashes_alike(configuration: Configuration) -> None:
    again = from_plain(Configuration, to_plain(configuration), "here")
    assert again == configuration
    assert hash(again) == hash(configuration)


PLAIN_APIS = st.one_of(
    st.builds(ApiSettings, kind=st.sampled_from(["rest", "http"]), throttle_rps=st.integers(1, 3).map(float),
              throttle_burst=st.integers(1, 3)),
    st.builds(ApiSettings, cache_gb=st.sampled_from(CACHE_SIZES_GB), cache_ttl_s=st.integers(0, 3600)),
)
PLAIN = st.builds(Configuration, PLAIN_APIS, st.fixed_dictionaries({"F": FUNCTIONS, "G": FUNCTIONS}))


@given(PLAIN, PLAIN)
def test_different_settings_have_different_labels(one: Configuration, other: Configuration) -> None:
    assert (one == other) == (one.label == other.label)


def test_the_label_is_short() -> None:
    functions = {"F": FunctionSettings(1024), "G": FunctionSettings(1024)}
    assert Configuration(ApiSettings("rest"), functions).label == "REST 1024 MB"
    assert Configuration(ApiSettings("http"), functions).with_functions(
        memory_mb=512, architecture="arm64", provisioned=2).label == "HTTP 512 MB arm64 pc2"
    assert Configuration(ApiSettings("rest", cache_gb=0.5), functions).label == "REST 1024 MB cache0.5"


def test_in_the_label_functions_that_differ_from_most_are_named(shop: Deployment) -> None:
    assert grid(shop, memory_mb=(256,), provisioned=(1,))[0].label == "REST 256 MB pc1 Reports:pc0"


@pytest.mark.parametrize(("build", "settings", "said"), [
    (ApiSettings, {"kind": "http", "cache_gb": 0.5}, "api.cache_gb=0.5: only a REST API has a cache"),
    (ApiSettings, {"cache_gb": 0.7}, "api.cache_gb=0.7: no such cache size"),
    (ApiSettings, {"cache_ttl_s": 3601}, "api.cache_ttl_s=3601: give 0 to 3600"),
    (FunctionSettings, {"memory_mb": 127}, "memory_mb=127: give 128 to 10240"),
    (FunctionSettings, {"memory_mb": 10_241}, "memory_mb=10241"),
    (FunctionSettings, {"architecture": "mips"}, "architecture='mips'"),
    (FunctionSettings, {"provisioned": -1}, "provisioned=-1"),
    (FunctionSettings, {"provisioned": 3, "reserved": 2}, "reserved=2: less than provisioned=3"),
    (FunctionSettings, {"provisioned": 1, "snap_start": True}, "provisioned and snap_start exclude each other"),
])
def test_what_aws_refuses_is_refused_by_name(build: Any, settings: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        build(**settings)
    assert said in str(caught.value)


def test_what_aws_refuses_is_refused_when_read_from_a_file_too() -> None:
    with pytest.raises(ConfigurationError, match="memory_mb=5: give 128"):
        from_plain(FunctionSettings, {"memory_mb": 5}, "here")


def test_only_gets_are_cached_and_only_with_a_cache() -> None:
    cached = ApiSettings("rest", cache_gb=0.5, routes={"GET /reports": RouteSettings(cached=False)})
    assert cached.caches("GET /products")
    assert not cached.caches("POST /orders")
    assert not cached.caches("GET /reports")
    assert not ApiSettings("rest").caches("GET /products")


def test_the_declared_configuration_is_the_templates(shop: Deployment) -> None:
    configuration = declared(shop, "rest")
    assert configuration.label == "REST 1024 MB"
    assert configuration.api.routes == {"GET /reports": RouteSettings(cached=False)}
    assert set(configuration.functions) == {"Products", "Product", "Orders", "Reports"}


def test_the_grid_holds_every_combination_that_aws_accepts_once(shop: Deployment) -> None:
    found = grid(shop, api=("rest", "http"), memory_mb=(256, 1024), cache_gb=(None, 0.5))
    assert [configuration.label for configuration in found] == [
        "REST 256 MB", "REST 256 MB cache0.5", "REST 1024 MB", "REST 1024 MB cache0.5", "HTTP 256 MB", "HTTP 1024 MB"]


def test_in_the_grid_a_function_without_an_alias_is_not_provisioned(shop: Deployment) -> None:
    configuration = grid(shop, provisioned=(2,))[0]
    provisioned = {name: settings.provisioned for name, settings in configuration.functions.items()}
    assert provisioned == {"Products": 2, "Product": 2, "Orders": 2, "Reports": 0}
    shop.accepts(configuration)


def test_the_grid_leaves_out_what_aws_refuses(shop: Deployment) -> None:
    reserved = replace(shop, functions={
        name: replace(function, reserved=3, snap_start=name == "Orders") for name, function in shop.functions.items()})
    found = grid(reserved, provisioned=(2, 4))
    assert len(found) == 1
    assert {name: settings.provisioned for name, settings in found[0].functions.items()} == {
        "Products": 2, "Product": 2, "Orders": 0, "Reports": 0}


def test_the_grid_refuses_a_value_that_is_never_accepted(shop: Deployment) -> None:
    with pytest.raises(ConfigurationError, match="memory_mb=5: give 128 to 10240 MB"):
        grid(shop, memory_mb=(5, 512))
