"""The settings that are compared: of the API, and of each function. Hashable, so that they key tables and caches."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from loadgen.deployment import ApiKind, Architecture, Deployment
from loadgen.errors import ConfigurationError
from loadgen.schema import Record

CACHE_SIZES_GB = (0.5, 1.6, 6.1, 13.5, 28.4, 58.2, 118.0, 237.0)
"""Cache cluster sizes that a REST stage takes (API Gateway API reference, CacheClusterSize)."""
MEMORY_MB = range(128, 10_241)
"""Memory sizes that Lambda takes (Lambda developer guide, "Configure Lambda function memory")."""


_DEFAULT_WORDS = ("x86_64", "pc0", "unreserved", "no-snapstart", "info")
"""Settings that a label leaves out when most functions have them."""


@dataclass(frozen=True)
class RouteSettings(Record):
    """What a stage sets for one route; None: as the stage."""

    cached: bool | None = None
    throttle_rps: float | None = None
    throttle_burst: int | None = None


@dataclass(frozen=True)
class ApiSettings(Record):
    """Settings of one API's stage. `cache_gb=None`: no cache. Throttle None: only the account's limit."""

    kind: ApiKind = "rest"
    cache_gb: float | None = None
    cache_ttl_s: int = 300
    throttle_rps: float | None = None
    throttle_burst: int | None = None
    routes: Mapping[str, RouteSettings] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.cache_gb is not None and self.kind != "rest":
            raise ConfigurationError(f"api.cache_gb={self.cache_gb}: only a REST API has a cache, not {self.kind!r}")
        if self.cache_gb is not None and self.cache_gb not in CACHE_SIZES_GB:
            sizes = ", ".join(f"{size:g}" for size in CACHE_SIZES_GB)
            raise ConfigurationError(f"api.cache_gb={self.cache_gb:g}: no such cache size (there are: {sizes})")
        if not 0 <= self.cache_ttl_s <= 3600:
            raise ConfigurationError(f"api.cache_ttl_s={self.cache_ttl_s}: give 0 to 3600 seconds")

    def __hash__(self) -> int:
        settings = (self.kind, self.cache_gb, self.cache_ttl_s, self.throttle_rps, self.throttle_burst)
        return hash((settings, tuple(sorted(self.routes.items(), key=lambda item: item[0]))))

    def caches(self, route: str) -> bool:
        """Whether the stage answers this route from its cache; by default it does for every GET."""
        if self.cache_gb is None or not route.startswith("GET "):
            return False
        return self.routes.get(route, RouteSettings()).cached is not False


@dataclass(frozen=True)
class FunctionSettings(Record):
    """Settings of one function. `reserved=None`: no reserved concurrency."""

    memory_mb: int = 128
    architecture: Architecture = "x86_64"
    provisioned: int = 0
    reserved: int | None = None
    snap_start: bool = False
    log_level: Literal["INFO", "WARN"] = "INFO"

    def __post_init__(self) -> None:
        if self.memory_mb not in MEMORY_MB:
            raise ConfigurationError(f"memory_mb={self.memory_mb}: give 128 to 10240 MB")
        if self.architecture not in ("x86_64", "arm64"):
            raise ConfigurationError(f"architecture={self.architecture!r}: give x86_64 or arm64")
        if self.provisioned < 0:
            raise ConfigurationError(f"provisioned={self.provisioned}: give 0 or more environments")
        if self.reserved is not None and self.reserved < self.provisioned:
            raise ConfigurationError(f"reserved={self.reserved}: less than provisioned={self.provisioned}")
        if self.provisioned and self.snap_start:
            raise ConfigurationError("provisioned and snap_start exclude each other: keep one")


@dataclass(frozen=True)
class Configuration(Record):
    """One candidate: the API's settings and those of every function (by logical id)."""

    api: ApiSettings
    functions: Mapping[str, FunctionSettings]

    def __hash__(self) -> int:
        return hash((self.api, tuple(sorted(self.functions.items(), key=lambda item: item[0]))))

    @property
    def label(self) -> str:
        """Short and unique: `REST 1024 MB`, `HTTP 512 MB arm64 pc2`, `REST 256 MB cache0.5`.

        Functions that differ from most are named with what differs: `REST 256 MB pc1 Reports:pc0`.
        """
        words = {name: _function_words(settings) for name, settings in sorted(self.functions.items())}
        usual = Counter(words.values()).most_common(1)[0][0] if words else ()
        others = [f"{name}:{' '.join(word for word, common in zip(own, usual, strict=True) if word != common)}"
                  for name, own in words.items() if own != usual]
        shown = [word for word in usual if word not in _DEFAULT_WORDS]
        return " ".join([self.api.kind.upper(), *shown, *others, *_api_labels(self.api)])

    def with_functions(self, **changes: Any) -> Configuration:
        """The same configuration with these settings changed in every function."""
        return replace(self, functions={name: replace(s, **changes) for name, s in self.functions.items()})

    def with_api(self, **changes: Any) -> Configuration:
        """The same configuration with these settings of the API changed."""
        return replace(self, api=replace(self.api, **changes))


