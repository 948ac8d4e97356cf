"""AWS's price documents as entries of the price book: bulk offer files, and answers of the Price List Query API.

    bulk file     {offerCode, publicationDate, products: {sku: {sku, attributes}}, terms: {OnDemand: {sku: {…: term}}}}
    get_products  {PriceList: [document, …]}: {product, serviceCode, terms, publicationDate} each, as JSON text or object
    term          {offerTermCode, effectiveDate, priceDimensions: {…: {beginRange, endRange, pricePerUnit: {USD}}}}

A product is recognised by its usage type alone, exactly, without the Region's prefix (`EUC1-`, `EU-`, none in some
offers of us-east-1): groups and units are not stable enough. Where both sides name an operation it has to agree too
(Linux among the operating systems of an instance). `usage_types` says which item each one is. A first
tier at 0 USD is the free tier: it is no price, the book keeps allowances apart.
Ranges and prices are texts; dimensions come in any order. Source: AWS Price List API user guide.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from costmodel.errors import InputError
from costmodel.pricing.bill import Key
from costmodel.pricing.price_book import PRICES, PriceBook, Tier
from costmodel.pricing.usage_types import HOME, NamedItem, items_named, split_usage_type
from loadgen.schema import read_json, write_json

FREE_TIER_TERM = "A429C66SYZ"
SOURCE_KEY = "REFRESHED"


@dataclass(frozen=True)
class Offer:
    """The price of one item in one Region as AWS publishes it."""

    service: str
    item: str
    tiers: tuple[Tier, ...]
    effective: date
    published: str


@dataclass(frozen=True)
class Change:
    """An item whose tiers a price list states otherwise than a book; `before` is empty for a new item."""

    service: str
    item: str
    before: tuple[Tier, ...]
    after: tuple[Tier, ...]
    effective: date


def read_offers(documents: Iterable[Any], region: str) -> list[Offer]:
    """The offers of a Region that the book has items for. Raises InputError for what is no price document."""
    best: dict[Key, tuple[int, Offer]] = {}
    try:
        for rank, offer in _offers(documents, region):
            key = (offer.service, offer.item)
            known_rank, known = best.get(key, (rank, offer))
            if rank == known_rank and offer.tiers != known.tiers:
                raise InputError(f"{' '.join(key)}: two prices for one usage type: take one out of the document")
            best[key] = (rank, offer) if rank <= known_rank else (known_rank, known)
    except (KeyError, TypeError, ValueError, InvalidOperation, AttributeError):
        raise InputError("no price document in AWS's shape: give a bulk offer file or an answer of get_products") from None
    if not best:
        raise InputError(f"no price in it that the book has an item for in {region}: is it of this Region?")
    return [offer for _, offer in best.values()]


def changes(book: PriceBook, offers: Iterable[Offer]) -> list[Change]:
    """What the offers state otherwise than the book, or new."""
    made = []
    for offer in offers:
        price = book.prices.get((offer.service, offer.item))
        before = price.tiers if price else ()
        if before != offer.tiers:
            made.append(Change(offer.service, offer.item, before, offer.tiers, offer.effective))
    return made


def refresh(folder: Path, region: str, offers: Iterable[Offer], where: str) -> None:
    """Put the offers into the book of a Region in `folder`, which becomes a copy of the present book if it is none.

    Items that have no Region go where they are: into the part that all Regions share.
    """
    if not (folder / "regions").is_dir():
        _copy_book(folder)
    path = folder / "regions" / f"{region}.json"
    new: dict[str, Any] = {"schema_version": 1, "region": region, "currency": "USD", "services": {}}
    data = _read_exact(path) if path.exists() else new
    everywhere = _read_exact(folder / "global.json")
    listed = list(offers)
    known = PriceBook.load("us-east-1").prices
    for offer in listed:
        shared = everywhere["services"].get(offer.service, {})
        items = shared if offer.item in shared else data["services"].setdefault(offer.service, {})
        like = known.get((offer.service, offer.item)) or next(p for p in known.values() if p.service == offer.service)
        items[offer.item] = _entry(offer, like.unit)
    sources = read_json(folder / "sources.json")
    published = max(offer.published for offer in listed)
    sources["sources"][f"{SOURCE_KEY}-{published}"] = {
        "title": f"AWS Price List, published {published}", "where": where, "as_of": published}
    write_json(folder / "sources.json", sources)
    write_json(folder / "global.json", everywhere)
    write_json(path, data)


def _entry(offer: Offer, unit: str) -> dict[str, Any]:
    ends = [None if tier.up_to is None else str(tier.up_to) for tier in offer.tiers]
    return {
        "unit": unit, "effective": offer.effective.isoformat(), "confidence": "high",
        "sources": [f"{SOURCE_KEY}-{offer.published}"],
        "tiers": [{"up_to": end, "usd": str(tier.usd)} for end, tier in zip(ends, offer.tiers, strict=True)],
    }


def _copy_book(folder: Path) -> None:
    for path in sorted(PRICES.rglob("*.json")):
        copy = folder / path.relative_to(PRICES)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes())


def _read_exact(path: Path) -> Any:
    """A JSON document whose numbers stay the texts that they were: a price is not to pass through float."""
    return json.loads(path.read_text(encoding="utf-8"), parse_float=str)


def _offers(documents: Iterable[Any], region: str) -> Iterator[tuple[int, Offer]]:
    """Each offer with the rank of its usage type among the item's names."""
    book = PriceBook.load(HOME).prices
    for code, product, terms, published in _products(documents):
        found = _item(code, product["attributes"], region)
        if found is None:
            continue
        like = book.get((found.service, found.item))
        begins_free = like is not None and not like.tiers[0].usd
        for term in terms:
            if term["offerTermCode"] != FREE_TIER_TERM:
                effective = date.fromisoformat(term["effectiveDate"][:10])
                tiers = _tiers(term["priceDimensions"].values())
                offered = tiers if begins_free else _paid(tiers)
                yield found.rank, Offer(found.service, found.item, offered, effective, published[:10])


