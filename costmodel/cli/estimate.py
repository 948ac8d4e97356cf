"""`costmodel price TEMPLATE`: the month's bill of a template before it is deployed, and what a change of it costs."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from costmodel.cli.tables import plain, print_table, table, usd
from costmodel.cli.templates import shared_out, site_of
from costmodel.errors import InputError
from loadgen.terminal import console, print_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from costmodel.planning.estimate import Estimate
    from costmodel.planning.premises import Question

Rps = Annotated[float | None, typer.Option(help="Template: requests a second, all month, evenly over all routes.")]
Duration = Annotated[str | None, typer.Option(help="Template: of each invocation, as 45ms or 0.2s.")]
UsageOf = Annotated[Path | None, typer.Option(
    "--usage", help="Template: a usage file whose tables are [LogicalId]; `--kinds` has their keys.")]
RunOf = Annotated[Path | None, typer.Option("--run", help="Template: a collected run, at --rps or at its own rate.")]
Older = Annotated[Path | None, typer.Option("--diff", help="Template: an older one; print what the change costs, as Markdown.")]
COLUMNS = ("resource", "monthly quantity", "unit", "cost", "range", "origin")


def print_estimate(template: Path, *, rps: float | None, duration: str | None, usage: Path | None, run: Path | None,
                   parameter: list[str] | None, region: str | None, diff: Path | None, free_tier: bool, prices: Path | None,
                   json: bool) -> None:
    """Print the bill as a tree, the change against an older template as Markdown, or the estimate as JSON."""
    question = _question(rps, duration, usage, run)
    where = region or (question.usage or {}).get("region") or "us-east-1"
    older, newer = ([], parameter or []) if diff is None else shared_out(parameter or [], diff, template)
    found = _estimate(template, newer, where, question, free_tier, prices)
    if diff is not None:
        before = _estimate(diff, older, where, question, free_tier, prices)
        old, new = (diff.name, template.name) if diff.name != template.name else (str(diff), str(template))
        if json:
            print_json(diff_document(before, found, old, new))
        else:
            print("\n".join(diff_lines(before, found, old, new)))
    elif json:
        print_json(estimate_document(found))
    else:
        print_table(table(COLUMNS, tree_rows(found), left=("resource", "unit", "origin")))
        for line in estimate_lines(found):
            console().print(line, markup=False)


def estimate_document(found: Estimate) -> dict[str, Any]:
    """The estimate as plain data, amounts in USD."""
    from dataclasses import asdict

    low, high = found.bounds()
    return {
        "region": found.bill.region, "hours": found.bill.hours, "total_usd": found.bill.total, "low_usd": low, "high_usd": high,
        "resources": [{
            "resource": resource, "type": found.types.get(resource), "usd": cost, "low_usd": found.bounds(resource)[0],
            "high_usd": found.bounds(resource)[1],
            "parts": [asdict(part) for part in found.parts(resource)],
        } for resource, cost in found.bill.by("resource").items()],
        "unknown": list(found.bill.missing), "notes": list(found.notes),
    }


def tree_rows(found: Estimate) -> list[tuple[str, ...]]:
    """A row a resource, dearest first, below it one a component, and the total."""
    rows: list[tuple[str, ...]] = []
    for resource, cost in found.bill.by("resource").items():
        rows.append((resource, "", found.types.get(resource, ""), usd(cost), _range(*found.bounds(resource)), ""))
        parts = found.parts(resource)
        for part in parts:
            branch = "└─" if part is parts[-1] else "├─"
            rows.append((f"{branch} {part.item}", plain(part.quantity), part.unit, usd(part.usd),
                         _range(part.low_usd, part.high_usd), part.origin))
    return [*rows, ("total", "", "", usd(found.bill.total), _range(*found.bounds()), "")]


def estimate_lines(found: Estimate) -> list[str]:
    """What stands below the tree: the month, what the figures stand on, what is not on the bill."""
    from costmodel.cli.price import period_label

    return [f"{found.bill.region}, a month of {period_label(found.bill.hours)}", *found.notes,
            *(f"not on the bill: {sentence}" for sentence in found.bill.missing)]


def diff_document(before: Estimate, after: Estimate, old: str, new: str) -> dict[str, Any]:
    """The change as plain data, amounts in USD a month."""
    earlier, later = before.bill.by("resource"), after.bill.by("resource")
    return {
        "old": {"template": old, **estimate_document(before)}, "new": {"template": new, **estimate_document(after)},
        "change_usd": after.bill.total - before.bill.total,
        "changes": [{"resource": name, "old_usd": earlier.get(name), "new_usd": later.get(name), "change_usd": change}
                    for name, change in _changes(before, after).items()],
    }


def diff_lines(before: Estimate, after: Estimate, old: str, new: str) -> list[str]:
    """Markdown for a pull request: by resource what the change costs a month."""
    earlier, later = before.bill.by("resource"), after.bill.by("resource")
    change, changed = after.bill.total - before.bill.total, _changes(before, after)
    added = [sentence for sentence in after.bill.missing if sentence not in before.bill.missing]
    gone = [sentence for sentence in before.bill.missing if sentence not in after.bill.missing]
    same = [note for note in after.notes if note in before.notes]
    share = f" ({change / before.bill.total:+.1%})" if before.bill.total else ""
    return [
        f"### Monthly cost: {usd(before.bill.total)} → {usd(after.bill.total)}, {_signed(change)}{share}",
        "",
        f"| resource | {old} | {new} | change | |", "|---|---:|---:|---:|---:|",
        *(f"| {name} | {_amount(earlier, name)} | {_amount(later, name)} | {_signed(changed[name])} | "
          f"{_share(earlier, later, name)} |" for name in changed),
        f"| **total** | {usd(before.bill.total)} | {usd(after.bill.total)} | **{_signed(change)}** | {share.strip(' ()')} |",
        "",
        f"Range by what is assumed: {old} {_range(*before.bounds()) or 'none'}, {new} {_range(*after.bounds()) or 'none'}. "
        f"{after.bill.region}, {after.bill.hours:g} h a month.",
        "", *(f"- {line}" for line in (
            *same, *(f"{old}: {note}" for note in before.notes if note not in same),
            *(f"{new}: {note}" for note in after.notes if note not in same), *_renamed(before, after),
            *(f"not on the bill: {sentence}" for sentence in added), *(f"no longer asked for: {sentence}" for sentence in gone))),
    ]


def _changes(before: Estimate, after: Estimate) -> dict[str, Decimal]:
    """What each resource's cost changes by, the largest change first; what came or went is there even at no cost."""
    earlier, later = before.bill.by("resource"), after.bill.by("resource")
    changes = {name: later.get(name, Decimal(0)) - earlier.get(name, Decimal(0)) for name in {**later, **earlier}}
    kept = [name for name in changes if changes[name] or (name in earlier) != (name in later)]
    return {name: changes[name] for name in sorted(kept, key=lambda name: -abs(changes[name]))}