def declared(deployment: Deployment, kind: ApiKind) -> Configuration:
    """The configuration that the template itself declares, behind its API of this kind."""
    api = deployment.api(kind)
    routed = {route.function for route in deployment.routes(kind)}
    uncached = {r.name: RouteSettings(cached=False) for r in deployment.routes(kind)
                if r.method == "GET" and api.cached_routes and r.name not in api.cached_routes}
    settings = ApiSettings(kind, api.cache_gb, api.cache_ttl_s, api.throttle_rps, api.throttle_burst, uncached)
    functions = {
        name: FunctionSettings(f.memory_mb, f.architecture, f.provisioned, f.reserved, f.snap_start)
        for name, f in deployment.functions.items() if name in routed
    }
    return Configuration(settings, functions)


def grid(deployment: Deployment, *, api: Iterable[ApiKind] = ("rest",), memory_mb: Iterable[int] | None = None,
         architecture: Iterable[Architecture] | None = None, provisioned: Iterable[int] = (0,),
         cache_gb: Iterable[float | None] = (None,)) -> list[Configuration]:
    """Every combination that AWS and this deployment accept, in the order of the arguments.

    None keeps what the template declares. A function without an alias keeps 0 provisioned; a combination that differs
    from another only in what cannot be set is left out.
    """
    memories: list[int | None] = [*(memory_mb or ())] or [None]
    processors: list[Architecture | None] = [*(architecture or ())] or [None]
    combinations = itertools.product(api, memories, processors, list(provisioned), list(cache_gb))
    found = (_combine(declared(deployment, kind), deployment, cache,
                      {"memory_mb": memory, "architecture": processor, "provisioned": environments})
             for kind, memory, processor, environments, cache in combinations)
    return list(dict.fromkeys(configuration for configuration in found if configuration is not None))


def _combine(base: Configuration, deployment: Deployment, cache_gb: float | None,
             wanted: Mapping[str, Any]) -> Configuration | None:
    """The base with what is wanted (None: as it is); None for what AWS does not accept."""
    if cache_gb is not None and base.api.kind != "rest":
        return None
    changes = {name: value for name, value in wanted.items() if value is not None}
    functions = {}
    for name, settings in base.functions.items():
        provisionable = deployment.functions[name].alias is not None and not settings.snap_start
        provisioned = wanted["provisioned"] if provisionable else 0
        if settings.reserved is not None and settings.reserved < provisioned:
            return None
        functions[name] = replace(settings, **{**changes, "provisioned": provisioned})
    return Configuration(replace(base.api, cache_gb=cache_gb), functions)


def _function_words(settings: FunctionSettings) -> tuple[str, ...]:
    """A word a setting, always in the same place."""
    return (
        f"{settings.memory_mb} MB", settings.architecture, f"pc{settings.provisioned}",
        "unreserved" if settings.reserved is None else f"reserved{settings.reserved}",
        "snapstart" if settings.snap_start else "no-snapstart", settings.log_level.lower(),
    )


def _api_labels(api: ApiSettings) -> list[str]:
    labels = []
    if api.cache_gb is not None:
        labels.append(f"cache{api.cache_gb:g}" + (f"/{api.cache_ttl_s}s" if api.cache_ttl_s != 300 else ""))
    if api.throttle_rps is not None:
        labels.append(f"throttle{api.throttle_rps:g}/{api.throttle_burst}")
    for name, s in sorted(api.routes.items()):
        if s.throttle_rps is not None:
            labels.append(f"{name}@{s.throttle_rps:g}/{s.throttle_burst}")
    return labels
