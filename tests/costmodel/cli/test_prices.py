from __future__ import annotations

import json

from typer.testing import CliRunner

from costmodel.cli import app
from costmodel.errors import InputError, PriceMissingError


def test_prices_show_each_tier_with_date_and_source() -> None:
    output = CliRunner().invoke(app, ["prices", "show", "--service", "apigateway"], catch_exceptions=False).output
    lines = [line.split() for line in output.splitlines()]
    first = next(number for number, line in enumerate(lines) if "rest_requests" in line)
    assert lines[first][:7] == ["apigateway", "rest_requests", "request", "333,000,000", "0.0000035", "2026-10-01", "high"]
    assert lines[first + 1] == ["1,000,000,000", "0.0000028"]
    assert lines[first + 3] == ["0.00000151"]
    assert not any("lambda" in line for line in lines)


def test_prices_as_json_hold_the_whole_book() -> None:
    shown = json.loads(CliRunner().invoke(app, ["prices", "show", "--json"], catch_exceptions=False).output)
    assert {price["service"] for price in shown} == {"lambda", "apigateway", "cloudwatch", "data_transfer_out"}
    requests = next(price for price in shown if (price["service"], price["item"]) == ("lambda", "requests"))
    assert requests["tiers"] == [{"up_to": None, "usd": 0.0000002}] and requests["region"] == "us-east-1"


def test_an_unknown_service_is_refused_with_the_known_ones() -> None:
    error = CliRunner().invoke(app, ["prices", "show", "--service", "ec2"]).exception
    assert isinstance(error, InputError) and "there are: apigateway, cloudwatch, data_transfer_out, lambda" in str(error)


def test_a_region_without_prices_is_refused() -> None:
    error = CliRunner().invoke(app, ["prices", "show", "--region", "eu-north-9"]).exception
    assert isinstance(error, PriceMissingError)
