import numpy as np
import pytest

from costmodel.errors import InsufficientDataError
from costmodel.performance.distributions import Distribution
from costmodel.performance.sizes import MeasuredSize, MeasuredSizes, independent_number

SCALES = (0.005, 0.02, 0.05, 0.1, 1.0)


def measured(table_2020, function: str, sizes: tuple[int, ...], scale: float) -> MeasuredSizes:
    rng = np.random.default_rng(7)
    return MeasuredSizes.fitted(tuple(
        MeasuredSize(m, 400, Distribution.from_samples(table_2020[function, m].samples(400, scale, rng))) for m in sizes))


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("function", ["f1", "f2", "f3", "f4"])
def test_real_functions_measured_at_256_and_1024_tell_512(table_2020, function: str, scale: float) -> None:
    truth = table_2020[function, 512]
    found = measured(table_2020, function, (256, 1024), scale).durations_ms(512)
    assert found.quantile(0.5) == pytest.approx(truth.median_ms * scale, rel=0.15)
    assert found.mean == pytest.approx(truth.mean_ms * scale, rel=0.085 if function == "f1" else 0.05)


def test_three_sizes_tell_the_43_others_of_real_functions(table_2020) -> None:
    errors = []
    for function in ("f1", "f2", "f3", "f4"):
        model = measured(table_2020, function, (128, 1024, 2048), 1.0)
        rest = [m for f, m in table_2020 if f == function and model.measured(m) is None]
        errors += [abs(model.durations_ms(m).mean / table_2020[function, m].mean_ms - 1) for m in rest]
    assert len(errors) == 4 * 43
    assert np.mean(errors) < 0.04


def test_a_measured_size_answers_with_its_own_durations(table_2020) -> None:
    model = measured(table_2020, "f4", (1024, 256, 512), 0.05)
    assert model.durations_ms(512) is model.sizes[1].warm


@pytest.mark.parametrize("beside", [511, 513])
def test_the_size_beside_a_measured_one_differs_from_it_by_little(table_2020, beside: int) -> None:
    model = measured(table_2020, "f1", (256, 512, 1024), 1.0)
    assert model.durations_ms(beside).mean == pytest.approx(model.durations_ms(512).mean, rel=0.005)


def test_the_tail_of_the_neighbours_is_kept(table_2020) -> None:
    rng = np.random.default_rng(0)
    sizes = [MeasuredSize(m, 2000, Distribution.from_samples(rng.lognormal(np.log(20_000 / m), 0.5, 2000))) for m in (256, 1024)]
    found = MeasuredSizes.fitted(tuple(sizes)).durations_ms(512)
    assert found.quantile(0.99) / found.quantile(0.5) == pytest.approx(np.exp(0.5 * 2.326), rel=0.1)


def test_one_size_answers_for_itself_alone(table_2020) -> None:
    model = measured(table_2020, "f2", (256,), 1.0)
    assert model.answers(256) and not model.answers(512)


def test_nine_in_ten_intervals_hold_the_size_that_was_left_out(table_2020) -> None:
    held = []
    for function in ("f1", "f2", "f3", "f4"):
        for sizes in ((256, 1024), (128, 1024), (128, 512), (512, 1536), (128, 512, 1024)):
            model = measured(table_2020, function, sizes, 1.0)
            for m in range(sizes[0] + 64, sizes[-1], 64):
                if model.measured(m) is None and (function, m) in table_2020:
                    draws = model.mean_draws_ms(m, 200, np.random.default_rng(0))
                    low, high = np.quantile(draws, [0.05, 0.95])
                    held.append(low <= table_2020[function, m].mean_ms <= high)
    assert len(held) > 150
    assert np.mean(held) > 0.8


def spread_sizes(*pairs: tuple[int, float], used_mb: int | None = None) -> MeasuredSizes:
    return MeasuredSizes.fitted(
        MeasuredSize(m, 500, Distribution(np.linspace(0.9, 1.1, 101) * mean), used_mb=used_mb) for m, mean in pairs)


def test_a_size_whose_memory_is_nearly_used_up_tells_nothing_of_the_others() -> None:
    model = spread_sizes((128, 900.0), (256, 80.0), (1024, 20.0), used_mb=125)
    assert model.durations_ms(128).mean == pytest.approx(900.0)
    assert model.durations_ms(512).mean == pytest.approx(40.0, rel=0.06)


def test_neighbours_that_are_alike_count_as_fewer() -> None:
    rng = np.random.default_rng(0)
    alone = rng.normal(100, 5, 1000)
    assert independent_number(alone) == pytest.approx(1000, rel=0.15)
    assert independent_number(np.repeat(alone[:250], 4)) < 400


def test_the_next_size_to_measure_is_where_the_curves_part() -> None:
    model = spread_sizes((256, 80.0), (512, 40.0))
    assert model.next_memory_mb((128, 256, 384, 640, 1769, 3008)) >= 1769
    assert spread_sizes((1024, 20.0), (1769, 11.6), (3008, 11.6)).next_memory_mb((128, 1280, 1536)) == 128


def test_what_to_measure_next_is_not_said_from_one_size() -> None:
    with pytest.raises(InsufficientDataError, match="two measured sizes are needed"):
        spread_sizes((256, 80.0)).next_memory_mb((512,))


def test_a_size_of_no_duration_answers_without_a_number_that_is_none() -> None:
    """A model written by hand; `fit` refuses such runs."""
    for pairs in (((256, 0.0), (1024, 0.0)), ((256, 80.0), (1024, 0.0))):
        model = spread_sizes(*pairs)
        assert 0 <= model.durations_ms(512).mean < 80
        assert np.isfinite(model.mean_draws_ms(512, 100, np.random.default_rng(0))).all()


@pytest.mark.parametrize("n", [20, 30])
def test_nine_in_ten_intervals_of_few_durations_hold_their_mean(n: int) -> None:
    rng, held = np.random.default_rng(1), []
    for _ in range(1500):
        size = MeasuredSize(256, n, Distribution.from_samples(rng.normal(100, 10, n)))
        low, high = np.quantile(MeasuredSizes.fitted([size]).mean_draws_ms(256, 800, rng), [0.05, 0.95])
        held.append(low <= 100 <= high)
    assert np.mean(held) == pytest.approx(0.9, abs=0.02)


def test_towards_the_memory_limit_the_upper_end_of_the_interval_rises_and_elsewhere_nothing_does() -> None:
    def ends(memory_mb: int, used_mb: int | None) -> np.ndarray:
        model = spread_sizes((512, 80.0), (1024, 40.0), used_mb=used_mb)
        return np.quantile(model.mean_draws_ms(memory_mb, 2000, np.random.default_rng(0)), [0.05, 0.95])

    assert ends(256, 150) == pytest.approx(ends(256, None), rel=0)
    assert ends(768, 200) == pytest.approx(ends(768, None), rel=0)
    assert ends(256, 230)[1] > 1.8 * ends(256, 200)[1] > 2 * ends(256, None)[1]
    assert ends(256, 200)[0] < 1.2 * ends(256, None)[0]
