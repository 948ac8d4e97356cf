from __future__ import annotations

import math
from datetime import date
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from costmodel.errors import InputError
from costmodel.metering import billed_ms, event_requests, express_gb_s, gb_s, http_units, started_hours, started_units

durations_ms = st.floats(0.01, 900_000)
payloads = st.integers(0, 10 * 1024 * 1024)


@pytest.mark.parametrize(("duration_ms", "init_ms", "billed"), [
    (250.06, 100.77, 351),
    (1307.68, 1058.15, 2366),
    (2.37, 423.98, 427),
    (133.61, 80.0, 214),
    (600_000.0, 476.75, 600_477),
    (150.32, 0.0, 151),
])
def test_duration_and_init_share_one_ceil(duration_ms: float, init_ms: float, billed: int) -> None:
    """The first line is of AWS's blog of 2025-04-29, the others are REPORT lines."""
    assert billed_ms(duration_ms, init_ms) == billed


def test_before_august_2025_a_zip_package_did_not_pay_for_init_but_an_image_did() -> None:
    last_day, first_day = date(2025, 7, 31), date(2025, 8, 1)
    assert billed_ms(250.06, 100.77, on=last_day) == 251
    assert billed_ms(250.06, 100.77, on=last_day, package="image") == 351
    assert billed_ms(250.06, 100.77, on=first_day) == 351


def test_a_duration_that_is_whole_but_for_its_binary_form_is_not_billed_one_ms_more() -> None:
    assert 100 * 1.1 > 110
    assert billed_ms(100 * 1.1) == 110
    assert billed_ms(np.array([100 * 1.1])).tolist() == [110]


@given(durations_ms, durations_ms)
def test_a_billed_duration_is_whole_and_less_than_one_ms_too_long(duration_ms: float, init_ms: float) -> None:
    billed = billed_ms(duration_ms, init_ms)
    assert billed == math.floor(billed)
    assert -1e-6 < billed - (duration_ms + init_ms) < 1


@given(st.lists(st.tuples(durations_ms, durations_ms), min_size=1, max_size=20))
def test_arrays_are_billed_as_their_elements(pairs: list[tuple[float, float]]) -> None:
    duration_ms, init_ms = np.array(pairs).T
    assert billed_ms(duration_ms, init_ms).tolist() == [billed_ms(*pair) for pair in pairs]


def test_an_unknown_duration_stays_unknown() -> None:
    assert np.isnan(billed_ms(np.array([1.0, np.nan]))).tolist() == [False, True]


@pytest.mark.parametrize(("duration_ms", "init_ms", "said"), [
    (-5.0, 0.0, r"duration_ms=-5\.0"),
    (np.array([1.0, np.nan, -0.25]), 0.0, r"duration_ms=-0\.25"),
    (10.0, -5.0, r"init_ms=-5\.0"),
    (10.0, np.array([0.0, -math.inf]), r"init_ms=-inf"),
])
def test_a_negative_duration_is_refused_by_name(duration_ms: Any, init_ms: Any, said: str) -> None:
    """Also where its other part or its rounding would hide it."""
    with pytest.raises(InputError, match=f"{said}: give 0 ms or more") as problem:
        billed_ms(duration_ms, init_ms)
    assert "\n" not in str(problem.value)


def test_a_gb_of_memory_is_1024_mb() -> None:
    assert gb_s(2000.0, 512) == 1.0
    assert gb_s(np.array([1000.0, 500.0]), np.array([1024, 2048])).tolist() == [1.0, 1.0]


@pytest.mark.parametrize(("payload", "units"), [
    (0, 1), (1, 1), (512 * 1024, 1), (512 * 1024 + 1, 2), (4.5 * 1024**2, 9),
])
def test_an_http_api_bills_each_started_512_kb_and_at_least_one(payload: float, units: int) -> None:
    """4.5 MB are 9 units on the pricing page."""
    assert http_units(payload) == units


@given(payloads, payloads)
def test_http_units_count_request_and_response_together(request_bytes: int, response_bytes: int) -> None:
    units = http_units(request_bytes, response_bytes)
    assert (units - 1) * 524_288 < max(request_bytes + response_bytes, 1) <= units * 524_288
    assert http_units(np.array([request_bytes]), np.array([response_bytes])).tolist() == [units]


@pytest.mark.parametrize(("size", "unit", "units"), [(0.0, 64.0, 1), (64.0, 64.0, 1), (64.001, 64.0, 2), (33.0, 32.0, 2),
                                                     (25_000.0, 10_240.0, 3)])
def test_a_size_counts_in_started_units_and_as_one_at_least(size: float, unit: float, units: int) -> None:
    assert started_units(size, unit) == units
    assert list(started_units(np.array([size, size]), unit)) == [units, units]


@pytest.mark.parametrize(("event_kb", "requests"), [(0.0, 1), (256.0, 1), (257.0, 2), (320.0, 2), (1024.0, 13)])
def test_an_asynchronous_event_above_256_kb_counts_one_more_request_a_started_64_kb(event_kb: float, requests: int) -> None:
    assert event_requests(event_kb) == requests


def test_an_express_execution_counts_in_started_100_ms_and_started_64_mb() -> None:
    assert express_gb_s(30_000.0, 64.0) == pytest.approx(1.875)
    assert express_gb_s(101.0, 65.0) == pytest.approx(0.2 * 128 / 1024)


def test_time_counts_in_started_steps() -> None:
    assert started_hours(8.0, 5 / 60) == pytest.approx(8.0)
    assert started_hours(0.01, 5 / 60) == pytest.approx(5 / 60)
    assert started_hours(1.2, 1.0) == 2.0
