"""Counts drawn from a month that is known: level, day, week, growth, unlike days, bursts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from costmodel.traffic import Counts

MONDAY_S = 20_003 * 86_400.0
DAILY = 1 + 0.6 * np.sin(2 * np.pi * np.arange(24) / 24)
WEEKLY = np.array([1.2, 1.2, 1.2, 1.2, 1.2, 0.5, 0.5])


@pytest.fixture
def minutes() -> Callable[..., Counts]:
    """Counts by the minute from a Monday, for so many days."""
    return drawn


def drawn(days: int, *, level_rps: float = 5.0, dispersion: float = 0.05, growth: float = 0.0, day_spread: float = 0.0,
          weekly: Any = WEEKLY, seed: int = 1) -> Counts:
    rng, n = np.random.default_rng(seed), days * 1440
    minute = np.arange(n)
    day = minute // 1440
    rate = level_rps * DAILY[minute // 60 % 24] * weekly[day % 7] * np.exp(growth * day + day_spread * rng.standard_normal(days)[day])
    noise = rng.gamma(1 / dispersion, dispersion, n) if dispersion else 1.0
    return Counts(MONDAY_S, 60.0, rng.poisson(rate * 60 * noise).astype(np.float64))
