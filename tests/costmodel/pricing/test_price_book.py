from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest

from costmodel.errors import InputError, PriceMissingError
from costmodel.pricing.price_book import PRICES, Price, PriceBook, regions

BOOK = PriceBook.load("us-east-1")


def test_a_price_has_unit_tiers_source_date_and_confidence() -> None:
    price = BOOK.price("lambda", "duration_x86_64")
    assert price.unit == "GB-second"
    assert [(tier.up_to, str(tier.usd)) for tier in price.tiers] == [
        (6_000_000_000, "0.0000166667"), (15_000_000_000, "0.000015"), (None, "0.0000133334")]
    assert price.sources[0].startswith("AWS Price List")
    assert price.effective is not None and price.effective.isoformat() == "2026-09-01"
    assert price.confidence == "high"


def test_prices_are_decimal_from_the_file_on() -> None:
    assert str(BOOK.price("apigateway", "http_requests").tiers[1].usd) == "9E-7"
    assert all(isinstance(tier.usd, Decimal) for price in BOOK.prices.values() for tier in price.tiers)


def test_a_price_that_nobody_dated_has_no_date() -> None:
    price = BOOK.price("apigateway", "cache_28.4_gb")
    assert price.effective is None and price.confidence == "medium" and "undated" in price.note


@pytest.mark.parametrize("price", BOOK.prices.values(), ids=lambda price: f"{price.service}.{price.item}")
def test_tiers_ascend_to_one_without_end_and_get_no_dearer(price: Price) -> None:
    ends = [tier.up_to for tier in price.tiers]
    assert ends[-1] is None and None not in ends[:-1]
    assert ends[:-1] == sorted(set(ends[:-1]))
    prices = [tier.usd for tier in price.tiers]
    assert prices == sorted(prices, reverse=True) and prices[-1] >= 0
    assert price.sources


def test_every_source_key_in_a_file_is_in_the_table_of_sources_and_every_source_is_used() -> None:
    known = set(json.loads((PRICES / "sources.json").read_text())["sources"])
    used = {key for allowance in json.loads((PRICES / "free_tier.json").read_text())["allowances"]
            for key in allowance["sources"]}
    for region in regions():
        services = json.loads((PRICES / "regions" / f"{region}.json").read_text())["services"]
        used |= {key for items in services.values() for entry in items.values() for key in entry["sources"]}
    assert used == known


def test_the_effective_day_is_that_of_the_first_source() -> None:
    as_of = {key: source["as_of"] for key, source in json.loads((PRICES / "sources.json").read_text())["sources"].items()}
    for region in regions():
        services = json.loads((PRICES / "regions" / f"{region}.json").read_text())["services"]
        entries = [entry for items in services.values() for entry in items.values()]
        assert [entry["effective"] for entry in entries] == [as_of[entry["sources"][0]] for entry in entries]


def test_a_free_allowance_names_items_that_have_a_price() -> None:
    assert all(BOOK.price(allowance.service, item) for allowance in BOOK.allowances for item in allowance.items)


def test_a_region_without_prices_is_refused_in_one_line_that_says_what_there_is() -> None:
    with pytest.raises(PriceMissingError) as error:
        PriceBook.load("eu-north-9")
    assert str(error.value) == ("region 'eu-north-9': the price book has no prices for it (there is: us-east-1); "
                                "another Region's are never used")
    assert error.value.__dict__["region"] == "eu-north-9"


def test_a_region_name_is_no_path() -> None:
    with pytest.raises(PriceMissingError):
        PriceBook.load("../sources")


def test_a_missing_item_is_refused_by_service_item_and_region() -> None:
    with pytest.raises(PriceMissingError, match=r"lambda snapstart_cache: .* no price for it in us-east-1"):
        BOOK.price("lambda", "snapstart_cache")


def test_a_file_of_another_version_is_refused(tmp_path: Path) -> None:
    (tmp_path / "regions").mkdir()
    (tmp_path / "regions" / "us-east-1.json").write_text('{"schema_version": 9, "services": {}}')
    (tmp_path / "sources.json").write_text('{"schema_version": 1, "sources": {}}')
    with pytest.raises(InputError, match="schema_version = 9"):
        PriceBook.load("us-east-1", tmp_path)
