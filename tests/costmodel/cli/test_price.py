from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner

from costmodel.activity import Activity, CacheTally, FunctionTally, ProvisionedTally, RouteTally
from costmodel.cli import app
from costmodel.cli.price import bill_document, bill_lines, bill_table
from costmodel.errors import InputError, PriceMissingError
from costmodel.pricing.bill import price
from costmodel.pricing.price_book import PriceBook
from costmodel.pricing.services import meter
from loadgen.errors import RunError

GIB = 1024.0**3
GOLDEN_BILLS = Path(__file__).parents[2] / "golden" / "bills"
MONTHS = {
    "rest_x86_month": Activity("us-east-1", 730.0, (
        RouteTally("rest", "GET /products", requests=400e6, rejected=1e6, response_bytes=700 * GIB),
        RouteTally("rest", "POST /orders", requests=20e6, response_bytes=10 * GIB),
        FunctionTally("Products", "GET /products", "x86_64", 1024, invocations=399e6, gb_s=22e6, init_gb_s=2e5,
                      log_bytes=120 * GIB),
        FunctionTally("Orders", "POST /orders", "x86_64", 512, invocations=20e6, gb_s=1e6, log_bytes=6 * GIB),
    ), "predicted"),
    "http_arm_cheap_month": Activity("us-east-1", 730.0, (
        RouteTally("http", "GET /products", requests=1e6, units=1e6, response_bytes=1.7 * GIB),
        FunctionTally("Products", "GET /products", "arm64", 512, invocations=1e6, gb_s=30_000.0, log_bytes=0.3 * GIB),
    ), "predicted"),
    "rest_cache_provisioned_month": Activity("us-east-1", 730.0, (
        RouteTally("rest", "GET /products", requests=10e6, cache_hits=8e6, response_bytes=17 * GIB),
        FunctionTally("Products", "GET /products", "arm64", 1024, invocations=2e6, gb_s=1e4, provisioned_gb_s=9e4,
                      log_bytes=0.6 * GIB),
        ProvisionedTally("Products", "arm64", gb_s=2 * 730 * 3600.0),
        CacheTally("rest", 0.5, hours=730.0),
    ), "assumed"),
    "measured_run": Activity("us-east-1", 0.01, (
        RouteTally("rest", "GET /products", requests=2652.0, rejected=40.0, response_bytes=4.6e6),
        FunctionTally("Products", "GET /products", "x86_64", 256, invocations=2500.0, throttled=152.0, gb_s=410.25,
                      log_bytes=8e5),
    ), "measured", missing=("3 invocations have no REPORT line: not on the bill",)),
}


@pytest.mark.parametrize("name", MONTHS)
def test_a_bill_as_text_is_the_golden_one(name: str) -> None:
    bill = price(meter(MONTHS[name]), PriceBook.load("us-east-1"))
    printed = io.StringIO()
    Console(file=printed, width=240, highlight=False).print(bill_table(bill))
    lines = [*map(str.rstrip, printed.getvalue().splitlines()), *bill_lines(bill)]
    assert "\n".join(lines) + "\n" == _golden(f"{name}.txt", "\n".join(lines) + "\n")


@pytest.mark.parametrize("name", MONTHS)
def test_a_bill_as_json_is_the_golden_one(name: str) -> None:
    document = bill_document(price(meter(MONTHS[name]), PriceBook.load("us-east-1")))
    text = json.dumps(document, indent=1, default=str) + "\n"
    assert text == _golden(f"{name}.json", text)


@pytest.mark.parametrize("usage", sorted(GOLDEN_BILLS.glob("*.toml")), ids=lambda path: path.stem)
def test_the_bill_of_a_typical_architecture_is_the_golden_one_as_text_and_as_json(usage: Path) -> None:
    text = CliRunner().invoke(app, ["price", str(usage)], catch_exceptions=False).output
    plain = "".join(line.rstrip() + "\n" for line in text.splitlines())
    document = CliRunner().invoke(app, ["price", str(usage), "--json"], catch_exceptions=False).output
    assert (plain, document) == (_golden(f"{usage.stem}.txt", plain), _golden(f"{usage.stem}.json", document))


def test_there_are_ten_typical_architectures() -> None:
    assert len(list(GOLDEN_BILLS.glob("*.toml"))) == 10


def _golden(name: str, text: str) -> str:
    """What the bill was last time. To accept a change: delete the file, run the tests, read the new file."""
    path = GOLDEN_BILLS / name
    if not path.exists():
        path.write_text(text, encoding="utf-8")
        pytest.fail(f"{path} was missing: written, read it")
    return path.read_text(encoding="utf-8")


@pytest.fixture
def run(build_run: Callable[..., Any]) -> Path:
    """A collected run of two requests: 1,000 ms at 1,024 MB arm64 each."""
    seen = build_run()
    for _ in range(2):
        seen.report(seen.request(), billed_ms=1000)
    seen.write()
    path: Path = seen.run.path
    return path


def test_a_run_is_priced_by_component_as_json(run: Path) -> None:
    result = CliRunner().invoke(app, ["price", str(run), "--json"], catch_exceptions=False)
    bill = json.loads(result.output)
    costs = {component["item"]: component["cost"] for component in bill["components"]}
    assert costs["duration_arm64"] == pytest.approx(2 * 0.0000133334)
    assert costs["rest_requests"] == pytest.approx(2 * 0.0000035)
    assert bill["total_usd"] == pytest.approx(sum(costs.values()))
    assert bill["components"][0]["origin"] == "measured" and bill["components"][0]["effective"] == "2026-10-01"
    assert bill["requests"] == 2


