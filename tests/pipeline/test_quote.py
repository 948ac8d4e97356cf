"""What a run was quoted at beside what it then cost."""

from __future__ import annotations

import math
from types import SimpleNamespace

import pytest

from costmodel.activity import FunctionTally, RouteTally, observed
from costmodel.planning import quote as quoting
from costmodel.pricing.bill import price
from costmodel.pricing.price_book import PriceBook
from costmodel.pricing.services import meter
from loadgen.runner import describe_scenario

BOOK = PriceBook.load("us-east-1")


@pytest.mark.parametrize("position", [0, 3])
def test_a_run_costs_less_than_its_ceiling_and_what_was_quoted_for_its_own_durations(
        readme: SimpleNamespace, position: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the measured durations, logs and responses in place of the assumed ones, the quote is the bill."""
    run = readme.runs[position]
    intent = run.intent
    activity = observed(run)
    bill = price(meter(activity), BOOK)
    routes, functions = list(activity.of(RouteTally)), list(activity.of(FunctionTally))
    sent, invoked = sum(each.requests for each in routes), sum(each.invocations for each in functions)
    scenario = describe_scenario(readme.place / "scenarios/spike.py")

    quoted = quoting.quote(intent.target.deployment, [intent.configuration], scenario.routes, scenario.expected, BOOK)
    assert abs(sent - quoted.requests) < 4 * math.sqrt(quoted.requests)
    assert bill.total < quoted.ceiling

    memory_mb = functions[0].memory_mb
    gb_s = sum(each.gb_s for each in functions)
    monkeypatch.setattr(quoting, "ASSUMED_MS", gb_s / invoked * 1000 * 1024 / memory_mb)
    monkeypatch.setattr(quoting, "LOG_BYTES", sum(each.log_bytes for each in functions) / invoked)
    monkeypatch.setattr(quoting, "RESPONSE_BYTES", sum(each.response_bytes for each in routes) / sent)
    informed = quoting.quote(intent.target.deployment, [intent.configuration], scenario.routes, sent, BOOK)
    assert float(informed.expected) == pytest.approx(float(bill.total), rel=0.02)
