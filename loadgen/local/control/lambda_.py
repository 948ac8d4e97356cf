"""Lambda's operations on functions, and the table of all Lambda operations that the local cloud answers itself.

Code is taken (size and digest are kept) but not run: what a function does is its declared profile.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import uuid
import zipfile
from collections.abc import Callable, Collection, Mapping

from loadgen.local.account import LATEST
from loadgen.local.control.concurrency import ConcurrencyOperations
from loadgen.local.control.functions import Function, Functions, Members, Version, conflict, invalid, stale
from loadgen.local.control.invoke import InvokeOperation, Invoker
from loadgen.local.control.policies import PolicyOperations
from loadgen.local.control.versions import VersionOperations
from loadgen.local.control.wire import Answer, Call, Refused

ZIPPED_BYTES, UNZIPPED_BYTES, ENVIRONMENT_BYTES = 52_428_800, 262_144_000, 4_096
_PASSED_ON = ("Description", "Handler", "MemorySize", "Role", "Timeout", "EphemeralStorage", "TracingConfig",
              "Environment", "VpcConfig", "DeadLetterConfig", "KMSKeyArn", "FileSystemConfigs", "ImageConfig")
RUNTIMES = ("nodejs20.x", "python3.14", "provided.al2023", "python3.12", "python3.13", "nodejs24.x", "nodejs22.x",
            "java25", "python3.10", "python3.11", "java21", "ruby3.3", "ruby3.4", "ruby3.2", "python3.8", "python3.9",
            "java17", "nodejs16.x", "dotnet10", "dotnet8", "java11", "dotnet6", "nodejs18.x", "provided.al2",
            "java8.al2")
"""In the order in which Lambda names them (recorded 2026-01)."""
CHECKED_LATER: Mapping[str, Collection[str]] = {
    "CreateFunction": ("Runtime",), "UpdateFunctionConfiguration": ("Runtime",),
    "PutFunctionConcurrency": ("ReservedConcurrentExecutions",),
}
"""Parameters that Lambda checks in its own words, or only after it has looked for the function."""
RETIRED_RUNTIMES = ("python2.7", "python3.6", "python3.7", "nodejs12.x", "nodejs14.x", "ruby2.7", "java8", "go1.x",
                    "dotnetcore3.1", "provided")


class FunctionOperations:
    """Create, read, change and delete functions."""

    def __init__(self, functions: Functions) -> None:
        self.functions = functions

    @property
    def operations(self) -> Mapping[str, Callable[[Call], Answer]]:
        return {
            "CreateFunction": self.create,
            "GetFunction": self.get,
            "GetFunctionConfiguration": self.get_configuration,
            "ListFunctions": self.list,
            "UpdateFunctionConfiguration": self.update_configuration,
            "UpdateFunctionCode": self.update_code,
            "DeleteFunction": self.delete,
        }

    def create(self, call: Call) -> Answer:
        """A new function; with Publish also its version 1, named in the answer."""
        _check_settings(call)
        name, _ = self.functions.split(call["FunctionName"])
        if len(name) > 64:
            raise invalid(f"1 validation error detected: Value '{name}' at 'functionName' failed to satisfy "
                          "constraint: Member must have length less than or equal to 64")
        if name in self.functions:
            raise conflict(f"Function already exist: {name}")
        configuration = {
            **_defaults(name, self.functions.region), "PackageType": call.get("PackageType", "Zip"),
            **_code(call.get("Code", {})), **_settings(call, {}, name),
            "Architectures": call.get("Architectures") or ["x86_64"],
        }
        function = self.functions.add(name, configuration)
        function.tags = dict(call.get("Tags", {}))
        members = self.functions.describe(function, function.latest)
        if call.get("Publish"):
            VersionOperations(self.functions).publish_version(function, None)
            members["Version"] = "1"
        return Answer(members, 201)

    def get(self, call: Call) -> Answer:
        """A function's configuration, where its code is, its tags and its reserved concurrency, the last two if set."""
        function, qualifier = self.functions.find(call["FunctionName"], call.get("Qualifier"))
        version = _existing(function, qualifier)
        region, account_id = self.functions.region, self.functions.account_id
        bucket = f"https://awslambda-{region}-tasks.s3.{region}.amazonaws.com"
        members: Members = {
            "Configuration": self.functions.describe(function, version, qualifier),
            "Code": {"RepositoryType": "S3", "Location": f"{bucket}/snapshots/{account_id}/{function.name}"},
        }
        if function.tags:
            members["Tags"] = function.tags
        if function.reserved is not None:
            members["Concurrency"] = {"ReservedConcurrentExecutions": function.reserved}
        return Answer(members)

    def get_configuration(self, call: Call) -> Answer:
        """A function's configuration."""
        function, qualifier = self.functions.find(call["FunctionName"], call.get("Qualifier"))
        return Answer(self.functions.describe(function, _existing(function, qualifier), qualifier))

    def list(self, call: Call) -> Answer:
        """Every function, a page at a time; with FunctionVersion=ALL every version of each."""
        if call.get("FunctionVersion") == "ALL":
            items = [self.functions.describe(function, version, version.number, listed=True)
                     for function in self.functions for version in function.versions.values()]
        else:
            items = [self.functions.describe(function, function.latest, listed=True) for function in self.functions]
        return Answer(page(items, "Functions", call))

    def update_configuration(self, call: Call) -> Answer:
        """Change `$LATEST`. What is set as it was changes nothing: publishing then makes no new version."""
        _check_settings(call)
        function, version = self._changeable(call)
        changed = {**version.configuration, **_settings(call, version.configuration, function.name)}
        return self._change(function, version, changed)

    def update_code(self, call: Call) -> Answer:
        """Change code or architecture of `$LATEST`; with Publish the answer is the new version, not yet active."""
        function, version = self._changeable(call)
        changed = {**version.configuration, **_code(dict(call.parameters), version.configuration)}
        changed["Architectures"] = call.get("Architectures") or version.configuration["Architectures"]
        answer = self._change(function, version, changed)
        if call.get("Publish"):
            published = VersionOperations(self.functions).publish_version(function, None)
            published.begin("create", version.settles_at)
            return Answer(self.functions.describe(function, published, published.number))
        return answer

    def delete(self, call: Call) -> Answer:
        """Delete a version, or without a qualifier the function."""
        function, qualifier = self.functions.find(call["FunctionName"], call.get("Qualifier"))
        if qualifier is None:
            self.functions.remove(function.name)
        elif qualifier == LATEST:
            raise invalid("$LATEST version cannot be deleted without deleting the function.")
        elif users := [alias.name for alias in function.aliases.values() if alias.version == qualifier]:
            raise conflict(f"Version {qualifier} cannot be deleted because it is referenced by alias "
                           f"{', '.join(users)}")
        else:
            function.versions.pop(qualifier, None)
            function.provisioned.pop(qualifier, None)
        return Answer(status=204)

    def _changeable(self, call: Call) -> tuple[Function, Version]:
        function, _ = self.functions.find(call["FunctionName"])
        if function.latest.change:
            raise conflict("The operation cannot be performed at this time. An update is in progress for resource: "
                           f"{function.arn}")
        if call.get("RevisionId") not in (None, function.latest.revision):
            raise stale()
        return function, function.latest

    def _change(self, function: Function, version: Version, configuration: Members) -> Answer:
        if configuration != version.configuration:
            version.configuration = configuration
            version.generation += 1
        version.begin("update", self.functions.clock() + self.functions.settle_s)
        return Answer(self.functions.describe(function, version))


