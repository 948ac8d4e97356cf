"""Lambda's Invoke, answered by the data plane: the same execution environments serve it and the APIs."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping

from loadgen.local.account import LATEST
from loadgen.local.control.functions import Functions
from loadgen.local.control.wire import Answer, Call, Refused
from loadgen.local.invocation import InvokeResult, Kind

Invoker = Callable[[str, str | None, bytes, Kind], InvokeResult]
"""Function name, qualifier, payload, kind. Called from a request's thread; blocks until the function has answered."""
_KINDS: Mapping[str, Kind] = {"RequestResponse": "sync", "Event": "event", "DryRun": "dry_run"}


class InvokeOperation:
    """Invoke a function directly."""

    def __init__(self, functions: Functions, invoke: Invoker) -> None:
        self.functions, self.invoke = functions, invoke

    @property
    def operations(self) -> Mapping[str, Callable[[Call], Answer]]:
        return {"Invoke": self.answer}

    def answer(self, call: Call) -> Answer:
        """The function's answer; a function's own error is a 200 too, told by `X-Amz-Function-Error`."""
        function, qualifier = self.functions.find(call["FunctionName"], call.get("Qualifier"), shown=LATEST)
        payload = call.get("Payload") or b"{}"
        _check_json(payload)
        result = self.invoke(function.name, qualifier, payload, _KINDS[call.get("InvocationType", "RequestResponse")])
        headers = {"x-amzn-RequestId": result.request_id, "Content-Type": "application/json"}
        optional = {
            "X-Amz-Executed-Version": result.executed_version if result.status == 200 else None,
            "X-Amz-Function-Error": result.function_error,
            "x-amzn-ErrorType": result.error_code,
            "Retry-After": "1" if result.status == 429 else None,
        }
        if call.get("LogType") == "Tail" and result.log_tail is not None:
            optional["X-Amz-Log-Result"] = base64.b64encode(result.log_tail.encode()).decode()
        headers.update({name: value for name, value in optional.items() if value is not None})
        return Answer(b"" if result.status in (202, 204) else result.payload, result.status, headers)


def _check_json(payload: bytes) -> None:
    try:
        json.loads(payload)
    except UnicodeDecodeError as bad:
        problem, column = f"Invalid UTF-8 start byte 0x{payload[bad.start]:x}", bad.start + 2
    except ValueError as bad:
        problem, column = str(bad), 1
    else:
        return
    message = (f"Could not parse request body into json: Could not parse payload into json: {problem}\n at [Source: "
               f"REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled); line: 1, column: {column}]")
    raise Refused(400, "InvalidRequestContentException", message, Type="User")
