"""`costmodel breakeven [QUESTION…]`: where two ways to run the same thing cost the same."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, cast

import typer

from costmodel.cli.candidates import Json
from costmodel.cli.sources import Prices
from costmodel.cli.tables import print_table, table, usd
from costmodel.errors import InputError
from loadgen.terminal import console, print_json

if TYPE_CHECKING:
    from collections.abc import Sequence
    from fractions import Fraction

    from costmodel.planning.alternatives import Side
    from costmodel.planning.breakeven import BreakEven, Crossing
    from costmodel.planning.case import Case, Request
    from costmodel.pricing.price_book import PriceBook
    from loadgen.deployment import Architecture

COLUMNS = ("question", "variable", "equal at", "USD a month", "below", "above", "here")
WORDS = ("rest-http, url-http, cache, cache-traffic, provisioned, arm64, snapstart, alb, fargate, ec2, managed-instances")
MOST_ROWS = 6
"""Crossings of one question that the table shows; JSON has all."""


def breakeven(
    questions: Annotated[list[str] | None, typer.Argument(help=f"Any of {WORDS}; else all.")] = None,
    *,
    region: Annotated[str, typer.Option(help="The Region whose prices count.")] = "us-east-1",
    prices: Prices = None,
    free_tier: Annotated[bool, typer.Option("--free-tier", help="Take AWS's monthly allowances off, both sides.")] = False,
    savings_plan: Annotated[int | None, typer.Option(help="A Compute Savings Plan's years, 1 or 3; else none.")] = None,
    hours: Annotated[float, typer.Option(help="Of the month: 730, 720 or 744.")] = 730.0,
    run: Annotated[Path | None, typer.Option(help="Take the request from this collected run, not from the options.")] = None,
    arm_run: Annotated[Path | None, typer.Option(help="The same on arm64: measures the slowdown against --run.")] = None,
    model: Annotated[Path | None, typer.Option(help="Take the slowdown at --memory from this fitted model.")] = None,
    function: Annotated[str | None, typer.Option(help="Of which of the model's functions.")] = None,
    duration: Annotated[float, typer.Option(help="Billed duration of a warm invocation [ms].")] = 100.0,
    memory: Annotated[int, typer.Option(help="Memory [MB].")] = 1024,
    architecture: Annotated[str, typer.Option(help="x86_64 or arm64.")] = "x86_64",
    request_kb: Annotated[float, typer.Option(help="Payload of a request [KB of 1,024 B].")] = 1.0,
    response_kb: Annotated[float, typer.Option(help="Payload of a response [KB of 1,024 B].")] = 10.0,
    log_bytes: Annotated[float, typer.Option(help="Logs of an invocation [B]; 0: none.")] = 500.0,
    cold_share: Annotated[float, typer.Option(help="Cold starts, of all invocations.")] = 0.01,
    init: Annotated[float, typer.Option(help="Billed INIT of a cold start [ms].")] = 500.0,
    requests_per_month: Annotated[float, typer.Option(help="The month's traffic.")] = 10_000_000.0,
    cache_gb: Annotated[float, typer.Option(help="Size of the REST cache [GB].")] = 0.5,
    hit_ratio: Annotated[float, typer.Option(help="Hits of that cache, of all requests.")] = 0.8,
    environments: Annotated[int, typer.Option(help="Provisioned concurrency.")] = 10,
    slowdown: Annotated[float, typer.Option(help="Billed duration on arm64 over that on x86_64.")] = 1.0,
    versions: Annotated[int, typer.Option(help="Published versions kept with SnapStart.")] = 1,
    instance: Annotated[str | None, typer.Option(help="EC2 instance type; else m7i.large or m7g.large.")] = None,
    instance_vcpus: Annotated[float, typer.Option(help="Its vCPUs.")] = 2.0,
    task_vcpus: Annotated[float, typer.Option(help="vCPUs of a Fargate task.")] = 1.0,
    task_gb: Annotated[float, typer.Option(help="Memory of a Fargate task [GB].")] = 2.0,
    least: Annotated[int, typer.Option(help="Tasks or instances that always run.")] = 2,
    utilisation: Annotated[float, typer.Option(help="Of the vCPUs of tasks and instances beyond that floor.")] = 0.5,
    whole: Annotated[bool, typer.Option("--whole", help="Whole tasks and instances; else an average.")] = False,
    cpu_share: Annotated[float, typer.Option(help="Of an invocation's vCPU time, what it computes rather than waits.")] = 1.0,
    chart: Annotated[Path | None, typer.Option(help="Draw the costs, floors and crossings into this .png or .svg.")] = None,
    json: Json = False,
) -> None:
    """Find, exactly, the traffic (or hit ratio, utilisation, slowdown) at which two ways cost the same."""
    from dataclasses import replace

    from costmodel.metering import KIB
    from costmodel.planning.case import Case, Request
    from costmodel.pricing.price_book import PriceBook

    request = Request(duration, memory, cast("Architecture", architecture), request_kb * KIB, response_kb * KIB, log_bytes,
                      cold_share=cold_share, init_ms=init)
    if run is not None:
        request = replace(_measured(run), request_bytes=request_kb * KIB)
    if function is not None and model is None:
        raise InputError(f"--function = {function!r}: only with --model: give the model that it is in")
    if arm_run is not None or model is not None:
        slowdown, origin = _slowdown(request, run, arm_run, model, function)
    else:
        origin = []
    case = Case(request, requests_per_month, hours, cache_gb=cache_gb, hit_ratio=hit_ratio, environments=environments,
                slowdown=slowdown, versions=versions, instance=instance, instance_vcpus=instance_vcpus,
                task_vcpus=task_vcpus, task_gb=task_gb, least=least, utilisation=utilisation, whole=whole,
                cpu_share=cpu_share, free_tier=free_tier,
                savings_plan_years=cast("Literal[1, 3] | None", savings_plan))
    book = PriceBook.load(region, prices)
    answers, unanswered = _answers(questions, case, book)
    sides, lacking = ([], []) if questions else _sides(case, book)
    if chart is not None:
        _draw(list(answers.values()), chart)
    if json:
        print_json(breakeven_document(case, region, answers, unanswered, sides))
        return
    for line in (*case_lines(case, region), *origin):
        console().print(line, markup=False)
    print_table(table(COLUMNS, [row for answer in answers.values() for row in _rows(answer)],
                      left=("question", "variable", "below", "above", "here")))
    for line in (*_cache_lines(answers), *_cheapest_lines(sides, lacking), *_floor_lines(answers, sides), *_known_lines(answers),
                 *(f"not answered: {word}: {why}" for word, why in unanswered.items()),
                 *dict.fromkeys(f"{answer.question}: {note}" for answer in answers.values() for note in answer.notes)):
        console().print(line, markup=False)


def breakeven_document(case: Case, region: str, answers: dict[str, BreakEven], unanswered: dict[str, str],
                       sides: list[Side]) -> dict[str, Any]:
    """The answers as plain data, amounts in USD a month; `always`: the cheaper side where nothing crosses."""
    from dataclasses import asdict

    from costmodel.planning.breakeven import cheapest_by_traffic

    floors = _floors(answers, sides)
    return {
        "region": region, "case": asdict(case),
        "answers": {word: _answer_document(answer) for word, answer in answers.items()},
        "unanswered": unanswered,
        "cheapest": [{"from_requests_per_month": float(start), "side": side.name, "floor_usd": float(side.floor)}
                     for start, side in cheapest_by_traffic(sides)] if sides else [],
        "floors_usd": {name: float(side.floor) for name, side in floors.items()},
        "floor_items_usd": {name: _items(side, 0) for name, side in floors.items()},
    }


def case_lines(case: Case, region: str) -> list[str]:
    """What the answers stand on."""
    from costmodel.metering import KIB

    r, plan = case.request, case.savings_plan_years
    return [f"{region}, {case.hours:g} h a month, free tier {'taken off on both sides' if case.free_tier else 'off'}: "
            f"{r.billed_ms:,.4g} ms at {r.memory_mb} MB {r.architecture}, {r.cold_share:.3g} cold with {r.init_ms:,.4g} ms "
            f"INIT, {r.request_bytes / KIB:,.4g} KB in, {r.response_bytes / KIB:,.4g} KB out (KB = 1,024 B), "
            f"{r.log_bytes:,.0f} B of logs",
            f"instances and tasks: {case.utilisation:.0%} utilised beyond {case.least} that always run, "
            f"{'whole ones' if case.whole else 'an average, as autoscaling gives it'}",
            *([f"a {plan}-year Compute Savings Plan on what the price book has a rate of (Lambda's duration, EC2); "
               "the rest is on demand"] if plan else [])]


def _measured(run: Path) -> Any:
    from costmodel.activity import observed
    from costmodel.planning.case import mean_request
    from loadgen.measurements.run import Run

    return mean_request(observed(Run(run)))


def _slowdown(request: Request, run: Path | None, arm_run: Path | None, model: Path | None,
              function: str | None) -> tuple[float, list[str]]:
    """Of arm64, by another run or by a model, and lines on where it is from."""
    from costmodel.performance.model import PerformanceModel
    from costmodel.planning.case import fitted_slowdown

    if arm_run is not None:
        if run is None:
            raise InputError("--arm-run: needs --run, the same on x86_64")
        return _measured(arm_run).billed_ms / request.billed_ms, [f"slowdown on arm64: measured by {arm_run} against {run}"]
    assert model is not None
    fitted = PerformanceModel.load(model)
    if function is None and len(fitted.functions) > 1:
        raise InputError(f"--function: which of the model's: {', '.join(fitted.functions)}")
    name = function or next(iter(fitted.functions))
    slowdown, caveats = fitted_slowdown(fitted.function(name), request.memory_mb)
    return slowdown, [f"slowdown on arm64: {slowdown:.3f}, of {name} at {request.memory_mb} MB by {model}", *caveats]


def _answers(words: list[str] | None, case: Case, book: PriceBook) -> tuple[dict[str, BreakEven], dict[str, str]]:
    """The answers, and what could not be answered for want of a price. Raises where none could."""
    from costmodel.errors import PriceMissingError
    from costmodel.planning.breakeven import QUESTIONS

    for word in words or ():
        if word not in QUESTIONS:
            raise InputError(f"question = {word!r}: no such question (there are: {', '.join(QUESTIONS)})")
    answers, unanswered = {}, {}
    for word in words or QUESTIONS:
        try:
            answers[word] = QUESTIONS[word](case, book)
        except PriceMissingError as problem:
            if words and len(words) == 1:
                raise
            unanswered[word] = str(problem)
    return answers, unanswered


def _sides(case: Case, book: PriceBook) -> tuple[list[Side], list[str]]:
    """Every place to run it that has prices, and the names of the others."""
    from costmodel.errors import PriceMissingError
    from costmodel.planning import alternatives as of

    found, lacking = [], []
    for make in (of.http_lambda, of.balanced_lambda, of.fargate, of.ec2, of.managed_instances):
        way = make(case)
        try:
            found.append(of.priced(way, case, book))
        except PriceMissingError:  # the question of the same name says which
            lacking.append(way.name)
    return found, lacking


def _answer_document(answer: BreakEven) -> dict[str, Any]:
    def crossing(found: Crossing) -> dict[str, Any]:
        return {"at": float(found.at), "exact": str(found.at), "usd": float(found.left_usd),
                "right_usd": float(found.right_usd), "below": found.below, "above": found.above,
                "left_items_usd": _items(answer.left, found.at), "right_items_usd": _items(answer.right, found.at)}

    return {
        "question": answer.question, "variable": answer.variable, "left": answer.left.name, "right": answer.right.name,
        "crossings": [crossing(found) for found in answer.crossings], "always": answer.always,
        "until": None if answer.end is None else float(answer.end),
        "here": None if answer.given is None else {"at": float(answer.given), "cheaper": answer.cheaper(answer.given)},
        "difference_usd": [{"at": float(at), "usd": float(usd)} for at, usd in answer.difference.points(_last(answer))],
        "notes": list(answer.notes),
    }


def _items(side: Side, at: Fraction | int) -> dict[str, float]:
    return {" ".join(key): float(cost) for key, cost in side.cost.at(at).items()}


def _last(answer: BreakEven) -> Fraction:
    """Where the range ends, or beyond the last bend."""
    return answer.end if answer.end is not None else answer.difference.xs[-1] * 2 + 1


def _rows(answer: BreakEven) -> list[tuple[str, ...]]:
    here = "" if answer.given is None else f"{answer.cheaper(answer.given)} at {_figure(answer.given)}"
    if answer.always is not None:
        always = "both cost the same" if answer.always == "equal" else f"always {answer.always}"
        return [(answer.question, answer.variable, "never", "", always, "", here)]
    rows: list[tuple[str, ...]] = [
        (answer.question, answer.variable, _figure(found.at), _cost(found), found.below, found.above, here)
        for found in answer.crossings
    ]
    more = len(rows) - MOST_ROWS
    return rows if more <= 0 else [*rows[:MOST_ROWS - 1], ("", "", f"{more} more", "", "", "", ""), rows[-1]]


def _cost(found: Crossing) -> str:
    """Of both sides where one of them jumps."""
    left, right = usd(float(found.left_usd)), usd(float(found.right_usd))
    return left if found.left_usd == found.right_usd else f"{left} / {right}"


def _known_lines(answers: dict[str, BreakEven]) -> list[str]:
    jumps = any(found.left_usd != found.right_usd for answer in answers.values() for found in answer.crossings)
    return [*(["two amounts: there a side jumps, by an instance or a task"] if jumps else []),
            *(f"{answer.question}: looked at up to {_figure(answer.end)} {answer.variable}: no more is known of a side"
              for answer in answers.values() if answer.end is not None and answer.end != answer.until)]


def _figure(at: Fraction) -> str:
    return f"{float(at):,.0f}" if at >= 1000 else f"{float(at):.4f}"


def _cache_lines(answers: dict[str, BreakEven]) -> list[str]:
    """What the cache saves by hit ratio."""
    from fractions import Fraction

    if "cache" not in answers:
        return []
    difference = answers["cache"].difference
    saved = ", ".join(f"{percent} %: {usd(float(difference(Fraction(percent, 100))))}" for percent in (0, 25, 50, 75, 100))
    return [f"the cache saves a month by hit ratio: {saved}"]


def _cheapest_lines(sides: list[Side], lacking: list[str]) -> list[str]:
    from costmodel.planning.breakeven import cheapest_by_traffic

    without = [f"cheapest by requests a month: without prices, hence not compared: {', '.join(lacking)}"] if lacking else []
    if len(sides) < 2:
        return without
    ranges = ", ".join(f"{side.name} from {float(start):,.0f}" for start, side in cheapest_by_traffic(sides))
    return [f"cheapest by requests a month: {ranges}", *without]


def _floors(answers: dict[str, BreakEven], sides: Sequence[Side]) -> dict[str, Side]:
    """The sides that traffic is the variable of, by name: what each costs before the first request."""
    from costmodel.planning.breakeven import BY_REQUESTS

    asked = [side for answer in answers.values() if answer.variable == BY_REQUESTS for side in (answer.left, answer.right)]
    return {side.name: side for side in (*asked, *sides)}


def _floor_lines(answers: dict[str, BreakEven], sides: Sequence[Side]) -> list[str]:
    """What each side costs before the first request, item by item; a line for those that cost nothing."""
    floors = _floors(answers, sides)
    nothing = [name for name, side in floors.items() if not side.floor]
    parts = {name: " + ".join(f"{item} {usd(cost)}" for item, cost in _items(side, 0).items())
             for name, side in floors.items() if side.floor}
    return [*([f"before the first request nothing: {', '.join(nothing)}"] if nothing else []),
            *(f"before the first request {name} {usd(float(floors[name].floor))} a month: {shown}"
              for name, shown in parts.items())]


def _draw(answers: list[BreakEven], chart: Path) -> None:
    """A panel a question, from 0 to beyond its last crossing."""
    from costmodel.reports.charts import Panel, write_panels

    panels = []
    for answer in answers:
        until = _shown_until(answer)
        curves = {side.name: [(float(x), float(y)) for x, y in side.usd.points(until)]
                  for side in (answer.left, answer.right)}
        marks = [(float(found.at), float(found.left_usd)) for found in answer.crossings if found.at <= until]
        panels.append(Panel(answer.question, answer.variable, curves, marks))
    write_panels(panels, chart)


def _shown_until(answer: BreakEven) -> Fraction:
    """Up to where a chart goes: somewhat beyond the first crossings and the case, within the range."""
    if answer.until is not None and answer.until <= 1:
        return answer.until
    places = [found.at for found in answer.crossings[:MOST_ROWS]] + ([answer.given] if answer.given else [])
    beyond = max(places, default=answer.difference.xs[-1] + 1) * 3 / 2
    return beyond if answer.end is None else min(beyond, answer.end)
