import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from costmodel.performance.fitting import fit_observations
from costmodel.performance.model import PerformanceModel
from loadgen.configuration import ApiSettings, Configuration, FunctionSettings
from loadgen.errors import InputError


@pytest.fixture
def model(observe) -> PerformanceModel:
    rng = np.random.default_rng(0)
    sizes = {256: 80.0, 1024: 20.0}
    return fit_observations([
        observe(rng.lognormal(np.log(mean), 0.2, 1500), memory_mb=m, inits_ms=tuple(rng.normal(110, 9, 25)))
        for m, mean in sizes.items()])


def test_a_saved_model_is_read_back_exactly(model: PerformanceModel, tmp_path: Path) -> None:
    model.save(tmp_path / "model.json")
    assert PerformanceModel.load(tmp_path / "model.json") == model


def test_another_schema_version_is_refused_by_name(model: PerformanceModel, tmp_path: Path) -> None:
    path = tmp_path / "model.json"
    model.save(path)
    path.write_text(json.dumps({**json.loads(path.read_text()), "schema_version": 99}))
    with pytest.raises(InputError, match="schema_version = 99"):
        PerformanceModel.load(path)


@pytest.mark.parametrize(("content", "said"), [
    ("[1, 2]", "costmodel fit"),
    ("{", "not readable as JSON"),
    ('{"schema_version": 2, "notes": []}', "missing"),
])
def test_a_damaged_model_is_one_line(tmp_path: Path, content: str, said: str) -> None:
    path = tmp_path / "model.json"
    path.write_text(content)
    with pytest.raises(InputError, match=said) as refused:
        PerformanceModel.load(path)
    assert "\n" not in str(refused.value)


def test_points_that_are_no_distribution_are_refused_in_one_line(model: PerformanceModel, tmp_path: Path) -> None:
    path = tmp_path / "model.json"
    model.save(path)
    data = json.loads(path.read_text())
    data["overheads"]["rest"] = [3.0, 1.0]
    path.write_text(json.dumps(data))
    with pytest.raises(InputError, match=r"overheads\.rest"):
        PerformanceModel.load(path)


@pytest.mark.parametrize(("field", "value"), [
    ("n", 0), ("memory_mb", 0), ("warm", [-1.0, 2.0]), ("independent", -1.0), ("independent", float("inf"))])
def test_a_size_that_was_edited_into_what_cannot_be_is_refused_in_one_line(
        model: PerformanceModel, tmp_path: Path, field: str, value: object) -> None:
    path = tmp_path / "model.json"
    model.save(path)
    data = json.loads(path.read_text())
    data["functions"]["Products"]["duration"]["by_architecture"]["x86_64"]["sizes"][0][field] = value
    path.write_text(json.dumps(data))
    with pytest.raises(InputError, match=r"x86_64\.sizes\.0.*" + field) as refused:
        PerformanceModel.load(path)
    assert "\n" not in str(refused.value)


def test_a_configuration_inside_what_was_measured_has_no_caveat(model: PerformanceModel) -> None:
    configuration = Configuration(ApiSettings("rest"), {"Products": FunctionSettings(512)})
    assert model.caveats(configuration) == ()


def test_caveats_name_the_function_the_size_and_the_prior(model: PerformanceModel) -> None:
    far = Configuration(ApiSettings("rest"), {"Products": FunctionSettings(1769, "arm64")})
    said = " / ".join(model.caveats(far))
    assert "Products: duration at 1769 MB is extrapolated" in said
    assert "Products: duration on arm64" in said and "Products: init time on arm64" in said


def test_less_memory_than_was_used_is_said(model: PerformanceModel) -> None:
    function = replace(model.functions["Products"], max_memory_mb=200)
    assert any("less than the 200 MB" in sentence for sentence in function.caveats(FunctionSettings(128)))
