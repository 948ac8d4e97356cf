"""The local cloud's own process: data plane on an event loop, control plane on a thread, one account between them.

    python -m loadgen.local.process '{"template": …}'

It writes one line to standard output when it is ready, `{"target": …}`, or `{"error": …}` when it is not to be. It
ends on SIGTERM, SIGINT, or when its standard input closes: its parent has gone. moto's state is global, hence one
cloud a process.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import socket
import sys
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from loadgen.errors import LoadgenError, LocalCloudError
from loadgen.local.account import Account
from loadgen.local.invocation import InvokeResult, Kind
from loadgen.quotas import Quotas
from loadgen.schema import Record, from_plain, to_plain
from loadgen.target import Target

HOST = "127.0.0.1"


@dataclass(frozen=True)
class Settings(Record):
    """What a local cloud is started with; see `cloud.LocalCloud`."""

    template: str
    parameters: dict[str, str] = field(default_factory=dict)
    seed: int = 0
    quotas: Quotas = field(default_factory=Quotas)
    data_port: int = 0
    control_port: int = 0
    region: str = "us-east-1"
    provisioned_delay_s: float = 1.0
    settle_s: float = 0.0
    ingestion_delay_s: float = 0.3


def main(arguments: list[str]) -> int:
    """Run one local cloud until it is told to stop."""
    # jsonschema, which moto and the SAM translator import, builds a grammar of IRIs in a second; nobody here needs it
    sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]
    settings = from_plain(Settings, json.loads(arguments[0]), "settings")
    try:
        with asyncio.Runner(loop_factory=_loop) as runner:
            runner.run(_serve(settings))
    except LoadgenError as refused:
        _tell({"error": str(refused), "kind": type(refused).__name__})
        return 1
    return 0


def _loop() -> asyncio.AbstractEventLoop:
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    loop: asyncio.AbstractEventLoop = uvloop.new_event_loop()
    return loop


async def _serve(settings: Settings) -> None:
    from loadgen.local.handlers import read_profile
    from loadgen.local.server import DataPlane, Options
    from loadgen.template import read_template

    loop, stopped = asyncio.get_running_loop(), asyncio.Event()
    for ending in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(ending, stopped.set)
    threading.Thread(target=_watch_parent, args=(loop, stopped), daemon=True).start()
    listener = _listen(settings.control_port)
    deployment = read_template(settings.template, settings.parameters)
    account = Account(settings.quotas, settings.region)
    stack = re.sub(r"[^A-Za-z0-9-]", "-", Path(settings.template).resolve().parent.name) or "local"
    control = await asyncio.to_thread(_control_plane, settings, account, stack, deployment)
    data = DataPlane(account, control.sink, seed=settings.seed,
                     options=Options(ingestion_delay_s=settings.ingestion_delay_s, own_process=True))

    def invoke(function: str, qualifier: str | None, payload: bytes, kind: Kind) -> InvokeResult:
        return asyncio.run_coroutine_threadsafe(data.invoke(function, qualifier, payload, kind), loop).result()

    control.connect(invoke, data.flush_cache)
    server = _http_server(listener, control)
    endpoint_url = f"http://{HOST}:{listener.getsockname()[1]}"
    data_url = f"http://{HOST}:{await data.serve(settings.data_port)}"
    target = await asyncio.to_thread(_seed, deployment, stack, endpoint_url, data_url, account)
    for function in account.functions.values():
        read_profile(function)  # a wrong profile is told now, not by a 500 a request
    _tell({"target": to_plain(target)})
    await stopped.wait()
    await data.close()
    server.shutdown()


def _control_plane(settings: Settings, account: Account, stack: str, deployment: Any) -> Any:
    from moto.moto_api._internal import mock_random
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

    from loadgen.local.control.plane import ControlPlane
    from loadgen.local.control.seeding import function_name

    os.environ["MOTO_ACCOUNT_ID"] = account.account_id
    mock_random.seed(settings.seed)
    metadata = {function_name(stack, name): function.metadata for name, function in deployment.functions.items()}
    return ControlPlane(account, DomainDispatcherApplication(create_backend_app), settle_s=settings.settle_s,
                        provisioned_delay_s=settings.provisioned_delay_s, metadata=metadata)


def _seed(deployment: Any, stack: str, endpoint_url: str, data_url: str, account: Account) -> Target:
    from loadgen.local.control.seeding import seed

    return seed(deployment, stack, endpoint_url=endpoint_url, data_url=data_url, region=account.region,
                account_id=account.account_id)


def _listen(port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
    except OSError as problem:
        why = problem.strerror or str(problem)
        raise LocalCloudError(f"control port {port}: {why}: give another one, or 0 for any free one") from None
    listener.listen(128)
    return listener


def _http_server(listener: socket.socket, application: Any) -> Any:
    from moto.moto_server.werkzeug_app import MotoRequestHandler
    from werkzeug.serving import make_server

    class QuietHandler(MotoRequestHandler):
        def log(self, type: str, message: str, *args: Any) -> None:
            """No line a request."""

    host, port = listener.getsockname()
    server = make_server(host, port, application, threaded=True, request_handler=QuietHandler, fd=listener.fileno())
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def _watch_parent(loop: asyncio.AbstractEventLoop, stopped: asyncio.Event) -> None:
    while sys.stdin.buffer.read(1):
        pass
    loop.call_soon_threadsafe(stopped.set)


def _tell(message: dict[str, Any]) -> None:
    print(json.dumps(message), flush=True)


if __name__ == "__main__":
    code = main(sys.argv[1:])
    sys.stdout.flush()
    os._exit(code)  # request threads may still hold connections: nothing of this process is worth waiting for