def _products(documents: Iterable[Any]) -> Iterator[tuple[str, Mapping[str, Any], list[Any], str]]:
    """Offer code, product, on-demand terms and day of publication of every product."""
    for document in documents:
        if "products" in document:
            terms = document["terms"]["OnDemand"]
            for sku, product in document["products"].items():
                yield document["offerCode"], product, list(terms.get(sku, {}).values()), document["publicationDate"]
        else:
            for text in document["PriceList"]:
                one = json.loads(text) if isinstance(text, str) else text
                terms = list(one["terms"].get("OnDemand", {}).values())
                yield one["serviceCode"], one["product"], terms, one["publicationDate"]


def _item(code: str, attributes: Mapping[str, str], region: str) -> NamedItem | None:
    """The item that a product of this Region is. Old files name no Region: there the prefix has to be its."""
    of_prefix, usage_type = split_usage_type(attributes.get("usagetype", ""))
    if of_prefix == "global" or (attributes.get("regionCode") or of_prefix or HOME) != region:
        return None
    operation = attributes.get("operation", "")
    for each in items_named(code, usage_type, operation):
        told = all(attributes.get(name, value) == value for name, value in each.attributes.items())
        if told and (not operation or each.operation in (None, operation)):
            return each
    return None


def _tiers(dimensions: Iterable[Mapping[str, Any]]) -> tuple[Tier, ...]:
    ordered = sorted(dimensions, key=lambda dimension: Decimal(dimension["beginRange"]))
    ends = ["0", *(dimension["endRange"] for dimension in ordered)]
    for begins, dimension in zip(ends, ordered, strict=False):
        usd = Decimal(dimension["pricePerUnit"]["USD"])
        if usd < 0 or begins == "Inf" or Decimal(begins) != Decimal(dimension["beginRange"]):
            raise InputError(f"{dimension.get('rateCode', 'a price dimension')}: a price of {usd} from "
                             f"{dimension['beginRange']}: the tiers must join and no price be negative")
    return tuple(Tier(None if dimension["endRange"] == "Inf" else Decimal(dimension["endRange"]),
                      Decimal(dimension["pricePerUnit"]["USD"]).normalize()) for dimension in ordered)


def _paid(tiers: tuple[Tier, ...]) -> tuple[Tier, ...]:
    """The tiers after a first one that is free; what is free is taken off before the book's tiers begin."""
    first = tiers[0]
    if first.usd or first.up_to is None:
        return tiers
    return tuple(Tier(tier.up_to and tier.up_to - first.up_to, tier.usd) for tier in tiers[1:])
