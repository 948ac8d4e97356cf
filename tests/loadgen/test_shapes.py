from __future__ import annotations

import json
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import kstest, poisson

from loadgen.errors import InputError
from loadgen.shapes import Constant, Later, Ramp, Sequence, Shape, Sum, from_dict, spike

rates = st.floats(0, 500)
durations = st.floats(0.1, 100)
simple = st.builds(Constant, rates, durations) | st.builds(Ramp, rates, rates, durations)
shapes = st.recursive(
    simple,
    lambda inner: st.builds(lambda a, b: a.then(b), inner, inner) | st.builds(lambda a, b: a + b, inner, inner)
    | st.builds(lambda a, factor: factor * a, inner, st.floats(0, 3))
    | st.builds(lambda a, part: Later(a, part * a.duration_s), inner, st.floats(0, 1)),
    max_leaves=4,
)


def breaks(shape: Shape) -> list[float]:
    """Where the rate may jump or bend."""
    if isinstance(shape, Later):
        return [0.0, *(time - shape.start_s for time in breaks(shape.shape) if time > shape.start_s)]
    if hasattr(shape, "shape"):
        return breaks(shape.shape)
    if type(shape).__name__ == "Sum":
        return sorted({time for part in shape.parts for time in breaks(part)})
    if type(shape).__name__ == "Sequence":
        found, start = [0.0], 0.0
        for part in shape.parts:
            found += [start + time for time in breaks(part)]
            start += part.duration_s
        return sorted(set(found))
    return [0.0, shape.duration_s]


@settings(max_examples=60, deadline=None)
@given(shapes, st.floats(0, 1))
def test_expected_is_the_integral_of_the_rate(shape: Shape, part: float) -> None:
    end = part * shape.duration_s
    edges = [time for time in breaks(shape) if time < end] + [end]
    pieces = [quad(shape.rate, low, high)[0] for low, high in pairwise(edges) if high - low > 1e-9]
    assert float(shape.expected(end)) == pytest.approx(sum(pieces), rel=1e-6, abs=1e-4)


@settings(max_examples=60, deadline=None)
@given(shapes, st.integers(0, 2**32))
def test_arrivals_are_in_order_and_within_the_shape(shape: Shape, seed: int) -> None:
    arrivals = shape.arrivals(np.random.default_rng(seed))
    assert np.all(np.diff(arrivals) >= 0)
    assert arrivals.size == 0 or (arrivals[0] >= 0 and arrivals[-1] <= shape.duration_s)


