"""`loadgen demo`: the whole line on this machine, from a deployed API to a capacity plan, in two minutes.

The sample API on the local cloud, with a stage throttle and a reserved limit; a sweep of memory and API kind with a spike
of arrivals; then the counts, the model, the bills and the plan. Nothing but the template, the scenario and the options
comes from here: every figure on the last screen is of the runs.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from costmodel.planning.plan import Candidate, Plan
    from costmodel.pricing.price_book import PriceBook
    from loadgen.configuration import Configuration
    from loadgen.deployment import Deployment
    from loadgen.measurements.reconciliation import FunctionCount, GatewayCount
    from loadgen.measurements.run import Run
    from loadgen.slo import SLO

TEMPLATE, SCENARIO = Path("scenarios/shop/template.yaml"), Path("scenarios/spike.py")
MEASURED_MB, COMPARED_MB = (256, 1024), (256, 512, 1024, 1769)
THROTTLE_RPS, THROTTLE_BURST = 100, 25
"""A stage's limit holds for each of its routes: the busiest have 56 requests a second, 112 in the spike."""
LIMITED, RESERVED = "Reports", 8
SERVICES = {"apigateway": "gateway", "cloudwatch": "logs", "data_transfer_out": "transfer"}
"""A bill's services as the last screen calls them; Lambda's items stand by themselves."""
Progress = Callable[[str], None]


def demo(
    *,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Where runs and plan go [runs/demo-TIME].")] = None,
    slo: Annotated[str, typer.Option(help="What the plan must hold.")] = "p95 < 300 ms",
    seed: Annotated[int, typer.Option(min=0, help="Of arrivals and durations.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print the last screen as JSON.")] = False,
) -> None:
    """Try everything on the local cloud: sweep, collect, fit, compare, plan. No AWS account, nothing to pay."""
    from loadgen.cli.interrupted import kept
    from loadgen.errors import InputError
    from loadgen.slo import SLO
    from loadgen.terminal import console, print_json, progress

    for needed in (TEMPLATE, SCENARIO):
        if not needed.is_file():
            raise InputError(f"{needed}: not here: run the demo in the directory that holds scenarios/")
    wanted, directory = SLO.parse(slo), out or Path("runs") / f"demo-{datetime.now():%Y%m%d-%H%M%S}"
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # restore and stop then, too
    try:
        with progress(quiet=as_json) as say:
            runs = _measured(directory, seed, say)
            say("fitting, comparing, writing the plan")
            screen = _planned(runs, wanted, directory, say)
    except KeyboardInterrupt:
        console().print(kept(directory), markup=False)
        raise
    if as_json:
        print_json(screen)
    else:
        for name, line in screen.items():
            console().print(f"{name:<9} {line}", markup=False)


def _measured(directory: Path, seed: int, say: Progress) -> list[Run]:
    """Start the local cloud and sweep it; stopped and restored when this returns or fails."""
    from loadgen.local.cloud import LocalCloud
    from loadgen.sweeps import sweep

    say("starting the local cloud")
    with _compiling(), LocalCloud(TEMPLATE, seed=seed) as target:
        configurations = _limited(target.deployment, memory_mb=MEASURED_MB)
        return sweep(SCENARIO, target, configurations, out=directory, seed=seed, progress=say)


