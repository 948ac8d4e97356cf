"""Published examples, to the cent, as a user would try them: a usage file and `costmodel price`."""

from __future__ import annotations

import json
import tomllib
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from costmodel.cli import app
from costmodel.metering import billed_ms

CENT = Decimal("0.01")
EXAMPLES: list[dict[str, Any]] = tomllib.loads(
    (Path(__file__).parent / "data" / "worked_examples.toml").read_text(encoding="utf-8"))["example"]
PRICED = [example for example in EXAMPLES if "refused" not in example]
REFUSED = [example for example in EXAMPLES if "refused" in example]


def total(example: dict[str, Any], folder: Path) -> Decimal:
    result = CliRunner().invoke(app, ["price", str(written(example, folder)), "--json"], catch_exceptions=False)
    return Decimal(str(json.loads(result.output)["invoice_total_usd"]))


def written(example: dict[str, Any], folder: Path) -> Path:
    path = folder / f"{example['id']}.toml"
    path.write_text(example["usage"], encoding="utf-8")
    return path


@pytest.mark.parametrize("example", PRICED, ids=lambda example: example["id"])
def test_a_published_example_comes_out_to_the_cent(example: dict[str, Any], tmp_path: Path) -> None:
    """Where the page has a rule of its own (`rule`), our total is the one that its inputs cost without that rule."""
    expected = Decimal(example.get("ours_usd", example["published_usd"]))
    assert total(example, tmp_path) == expected.quantize(CENT, ROUND_HALF_UP), (
        f"{example['source']}: published {example['published_usd']}; {example.get('rule', '')}")


@pytest.mark.parametrize("example", REFUSED, ids=lambda example: example["id"])
def test_what_the_price_book_lacks_is_refused_by_name(example: dict[str, Any], tmp_path: Path) -> None:
    error = CliRunner().invoke(app, ["price", str(written(example, tmp_path))]).exception
    assert example["refused"] in str(error) and "\n" not in str(error)


@pytest.mark.parametrize(("name", "by_its_rule"), [
    ("apigw_rest_2", Decimal("36353.10") + Decimal("57220.46") * Decimal("0.09")),
    ("lambda_managed_instances", 20 + 2000 * Decimal("0.0457") + 2000 * Decimal("0.1632") * Decimal("0.15")),
    ("lambda_old_1", 1_100_000 * Decimal("0.00001667") + 2 * Decimal("0.20")),
    ("sfn_express_100m", 100 + 60 + 120 + (Decimal(62_500_000) / 3600 - 5000) * Decimal("0.01642")),
    ("lambda_8gb_x86", Decimal(70_400) * Decimal("0.06") - Decimal("6.67")),
])
def test_the_published_total_follows_from_the_page_s_own_rule(name: str, by_its_rule: Decimal) -> None:
    example = next(example for example in PRICED if example["id"] == name)
    assert example["rule"] and by_its_rule.quantize(CENT, ROUND_HALF_UP) == Decimal(example["published_usd"])
    assert example["published_usd"] != example["ours_usd"]


def test_the_published_example_of_init_billing_is_billed_as_published() -> None:
    """AWS Compute blog, 2025-04-29: 250.06 ms and 100.77 ms of INIT were billed as 251 ms, and are as 351 ms."""
    assert billed_ms(250.06, 100.77) == 351
    assert billed_ms(250.06, 100.77, on=date(2025, 7, 31)) == 251