def page(items: list[Members], member: str, call: Call) -> Members:
    """One page of a list: `MaxItems` of it (50 at most) from `Marker` on, with `NextMarker` when more follows."""
    start, size = int(call.get("Marker") or 0), min(int(call.get("MaxItems") or 50), 50)
    more = {"NextMarker": str(start + size)} if start + size < len(items) else {}
    return {member: items[start:start + size], **more}


def lambda_operations(functions: Functions, invoke: Invoker) -> Mapping[str, Callable[[Call], Answer]]:
    """Every Lambda operation that is ours."""
    families = (FunctionOperations(functions), VersionOperations(functions), ConcurrencyOperations(functions),
                PolicyOperations(functions), InvokeOperation(functions, invoke))
    return {name: operation for family in families for name, operation in family.operations.items()}


def _existing(function: Function, qualifier: str | None) -> Version:
    version = function.version(qualifier)
    assert version is not None, "find() refuses a qualifier that names nothing"
    return version


def _defaults(name: str, region: str) -> Members:
    digest = hashlib.sha256(b"runtime").hexdigest()
    return {
        "Description": "", "MemorySize": 128, "Timeout": 3, "EphemeralStorage": {"Size": 512},
        "TracingConfig": {"Mode": "PassThrough"}, "SnapStart": {"ApplyOn": "None", "OptimizationStatus": "Off"},
        "LoggingConfig": {"LogFormat": "Text", "LogGroup": f"/aws/lambda/{name}"},
        "RuntimeVersionConfig": {"RuntimeVersionArn": f"arn:aws:lambda:{region}::runtime:{digest}"},
    }


