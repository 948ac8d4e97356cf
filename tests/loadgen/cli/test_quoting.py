"""What stands between a verb and the first request on AWS."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
import typer

from loadgen.cli.quoting import confirm_cost, confirm_reading
from loadgen.configuration import Configuration
from loadgen.errors import InputError
from loadgen.runner import ScenarioDescription
from loadgen.target import Target

SCENARIO = ScenarioDescription({}, {"GET /products": 1.0}, expected=1000.0, duration_s=10.0)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def on_aws(api_target: Target) -> Target:
    return replace(api_target, endpoint_url=None)


def test_another_endpoint_than_aws_is_free_and_nothing_is_asked(
        api_target: Target, api_configuration: Configuration, capsys: pytest.CaptureFixture[str]) -> None:
    elsewhere = replace(api_target, endpoint_url="http://127.0.0.1:9")
    confirm_cost(elsewhere, [api_configuration], SCENARIO, yes=False)
    assert capsys.readouterr().err == ""


def test_yes_prints_the_quote_and_goes_on(on_aws: Target, api_configuration: Configuration,
                                          capsys: pytest.CaptureFixture[str]) -> None:
    confirm_cost(on_aws, [api_configuration], SCENARIO, yes=True)
    assert capsys.readouterr().err.startswith("quote     about 1,000 requests on AWS: about $0.0")


def test_where_nobody_can_answer_nothing_is_sent(on_aws: Target, api_configuration: Configuration) -> None:
    with pytest.raises(InputError, match="--yes: not given"):
        confirm_cost(on_aws, [api_configuration], SCENARIO, yes=False)


@pytest.mark.parametrize("answer", [True, False])
def test_at_a_terminal_the_answer_decides(on_aws: Target, api_configuration: Configuration, answer: bool,
                                          monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", Terminal("y\n" if answer else "n\n"))
    if answer:
        confirm_cost(on_aws, [api_configuration], SCENARIO, yes=False)
    else:
        with pytest.raises(typer.Abort):
            confirm_cost(on_aws, [api_configuration], SCENARIO, yes=False)


def test_a_region_without_prices_has_no_quote_and_never_another_regions(
        on_aws: Target, api_configuration: Configuration, capsys: pytest.CaptureFixture[str]) -> None:
    confirm_cost(replace(on_aws, region="xx-nowhere-1"), [api_configuration], SCENARIO, yes=True)
    told = capsys.readouterr().err
    assert told.startswith("quote     no quote: ") and "xx-nowhere-1" in told and "$" not in told


def test_a_reading_of_metrics_is_quoted_by_the_metric(on_aws: Target, capsys: pytest.CaptureFixture[str]) -> None:
    confirm_reading(on_aws, 2500, yes=True)
    assert capsys.readouterr().err.startswith("quote     2,500 metrics of CloudWatch (GetMetricData): $0.0250;")
    with pytest.raises(InputError, match="--yes: not given"):
        confirm_reading(on_aws, 2500, yes=False)
    confirm_reading(replace(on_aws, endpoint_url="http://127.0.0.1:9"), 2500, yes=False)
    assert capsys.readouterr().err.count("quote") == 1
