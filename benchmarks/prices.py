"""How many configurations are metered and priced a second on one core, beside the Decimal bill in the same run.

    python benchmarks/prices.py [--json]

A configuration is a month of three functions behind four routes with provisioned concurrency and a cache: each quantity
is an array over the grid, as a prediction gives it. `stack_per_s` is the way there from single activities. The best of
three; the totals must agree to 1e-9.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import time
from collections.abc import Callable

import numpy as np
from figures import print_figures

from costmodel.activity import Activity, CacheTally, FunctionTally, ProvisionedTally, RouteTally, Tally
from costmodel.pricing.bill import price
from costmodel.pricing.bulk import price_bulk, stacked
from costmodel.pricing.price_book import PriceBook
from costmodel.pricing.services import meter

CONFIGURATIONS = 20_000
SINGLES = 200
BOOK = PriceBook.load("us-east-1")


def measure() -> dict[str, float]:
    grid = month(np.random.default_rng(1).lognormal(18, 2, CONFIGURATIONS))
    singles = [month(float(requests)) for requests in np.random.default_rng(1).lognormal(18, 2, CONFIGURATIONS)[:SINGLES]]
    bulk_s = best_s(lambda: price_bulk(meter(grid), BOOK).total)
    decimal_s = best_s(lambda: [price(meter(single), BOOK).total for single in singles])
    stack_s = best_s(lambda: stacked(singles))
    exact = [float(price(meter(single), BOOK).total) for single in singles]
    error = np.max(np.abs(price_bulk(meter(grid), BOOK).total[:SINGLES] / exact - 1))
    assert error < 1e-9, error
    bills_per_s, decimal_per_s = CONFIGURATIONS / bulk_s, SINGLES / decimal_s
    return {"bills_per_s": bills_per_s, "decimal_bills_per_s": decimal_per_s, "ratio": bills_per_s / decimal_per_s,
            "stack_per_s": SINGLES / stack_s, "largest_relative_error": float(error)}


def month(requests: float | np.ndarray) -> Activity:
    """A month of so many requests a route: 12 KB answers, 100 ms at 1 GB, a tenth of it provisioned."""
    tallies: list[Tally] = [CacheTally("rest", 0.5, hours=730.0)]
    for number, route in enumerate(("GET /", "GET /{id}", "POST /", "GET /reports")):
        function = f"F{number % 3}"
        tallies += [
            RouteTally("rest", route, requests, response_bytes=requests * 12e3),
            FunctionTally(function, route, "arm64" if number % 2 else "x86_64", 1024, requests, gb_s=requests * 0.1,
                          provisioned_gb_s=requests * 0.01, log_bytes=requests * 300)]
    tallies += [ProvisionedTally(f"F{number}", "x86_64", 2.6e6) for number in range(3)]
    return Activity("us-east-1", 730.0, tuple(tallies), "predicted")


def best_s(work: Callable[[], object]) -> float:
    return min(seconds(work) for _ in range(3))


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


if __name__ == "__main__":
    print_figures(__doc__, measure)