def _share(earlier: Mapping[str, Decimal], later: Mapping[str, Decimal], name: str) -> str:
    """By how much of its cost a resource changed, or that it came or went."""
    if name not in earlier:
        return "added"
    if name not in later:
        return "removed"
    return f"{later[name] / earlier[name] - 1:+.1%}" if earlier[name] else "from nothing"


def _renamed(before: Estimate, after: Estimate) -> list[str]:
    """Removed resources that another of the same type and cost seems to have replaced."""
    earlier, later = before.bill.by("resource"), after.bill.by("resource")
    came = [name for name in later if name not in earlier]
    found = []
    for gone in (name for name in earlier if name not in later):
        twin = next((name for name in came if after.types.get(name) == before.types.get(gone) and later[name] == earlier[gone]), None)
        if twin is not None:
            came.remove(twin)
            found.append(f"{gone} → {twin}: the same type at the same cost, perhaps renamed: while it is replaced both stand")
    return found


def _estimate(template: Path, given: list[str], region: str, question: Question, free_tier: bool,  # noqa: PLR0917
              prices: Path | None) -> Estimate:
    from costmodel.planning import estimate as of
    from costmodel.pricing.price_book import PriceBook

    site = site_of(template, region, given)
    return of.estimate(site.deployment, site.resources, PriceBook.load(region, prices), question,
                       free_tier=free_tier, deployed=site.deployed, doubts=site.doubts)


def _question(rps: float | None, duration: str | None, usage: Path | None, run: Path | None) -> Question:
    from costmodel.activity import observed
    from costmodel.planning.premises import Question
    from costmodel.pricing.usage_file import read_tables
    from loadgen.measurements.run import Run

    return Question(rps, None if duration is None else _milliseconds(duration), None if usage is None else read_tables(usage),
                    None if run is None else observed(Run(run)))


def _milliseconds(text: str) -> float:
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(ms|s)\s*", text)
    if not found:
        raise InputError(f"--duration = {text!r}: give it as 45ms or 0.2s")
    return float(found[1]) * (1000.0 if found[2] == "s" else 1.0)


def _range(low: Decimal, high: Decimal) -> str:
    return "" if low == high else f"{low:,.2f}–{high:,.2f}"


def _amount(costs: Mapping[str, Decimal], name: str) -> str:
    """What a resource costs; a dash where the template has none of it."""
    return usd(costs[name]) if name in costs else "—"


def _signed(amount: Decimal) -> str:
    return f"{'−' if amount < 0 else '+'}${abs(amount):,.2f}"
