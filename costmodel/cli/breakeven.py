"""`costmodel breakeven [QUESTION…]`: where two ways to run the same thing cost the same."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from costmodel.cli.candidates import Json
from costmodel.cli.tables import print_table, table, usd
from costmodel.errors import InputError
from loadgen.terminal import console, print_json

if TYPE_CHECKING:
    from fractions import Fraction

    from costmodel.planning.alternatives import Side
    from costmodel.planning.breakeven import BreakEven
    from costmodel.planning.case import Case
    from costmodel.pricing.price_book import PriceBook
    from loadgen.deployment import Architecture

COLUMNS = ("question", "variable", "equal at", "USD a month", "below", "above", "here")
WORDS = ("rest-http, url-http, cache, cache-traffic, provisioned, arm64, snapstart, alb, fargate, ec2, managed-instances")


def breakeven(
    questions: Annotated[list[str] | None, typer.Argument(help=f"Any of {WORDS}; else all.")] = None,
    *,
    region: Annotated[str, typer.Option(help="The Region whose prices count.")] = "us-east-1",
    run: Annotated[Path | None, typer.Option(help="Take the request from this collected run, not from the options.")] = None,
    arm_run: Annotated[Path | None, typer.Option(help="The same on arm64: measures the slowdown against --run.")] = None,
    duration: Annotated[float, typer.Option(help="Billed duration of a warm invocation [ms].")] = 100.0,
    memory: Annotated[int, typer.Option(help="Memory [MB].")] = 1024,
    architecture: Annotated[str, typer.Option(help="x86_64 or arm64.")] = "x86_64",
    request_kb: Annotated[float, typer.Option(help="Payload of a request [KB].")] = 1.0,
    response_kb: Annotated[float, typer.Option(help="Payload of a response [KB].")] = 10.0,
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
    utilisation: Annotated[float, typer.Option(help="Of the vCPUs beyond that floor.")] = 0.5,
    cpu_share: Annotated[float, typer.Option(help="Of an invocation's vCPU time, what it computes rather than waits.")] = 1.0,
    json: Json = False,
) -> None:
    """Find, exactly, the traffic (or hit ratio, utilisation, slowdown) at which two ways cost the same."""
    from dataclasses import replace

    from costmodel.planning.case import Case, Request
    from costmodel.pricing.price_book import PriceBook

    request = Request(duration, memory, cast("Architecture", architecture), request_kb * 1000, response_kb * 1000,
                      cold_share=cold_share, init_ms=init)
    if run is not None:
        request = replace(_measured(run), request_bytes=request_kb * 1000)
    if arm_run is not None:
        if run is None:
            raise InputError("--arm-run: needs --run, the same on x86_64")
        slowdown = _measured(arm_run).billed_ms / request.billed_ms
    case = Case(request, requests_per_month, cache_gb=cache_gb, hit_ratio=hit_ratio, environments=environments,
                slowdown=slowdown, versions=versions, instance=instance, instance_vcpus=instance_vcpus,
                task_vcpus=task_vcpus, task_gb=task_gb, least=least, utilisation=utilisation, cpu_share=cpu_share)
    book = PriceBook.load(region)
    answers, unanswered = _answers(questions, case, book)
    sides = [] if questions else _sides(case, book)
    if json:
        print_json(breakeven_document(case, region, answers, unanswered, sides))
        return
    for line in case_lines(case, region):
        console().print(line, markup=False)
    print_table(table(COLUMNS, [row for answer in answers.values() for row in _rows(answer)],
                      left=("question", "variable", "below", "above", "here")))
    for line in (*_cache_lines(answers), *_side_lines(sides), *_known_lines(answers),
                 *(f"not answered: {word}: {why}" for word, why in unanswered.items()),
                 *dict.fromkeys(note for answer in answers.values() for note in answer.notes)):
        console().print(line, markup=False)


def breakeven_document(case: Case, region: str, answers: dict[str, BreakEven], unanswered: dict[str, str],
                       sides: list[Side]) -> dict[str, Any]:
    """The answers as plain data, amounts in USD a month; `always`: the cheaper side where nothing crosses."""
    from dataclasses import asdict

    from costmodel.planning.breakeven import cheapest_by_traffic

    return {
        "region": region, "case": asdict(case),
        "answers": {word: _answer_document(answer) for word, answer in answers.items()},
        "unanswered": unanswered,
        "cheapest": [{"from_requests_per_month": float(start), "side": side.name, "floor_usd": float(side.floor)}
                     for start, side in cheapest_by_traffic(sides)] if sides else [],
        "floors_usd": {side.name: float(side.floor) for side in sides},
    }


def case_lines(case: Case, region: str) -> list[str]:
    """What the answers stand on."""
    r = case.request
    return [f"{region}, {case.hours:g} h a month, free tier off: {r.billed_ms:,.4g} ms at {r.memory_mb} MB {r.architecture}, "
            f"{r.cold_share:.3g} cold with {r.init_ms:,.4g} ms INIT, {r.request_bytes / 1000:,.4g} KB in, "
            f"{r.response_bytes / 1000:,.4g} KB out, {r.log_bytes:,.0f} B of logs"]


def _measured(run: Path) -> Any:
    from costmodel.activity import observed
    from costmodel.planning.case import mean_request
    from loadgen.measurements.run import Run

    return mean_request(observed(Run(run)))


def _answers(words: list[str] | None, case: Case, book: PriceBook) -> tuple[dict[str, BreakEven], dict[str, str]]:
    """The answers, and what could not be answered for want of a price; one that was asked for by name raises."""
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
            if words:
                raise
            unanswered[word] = str(problem)
    return answers, unanswered


def _sides(case: Case, book: PriceBook) -> list[Side]:
    """Every place to run it that has prices."""
    from contextlib import suppress

    from costmodel.errors import PriceMissingError
    from costmodel.planning import alternatives as of

    found = []
    for make in (of.http_lambda, of.balanced_lambda, of.fargate, of.ec2, of.managed_instances):
        with suppress(PriceMissingError):  # the question of the same name says so
            found.append(make(case, book))
    return found


def _answer_document(answer: BreakEven) -> dict[str, Any]:
    from costmodel.planning.breakeven import Crossing

    def crossing(found: Crossing) -> dict[str, Any]:
        return {"at": float(found.at), "exact": str(found.at), "usd": float(found.usd), "below": found.below,
                "above": found.above}

    return {
        "question": answer.question, "variable": answer.variable, "left": answer.left.name, "right": answer.right.name,
        "crossings": [crossing(found) for found in answer.crossings], "always": answer.always,
        "until": None if answer.end is None else float(answer.end),
        "here": None if answer.given is None else {"at": float(answer.given), "cheaper": answer.cheaper(answer.given)},
        "difference_usd": [{"at": float(at), "usd": float(answer.difference(at))} for at in _places(answer)],
        "notes": list(answer.notes),
    }


def _places(answer: BreakEven) -> list[Fraction]:
    """Where the difference bends, and its ends."""
    bends = [x for x, _ in answer.difference.knots if answer.end is None or x < answer.end]
    return [*bends, bends[-1] * 2 + 1 if answer.end is None else answer.end]


def _rows(answer: BreakEven) -> list[tuple[str, ...]]:
    here = "" if answer.given is None else f"{answer.cheaper(answer.given)} at {_figure(answer.given)}"
    if answer.always is not None:
        return [(answer.question, answer.variable, "never", "", f"always {answer.always}", "", here)]
    return [(answer.question, answer.variable, _figure(found.at), usd(float(found.usd)), found.below, found.above, here)
            for found in answer.crossings]


def _known_lines(answers: dict[str, BreakEven]) -> list[str]:
    return [f"{answer.question}: looked at up to {_figure(answer.end)} {answer.variable}: the price book knows no more tiers"
            for answer in answers.values() if answer.end is not None and answer.end != answer.until]


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


def _side_lines(sides: list[Side]) -> list[str]:
    from costmodel.planning.breakeven import cheapest_by_traffic

    if not sides:
        return []
    ranges = ", ".join(f"{side.name} from {float(start):,.0f}" for start, side in cheapest_by_traffic(sides))
    floors = ", ".join(f"{side.name} {usd(float(side.floor))}" for side in sides)
    return [f"cheapest by requests a month: {ranges}", f"before the first request a month costs: {floors}"]
