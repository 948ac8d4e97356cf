"""What functions take: drawn from the measured tables."""

from __future__ import annotations

import csv
import json
import random
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadgen.errors import TemplateError
from loadgen.local.account import FunctionState, Version
from loadgen.local.handlers import DATA, Profile, ProfileHandler, durations, first_ratio, inits, read_profile

MakeFunction = Callable[..., FunctionState]
MakeVersion = Callable[..., Version]
SWEEP = {(row["function"], int(row["memory_mb"])): row for row in csv.DictReader(
    (DATA / "memory_sweep_2020.csv").open(encoding="utf-8"))}
PY = "python3.13"


@pytest.mark.parametrize("function", ["f1", "f2", "f3", "f4"])
@pytest.mark.parametrize("memory_mb", [128, 512, 1024, 3008])
def test_durations_have_the_measured_percentiles_at_a_measured_size(function: str, memory_mb: int) -> None:
    drawn, row = durations(Profile(function=function), memory_mb, "x86_64", PY), SWEEP[function, memory_mb]
    assert [drawn.at(share) for share in (0.1, 0.5, 0.9, 0.99)] == pytest.approx(
        [float(row[name]) for name in ("p10_ms", "median_ms", "p90_ms", "p99_ms")])
    assert drawn.mean == pytest.approx(float(row["mean_ms"]), rel=0.08)


def test_between_two_measured_sizes_a_duration_lies_on_the_line_between_them() -> None:
    below, above = (durations(Profile(function="f2"), memory_mb, "x86_64", PY).at(0.5) for memory_mb in (1024, 1088))
    assert durations(Profile(function="f2"), 1056, "x86_64", PY).at(0.5) == pytest.approx((below + above) / 2)


def test_beyond_the_measured_sizes_a_duration_stays_what_the_last_one_took() -> None:
    assert durations(Profile(), 10_240, "x86_64", PY).values == durations(Profile(), 3008, "x86_64", PY).values


def test_scale_multiplies_every_duration() -> None:
    whole, scaled = durations(Profile(), 512, "x86_64", PY), durations(Profile(scale=0.02), 512, "x86_64", PY)
    assert scaled.values == pytest.approx([value * 0.02 for value in whole.values])


def test_arm64_takes_what_was_measured_against_x86_64() -> None:
    arm, x86 = (durations(Profile(), 1024, architecture, PY).mean for architecture in ("arm64", "x86_64"))
    assert arm / x86 == pytest.approx(528.76 / 642.75)


def test_the_first_execution_is_slower_where_it_was_measured_to_be() -> None:
    assert first_ratio(Profile(workload="cpu-intensive"), 1024, "x86_64", PY) == 1.0
    assert first_ratio(Profile(workload="light"), 512, "x86_64", PY) == pytest.approx(93.81 / 16.57)


def test_init_has_the_measured_percentiles_and_mean() -> None:
    drawn = inits(Profile(), 1024, "x86_64", PY, "zip")
    assert [drawn.at(share) for share in (0.5, 0.9, 0.99)] == pytest.approx([82.72, 95.36, 116.9])
    assert drawn.mean == pytest.approx(85.09)


def test_an_image_takes_longer_to_init_than_a_zip() -> None:
    assert inits(Profile(), 512, "x86_64", PY, "image").mean > 1.5 * inits(Profile(), 512, "x86_64", PY, "zip").mean


@given(memory_mb=st.integers(128, 10_240), share=st.floats(0.0, 1.0, exclude_max=True),
       function=st.sampled_from(["f1", "f2", "f3", "f4"]), architecture=st.sampled_from(["x86_64", "arm64"]))
def test_a_duration_lies_within_what_was_measured_anywhere(memory_mb: int, share: float, function: str,
                                                           architecture: str) -> None:
    drawn = durations(Profile(function=function), memory_mb, architecture, PY)
    assert drawn.values[0] <= drawn.at(share) <= drawn.values[-1]
    assert list(drawn.values) == sorted(drawn.values)


def test_the_same_seed_draws_the_same_durations(make_function: MakeFunction, make_version: MakeVersion) -> None:
    def drawn(seed: int) -> list[float]:
        handler = ProfileHandler(make_function(), random.Random(seed))
        return [handler.execute(make_version(), "id", first=False, init="none").duration_ms for _ in range(20)]

    assert drawn(3) == drawn(3) != drawn(4)


def test_the_answer_is_a_proxy_answer_with_a_body_of_the_declared_size(make_function: MakeFunction,
                                                                       make_version: MakeVersion) -> None:
    handler = ProfileHandler(make_function(ResponseBytes=1800, MaxMemoryMb=70), random.Random(1))
    execution = handler.execute(make_version(), "id", first=False, init="none")
    answer = json.loads(execution.payload)
    assert (answer["statusCode"], len(answer["body"]), execution.max_memory_mb) == (200, 1800, 70)
    assert json.loads(answer["body"])["function"] == "shop-Products"


def test_a_duration_beyond_the_timeout_ends_there(make_function: MakeFunction, make_version: MakeVersion) -> None:
    handler = ProfileHandler(make_function(Scale=1.0), random.Random(1))
    execution = handler.execute(make_version(timeout_s=0.1), "r-1", first=False, init="none")
    assert (execution.outcome, execution.duration_ms) == ("timeout", 100.0)
    assert execution.payload == (b'{"errorType":"Sandbox.Timedout","errorMessage":"RequestId: r-1 Error: '
                                 b'Task timed out after 0.10 seconds"}')


def test_init_comes_before_the_duration_or_within_it(make_function: MakeFunction, make_version: MakeVersion) -> None:
    def execute(init: str) -> tuple[float | None, float]:
        handler = ProfileHandler(make_function(InitScale=1.0), random.Random(5))
        execution = handler.execute(make_version(), "id", first=False, init=init)  # type: ignore[arg-type]
        return execution.init_ms, execution.duration_ms

    (none, warm), (before, cold), (hidden, reset) = execute("none"), execute("before"), execute("within")
    assert none is hidden is None and before is not None
    assert cold == warm and reset == pytest.approx(warm + before)


def test_a_declared_share_of_invocations_fails(make_function: MakeFunction, make_version: MakeVersion) -> None:
    handler = ProfileHandler(make_function(ErrorShare=0.3), random.Random(1))
    outcomes = [handler.execute(make_version(), "id", first=False, init="none").outcome for _ in range(2_000)]
    assert outcomes.count("error") / len(outcomes) == pytest.approx(0.3, abs=0.04)


@pytest.mark.parametrize(("declared", "message"), [
    ({"Function": "f9"}, ".Function = 'f9': not measured (there are: f1, f2, f3, f4)"),
    ({"Table": "none"}, ".Table = 'none': not measured"),
    ({"Speed": 3}, ".Speed: no such key"),
    ({"Scale": "fast"}, ": scale = 'fast': Input should be a valid number"),
])
def test_a_wrong_profile_names_the_function_the_key_and_what_there_is(declared: dict[str, object], message: str,
                                                                      make_function: MakeFunction) -> None:
    with pytest.raises(TemplateError) as caught:
        read_profile(make_function(**declared))
    assert str(caught.value).startswith("shop-Products.Metadata.LocalProfile" + message)
