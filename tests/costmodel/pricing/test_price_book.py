from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest

from costmodel.errors import InputError, PriceMissingError
from costmodel.pricing.price_book import PRICES, Price, PriceBook, regions

BOOK = PriceBook.load("us-east-1")
BOOK_FILES = (*(PRICES / "regions").glob("*.json"), PRICES / "global.json")


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
def test_tiers_ascend_and_get_no_dearer_and_only_a_last_one_that_says_so_has_an_end(price: Price) -> None:
    ends = [tier.up_to for tier in price.tiers]
    assert None not in ends[:-1] and ends[:-1] == sorted(set(ends[:-1]))
    assert (price.known_to is None) is ("only the first tier" not in price.note)
    prices = [tier.usd for tier in price.tiers[price.tiers[0].usd == 0 and len(price.tiers) > 1:]]
    assert prices == sorted(prices, reverse=True) and prices[-1] >= 0
    assert price.sources


def test_every_region_loads_and_the_global_services_are_in_each() -> None:
    books = [PriceBook.load(region) for region in regions()]
    assert len(books) == 37
    assert all(book.price("cloudfront", "https_requests").tiers[0].usd == Decimal("0.000001") for book in books)


def test_regions_differ_and_none_borrows_from_another() -> None:
    ireland, cape_town = PriceBook.load("eu-west-1"), PriceBook.load("af-south-1")
    assert ireland.price("apigateway", "rest_requests").tiers[1].usd == Decimal("0.00000319")
    assert cape_town.price("lambda", "requests").tiers[0].usd == Decimal("2.7e-7")
    with pytest.raises(PriceMissingError, match=r"apigateway rest_requests: .* af-south-1; to add it: .*prices refresh"):
        cape_town.price("apigateway", "rest_requests")


def test_a_price_that_is_a_fraction_of_another_follows_it() -> None:
    instance, fee = BOOK.price("ec2", "m7g.xlarge"), BOOK.price("lambda", "managed_instances_fee_m7g.xlarge")
    assert fee.tiers[0].usd == instance.tiers[0].usd * Decimal("0.15") and fee.unit == instance.unit


def test_what_is_free_only_in_the_first_year_is_apart() -> None:
    assert not any(allowance.service == "apigateway" for allowance in BOOK.allowances)
    assert any(allowance.service == "apigateway" for allowance in BOOK.in_first_year().allowances)


def test_every_source_key_in_a_file_is_in_the_table_of_sources_and_every_source_is_used() -> None:
    known = set(json.loads((PRICES / "sources.json").read_text())["sources"])
    used = {key for allowance in json.loads((PRICES / "free_tier.json").read_text())["allowances"]
            for key in allowance["sources"]}
    for path in BOOK_FILES:
        data = json.loads(path.read_text())
        entries = [entry for items in data["services"].values() for entry in items.values()]
        used |= {key for entry in (*entries, *data.get("savings_plans", ()), *data.get("fractions", ()))
                 for key in entry["sources"]}
    assert used == known


def test_the_effective_day_is_that_of_the_first_source() -> None:
    as_of = {key: source["as_of"] for key, source in json.loads((PRICES / "sources.json").read_text())["sources"].items()}
    for path in BOOK_FILES:
        services = json.loads(path.read_text())["services"]
        entries = [entry for items in services.values() for entry in items.values()]
        assert [entry["effective"] for entry in entries] == [as_of[entry["sources"][0]] for entry in entries]


def test_a_free_allowance_names_items_that_have_a_price() -> None:
    assert all(BOOK.price(allowance.service, item) for allowance in BOOK.in_first_year().allowances for item in allowance.items)


def test_a_region_without_prices_is_refused_in_one_line_that_says_what_there_is() -> None:
    with pytest.raises(PriceMissingError) as error:
        PriceBook.load("eu-north-9")
    line = str(error.value)
    assert line.startswith("region 'eu-north-9': the price book has no prices for it (there is: af-south-1, ")
    assert "another Region's are never used; to add it: costmodel prices refresh" in line and "\n" not in line
    assert error.value.__dict__["region"] == "eu-north-9"


def test_a_region_name_is_no_path() -> None:
    with pytest.raises(PriceMissingError):
        PriceBook.load("../sources")


def test_a_missing_item_is_refused_by_service_item_and_region() -> None:
    with pytest.raises(PriceMissingError, match=r"lambda windows: .* no price for it in us-east-1"):
        BOOK.price("lambda", "windows")


def test_a_file_of_another_version_is_refused(tmp_path: Path) -> None:
    (tmp_path / "regions").mkdir()
    (tmp_path / "regions" / "us-east-1.json").write_text('{"schema_version": 9, "services": {}}')
    (tmp_path / "sources.json").write_text('{"schema_version": 1, "sources": {}}')
    with pytest.raises(InputError, match="schema_version = 9"):
        PriceBook.load("us-east-1", tmp_path)
