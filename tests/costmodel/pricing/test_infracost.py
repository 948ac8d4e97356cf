from __future__ import annotations

from pathlib import Path

import pytest

from costmodel.activity import Activity, FunctionTally, ProvisionedTally, RouteTally
from costmodel.errors import InputError
from costmodel.pricing.bill import price
from costmodel.pricing.infracost import infracost_usage, read_infracost, write_infracost
from costmodel.pricing.price_book import PriceBook
from costmodel.pricing.services import meter

GIB = 1024.0**3
BOOK = PriceBook.load("us-east-1")
DAY = Activity("us-east-1", 7.3, (
    RouteTally("http", "GET /a", 1000.0, units=2000.0, response_bytes=GIB / 100),
    RouteTally("rest", "GET /b", 3000.0),
    FunctionTally("My.Function", "GET /a", "x86_64", 512, 900.0, gb_s=900 * 0.0612 * 0.5, log_bytes=GIB / 100),
    FunctionTally("My.Function", "GET /b", "x86_64", 512, 100.0, gb_s=100 * 0.0612 * 0.5),
    ProvisionedTally("My.Function", "x86_64", 1.0)), "measured")


def usage(text: str, path: Path) -> Path:
    file = path / "usage.yml"
    file.write_text(text, encoding="utf-8")
    return file


def test_measured_usage_is_written_as_a_month() -> None:
    resources = infracost_usage(DAY)["resource_usage"]
    assert resources["aws_lambda_function.My_Function"] == {"monthly_requests": 100_000, "request_duration_ms": 62}
    assert resources["aws_apigatewayv2_api.http_api"] == {"monthly_requests": 100_000, "average_request_size": 1024}
    assert resources["aws_api_gateway_rest_api.rest_api"] == {"monthly_requests": 300_000}
    assert resources["aws_cloudwatch_log_group.My_Function"]["monthly_data_ingested_gb"] == pytest.approx(1.0)
    assert resources["aws_data_transfer.internet"]["region"] == "us-east-1"
    assert resources["aws_data_transfer.internet"]["monthly_outbound_internet_gb"] == pytest.approx(1.0)
    assert resources["aws_lambda_provisioned_concurrency_config.My_Function"]["monthly_duration_hours"] == 730


def test_what_was_written_reads_back_to_the_same_bill(tmp_path: Path) -> None:
    """To whole milliseconds and requests, as Infracost takes them; here they are whole."""
    month = Activity("us-east-1", 730.0, (
        RouteTally("http", "GET /", 1e6, units=1e6, response_bytes=10 * GIB), RouteTally("rest", "GET /", 2e6),
        FunctionTally("F", "GET /", "x86_64", 512, 3e6, gb_s=3e6 * 0.08 * 0.5, log_bytes=2 * GIB)), "measured")
    write_infracost(month, tmp_path / "usage.yml")
    back = read_infracost(tmp_path / "usage.yml", "us-east-1", memory_mb=512)
    assert float(price(meter(back), BOOK).total) == pytest.approx(float(price(meter(month), BOOK).total), rel=1e-12)


def test_the_published_form_is_read(tmp_path: Path) -> None:
    """100 M requests at 512 KB each are one unit each."""
    file = usage("""
version: 0.1
resource_usage:
  aws_lambda_function.f: {monthly_requests: 3000000, request_duration_ms: 119.2}
  aws_apigatewayv2_api.a: {monthly_requests: 100000000, average_request_size: 512}
""", tmp_path)
    bill = price(meter(read_infracost(file, "us-east-1", memory_mb={"f": 1536})), BOOK)
    assert float(bill.by("resource")["f"]) == pytest.approx(0.60 + 540_000 * 0.0000166667)
    assert float(bill.by("resource")["a"]) == pytest.approx(100.0)


def test_what_is_not_read_is_named(tmp_path: Path) -> None:
    file = usage("""
resource_usage:
  aws_s3_bucket.b: {standard: {storage_gb: 10}}
  aws_apigatewayv2_api.a: {monthly_requests: 1, monthly_messages: 5}
""", tmp_path)
    assert read_infracost(file, "us-east-1").missing == (
        "aws_s3_bucket.b: not read from Infracost files: not on the bill",
        "aws_apigatewayv2_api.a: monthly_messages is not read from Infracost files: not on the bill")


@pytest.mark.parametrize(("text", "message"), [
    ("resource_usage: {aws_lambda_function.f: {monthly_requests: 1}}", r"aws_lambda_function\.f: its memory .*--memory f=MB"),
    ("resource_usage: {aws_lambda_function.f: {monthly_requests: -1}}", "monthly_requests = -1: give a number of 0 or more"),
    ("resource_usage: {aws_lambda_function.f: {monthly_requests: many}}", "monthly_requests = 'many'"),
    ("resource_usage: {aws_lambda_function.f: {monthly_requests: .nan}}", "monthly_requests = nan"),
    ("version: 0.1", "resource_usage: no such table"), ("resource_usage: {a: 1}", "resource_usage: no such table"),
    ("a: [", "not readable as YAML"),
])
def test_what_cannot_be_read_is_refused_in_one_line(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=message) as raised:
        read_infracost(usage(text, tmp_path), "us-east-1")
    assert "\n" not in str(raised.value)
