from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from costmodel.cli.candidates import Question, read_question
from costmodel.errors import InputError
from loadgen.configuration import ApiSettings, Configuration, FunctionSettings, RouteSettings
from loadgen.measurements.run import write_record

Build = Callable[..., Any]
Fitted = Any
FUNCTIONS = {"Products": FunctionSettings(1024, "arm64", reserved=5, log_level="WARN"), "Orders": FunctionSettings(256)}
OPTIONS: dict[str, Any] = dict.fromkeys(("api", "memory", "architecture", "provisioned", "cache", "requests_per_month"))


@pytest.fixture
def today(build_run: Build) -> Path:
    """A REST API with a throttle, one of a route, and a cache of which a route makes no use."""
    built = build_run(FUNCTIONS, name="today")
    for route in ("GET /products", "POST /orders"):
        built.request(route)
    built.write()
    routes = {"GET /products": RouteSettings(cached=False), "POST /orders": RouteSettings(throttle_rps=2.0, throttle_burst=3)}
    api = ApiSettings("rest", 0.5, 60, 50.0, 20, routes)
    path: Path = built.run.path
    write_record(replace(built.run.intent, configuration=Configuration(api, FUNCTIONS)), path / "intent.json")
    return path


def _asked(fitted: Fitted, today: Path, **options: str) -> Question:
    return read_question(fitted.model, today, **{**OPTIONS, **options})


def test_without_options_it_is_today_s_configuration(fitted: Fitted, today: Path) -> None:
    asked = _asked(fitted, today)
    assert asked.configurations == [asked.today]


def test_an_option_changes_that_and_nothing_else(fitted: Fitted, today: Path) -> None:
    now = _asked(fitted, today).today
    for option, value, expected in (
        ("memory", "512", now.with_functions(memory_mb=512)),
        ("architecture", "x86_64", now.with_functions(architecture="x86_64")),
        ("cache", "1.6", now.with_api(cache_gb=1.6)),
        ("cache", "none", now.with_api(cache_gb=None)),
    ):
        assert _asked(fitted, today, **{option: value}).configurations == [expected], option


def test_another_api_keeps_the_limits_and_has_no_cache(fitted: Fitted, today: Path) -> None:
    """A route's own throttle too; that a route is not cached says nothing where nothing is."""
    http, = _asked(fitted, today, api="http").configurations
    assert (http.api.kind, http.api.cache_gb, http.api.throttle_rps, http.api.throttle_burst) == ("http", None, 50.0, 20)
    assert http.api.routes["POST /orders"] == RouteSettings(throttle_rps=2.0, throttle_burst=3)
    assert http.functions == FUNCTIONS


def test_an_empty_value_is_refused_by_its_option(fitted: Fitted, today: Path) -> None:
    for option in ("memory", "architecture", "provisioned", "cache", "api"):
        with pytest.raises(InputError, match=f"^--{option} = ''"):
            _asked(fitted, today, **{option: ""})
