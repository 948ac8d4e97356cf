"""The account's desired state: the control plane writes it, the data plane's rules read it.

Plain data, rebuilt by the control plane after every change made through boto3 and swapped in whole (`Account.replace`),
so that a reader on another thread sees the state before a change or after it, never half of one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from loadgen.deployment import ApiKind, Architecture
from loadgen.quotas import Quotas

LATEST = "$LATEST"


@dataclass(frozen=True)
class Version:
    """One version of a function. `revision` changes with its settings: environments of an old one are not reused."""

    function: str
    number: str
    revision: str
    memory_mb: int
    architecture: Architecture
    timeout_s: float
    runtime: str
    package: Literal["zip", "image"] = "zip"
    log_format: Literal["Text", "JSON"] = "Text"
    log_level: str = "INFO"
    snap_start: bool = False


@dataclass(frozen=True)
class Provisioned:
    """A provisioned concurrency configuration of an alias or version. Usable from `ready_at` on (monotonic seconds)."""

    requested: int
    ready_at: float


@dataclass(frozen=True)
class FunctionState:
    """A function: its versions, aliases and concurrency; `metadata` holds its duration profile (see handlers)."""

    name: str
    arn: str
    versions: Mapping[str, Version]
    aliases: Mapping[str, str]
    reserved: int | None
    provisioned: Mapping[str, Provisioned]
    """By alias or version."""
    metadata: Mapping[str, Any]
    log_group: str

    def resolve(self, qualifier: str | None) -> Version | None:
        """The version that an alias, a version number or nothing (`$LATEST`) stands for."""
        number = self.aliases.get(qualifier or LATEST, qualifier or LATEST)
        return self.versions.get(number)


@dataclass(frozen=True)
class MethodSettings:
    """A stage's settings for one method, or for all; None: not set."""

    throttle_rps: float | None = None
    throttle_burst: int | None = None
    cached: bool | None = None
    cache_ttl_s: int | None = None


@dataclass(frozen=True)
class StageState:
    """One stage. `settings` is keyed by the route's name; `default` holds for the rest."""

    name: str
    default: MethodSettings = field(default_factory=MethodSettings)
    settings: Mapping[str, MethodSettings] = field(default_factory=dict)
    cache_gb: float | None = None
    access_log_group: str | None = None
    access_log_format: str | None = None


@dataclass(frozen=True)
class RouteState:
    """One route and its integration: `function` and `qualifier` name what it invokes."""

    method: str
    path: str
    function: str
    qualifier: str | None = None
    timeout_s: float = 29.0
    payload_format: Literal["1.0", "2.0"] = "1.0"
    body_schema: Mapping[str, Any] | None = None
    required_parameters: tuple[str, ...] = ()
    cache_keys: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return f"{self.method} {self.path}"


@dataclass(frozen=True)
class ApiState:
    """One API with its routes and stages."""

    id: str
    name: str
    kind: ApiKind
    routes: tuple[RouteState, ...]
    stages: Mapping[str, StageState]


@dataclass
class Account:
    """One account in one Region. Readers take `functions` or `apis` once and work on what they took."""

    quotas: Quotas = field(default_factory=Quotas)
    region: str = "us-east-1"
    account_id: str = "123456789012"
    functions: Mapping[str, FunctionState] = field(default_factory=dict)
    apis: Mapping[str, ApiState] = field(default_factory=dict)

    def replace(self, functions: Mapping[str, FunctionState], apis: Mapping[str, ApiState]) -> None:
        """Swap in a new state, each table whole."""
        self.functions, self.apis = functions, apis
