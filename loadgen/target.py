"""Where a Deployment lives: its APIs and functions by their names in an account, a Region, and an endpoint.

`target.toml` holds a whole Target, so that a run against AWS and one against the local cloud differ by that file alone.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from loadgen.deployment import ApiKind, Deployment
from loadgen.errors import ConfigurationError, TargetError
from loadgen.schema import Record, check_version, from_plain, to_plain

SCHEMA_VERSION = 1


@dataclass(frozen=True)
class TargetApi(Record):
    """One API: its id and name (REST metrics are keyed by name), stage, address and access log."""

    kind: ApiKind
    id: str
    name: str
    stage: str
    address: str
    """Base URL of the stage, without a trailing slash: a route's path is appended to it."""
    log_group: str | None = None
    log_format: str | None = None


@dataclass(frozen=True)
class TargetFunction(Record):
    """One function: its name in the account and its log group."""

    name: str
    log_group: str


@dataclass(frozen=True)
class Target(Record):
    """A Deployment and where it lives. `endpoint_url=None` means AWS itself."""

    deployment: Deployment
    apis: Mapping[ApiKind, TargetApi]
    functions: Mapping[str, TargetFunction]
    region: str = "us-east-1"
    endpoint_url: str | None = None
    missing: tuple[str, ...] = ()
    """What discovery found lacking, each with the command that mends it."""

    def api(self, kind: ApiKind) -> TargetApi:
        """The API of this kind. Raises ConfigurationError when the target has none."""
        if kind not in self.apis:
            raise ConfigurationError(f"api.kind: this target has no {kind!r} API (it has: {', '.join(self.apis)})")
        return self.apis[kind]


def write_target(target: Target, path: Path) -> None:
    """Write `target.toml`. TOML has no null: keys and items whose value is None are left out."""
    import tomli_w

    data = _without_none({"schema_version": SCHEMA_VERSION, **to_plain(target)})
    path.write_text(tomli_w.dumps(data), encoding="utf-8")


def read_target(path: Path) -> Target:
    """Read `target.toml`. Raises TargetError that names the first wrong key, its value and what is expected."""
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise TargetError(f"{path}: no such target file: `loadgen discover` or `loadgen serve` writes one") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as problem:
        raise TargetError(f"{path}: not readable as TOML ({problem})") from None
    return from_plain(Target, check_version(data, SCHEMA_VERSION, str(path), TargetError), str(path), TargetError)


def _without_none(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_none(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_without_none(item) for item in value if item is not None]
    return value
