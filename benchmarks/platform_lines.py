"""How fast REPORT lines are read, beside one `re.match` a line that gives the same, in the same run.

    python benchmarks/platform_lines.py [--json]

A tenth of the lines has an Init Duration. Each figure is the best of three; quote the ratio, the rest is the machine's.
"""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Callable, Sequence

import numpy as np
from figures import print_figures

from loadgen.collectors.platform_lines import Report, parse

LINES = 200_000
PATTERN = re.compile(
    r"REPORT RequestId: (\S+)\s+Duration: ([\d.]+) ms\s+Billed Duration: (\d+) ms\s+Memory Size: (\d+) MB\s+"
    r"Max Memory Used: (\d+) MB(?:\s+Init Duration: ([\d.]+) ms)?")


def measure() -> dict[str, float]:
    lines = report_lines(LINES)
    ours, matched = lines_per_s(parse, lines), lines_per_s(match, lines)
    return {"parse_lines_per_s": ours, "re_match_lines_per_s": matched, "ratio": ours / matched}


def lines_per_s(read: Callable[[str], object], lines: Sequence[str]) -> float:
    return len(lines) / min(seconds(read, lines) for _ in range(3))


def seconds(read: Callable[[str], object], lines: Sequence[str]) -> float:
    start = time.perf_counter()
    for line in lines:
        read(line)
    return time.perf_counter() - start


def match(line: str) -> Report:
    found = PATTERN.match(line)
    assert found is not None
    request_id, duration, billed, memory, used, init = found.groups()
    init_ms = None if init is None else float(init)
    return Report(request_id, float(duration), int(billed), int(memory), int(used), init_ms)


def report_lines(count: int) -> list[str]:
    rng = np.random.default_rng(1)
    durations, cold = rng.lognormal(3, 1, count), rng.random(count) < 0.1
    return [f"REPORT RequestId: {uuid.UUID(int=k)}\tDuration: {ms:.2f} ms\tBilled Duration: {int(ms) + 1} ms\t"
            f"Memory Size: 1024 MB\tMax Memory Used: 95 MB\t" + ("Init Duration: 423.98 ms\t\n" if waited else "\n")
            for k, (ms, waited) in enumerate(zip(durations.tolist(), cold.tolist(), strict=True))]


if __name__ == "__main__":
    print_figures(__doc__, measure)
