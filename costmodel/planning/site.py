"""A template as the estimate and the worst bill take it: its deployment, its resources, and what of it is not known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from costmodel.planning.resource_types import Resource
from loadgen.deployment import Deployment


@dataclass(frozen=True)
class Doubt:
    """A value that only the account knows, of this setting of this resource where it is one."""

    sentence: str
    resource: str | None = None
    setting: str | None = None


@dataclass(frozen=True)
class Site:
    """`resources`: by logical id as the template has them; `deployed`: as CloudFormation makes them (SAM's translated)."""

    deployment: Deployment
    resources: Mapping[str, Resource] = field(default_factory=dict)
    deployed: Mapping[str, Resource] = field(default_factory=dict)
    doubts: tuple[Doubt, ...] = ()