def test_a_run_is_priced_by_component_as_a_table_that_is_not_cut(run: Path) -> None:
    output = CliRunner().invoke(app, ["price", str(run)], catch_exceptions=False).output
    assert "…" not in output
    duration = next(line for line in output.splitlines() if "duration_arm64" in line).split()
    assert duration == ["lambda", "duration_arm64", "Products", "GET", "/products", "2", "GB-second", "$0.0000133334",
                        "$0.000027", "measured"]
    assert "missing: the size of the gateway's access log is not recorded" in output


def test_the_free_tier_covers_a_small_run_but_not_the_gateway(run: Path) -> None:
    result = CliRunner().invoke(app, ["price", str(run), "--free-tier", "--json"], catch_exceptions=False)
    assert json.loads(result.output)["total_usd"] == pytest.approx(2 * 0.0000035)


USAGE = """
region = "us-east-1"
month = "30 days"
[F]
kind = "lambda.function"
requests = 2_000_000
[api]
kind = "apigateway.rest"
requests = 2_000_000
"""


def priced(tmp_path: Path, text: str, *options: str) -> str:
    path = tmp_path / "usage.toml"
    path.write_text(text, encoding="utf-8")
    return CliRunner().invoke(app, ["price", str(path), *options], catch_exceptions=False).output


def test_a_usage_file_is_priced_and_the_length_of_its_month_is_printed(tmp_path: Path) -> None:
    output = priced(tmp_path, USAGE)
    assert "us-east-1, 720 h (30 days), 2,000,000 billed requests: $3.70 per million" in output
    assert "as an invoice, each item to the cent: $7.40" in output
    assert "the free tier is not taken off" in output
    assert "the free tier is taken off" in priced(tmp_path, USAGE, "--free-tier")


def test_the_free_tier_of_a_usage_file_and_of_the_first_year(tmp_path: Path) -> None:
    totals = {tier: json.loads(priced(tmp_path, f"free_tier = {tier}\n{USAGE}", "--json"))["total_usd"]
              for tier in ("false", "true", '"first_year"')}
    assert list(totals.values()) == pytest.approx([7.40, 7.20, 3.70])


def test_an_allowance_that_is_used_elsewhere_is_not_taken_off_again(tmp_path: Path) -> None:
    used = "\n[free_tier_used]\nlambda.requests = 400_000\n"
    bill = json.loads(priced(tmp_path, f"free_tier = true{USAGE}{used}", "--json"))
    assert bill["usd_by_service"]["lambda"] == pytest.approx(1.4 * 0.2)


def test_the_kinds_of_a_usage_file_are_listed_with_their_keys() -> None:
    output = CliRunner().invoke(app, ["price", "--kinds"], catch_exceptions=False).output
    keys = [tuple(line.split()[:2]) for line in output.splitlines()]
    assert {("file", "free_tier_used"), ("file", "savings_plan"), ("sqs.queue", "message_kb"), ("ec2.instances", "vcpus")} <= set(keys)


def test_the_keys_of_one_kind_are_listed_with_unit_default_choices_and_meaning() -> None:
    output = CliRunner().invoke(app, ["price", "--kinds", "lambda.edge"], catch_exceptions=False).output
    assert [" ".join(line.split()) for line in output.splitlines()] == [
        "kind key unit if not given choices meaning",
        "lambda.edge requests request required invocations",
        "lambda.edge duration_ms ms required 0 to 30000 duration of each",
        "lambda.edge memory_mb MB the least; 10,240 MB would cost 80 times the GB-seconds 128 to 10240 memory size",
    ]


def test_a_kind_that_there_is_not_and_a_source_that_is_not_given_are_refused() -> None:
    error = CliRunner().invoke(app, ["price", "--kinds", "sqs.que"]).exception
    assert isinstance(error, InputError) and "--kinds sqs.que: no such kind (did you mean sqs.queue?)" in str(error)
    error = CliRunner().invoke(app, ["price"]).exception
    assert isinstance(error, InputError) and "RUN|USAGE|TEMPLATE: missing: give a run" in str(error)


def test_a_usage_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    error = CliRunner().invoke(app, ["price", str(tmp_path / "none.toml")]).exception
    assert isinstance(error, InputError) and "none.toml: no such file" in str(error)


def test_a_price_that_nobody_could_source_is_told(tmp_path: Path) -> None:
    output = priced(tmp_path, 'region = "us-east-1"\n[E]\nkind = "ec2.instances"\ninstance_type = "t3.small"\ninstances = 1')
    assert "to be verified, low confidence: ec2 t3.small" in output


def test_an_allowance_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "usage.toml"
    path.write_text(f"{USAGE}[free_tier_used]\nwaf.requests = 4\n")
    error = CliRunner().invoke(app, ["price", str(path)]).exception
    assert isinstance(error, InputError) and "free_tier_used: waf.requests: nothing of it is free" in str(error)


def test_a_region_without_prices_is_refused(run: Path) -> None:
    result = CliRunner().invoke(app, ["price", str(run), "--region", "eu-north-9"])
    assert isinstance(result.exception, PriceMissingError) and "eu-north-9" in str(result.exception)


def test_a_folder_without_a_run_is_refused(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["price", str(tmp_path)])
    assert isinstance(result.exception, RunError)
