import math

import numpy as np
import pytest

from costmodel.errors import InputError, InsufficientDataError
from costmodel.performance.distributions import Distribution
from costmodel.performance.duration import DurationModel
from costmodel.performance.priors import duration_ratio
from costmodel.performance.sizes import MeasuredSize, MeasuredSizes


def sizes(*pairs: tuple[int, float]) -> MeasuredSizes:
    return MeasuredSizes.fitted(tuple(
        MeasuredSize(m, 500, Distribution(np.linspace(0.9, 1.1, 101) * mean)) for m, mean in pairs))


def model(first: Distribution | None = None, **by_architecture: MeasuredSizes) -> DurationModel:
    return DurationModel("Products", by_architecture, duration_ratio("python3.13"), first)


TWO = sizes((256, 80.0), (1024, 20.0))
SLOWER = Distribution(np.full(10, 1.5))


def test_inside_the_measured_range_nothing_is_flagged() -> None:
    assert list(model(SLOWER, x86_64=TWO).caveats(512, "x86_64")) == []


@pytest.mark.parametrize("memory_mb", [128, 1769])
def test_outside_the_measured_range_a_caveat_says_so(memory_mb: int) -> None:
    (caveat,) = model(SLOWER, x86_64=TWO).caveats(memory_mb, "x86_64")
    assert f"{memory_mb} MB is extrapolated: measured from 256 to 1024 MB" in caveat


def test_sizes_that_no_curve_follows_are_said_of_those_between() -> None:
    wild = sizes((128, 12_400.0), (256, 6_200.0), (512, 1_040.0), (1024, 520.0), (3008, 300.0))
    caveats = list(model(SLOWER, x86_64=wild).caveats(384, "x86_64"))
    assert any("the curve misses a measured size by" in caveat for caveat in caveats)
    assert list(model(SLOWER, x86_64=wild).caveats(512, "x86_64")) == []


def test_one_measured_size_refuses_another_and_says_what_to_run() -> None:
    with pytest.raises(InsufficientDataError, match=r"Products.*512 MB.*measured at 256 MB x86_64.*second memory size"):
        model(x86_64=sizes((256, 80.0))).warm_ms(512, "x86_64")


def test_an_architecture_that_was_not_measured_is_the_other_times_a_labelled_prior() -> None:
    durations = model(SLOWER, x86_64=TWO)
    ratio = durations.arm_ratio.ratios.mean
    assert 0.7 < ratio < 1.0
    assert durations.warm_ms(256, "arm64").mean == pytest.approx(80 * ratio)
    assert any("a prior" in caveat and "python pairs" in caveat for caveat in durations.caveats(256, "arm64"))


def test_the_prior_serves_both_ways() -> None:
    durations = model(arm64=TWO)
    assert durations.warm_ms(256, "x86_64").mean == pytest.approx(80 / 0.9, rel=0.1)


def test_both_architectures_at_one_size_give_a_measured_ratio_for_the_other_sizes() -> None:
    durations = model(SLOWER, x86_64=TWO, arm64=sizes((256, 60.0)))
    assert durations.warm_ms(1024, "arm64").mean == pytest.approx(20 * 0.75)
    assert "x 0.75, as measured" in next(iter(durations.caveats(1024, "arm64")))


def test_first_invocations_take_as_much_longer_as_was_measured() -> None:
    durations = model(SLOWER, x86_64=TWO)
    assert durations.cold_ms(512, "x86_64").mean == pytest.approx(1.5 * durations.warm_ms(512, "x86_64").mean)


def test_too_few_first_invocations_are_said_and_taken_as_warm_ones() -> None:
    durations = model(x86_64=TWO)
    assert durations.cold_ms(256, "x86_64") == durations.warm_ms(256, "x86_64")
    assert any("first invocations" in caveat for caveat in durations.caveats(256, "x86_64"))


def test_the_interval_widens_from_measured_to_between_to_beyond_to_another_architecture() -> None:
    durations = model(x86_64=TWO)
    asked = [(256, "x86_64"), (512, "x86_64"), (3008, "x86_64")]
    widths = [high / low for low, high in (durations.interval_ms(*which) for which in asked)]
    assert 1 < widths[0] < widths[1] < widths[2]
    low, high = durations.interval_ms(256, "arm64")
    assert high / low > widths[0]


def test_the_interval_holds_the_mean_and_is_the_same_each_time() -> None:
    durations = model(x86_64=TWO)
    low, high = durations.interval_ms(512, "x86_64")
    assert low < durations.warm_ms(512, "x86_64").mean < high
    assert durations.interval_ms(512, "x86_64") == (low, high)


def test_the_next_size_to_measure_is_told_where_two_were_measured() -> None:
    assert model(x86_64=TWO).next_memory_mb("x86_64", (512, 3008)) == 3008
    with pytest.raises(InsufficientDataError, match="nothing was measured on arm64"):
        model(x86_64=TWO).next_memory_mb("arm64", (512, 3008))


def test_a_size_that_was_measured_with_its_memory_nearly_used_up_is_flagged() -> None:
    full = MeasuredSizes.fitted([MeasuredSize(128, 500, Distribution(np.full(10, 90.0)), used_mb=126)])
    assert any("126 MB in use" in caveat for caveat in model(SLOWER, x86_64=full).caveats(128, "x86_64"))


@pytest.mark.parametrize(("memory_mb", "flagged"), [(192, True), (200, True), (230, True), (256, False), (1024, False)])
def test_a_size_that_would_be_nearly_used_up_is_flagged(memory_mb: int, flagged: bool) -> None:
    roomy = MeasuredSizes.fitted([MeasuredSize(m, 500, Distribution(np.linspace(0.9, 1.1, 101) * 20_000 / m), used_mb=190)
                                  for m in (512, 1024)])
    caveats = list(model(SLOWER, x86_64=roomy).caveats(memory_mb, "x86_64"))
    assert any("190 MB were in use" in caveat for caveat in caveats) == flagged


def test_a_duration_beyond_what_lambda_lets_run_is_flagged() -> None:
    slow = sizes((512, 800_000.0), (1024, 400_000.0))
    assert any("longer than Lambda lets a function run" in caveat for caveat in model(SLOWER, x86_64=slow).caveats(256, "x86_64"))
    assert list(model(SLOWER, x86_64=slow).caveats(512, "x86_64")) == []


def test_a_size_of_no_duration_gives_no_ratio_of_architectures() -> None:
    durations = model(SLOWER, x86_64=TWO, arm64=sizes((256, 0.0)))
    assert durations.warm_ms(1024, "arm64").mean == pytest.approx(20 * durations.arm_ratio.ratios.mean)


@pytest.mark.parametrize("memory_mb", [0, -1, math.nan, 127, 10_241])
def test_a_size_that_lambda_has_not_is_refused(memory_mb: float) -> None:
    durations = model(x86_64=TWO)
    for ask in (durations.warm_ms, durations.interval_ms):
        with pytest.raises(InputError, match="give 128 to 10240 MB"):
            ask(memory_mb, "x86_64")
    with pytest.raises(InputError, match="give x86_64 or arm64"):
        durations.warm_ms(512, "mips")
    with pytest.raises(InputError, match="level=2"):
        durations.interval_ms(512, "x86_64", 2.0)
