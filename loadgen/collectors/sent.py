"""What a run sent, as far as collectors need it: the ids by which its rows are recognised, and when to look."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from loadgen.collectors.calls import Window
from loadgen.measurements.run import Run

BEFORE_MS = 10_000
"""How much earlier a window begins: clocks differ, and environments may start ahead of a request."""
AFTER_MS = 60_000
"""How much later it ends, besides the longest function timeout."""


@dataclass(frozen=True)
class Sent:
    """A run's requests. Maps are from id to the time of sending [ms since the epoch]."""

    gateway: Mapping[str, int]
    """By `gateway_request_id`; a request without an answer has none."""
    direct: Mapping[str, int]
    """By `lambda_request_id`: functions that were invoked without an API, and not refused."""
    first_ms: int
    last_ms: int
    answered_ok: int
    timeout_ms: int
    """The longest timeout of the run's functions."""

    @property
    def window(self) -> Window:
        """Where all of the run's rows are, and perhaps some of its neighbours'."""
        return Window(self.first_ms - BEFORE_MS, self.last_ms + self.timeout_ms + AFTER_MS)

    def window_of(self, times_ms: Iterable[int]) -> Window:
        """The part of the window where rows of requests sent at these times can be."""
        return Window(min(times_ms, default=self.first_ms) - BEFORE_MS, self.window.end_ms)


def read_sent(run: Run) -> Sent:
    """The ids and times of all requests of a run. Raises RunError when it is none, or has none."""
    import pyarrow as pa
    import pyarrow.compute as pc

    functions = run.intent.target.deployment.functions.values()
    gateway: dict[str, int] = {}
    direct: dict[str, int] = {}
    times: list[int] = []
    answered_ok = 0
    columns = ("scheduled_at", "sent_at", "status", "outcome", "gateway_request_id", "lambda_request_id")
    for batch in run.batches("requests", columns):
        sent_us = pc.coalesce(batch["sent_at"], batch["scheduled_at"]).cast(pa.int64()).to_numpy()
        sent_ms: list[int] = (sent_us // 1000).tolist()
        times += [min(sent_ms), max(sent_ms)] if sent_ms else []
        gateway.update(_by_id(batch["gateway_request_id"].to_pylist(), sent_ms))
        accepted = pc.less(batch["status"], pa.scalar(300, pa.int16()))
        direct.update(_by_id(pc.if_else(accepted, batch["lambda_request_id"], None).to_pylist(), sent_ms))
        answered_ok += batch["outcome"].to_pylist().count("ok")
    timeout_ms = int(1000 * max((function.timeout_s for function in functions), default=0.0))
    return Sent(gateway, direct, min(times, default=0), max(times, default=0), answered_ok, timeout_ms)


def _by_id(ids: list[str | None], sent_ms: list[int]) -> dict[str, int]:
    return {key: at for key, at in zip(ids, sent_ms, strict=True) if key is not None}