def _settings(call: Call, before: Members, name: str) -> Members:
    changed = {key: call[key] for key in _PASSED_ON if call.get(key) is not None}
    if call.get("Runtime"):
        changed["Runtime"] = call["Runtime"]
    if call.get("SnapStart"):
        changed["SnapStart"] = {"ApplyOn": call["SnapStart"]["ApplyOn"], "OptimizationStatus": "Off"}
    if call.get("LoggingConfig"):
        changed["LoggingConfig"] = _logging(call["LoggingConfig"], before.get("LoggingConfig", {}), name)
    if call.get("Layers") is not None:
        changed["Layers"] = [{"Arn": arn, "CodeSize": 0} for arn in call["Layers"]]
    return changed


def _logging(wanted: Members, before: Members, name: str) -> Members:
    merged = {"LogGroup": f"/aws/lambda/{name}", **before, **wanted}
    levels = ("ApplicationLogLevel", "SystemLogLevel")
    if merged.get("LogFormat", "Text") == "Text":
        return {key: value for key, value in merged.items() if key not in levels}
    return {**dict.fromkeys(levels, "INFO"), **merged}


def _code(code: Members, before: Members | None = None) -> Members:
    if isinstance(code.get("ZipFile"), str | bytes):
        content = code["ZipFile"] if isinstance(code["ZipFile"], bytes) else base64.b64decode(code["ZipFile"])
        _check_zip(content)
    elif before is not None and not any(key in code for key in ("S3Key", "ImageUri")):
        return {}
    else:
        content = json.dumps([code.get("S3Bucket"), code.get("S3Key"), code.get("ImageUri"),
                              str(uuid.uuid4())]).encode()
    return {"CodeSize": len(content), "CodeSha256": base64.b64encode(hashlib.sha256(content).digest()).decode()}


def _check_zip(content: bytes) -> None:
    if len(content) > ZIPPED_BYTES:
        raise Refused(413, "RequestEntityTooLargeException", f"Zipped size must be smaller than {ZIPPED_BYTES} bytes")
    try:
        unzipped = sum(entry.file_size for entry in zipfile.ZipFile(io.BytesIO(content)).infolist())
    except zipfile.BadZipFile:
        raise invalid("Could not unzip uploaded file. Please check your file, then try to upload again.") from None
    if unzipped > UNZIPPED_BYTES:
        raise invalid(f"Unzipped size must be smaller than {UNZIPPED_BYTES} bytes")


def _check_settings(call: Call) -> None:
    runtime = call.get("Runtime")
    if runtime in RETIRED_RUNTIMES:
        raise invalid(f"The runtime parameter of {runtime} is no longer supported for creating or updating AWS "
                      "Lambda functions. We recommend you use a supported runtime while creating or updating "
                      "functions.")
    if runtime is not None and runtime not in RUNTIMES:
        raise invalid(f"Value {runtime} at 'runtime' failed to satisfy constraint: Member must satisfy enum value set: "
                      f"[{', '.join(RUNTIMES)}] or be a valid ARN")
    variables = json.dumps(call.get("Environment", {}).get("Variables", {}), separators=(",", ":"))
    if len(variables) > ENVIRONMENT_BYTES:
        raise invalid("Lambda was unable to configure your environment variables because the environment variables "
                      f"you have provided exceeded the 4KB limit. String measured: {variables}")