@contextmanager
def _compiling() -> Iterator[None]:
    """Compile the simulator meanwhile, in a process that gives way to the runs: it is used after them."""
    code = "import os; os.nice(19); from costmodel.prediction.simulator import compile_kernels; compile_kernels()"
    compiler = subprocess.Popen([sys.executable, "-c", code], start_new_session=True, stdin=subprocess.DEVNULL,
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        compiler.kill()
        compiler.wait()


def _limited(deployment: Deployment, **settings: Any) -> list[Configuration]:
    """A grid over both APIs, each with the stage's throttle and one function's reserved concurrency."""
    from loadgen.configuration import grid

    return [
        replace(each.with_api(throttle_rps=THROTTLE_RPS, throttle_burst=THROTTLE_BURST), functions={
            **each.functions, LIMITED: replace(each.functions[LIMITED], reserved=RESERVED)})
        for each in grid(deployment, api=("rest", "http"), **settings)
    ]


def _planned(runs: Sequence[Run], slo: SLO, directory: Path, say: Progress) -> dict[str, str]:
    """Fit, compare, optimise, check, report; the last screen."""
    from costmodel.accuracy import check
    from costmodel.performance.fitting import fit
    from costmodel.planning.comparison import compare
    from costmodel.planning.optimiser import optimise
    from costmodel.pricing.price_book import PriceBook
    from costmodel.reports.report import write_report
    from costmodel.workload import Workload

    model, book = fit(runs), PriceBook.load(runs[0].intent.target.region)
    model.save(directory / "model.json")
    candidates = _limited(model.deployment, memory_mb=COMPARED_MB, architecture=("x86_64", "arm64"), provisioned=(0, 2),
                          cache_gb=(None, 0.5))
    today = _today(runs)
    month = Workload.from_run(today).scaled()
    comparison = compare(model, month, candidates, book, today=today.intent.configuration, progress=say)
    plan = optimise(comparison, slo)
    say("checking the model against its own runs")
    checks = [each for run in runs for each in check(run, model, book)]
    report = write_report(plan, runs, directory / "plan.html", model=model, checks=checks)
    return {**_counts(runs, book), **_answer(plan), "report": str(report)}


def _today(runs: Sequence[Run]) -> Run:
    """The run with the memory that the template declares, behind the REST API."""
    from loadgen.configuration import declared

    for run in runs:
        configuration, deployment = run.intent.configuration, run.intent.target.deployment
        template = declared(deployment, "rest").functions
        if configuration.api.kind == "rest" and all(
                settings.memory_mb == template[name].memory_mb for name, settings in configuration.functions.items()):
            return run
    return runs[0]


def _counts(runs: Sequence[Run], book: PriceBook) -> dict[str, str]:
    """What the runs would have cost on AWS, and the three counts, over all runs."""
    import pandas as pd

    from costmodel.activity import observed
    from costmodel.pricing.bill import price
    from costmodel.pricing.services import meter
    from loadgen.measurements.joined import join
    from loadgen.measurements.reconciliation import reconcile

    found = [reconcile(run) for run in runs]
    rows = pd.concat([join(run).frame[["latency_ms", "outcome", "cold"]] for run in runs])
    answered = rows["latency_ms"][rows["outcome"].isin(("ok", "http_error"))]
    cold_ms = rows["latency_ms"][rows["cold"].fillna(False).astype(bool)]
    ran = int(rows["cold"].notna().sum())
    usd = sum(price(meter(observed(run)), book).total for run in runs)
    clients, gateways, functions = ([getattr(each, side) for each in found] for side in ("client", "gateway", "function"))
    return {
        "quote": f"the same runs on AWS ≈ ${usd:.2f} (local cloud: free)",
        "client": f"{_sum(clients, 'sent')} sent   {_sum(clients, 'ok')} ok   {_sum(clients, 'failed')} failed   "
                  f"p95 {answered.quantile(0.95):,.0f} ms",
        "gateway": f"{_sum(gateways, 'seen')} seen{_throttled(gateways)}",
        "lambda": f"{_sum(functions, 'tried')} tried{_throttled(functions)}   {len(cold_ms) / ran:.1%} cold "
                  f"(p95 {cold_ms.quantile(0.95):,.0f} ms)",
        "closes": f"{_sum(found, 'unexplained')} unexplained",
    }


def _sum(counts: Iterable[object], name: str) -> str:
    """The total of one count; unknown when one of them is."""
    values = [getattr(count, name) for count in counts]
    return "unknown" if None in values else f"{sum(values):,}"


def _throttled(counts: Iterable[GatewayCount | FunctionCount]) -> str:
    totals: Counter[str] = Counter()
    for count in counts:
        totals.update(count.throttled_by)
    return "".join(f"   {total:,} throttled by {limit}" for limit, total in totals.most_common())


def _answer(plan: Plan) -> dict[str, str]:
    """Today's bill by component, and the cheapest configuration under the SLO."""
    today, interval = plan.comparison.today, plan.choice.usd_per_million_interval
    shares = "   ".join(("", " · ".join(f"{name} {usd:,.2f}" for name, usd in _by_component(today).items())))
    return {
        "today": f"{today.label}   ${today.bill.usd_per_million:,.2f} per million{shares}",
        "cheapest": f"under {plan.slo}: {plan.choice.label}   ${plan.choice.bill.usd_per_million:,.2f} per million "
                    f"({interval.low:,.2f}–{interval.high:,.2f})",
    }


def _by_component(candidate: Candidate) -> dict[str, float]:
    """USD per million requests, dearest first."""
    totals: defaultdict[str, float] = defaultdict(float)
    for component in candidate.bill.components:
        name = SERVICES.get(component.service) or component.item.split("_")[0]
        totals[name] += float(component.cost / candidate.bill.requests * 1_000_000)
    return dict(sorted(totals.items(), key=lambda item: -item[1]))