@settings(max_examples=60, deadline=None)
@given(shapes, st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_the_inverse_undoes_the_integral(shape: Shape, shares: list[float]) -> None:
    requests = np.sort(np.array(shares)) * float(shape.expected())
    assert np.allclose(shape.expected(shape.inverse(requests)), requests, rtol=1e-6, atol=1e-4)


@settings(max_examples=60, deadline=None)
@given(shapes)
def test_a_shape_survives_json(shape: Shape) -> None:
    assert from_dict(json.loads(json.dumps(shape.to_dict()))) == shape


@given(shapes, shapes, durations)
@settings(max_examples=40, deadline=None)
def test_composition_adds_up(first: Shape, second: Shape, at_s: float) -> None:
    total = float(first.expected()) + float(second.expected())
    assert float(first.then(second).expected()) == pytest.approx(total, rel=1e-9, abs=1e-9)
    assert float((first + second).expected()) == pytest.approx(total, rel=1e-9, abs=1e-9)
    assert float((first + second).rate(at_s)) == pytest.approx(float(first.rate(at_s)) + float(second.rate(at_s)))
    assert float((2 * first).rate(at_s)) == pytest.approx(2 * float(first.rate(at_s)))
    assert first.then(second).duration_s == pytest.approx(first.duration_s + second.duration_s)


def test_the_number_of_arrivals_is_poisson() -> None:
    shape = Ramp(0, 8, 5)
    counts = [shape.arrivals(np.random.default_rng(seed)).size for seed in range(2000)]
    histogram = np.bincount(counts, minlength=60)[:60]
    expected = 2000 * poisson(20).pmf(np.arange(60))
    enough = expected >= 5
    chi2 = np.sum((histogram[enough] - expected[enough]) ** 2 / expected[enough])
    assert chi2 < 60, "29 degrees of freedom or fewer: 99.9 % lie below 59"
    assert np.var(counts) == pytest.approx(20, rel=0.12)


def test_arrival_times_follow_the_rate() -> None:
    shape = spike(20, 100) + 0.5 * Ramp(0, 30, 15)
    arrivals = np.concatenate([shape.arrivals(np.random.default_rng(seed)) for seed in range(20)])
    assert kstest(arrivals, lambda t: shape.expected(t) / shape.expected()).pvalue > 1e-3


def test_gaps_of_a_constant_rate_are_exponential() -> None:
    gaps = np.diff(Constant(50, 200).arrivals(np.random.default_rng(3)))
    assert kstest(gaps, "expon", args=(0, 1 / 50)).pvalue > 1e-3


def test_the_same_seed_gives_the_same_arrivals() -> None:
    shape = spike(100, 200)
    assert np.array_equal(shape.arrivals(np.random.default_rng(7)), shape.arrivals(np.random.default_rng(7)))


def test_a_spike_goes_up_holds_and_comes_down() -> None:
    shape = spike(100, 200, before_s=8, rise_s=1, hold_s=4, fall_s=1, after_s=8)
    assert shape.rate([4, 8.5, 10, 13.5, 20, 22.1]).tolist() == [100, 150, 200, 150, 100, 0]
    assert float(shape.expected()) == 2700


def test_the_later_part_of_a_shape_has_the_same_arrivals_from_there() -> None:
    shape = spike(20, 100)
    whole, later = shape.arrivals(np.random.default_rng(2)), Later(shape, 9.0).arrivals(np.random.default_rng(2))
    assert np.allclose(later, whole[whole >= 9.0] - 9.0)
    assert Later(shape, 30.0).duration_s == 0.0 and Later(shape, 30.0).arrivals(np.random.default_rng(2)).size == 0


@pytest.mark.parametrize(("make", "said"), [
    (lambda: Constant("5"), "rps='5'"), (lambda: Constant(True), "rps=True"), (lambda: Ramp(1, None), "end_rps=None"),
    (lambda: Sequence(()), r"sequence: \(\)"), (lambda: Sum((1, 2)), "sum: "), (lambda: Constant(1) + 1, "sum: "),
    (lambda: Constant(1).then(3), "sequence: "), (lambda: Constant(1) * "a", "factor='a'"), (lambda: -1 * Constant(1), "factor=-1"),
    (lambda: Constant(1e12, 1e6).arrivals(np.random.default_rng(1)), "arrivals expected: give a lower rate"),
    (lambda: from_dict([1]), r"shape = \[1\]"), (lambda: from_dict({"kind": ["a"]}), "no such shape"),
    (lambda: from_dict({"kind": "sequence", "parts": [1]}), "shape = 1"), (lambda: from_dict({"kind": "sum", "parts": []}), "one shape"),
    (lambda: from_dict({"kind": "scaled", "shape": 3, "factor": 2}), "scaled: "),
])
def test_what_is_no_shape_is_refused_in_one_line(make: Callable[[], Any], said: str) -> None:
    with pytest.raises(InputError, match=said) as problem:
        make()
    assert "\n" not in str(problem.value)


def test_bad_numbers_are_refused_by_name() -> None:
    with pytest.raises(InputError, match="rps=-1"):
        Constant(-1, 5)
    with pytest.raises(InputError, match="duration_s=inf"):
        Ramp(1, 2, float("inf"))
    with pytest.raises(InputError, match="no such shape"):
        from_dict({"kind": "sawtooth"})
    with pytest.raises(InputError, match="height"):
        from_dict({"kind": "constant", "rps": 1, "duration_s": 1, "height": 3})
