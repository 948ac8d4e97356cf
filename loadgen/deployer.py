"""Brings a deployed API and its functions to a Configuration, and back to how they were.

Every apply publishes a version of each function behind an alias, even when nothing else changed: a description of its
own makes it new (AWS answers with the old version otherwise). So the environments of one configuration are told from
those of another, and provisioned ones from spilled ones. Restoring deletes these versions, known by their description.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Mapping
from dataclasses import replace

from loadgen.aws import client, explained, until
from loadgen.configuration import Configuration, FunctionSettings
from loadgen.deployment import ApiKind
from loadgen.errors import ConfigurationError, DeployError
from loadgen.functions import DeployedFunction, own_settings
from loadgen.journal import FunctionState, Journal, RestStageState
from loadgen.stages import StageState, read_stage, to_settings, to_state, write_stage
from loadgen.target import Target

Progress = Callable[[str], None]
CACHE_DEADLINE_S = 1_200.0
"""AWS makes a cache in about four minutes."""
_SERVICES: Mapping[ApiKind, str] = {"rest": "apigateway", "http": "apigatewayv2"}


def describe(target: Target, kind: ApiKind) -> Configuration:
    """The settings in force: of the API of this kind, and of the functions behind it as they are served.

    Raises DeployError (AWS refuses) or UnreachableError.
    """
    routes = target.deployment.routes(kind)
    routed = {route.function for route in routes}
    with explained(DeployError, "describe"):
        functions = [name for name in target.deployment.functions if name in routed]
        served = {name: _served(function) for name, function in _deployed(target, functions, _silent).items()}
        stage = read_stage(target.api(kind), client(target, _SERVICES[kind]))
    return Configuration(to_settings(stage, routes), served)


def apply(target: Target, configuration: Configuration, journal: Journal,
          progress: Progress | None = None) -> Configuration:
    """Make the configuration govern the next request. Returns the configuration as described afterwards.

    What is changed is in the journal, on disk, before it is changed. Raises ConfigurationError before the first change
    when this deployment cannot take the configuration; DeployError or UnreachableError when a change fails.
    """
    say, kind = progress or _silent, configuration.api.kind
    target.deployment.accepts(configuration)
    _check(configuration, describe(target, kind))
    marker = journal.begin(target)
    with explained(DeployError, f"apply {configuration.label}"):
        for name, function in _deployed(target, configuration.functions, say).items():
            now = function.read()
            _check_left_over(now, marker)
            journal.record(now)
            function.move(now, _wanted(now, configuration.functions[name], marker), wait=True)
        gateway = client(target, _SERVICES[kind])
        stage = read_stage(target.api(kind), gateway)
        journal.record(stage)
        _move_stage(target, kind, to_state(stage, configuration.api, target.deployment.routes(kind)), say)
    return describe(target, kind)


def restore(target: Target, journal: Journal, progress: Progress | None = None) -> None:
    """Bring everything that the journal holds back to how it was, last changed first, and delete the versions it made.

    Can be repeated, and can follow a kill at any moment. Raises DeployError: what could not be restored; the rest is.
    """
    say, failures = progress or _silent, []
    for before in reversed(journal.before):
        try:
            with explained(DeployError, f"restore {before.resource}"):
                _restore(target, before, journal.begin(target), say)
        except DeployError as failure:
            failures.append(str(failure))
    if failures:
        raise DeployError(f"not all was restored: {'; '.join(failures)}: repeat `loadgen restore {journal.path}`")
    if journal.before:
        journal.complete()


def _deployed(target: Target, names: Mapping[str, object] | list[str], say: Progress) -> dict[str, DeployedFunction]:
    lambda_, declared = client(target, "lambda"), target.deployment.functions
    return {name: DeployedFunction(lambda_, name, target.functions[name].name, declared[name].alias, say)
            for name in names}


def _served(function: DeployedFunction) -> FunctionSettings:
    state, served = function.read(), function.served()
    return FunctionSettings(
        memory_mb=served["MemorySize"],
        architecture=served.get("Architectures", ["x86_64"])[0],
        provisioned=state.provisioned,
        reserved=state.reserved,
        snap_start=own_settings(served)["SnapStart"]["ApplyOn"] == "PublishedVersions",
        log_level="WARN" if served.get("LoggingConfig", {}).get("SystemLogLevel") == "WARN" else "INFO",
    )


def _check(configuration: Configuration, now: Configuration) -> None:
    """Refuse what cannot be changed in a deployed function, before anything is."""
    for name, settings in configuration.functions.items():
        deployed = now.functions[name]
        if settings.architecture != deployed.architecture:
            raise ConfigurationError(
                f"functions.{name}.architecture={settings.architecture}: it is deployed for {deployed.architecture}, "
                "and a change needs other code: set Architectures in the template and deploy, or only predict it")
        if settings.log_level != deployed.log_level:
            raise ConfigurationError(
                f"functions.{name}.log_level={settings.log_level}: it is deployed with {deployed.log_level}, which "
                "decides what can be collected: set LoggingConfig in the template and deploy, or predict it")


def _check_left_over(now: FunctionState, marker: str) -> None:
    """Refuse to take for the original what another sweep made and has not restored."""
    description = str(now.settings.get("Description", ""))
    if re.match(r"loadgen-[0-9a-f]{8} ", description) and not description.startswith(marker):
        raise DeployError(f"{now.name}: another sweep changes it, or was killed before it could restore it: wait, or run "
                          "`loadgen restore` on that sweep's journal.jsonl first")


def _wanted(now: FunctionState, settings: FunctionSettings, marker: str) -> FunctionState:
    """The state that the settings ask for; of a function behind an alias with a version still to be published."""
    wanted = {
        **now.settings,
        "MemorySize": settings.memory_mb,
        "SnapStart": {"ApplyOn": "PublishedVersions" if settings.snap_start else "None"},
    }
    if now.alias:
        wanted["Description"] = f"{marker} {uuid.uuid4().hex[:8]}"
    return replace(now, settings=wanted, reserved=settings.reserved, provisioned=settings.provisioned, version=None,
                   weights={})


def _restore(target: Target, before: FunctionState | StageState, marker: str, say: Progress) -> None:
    if isinstance(before, FunctionState):
        logical = next(name for name, function in target.functions.items() if function.name == before.name)
        function = _deployed(target, [logical], say)[logical]
        function.move(function.read(), before, wait=False)
        function.delete_versions(marker)
    else:
        _move_stage(target, "rest" if isinstance(before, RestStageState) else "http", before, say)


def _move_stage(target: Target, kind: ApiKind, wanted: StageState, say: Progress) -> None:
    api, gateway = target.api(kind), client(target, _SERVICES[kind])
    now = read_stage(api, gateway)
    if wanted != now:
        say(f"{api.name}: stage {api.stage}")
        write_stage(gateway, now, wanted)
    if isinstance(wanted, RestStageState) and wanted.cache_enabled:
        def available() -> bool:
            found = gateway.get_stage(restApiId=api.id, stageName=api.stage)
            status = str(found.get("cacheClusterStatus", "AVAILABLE"))
            say(f"{api.name}: cache {status.lower().replace('_', ' ')}")
            return status == "AVAILABLE"

        until(available, f"{api.name}: its cache", CACHE_DEADLINE_S)


def _silent(message: str) -> None:
    pass
