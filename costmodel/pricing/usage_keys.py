"""What the keys of a usage file mean, what AWS accepts of them, and what is said of those that are not given.

All of it is data, `usage_keys.toml`: a table a kind, an entry a key. A key that is not given is never a silent 0: it is
required, or told as missing from the bill, or told as assumed.
"""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import MISSING, dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

from costmodel.errors import InputError

FILE = "file"
"""The table of the keys that stand outside of all resources."""
UNITS = {"_gb_months": "GB-month", "_hours": "h", "_gb": "GB", "_mb": "MB", "_kb": "KB", "_ms": "ms"}
"""By the end of a key's name."""
COLUMNS = ("key", "unit", "if not given", "choices", "meaning")


@dataclass(frozen=True)
class Key:
    """One key; `of`, `unless`, `needs` and `unlimited` name other keys of its table (see usage_keys.toml)."""

    about: str
    unit: str = ""
    at_least: float = 0.0
    at_most: float | None = None
    unlimited: tuple[str, ...] = ()
    within: Literal["", "month"] = ""
    assumed: str = ""
    missing: str = ""
    of: tuple[str, ...] = ()
    unless: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()

    def check(self, name: str, value: float, hours: float, given: Collection[str]) -> None:
        """Raises InputError for a number that AWS does not accept in a month of so many hours, beside what is given."""
        if not self.unlimited or not set(self.unlimited) & set(given):
            self._check_limits(name, value)
        if self.within == "month" and value > hours:
            raise InputError(f"{name} = {value:g}: more than the month has: give up to {hours:g}, or another month")

    def _check_limits(self, name: str, value: float) -> None:
        if value < self.at_least or (self.at_most is not None and value > self.at_most):
            upper = "or more" if self.at_most is None else f"to {self.at_most:g}"
            raise InputError(f"{name} = {value:g}: give {self.at_least:g} {upper}{self.unit and ' ' + self.unit}")

    def matters(self, given: Mapping[str, Any], values: Mapping[str, Any]) -> bool:
        """Whether what is given makes this key count."""
        wanted = not self.of or any(given.get(name) for name in self.of)
        return wanted and not any(_holds(condition, given, values) for condition in self.unless)


@cache
def keys_of(kind: str) -> Mapping[str, Key]:
    """The keys of a kind of resource, or of the file."""
    return {name: _key(name, entry) for name, entry in _tables()[kind].items()}


def check_needs(kind: str, given: Mapping[str, Any]) -> None:
    """Raises InputError for a key that says nothing without another one."""
    for name, key in keys_of(kind).items():
        if given.get(name) and key.needs and not given.keys() & set(key.needs):
            raise InputError(f"{name} = {given[name]}: says nothing alone: give {' or '.join(key.needs)} too")


def missing(kind: str, given: Mapping[str, Any], values: Mapping[str, Any]) -> Iterator[str]:
    """What is not on the bill because the file does not say it, each a sentence."""
    for name, key in keys_of(kind).items():
        if key.missing and name not in given and key.matters(given, values):
            yield f"{name} is not given: {key.missing}"


def assumed(kind: str, given: Mapping[str, Any], values: Mapping[str, Any], quantities: Collection[str] = ()) -> str:
    """What is taken for the keys that are not given; `quantities` are those of which nothing is then used."""
    taken, none = [], []
    for name, key in keys_of(kind).items():
        if name in given or key.missing or not key.matters(given, values):
            continue
        value = values.get(name)
        if key.assumed:
            taken.append(f"{name}{'' if value is None else f' = {_shown(value)}'} ({key.assumed})")
        elif value:
            taken.append(f"{name} = {_shown(value)}")
        elif name in quantities:
            none.append(name)
    return "; ".join([*taken, *([f"no {', '.join(none)}"] if none else [])])


def described(kind: str, made: type[Any] | None = None) -> list[tuple[str, ...]]:
    """A row of COLUMNS for each key of a kind (`made` is its class) or of the file."""
    defaults = {} if made is None else {each.name: each.default for each in fields(made)}
    standing = made.whole_period(730.0) if made is not None and hasattr(made, "whole_period") else {}
    hints = {} if made is None else get_type_hints(made)
    return [(name, key.unit, _otherwise(key, None if name in standing else defaults.get(name)),
             _choices(key, hints.get(name)), key.about) for name, key in keys_of(kind).items()]


def _otherwise(key: Key, default: Any) -> str:
    """What holds when the key is not given."""
    if default is MISSING:
        return "required"
    if key.missing:
        return "told as missing"
    return key.assumed or ("" if default is None or default == "" else _shown(default))


def _choices(key: Key, hint: Any) -> str:
    if get_origin(hint) is Literal:
        return " | ".join(map(str, get_args(hint)))
    if hint is bool:
        return "true | false"
    return f"{key.at_least:g} to {key.at_most:g}" if key.at_most is not None else ""


def _holds(condition: str, given: Mapping[str, Any], values: Mapping[str, Any]) -> bool:
    """Of `name`: it is given; of `name = choice`: it is that, given or not."""
    name, _, choice = condition.partition(" = ")
    return values.get(name) == choice if choice else name in given


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return value if isinstance(value, str) else f"{value:,.6g}"


def _key(name: str, entry: Mapping[str, Any]) -> Key:
    by_name = next((unit for end, unit in UNITS.items() if f"_{name}".endswith(end)), "")
    lists = {each: tuple(value) for each, value in entry.items() if isinstance(value, list)}
    return Key(**{"unit": by_name, **entry, **lists})


@cache
def _tables() -> Mapping[str, Mapping[str, Any]]:
    return tomllib.loads(Path(__file__).with_name("usage_keys.toml").read_text(encoding="utf-8"))
