"""Plain data (JSON, TOML) to dataclasses and back, with one-line errors that name the key, the value and the way out.

Every file that is read back carries `schema_version`; a file of another version is refused by name.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from loadgen.errors import InputError

T = TypeVar("T")


class Record:
    """Base of the dataclasses that files hold: an unknown key is an error, not silently dropped."""

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}


def to_plain(value: Any) -> Any:
    """A dataclass (or list or dict of them) as plain JSON data; fields whose value is None are left out."""
    from pydantic import TypeAdapter

    if isinstance(value, list | tuple):
        return [to_plain(item) for item in value]
    if isinstance(value, dict):
        return {key: to_plain(item) for key, item in value.items()}
    return TypeAdapter(type(value)).dump_python(value, mode="json", exclude_none=True)


def from_plain(kind: type[T], data: object, where: str, error: type[InputError] = InputError) -> T:
    """Plain data as `kind`. Raises `error`, one line: where, key, value, what is expected."""
    from pydantic import TypeAdapter, ValidationError

    try:
        return TypeAdapter(kind).validate_python(data)
    except ValidationError as invalid:
        raise error(_first_line(invalid, where)) from None


def check_version(data: Any, version: int, where: str, error: type[InputError] = InputError) -> dict[str, Any]:
    """The data without `schema_version`. Raises `error` when it is no object, or of another version than `version`."""
    if not isinstance(data, Mapping):
        raise error(f"{where}: not an object with a schema_version: it is no file of ours, or damaged")
    found = data.get("schema_version")
    if found != version:
        raise error(f"{where}: schema_version = {found!r}, this release reads {version}: write the file anew")
    return {key: value for key, value in data.items() if key != "schema_version"}


def read_json(path: Path, error: type[InputError] = InputError) -> Any:
    """The JSON document of a file. Raises `error` when it is missing or is no JSON."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise error(f"{path}: no such file") from None
    except (OSError, ValueError) as problem:
        raise error(f"{path}: not readable as JSON ({problem})") from None


def write_json(path: Path, data: object) -> None:
    """Write JSON so that a kill at any moment leaves the old file or the new one, never half of one."""
    partial = path.with_name(f".{path.name}.tmp")
    partial.write_text(json.dumps(data, indent=1, sort_keys=False) + "\n", encoding="utf-8")
    partial.replace(path)


_UNKNOWN_KEY = ("extra_forbidden", "unexpected_keyword_argument")
_MISSING_KEY = ("missing", "missing_argument")


def _first_line(invalid: Any, where: str) -> str:
    problems = sorted(invalid.errors(include_url=False), key=lambda problem: problem["type"] not in _UNKNOWN_KEY)
    problem = problems[0]
    key = ".".join(str(part) for part in problem["loc"]) or "(top level)"
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    if problem["type"] in _UNKNOWN_KEY:
        return f"{where}: {key}: no such key{more}"
    if problem["type"] in _MISSING_KEY:
        return f"{where}: {key}: missing{more}"
    value = repr(problem.get("input"))
    shown = value if len(value) <= 60 else value[:57] + "..."
    return f"{where}: {key} = {shown}: {problem['msg']}{more}"
