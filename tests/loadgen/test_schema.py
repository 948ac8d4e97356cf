"""Plain data to dataclasses and back, with errors that name the key."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from loadgen.errors import InputError, TargetError
from loadgen.schema import Record, check_version, from_plain, read_json, to_plain, write_json


@dataclass(frozen=True)
class Inner(Record):
    size: int
    note: str | None = None


@dataclass(frozen=True)
class Outer(Record):
    inner: Inner
    names: tuple[str, ...] = ()


def test_a_record_survives_the_way_to_plain_data_and_back() -> None:
    record = Outer(Inner(3), ("a", "b"))
    assert from_plain(Outer, to_plain(record), "here") == record


def test_none_is_left_out_of_objects() -> None:
    assert to_plain(Outer(Inner(3))) == {"inner": {"size": 3}, "names": []}


def test_a_container_of_records_becomes_plain_data() -> None:
    assert to_plain([Inner(1), Inner(2, "x")]) == [{"size": 1}, {"size": 2, "note": "x"}]
    assert to_plain({"a": Inner(1)}) == {"a": {"size": 1}}


@pytest.mark.parametrize(("data", "said"), [
    ({"inner": {"size": 3, "colour": 1}}, "here: inner.colour: no such key"),
    ({"inner": {"size": "much"}}, "here: inner.size = 'much': "),
    ({"inner": {}}, "here: inner.size: missing"),
    ({}, "here: inner: missing"),
    ({"inner": {"size": "much", "colour": 1}}, "here: inner.colour: no such key (and 1 more)"),
    ("text", "here: (top level) = 'text': "),
])
def test_wrong_data_is_told_in_one_line_with_its_key(data: object, said: str) -> None:
    with pytest.raises(TargetError) as caught:
        from_plain(Outer, data, "here", TargetError)
    assert str(caught.value).startswith(said)
    assert "\n" not in str(caught.value)


def test_another_schema_version_is_refused_by_name() -> None:
    assert check_version({"schema_version": 2, "a": 1}, 2, "here") == {"a": 1}
    with pytest.raises(InputError, match="here: schema_version = 1, this release reads 2"):
        check_version({"schema_version": 1}, 2, "here")
    with pytest.raises(InputError, match="schema_version = None"):
        check_version({}, 2, "here")


def test_json_is_written_whole_and_read_back(tmp_path: Path) -> None:
    path = tmp_path / "data.json"
    write_json(path, {"a": [1, 2]})
    assert read_json(path) == {"a": [1, 2]}
    assert [found.name for found in tmp_path.iterdir()] == ["data.json"]


def test_a_missing_and_a_broken_json_file_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no\.json: no such file"):
        read_json(tmp_path / "no.json")
    (tmp_path / "half.json").write_text('{"a": ')
    with pytest.raises(InputError, match=r"half\.json: not readable as JSON"):
        read_json(tmp_path / "half.json")


@pytest.mark.parametrize("data", [[], "text", None, 3])
def test_a_document_that_is_no_object_has_no_version(data: object) -> None:
    with pytest.raises(InputError, match="here: not an object"):
        check_version(data, 1, "here")
