"""A model fitted to two hand-made runs, on disk as the verbs read it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from costmodel.performance.fitting import fit
from loadgen.configuration import FunctionSettings


@dataclass(frozen=True)
class Fitted:
    """`today` is the run at 1,024 MB, of 300 requests in 36 s."""

    model: Path
    today: Path

    @property
    def arguments(self) -> list[str]:
        return [str(self.model), "--run", str(self.today), "--replications", "2"]


@pytest.fixture
def fitted(build_run: Callable[..., Any], tmp_path: Path) -> Fitted:
    """REST, x86_64: 200 ms on average at 256 MB, 60 ms at 1,024 MB, both functions alike."""
    runs = []
    for memory_mb, mean_ms in ((256, 200.0), (1024, 60.0)):
        sizes = {name: FunctionSettings(memory_mb) for name in ("Products", "Orders")}
        seen = build_run(sizes, name=f"run-{memory_mb}")
        for n in range(300):
            route, function = ("POST /orders", "Orders") if n % 3 == 0 else ("GET /products", "Products")
            duration_ms = mean_ms * (0.8 + 0.4 * (n * 7 % 100) / 99)
            init_ms = 300.0 + n if n < 10 else None
            latency_ms = duration_ms + 12.0 + (init_ms or 0.0)
            request_id = seen.request(route, at_s=n * 0.12, latency_ms=latency_ms)
            seen.report(request_id, function, memory_mb=memory_mb, duration_ms=duration_ms, init_ms=init_ms,
                        billed_ms=int(duration_ms + (init_ms or 0.0)) + 1, environment=f"e{function}{n if n < 10 else 0}")
        seen.write()
        runs.append(seen.run)
    fit(runs).save(tmp_path / "model.json")
    return Fitted(tmp_path / "model.json", runs[1].path)
