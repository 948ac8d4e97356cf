from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadgen.errors import InputError
from loadgen.slo import LATENCIES, SHARES, SLO, Threshold

milliseconds = st.integers(1, 10_000_000).map(lambda n: n / 100)
shares = st.integers(0, 100_000).map(lambda n: n / 100_000)
routes = st.sampled_from([None, "GET /products", "GET /products/{id}", "POST /orders", "GET /a:b"])
operators = st.sampled_from(["<", "<="])
thresholds = st.one_of(
    st.builds(Threshold, st.sampled_from(LATENCIES), operators, milliseconds, routes),
    st.builds(Threshold, st.sampled_from(SHARES), operators, shares, routes))


@given(st.lists(thresholds, min_size=1, max_size=5).map(lambda listed: SLO(tuple(listed))))
def test_the_text_of_an_slo_parses_to_the_same(slo: SLO) -> None:
    assert SLO.parse(str(slo)) == slo


def test_each_threshold_has_its_own_unit_and_route() -> None:
    assert SLO.parse("p95 < 300 ms, errors < 1 %, GET /products: p99 <= 1.5s").thresholds == (
        Threshold("p95", "<", 300.0), Threshold("errors", "<", 0.01), Threshold("p99", "<=", 1500.0, "GET /products"))


@pytest.mark.parametrize(("spelling", "same"), [
    ("p(95)<300", "p95 < 300 ms"), ("p(99.9)<1s", "p99.9 < 1000 ms"), ("avg<200", "mean < 200 ms"),
    ("med<100", "p50 < 100 ms"), ("errors<0.01", "errors < 1 %"), ("cold <= 2%", "cold <= 2 %")])
def test_other_spellings_are_understood(spelling: str, same: str) -> None:
    assert SLO.parse(spelling) == SLO.parse(same)
    assert str(SLO.parse(spelling)) == same


@pytest.mark.parametrize(("text", "said"), [
    ("", "no threshold in it"), (" , ", "no threshold in it"), ("p95 300", "not understood"),
    ("p77 < 300 ms", "p77: no such metric (there are: p50,"), ("p95 > 300 ms", "write < or <="),
    ("errors < 1", "write 1 % or a share below 1"), ("errors < 5 ms", "errors is a share: write 1 % or 0.01"),
    ("errors < 120 %", "at most 100 %"), ("p95 < 2 min", "a latency is in ms or s"), ("p95 < 1 %", "a latency is in ms or s"),
    ("p95 < 300 ms p99 < 1 s", "a latency is in ms or s"), ("p95 < -3 ms", "not understood")])
def test_what_is_wrong_is_said_in_one_line_with_the_way_out(text: str, said: str) -> None:
    with pytest.raises(InputError) as raised:
        SLO.parse(text)
    assert str(raised.value).startswith("slo = ")
    assert "\n" not in str(raised.value)
    if said not in str(raised.value):
        assert "write it like" in str(raised.value)


def test_a_miss_says_the_limit_and_the_value_and_unknown_is_a_miss() -> None:
    slo = SLO.parse("p95 < 300 ms, errors < 1 %, GET /products: p99 < 1 s, cold < 5 %")
    values = {("p95", None): 312.3456, ("errors", None): 0.004, ("p99", "GET /products"): None, ("cold", None): 0.071}
    assert slo.misses(lambda metric, route: values[metric, route]) == (
        "p95 < 300 ms: 312.3 ms", "GET /products: p99 < 1000 ms: unknown", "cold < 5 %: 7.1 %")
    assert slo.misses(lambda metric, route: float("nan"))[0] == "p95 < 300 ms: unknown"


@given(thresholds, st.floats(0, 1e6))
def test_a_threshold_misses_what_does_not_hold_and_nothing_else(threshold: Threshold, value: float) -> None:
    misses = SLO((threshold,)).misses(lambda metric, route: value)
    below = value < threshold.limit
    assert bool(misses) is not (below or (threshold.op == "<=" and value == threshold.limit))
