"""The over-dispersion of counts that is found, and their quantiles."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from costmodel.traffic.dispersion import dispersion_of, quantile


@pytest.mark.parametrize(("mean", "dispersion"), [(300.0, 0.05), (5.0, 0.4), (1.0, 0.0)])
def test_the_over_dispersion_of_gamma_poisson_counts_is_found(mean: float, dispersion: float) -> None:
    rng, shape = np.random.default_rng(1), (2000, 60)
    noise = rng.gamma(1 / dispersion, dispersion, shape) if dispersion else np.ones(shape)
    found = dispersion_of(rng.poisson(mean * noise).astype(float))
    assert found == pytest.approx(dispersion, rel=0.05, abs=0.015)


def test_a_profile_is_no_burst() -> None:
    profile = np.where(np.arange(60) == 0, 6.0, 1.0)
    counts = np.random.default_rng(2).poisson(100 * profile, (500, 60)).astype(float)
    assert dispersion_of(counts, profile) < 0.001
    assert dispersion_of(counts) > 0.1


def test_slow_changes_are_no_bursts_and_no_requests_have_none() -> None:
    slow = np.random.default_rng(3).poisson(np.linspace(100, 200, 600), (200, 600)).astype(float)
    assert dispersion_of(slow) < 0.001
    assert dispersion_of(np.zeros((3, 60))) == 0.0


@settings(max_examples=25, deadline=None)
@given(mean=st.floats(0.5, 500), dispersion=st.sampled_from([0.0, 0.05, 1.0]), probability=st.floats(0.05, 0.99))
def test_a_quantile_has_its_share_of_drawn_counts_below(mean: float, dispersion: float, probability: float) -> None:
    rng, n = np.random.default_rng(4), 20_000
    counts = rng.poisson(mean * (rng.gamma(1 / dispersion, dispersion, n) if dispersion else 1.0), n)
    found = quantile(np.asarray(probability), np.asarray(mean), dispersion)
    assert np.mean(counts <= found) >= probability - 0.02 and np.mean(counts < found) <= probability + 0.02
