"""How well arrivals keep their schedule: the open-loop dispatcher beside Locust's own `constant_throughput`.

    python benchmarks/dispatcher.py [--json]

Both send to the same loopback server in the same run, from one process each, one after the other. `held` is what was
sent of what should have been; the error is |sent - due|, where a paced user's k-th request is due k / rate after its
first. Quote the ratios: absolute figures are the machine's. Takes under a minute.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from loadgen.measurements.run import Run

DURATION_S = 5
SETTLE_S = 2
USERS = 100
CASES = ((500, 0.02), (1000, 0.02), (500, 0.5))
"""Rate [requests/s], the server's response time [s]."""
OPEN_LOOP = """
from locust import task
from loadgen.shapes import Constant
from loadgen.users.api import ApiUser

class Open(ApiUser):
    shape = Constant({rate}, {duration_s})

    @task
    def ask(self):
        self.get("/")
"""
PACED = """
import json, os, time
from locust import FastHttpUser, constant_throughput, events, task

SENT = []

class Paced(FastHttpUser):
    wait_time = constant_throughput({rate} / {users})

    def on_start(self):
        self.first, self.count = time.perf_counter(), 0

    @task
    def ask(self):
        now = time.perf_counter()
        SENT.append((now, now - self.first - self.count / ({rate} / {users})))
        self.count += 1
        self.client.get("/")

@events.quitting.add_listener
def write(**_):
    with open(os.environ["SENT_FILE"], "w") as file:
        json.dump(SENT, file)
"""


class Server(asyncio.Protocol):
    """Answers every request after a while."""

    delay_s = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        loop = asyncio.get_running_loop()
        for _ in range(data.count(b"\r\n\r\n")):
            loop.call_later(self.delay_s, self.transport.write, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")


async def serve(delay_s: float) -> None:
    """Listen on a free port, print it, and go on until killed."""
    Server.delay_s = delay_s
    listener = await asyncio.get_running_loop().create_server(Server, "127.0.0.1", 0, backlog=2000)
    print(listener.sockets[0].getsockname()[1], flush=True)
    await listener.serve_forever()


@contextmanager
def running_server(delay_s: float) -> Iterator[str]:
    """The address of a server in a process of its own."""
    command = [sys.executable, __file__, "--serve", str(delay_s)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
        finally:
            process.kill()


def run_locust(text: str, address: str, folder: Path, *options: str) -> None:
    """Run a locustfile headless; what it writes goes to the folder."""
    (folder / "locustfile.py").write_text(text)
    command = [sys.executable, "-m", "locust", "-f", str(folder / "locustfile.py"), "--headless", "--only-summary",
               "--host", address, *options]
    environment = {**os.environ, "LOADGEN_OUT": str(folder), "SENT_FILE": str(folder / "sent.json")}
    subprocess.run(command, env=environment, capture_output=True, check=True)


def measure_open_loop(rate: float, address: str, folder: Path) -> dict[str, float]:
    """The dispatcher's figures."""
    run_locust(OPEN_LOOP.format(rate=rate, duration_s=DURATION_S), address, folder)
    rows = Run(folder).frame("requests", ["scheduled_at", "sent_at"])
    errors_ms = (rows["sent_at"] - rows["scheduled_at"]).dt.total_seconds().dropna().to_numpy(float) * 1e3
    return figures(len(errors_ms) / len(rows), errors_ms)


def measure_paced(rate: float, address: str, folder: Path) -> dict[str, float]:
    """Figures of Locust's users, after they have all been spawned."""
    run_locust(PACED.format(rate=rate, users=USERS), address, folder, "-u", str(USERS), "-r", str(USERS),
               "-t", f"{SETTLE_S + DURATION_S + 1}s")
    sent = np.array(json.loads((folder / "sent.json").read_text()))
    start = sent[:, 0].min() + SETTLE_S
    within = (sent[:, 0] >= start) & (sent[:, 0] < start + DURATION_S)
    return figures(within.sum() / (rate * DURATION_S), sent[within, 1] * 1e3)


def figures(held: float, errors_ms: np.ndarray) -> dict[str, float]:
    """The share that was sent, and quantiles of the error's size [ms]."""
    p50, p99 = np.quantile(np.abs(errors_ms), [0.5, 0.99])
    return {"held": round(float(held), 3), "error_p50_ms": round(float(p50), 2), "error_p99_ms": round(float(p99), 2)}


def compare(rate: float, delay_s: float) -> dict[str, object]:
    """One case: both ways of sending, against one server."""
    with running_server(delay_s) as address, tempfile.TemporaryDirectory() as folder:
        ours, theirs = Path(folder) / "dispatcher", Path(folder) / "paced"
        ours.mkdir()
        theirs.mkdir()
        dispatcher = measure_open_loop(rate, address, ours)
        paced = measure_paced(rate, address, theirs)
    return {"rate_rps": rate, "response_s": delay_s, "dispatcher": dispatcher, "constant_throughput": paced,
            "error_p99_ratio": round(paced["error_p99_ms"] / dispatcher["error_p99_ms"], 1)}


def main() -> None:
    """Measure every case, print a table or JSON."""
    if sys.argv[1:2] == ["--serve"]:
        asyncio.run(serve(float(sys.argv[2])))
        return
    results = [compare(rate, delay_s) for rate, delay_s in CASES]
    if "--json" in sys.argv:
        print(json.dumps({"cases": results}))
        return
    print(f"{'rate/s':>7} {'answer':>7}  {'sent by':<20} {'held':>6} {'error p50':>10} {'p99':>9}   p99 ratio")
    for case in results:
        for name in ("dispatcher", "constant_throughput"):
            found = case[name]
            ratio = f"{case['error_p99_ratio']:8.1f}" if name == "constant_throughput" else ""
            print(f"{case['rate_rps']:7} {case['response_s']:6g}s  {name:<20} {found['held']:6.1%}"
                  f" {found['error_p50_ms']:7.2f} ms {found['error_p99_ms']:6.1f} ms {ratio}")


if __name__ == "__main__":
    main()
