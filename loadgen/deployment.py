"""What a template deploys: functions, APIs and the triggers that join them. Data only, no IO.

Names are the template's logical ids; the names that things have in an account are in `target.Target`. A route has one
name in every frame, report and workload: `METHOD /template`, for instance `GET /products/{id}`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from loadgen.errors import ConfigurationError
from loadgen.schema import Record

if TYPE_CHECKING:
    from loadgen.configuration import Configuration

ApiKind = Literal["rest", "http", "url"]
Architecture = Literal["x86_64", "arm64"]


@dataclass(frozen=True)
class Function(Record):
    """A Lambda function as the template declares it."""

    name: str
    runtime: str = "python3.13"
    handler: str = "app.handler"
    memory_mb: int = 128
    timeout_s: float = 3.0
    architecture: Architecture = "x86_64"
    package: Literal["zip", "image"] = "zip"
    alias: str | None = None
    """The alias that the APIs invoke; None: they invoke `$LATEST`."""
    reserved: int | None = None
    provisioned: int = 0
    ephemeral_storage_mb: int = 512
    snap_start: bool = False
    log_format: Literal["Text", "JSON"] = "Text"
    code_uri: str | None = None
    vpc: bool = False
    package_mb: float | None = field(default=None, compare=False)
    """Its zip and its layers as they are stored [MB]; None: not known, as a template does not say it."""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    """The resource's `Metadata`, as is; the local cloud reads its duration profile from it."""


@dataclass(frozen=True)
class Route(Record):
    """A trigger: one method and path of one API, and the function behind it."""

    api: str
    method: str
    path: str
    function: str
    authorizer: str | None = None
    api_key_required: bool = False
    body_schema: Mapping[str, Any] | None = None
    """JSON schema (draft 4) that REST checks the body against, when the template asks for it."""
    cache_keys: tuple[str, ...] = ()
    """Parameters that are part of the cache key: `path.id`, `querystring.page`, `header.Accept`."""

    @property
    def name(self) -> str:
        return f"{self.method} {self.path}"


@dataclass(frozen=True)
class Api(Record):
    """One API and its stage, as the template declares it."""

    name: str
    kind: ApiKind
    stage: str
    cache_gb: float | None = None
    cache_ttl_s: int = 300
    cached_routes: tuple[str, ...] = ()
    throttle_rps: float | None = None
    throttle_burst: int | None = None
    access_log_format: str | None = None
    """None: access logging is off."""
    payload_format: Literal["1.0", "2.0"] = "1.0"


@dataclass(frozen=True)
class Authorizer(Record):
    """Who may call; the rules come with the authorizers of the local cloud."""

    name: str
    api: str
    kind: Literal["token", "request", "jwt", "iam", "cognito"]
    ttl_s: int = 300


@dataclass(frozen=True)
class UsagePlan(Record):
    """Limits by API key (REST only)."""

    name: str
    throttle_rps: float | None = None
    throttle_burst: int | None = None
    quota: int | None = None
    quota_period: Literal["DAY", "WEEK", "MONTH"] = "MONTH"


@dataclass(frozen=True)
class Deployment(Record):
    """Everything that a template deploys and that costs or limits requests."""

    functions: Mapping[str, Function]
    apis: Mapping[str, Api]
    triggers: tuple[Route, ...]
    authorizers: Mapping[str, Authorizer] = field(default_factory=dict)
    usage_plans: Mapping[str, UsagePlan] = field(default_factory=dict)

    def api(self, kind: ApiKind) -> Api:
        """The API of this kind. Raises ConfigurationError when the deployment has none."""
        for api in self.apis.values():
            if api.kind == kind:
                return api
        kinds = ", ".join(sorted({api.kind for api in self.apis.values()})) or "none"
        raise ConfigurationError(f"api.kind: this deployment has no {kind!r} API (it has: {kinds})", kind=kind)

    def routes(self, kind: ApiKind) -> tuple[Route, ...]:
        """The routes of the API of this kind, in the template's order."""
        api = self.api(kind)
        return tuple(route for route in self.triggers if route.api == api.name)

    def accepts(self, configuration: Configuration) -> None:
        """Raise ConfigurationError when this deployment cannot take the configuration, with what would make it."""
        self.api(configuration.api.kind)
        for name, settings in configuration.functions.items():
            if name not in self.functions:
                known = ", ".join(self.functions)
                raise ConfigurationError(f"functions.{name}: no such function (there are: {known})", function=name)
            if settings.provisioned and self.functions[name].alias is None:
                raise ConfigurationError(
                    f"functions.{name}.provisioned={settings.provisioned}: provisioned concurrency needs an alias, and "
                    f"{name} serves from $LATEST: set AutoPublishAlias in the template",
                    function=name,
                )
