from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from costmodel.cli import app
from costmodel.errors import InputError, PriceMissingError
from costmodel.pricing.price_book import PriceBook


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
    assert {"lambda", "apigateway", "cloudwatch", "cloudfront", "dynamodb"} <= {price["service"] for price in shown}
    assert len(shown) == len(PriceBook.load("us-east-1").prices)
    requests = next(price for price in shown if (price["service"], price["item"]) == ("lambda", "requests"))
    assert requests["tiers"] == [{"up_to": None, "usd": 0.0000002}] and requests["region"] == "us-east-1"


def test_an_unknown_service_is_refused_with_the_known_ones() -> None:
    error = CliRunner().invoke(app, ["prices", "show", "--service", "ec3"]).exception
    assert isinstance(error, InputError) and "there are: alb, apigateway, cloudfront, " in str(error)


def test_a_region_without_prices_is_refused() -> None:
    error = CliRunner().invoke(app, ["prices", "show", "--region", "eu-north-9"]).exception
    assert isinstance(error, PriceMissingError)


def offer_file(folder: Path, usd: str = "0.0000003") -> Path:
    """A bulk offer file with one product, Lambda's requests."""
    term = {"offerTermCode": "JRTCKXETXF", "effectiveDate": "2026-11-01T00:00:00Z", "priceDimensions": {
        "A.J.1": {"beginRange": "0", "endRange": "Inf", "pricePerUnit": {"USD": usd}}}}
    document = {
        "offerCode": "AWSLambda", "publicationDate": "2026-11-02T00:00:00Z", "terms": {"OnDemand": {"A": {"A.J": term}}},
        "products": {"A": {"sku": "A", "attributes": {"usagetype": "Request", "regionCode": "us-east-1"}}}}
    path = folder / "offer.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


def test_diff_shows_what_a_price_list_states_otherwise_and_refresh_writes_it(tmp_path: Path) -> None:
    offer, book = str(offer_file(tmp_path)), tmp_path / "book"
    shown = CliRunner().invoke(app, ["prices", "diff", offer], catch_exceptions=False).output
    assert "lambda   requests  0.0000002  0.0000003  2026-11-01" in shown
    written = CliRunner().invoke(app, ["prices", "refresh", offer, "--into", str(book)], catch_exceptions=False).output
    assert written == shown
    again = CliRunner().invoke(app, ["prices", "diff", offer, "--prices", str(book)], catch_exceptions=False).output
    assert again == "no price differs\n"
    listed = CliRunner().invoke(app, ["prices", "show", "--prices", str(book), "--service", "lambda"]).output
    assert "AWS Price List, published 2026-11-02" in listed


def test_a_second_refresh_tells_what_changed_since_the_first(tmp_path: Path) -> None:
    book = str(tmp_path / "book")
    CliRunner().invoke(app, ["prices", "refresh", str(offer_file(tmp_path)), "--into", book], catch_exceptions=False)
    output = CliRunner().invoke(app, ["prices", "refresh", str(offer_file(tmp_path, "0.0000004")), "--into", book, "--json"],
                                catch_exceptions=False).output
    (change,) = json.loads(output)
    assert change["before"] == [{"up_to": None, "usd": 0.0000003}] and change["after"][0]["usd"] == 0.0000004


def test_a_usage_is_priced_with_a_refreshed_book(tmp_path: Path) -> None:
    book, usage = str(tmp_path / "book"), tmp_path / "usage.toml"
    CliRunner().invoke(app, ["prices", "refresh", str(offer_file(tmp_path)), "--into", book], catch_exceptions=False)
    usage.write_text('region = "us-east-1"\n[F]\nkind = "lambda.function"\nrequests = 1e6\n')
    output = CliRunner().invoke(app, ["price", str(usage), "--prices", book, "--json"], catch_exceptions=False).output
    assert json.loads(output)["total_usd"] == 0.3


@pytest.mark.parametrize("text", ["{", "[]", '{"products": 3}'])
def test_a_file_that_is_no_price_list_is_refused_in_one_line_with_its_name(tmp_path: Path, text: str) -> None:
    path = tmp_path / "offer.json"
    path.write_text(text)
    error = CliRunner().invoke(app, ["prices", "diff", str(path)]).exception
    assert isinstance(error, InputError) and str(error).startswith(f"{path}: ") and "\n" not in str(error)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    error = CliRunner().invoke(app, ["prices", "diff", str(tmp_path / "none.json")]).exception
    assert isinstance(error, InputError) and "not readable" in str(error)


def test_the_price_list_api_is_asked_for_the_offer_and_the_region(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, Any] = {}

    class Client:
        def get_paginator(self, operation: str) -> Client:
            asked["operation"] = operation
            return self

        def paginate(self, **request: Any) -> list[Any]:
            asked.update(request)
            return [json.loads(offer_file(tmp_path).read_text())]

    monkeypatch.setattr("boto3.client", lambda service, region_name: Client())
    output = CliRunner().invoke(app, ["prices", "diff", "api:AWSLambda"], catch_exceptions=False).output
    assert "0.0000002  0.0000003" in output
    assert asked["operation"] == "get_products" and asked["ServiceCode"] == "AWSLambda"
    assert asked["Filters"] == [{"Type": "TERM_MATCH", "Field": "regionCode", "Value": "us-east-1"}]
