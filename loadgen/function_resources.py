"""The functions and aliases of a template's plain CloudFormation, and which function a reference names.

Source: CloudFormation template reference (AWS::Lambda).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any, TypeVar, cast

from loadgen.configuration import MEMORY_MB
from loadgen.deployment import Architecture, Function
from loadgen.errors import TemplateError
from loadgen.intrinsics import Stack

FUNCTION_REFERENCE = re.compile(
    r"(?:arn:[^:]+:lambda:[^:]*:[^:]*:function:)?(?P<name>[^:]+?)(?:\.Arn)?(?::(?P<qualifier>[^:]+))?")
"""`F`, `F.Arn`, `F.Arn:live`, the id of an alias or a version, a function's own name or ARN."""
OTHER_FORMS = (AttributeError, IndexError, KeyError, RecursionError, TypeError, ValueError)
"""What a property of another form than CloudFormation's makes of its reading: nothing here can know all of them."""
T = TypeVar("T")


def each(stack: Stack, names: Iterable[str], read: Callable[[str], Iterable[T]]) -> Iterator[T]:
    """What is read of each resource; one of another form is a doubt by its name."""
    for name in names:
        try:
            yield from list(read(name))
        except TemplateError as problem:
            stack.doubt(problem)
        except OTHER_FORMS as problem:
            stack.doubt(misunderstood(f"{stack.where}: {name}", problem))


def misunderstood(where: str, problem: Exception) -> TemplateError:
    """One of OTHER_FORMS as the error to raise or to note."""
    if isinstance(problem, RecursionError):
        return TemplateError(f"{where}: references or conditions lead back to themselves: break the loop")
    return TemplateError(f"{where}: not understood: {type(problem).__name__}: {problem}")


def read_function(stack: Stack, name: str, code_uri: str | None, served: Collection[str | None]) -> Function:
    """A function as it is declared; `served`: the aliases by which routes invoke it (None: by none)."""
    declared = stack.properties(name)
    alias = _served_alias(stack, name, served)
    provisioned = (alias or {}).get("ProvisionedConcurrencyConfig", {})
    number = Numbers(stack, name)
    return Function(
        name=name,
        runtime=declared.get("Runtime", "container"),
        handler=declared.get("Handler", ""),
        memory_mb=_memory_mb(stack.where, name, number(declared, "MemorySize", 128)),
        timeout_s=number(declared, "Timeout", 3),
        architecture=_architecture(stack, name, declared.get("Architectures")),
        package="image" if declared.get("PackageType") == "Image" else "zip",
        vpc=bool(declared.get("VpcConfig")),
        alias=str(alias["Name"]) if alias else None,
        reserved=number.optional(declared, "ReservedConcurrentExecutions"),
        provisioned=int(number(provisioned, "ProvisionedConcurrentExecutions", 0)),
        ephemeral_storage_mb=int(number(declared.get("EphemeralStorage", {}), "Size", 512)),
        snap_start=declared.get("SnapStart", {}).get("ApplyOn") == "PublishedVersions",
        log_format=declared.get("LoggingConfig", {}).get("LogFormat", "Text"),
        code_uri=code_uri,
        metadata=stack.resources[name].get("Metadata") or {},
    )


def _memory_mb(where: str, name: str, size: float) -> int:
    if int(size) not in MEMORY_MB:
        raise TemplateError(f"{where}: {name}.MemorySize = {size:g}: give 128 to 10240 MB")
    return int(size)


def _architecture(stack: Stack, name: str, given: Any) -> Architecture:
    if given is None:
        return "x86_64"
    found = given[0] if isinstance(given, list) and given else given
    if isinstance(found, dict):
        stack.doubt(TemplateError(f"{stack.where}: {name}.Architectures = {found}: not known offline: x86_64 is assumed, give "
                                  f"architecture in [{name}] of --usage", resource=name, setting="Architectures"))
        return "x86_64"
    if found not in ("x86_64", "arm64"):
        raise TemplateError(f"{stack.where}: {name}.Architectures = {found!r}: give x86_64 or arm64")
    return cast("Architecture", found)


def _served_alias(stack: Stack, function: str, served: Collection[str | None]) -> Any:
    """The properties of the alias that the routes name; of any alias when no route invokes the function; else None."""
    aliases = list(each(stack, stack.of_type("AWS::Lambda::Alias"), lambda name: [
        declared for declared in [stack.properties(name)] if invoked(stack, declared["FunctionName"])[0] == function]))
    return next((alias for alias in aliases if not served or alias["Name"] in served), None)


def invoked(stack: Stack, reference: str) -> tuple[str, str | None]:
    """The function (logical id) and the alias, if any, that a reference names. Raises TemplateError for another."""
    match = FUNCTION_REFERENCE.fullmatch(reference)
    name, qualifier = (match["name"], match["qualifier"]) if match else (reference, None)
    resource = stack.resources.get(name, {})
    if resource.get("Type") in ("AWS::Lambda::Alias", "AWS::Lambda::Version"):
        declared = stack.properties(name)
        return invoked(stack, declared["FunctionName"])[0], declared.get("Name")
    for function in stack.of_type("AWS::Lambda::Function"):
        if name in (function, stack.properties(function).get("FunctionName")):
            return function, qualifier
    raise TemplateError(f"{stack.where}: {reference}: no function of this template")


class Numbers:
    """Reads numbers among one resource's properties, with errors that name the resource and the property."""

    def __init__(self, stack: Stack, resource: str) -> None:
        self.stack, self.resource, self.where = stack, resource, f"{stack.where}: {resource}"

    def __call__(self, properties: Mapping[str, Any], key: str, default: float = 0.0) -> float:
        value: Any = properties.get(key, default)
        try:
            return float(value)
        except (TypeError, ValueError):
            self.stack.doubt(TemplateError(f"{self.where}.{key} = {value}: not a number that can be known offline",
                                           resource=self.resource, setting=key))
            return default

    def optional(self, properties: Mapping[str, Any], key: str) -> int | None:
        """The same where nothing stands for nothing, and -1 for what is not known."""
        found = int(self(properties, key, -1)) if key in properties else None
        return None if found == -1 else found
