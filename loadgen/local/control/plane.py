"""The control plane as a WSGI application: what is ours answers first, everything else falls through to moto.

A service is a file beside this one; `services` below names them all. After every change of a function or an API the
account's desired state is read anew and swapped in, so that the change governs the next request.
"""

from __future__ import annotations

import contextlib
import io
import json
import logging
import threading
import uuid
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from loadgen.local.account import Account
from loadgen.local.control.apigateway import RestService
from loadgen.local.control.apigatewayv2 import HttpService
from loadgen.local.control.cloudwatch import CloudWatchData
from loadgen.local.control.desired_state import read_apis, read_functions
from loadgen.local.control.functions import Functions
from loadgen.local.control.invoke import Invoker
from loadgen.local.control.lambda_ import CHECKED_LATER, lambda_operations
from loadgen.local.control.logs import LogsService
from loadgen.local.control.metric_store import MetricStore
from loadgen.local.control.sink import TelemetrySink
from loadgen.local.control.wire import Answer, Call, Environ, Refused, Wire, error_answer
from loadgen.local.invocation import InvokeResult, Kind

_log = logging.getLogger(__name__)
Operations = Mapping[str, Callable[[Call], Answer]]
WsgiApplication = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
_DEPLOYED = ("lambda", "apigateway", "apigatewayv2")
"""Services whose changes the data plane must learn of."""
_CONTENT_TYPE = {"json": "application/x-amz-json-1.1"}


class ControlPlane:
    """One account's control plane over HTTP."""

    def __init__(self, account: Account, moto: WsgiApplication, *, settle_s: float = 0.0,
                 provisioned_delay_s: float = 0.0, metadata: Mapping[str, Mapping[str, Any]] | None = None) -> None:
        self._account, self._moto = account, moto
        self.functions = Functions(account.quotas, account.region, account.account_id, settle_s=settle_s,
                                   provisioned_delay_s=provisioned_delay_s, metadata=metadata)
        self._invoke: Invoker = _not_connected
        self._flush_cache: Callable[[str, str], None] = _not_connected
        self._rest, self._http = _backend(account, "apigateway"), _backend(account, "apigatewayv2")
        logs, metrics = LogsService(_backend(account, "logs")), MetricStore()
        CloudWatchData(_backend(account, "cloudwatch"), metrics).install()
        self.sink = TelemetrySink(logs, metrics)
        services: Mapping[str, Operations] = {
            "lambda": lambda_operations(self.functions, self._invoked),
            "apigateway": RestService(self._rest, self._flushed).operations,
            "apigatewayv2": HttpService(self._http).operations,
            "logs": logs.operations,
        }
        self._services = {name: (Wire(name), operations) for name, operations in services.items()}
        self._lock = threading.RLock()

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = io.BytesIO(body)
        service = _service(environ)
        answer = self._answer(service, environ, body)
        if answer is not None:
            self._changed(service, environ)
            return _respond(answer, self._services[service][0], start_response)
        if service not in _DEPLOYED:
            return self._moto(environ, start_response)
        with self._lock:
            parts = list(self._moto(environ, start_response))
        self._changed(service, environ)
        return parts

    def connect(self, invoke: Invoker, flush_cache: Callable[[str, str], None]) -> None:
        """Reach into the data plane, which needs our sink and so comes second: for Invoke and FlushStageCache."""
        self._invoke, self._flush_cache = invoke, flush_cache

    def refresh(self) -> None:
        """Read the desired state anew and swap it in."""
        with self._lock:
            self._account.replace(read_functions(self.functions), read_apis(self._rest, self._http))

    def _answer(self, service: str, environ: Environ, body: bytes) -> Answer | None:
        """Our own answer, or None when the operation is not ours."""
        if service not in self._services:
            return None
        wire, operations = self._services[service]
        try:
            call = wire.read(environ, body)
            if call is None or call.operation not in operations:
                return None
            if service == "lambda":
                wire.check(call, but=CHECKED_LATER.get(call.operation, ()))
            waits = call.operation == "Invoke" or service == "logs"
            with contextlib.nullcontext() if waits else self._lock:
                return operations[call.operation](call)
        except Refused as refused:
            return error_answer(refused)
        except Exception as problem:
            return error_answer(_refusal(problem))

    def _invoked(self, function: str, qualifier: str | None, payload: bytes, kind: Kind) -> InvokeResult:
        return self._invoke(function, qualifier, payload, kind)

    def _flushed(self, api_id: str, stage: str) -> None:
        self._flush_cache(api_id, stage)

    def _changed(self, service: str, environ: Environ) -> None:
        changes = environ["REQUEST_METHOD"] != "GET" and not str(environ["PATH_INFO"]).endswith("/invocations")
        if service in _DEPLOYED and changes:
            self.refresh()


def _refusal(problem: Exception) -> Refused:
    """What a failure inside an operation is told as: moto's own refusals as they are, anything else as our fault."""
    if hasattr(problem, "error_type"):
        return Refused(int(getattr(problem, "code", 400)), problem.error_type,
                       str(getattr(problem, "message", problem)))
    _log.error("the control plane failed", exc_info=problem)
    return Refused(500, "ServiceException", f"the local cloud failed: {problem!r}", Type="Service")


def _service(environ: Environ) -> str:
    """The service that a request is signed for; both versions of API Gateway sign as one."""
    scope = str(environ.get("HTTP_AUTHORIZATION", "")).partition("Credential=")[2].split(",")[0].split("/")
    service = scope[3] if len(scope) == 5 else ""
    is_v2 = service == "apigateway" and str(environ["PATH_INFO"]).startswith("/v2/")
    return "apigatewayv2" if is_v2 else service


def _respond(answer: Answer, wire: Wire, start_response: Callable[..., Any]) -> Iterable[bytes]:
    protocol = wire.model.metadata["protocol"]
    members = answer.body
    if protocol == "json" and isinstance(members, Mapping) and "x-amzn-ErrorType" in answer.headers:
        members = {"__type": answer.headers["x-amzn-ErrorType"], **members}
    body = json.dumps(members).encode() if isinstance(members, Mapping) else members or b""
    headers = {"Content-Type": _CONTENT_TYPE.get(protocol, "application/json"), "x-amzn-RequestId": str(uuid.uuid4()),
               **answer.headers, "Content-Length": str(len(body))}
    start_response(f"{answer.status} {'OK' if answer.status < 400 else 'Error'}", list(headers.items()))
    return [body]


def _backend(account: Account, service: str) -> Any:
    from moto.backends import get_backend

    backends: Any = get_backend(service)  # type: ignore[call-overload]
    return backends[account.account_id][account.region]


def _not_connected(*_: Any) -> Any:
    raise Refused(503, "ServiceUnavailableException", "the data plane has not started yet")
