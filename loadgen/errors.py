"""Every error that loadgen raises on purpose. The command line prints its one line and exits with its code.

    LoadgenError                    exit 1: the job failed
    ├── InputError                  exit 2: what was given cannot be used (field, value, what to give instead)
    │   ├── ScenarioError           a locustfile that is missing, fails to import, or has nothing to do
    │   ├── TemplateError           a SAM/CloudFormation template
    │   ├── TargetError             a target file
    │   └── ConfigurationError      settings that AWS, or this deployment, does not accept
    ├── UnreachableError            nothing answers at the target's address
    ├── RunError                    a run directory that is empty, incomplete or damaged
    ├── CollectError                AWS did not answer as needed, or the deadline passed
    ├── DeployError                 a change was refused, or a restore did not finish
    └── LocalCloudError             the local cloud did not start
"""

from __future__ import annotations


class LoadgenError(Exception):
    """Root of the tree. `str()` is one line that says what is wrong and what to do next; facts are attributes."""

    exit_code = 1

    def __init__(self, message: str, **facts: object) -> None:
        super().__init__(message)
        self.__dict__.update(facts)

    def __str__(self) -> str:
        return " ".join(super().__str__().split())


class InputError(LoadgenError):
    """What was given cannot be used: names the field, the value, and the way out."""

    exit_code = 2


class ScenarioError(InputError):
    """The scenario file is missing, does not import, or defines nothing to do."""


class TemplateError(InputError):
    """The template cannot be read, or uses what is not understood."""


class TargetError(InputError):
    """The target file has a wrong key, a wrong value or another schema version."""


class ConfigurationError(InputError):
    """Settings that AWS, or this deployment, does not accept."""


class UnreachableError(LoadgenError):
    """Nothing answers at the address."""


class RunError(LoadgenError):
    """The run directory is empty, incomplete or damaged."""


class CollectError(LoadgenError):
    """AWS did not answer as needed, or the deadline passed."""


class DeployError(LoadgenError):
    """A change was refused, or a restore did not finish."""


class LocalCloudError(LoadgenError):
    """The local cloud did not start, or died."""
