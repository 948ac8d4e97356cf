from dataclasses import replace

import pytest

from costmodel.errors import InsufficientDataError
from costmodel.performance.init import InitModel
from loadgen.deployment import Function

PYTHON = Function("Products", runtime="python3.13")


def test_measured_inits_answer_and_say_when_they_are_few() -> None:
    init = InitModel.fitted(PYTHON, {"x86_64": [100.0, 120.0, 140.0]})
    assert init.init_ms("x86_64").mean == pytest.approx(120.0)
    assert list(init.caveats("x86_64")) == ["init time rests on 3 cold starts"]


def test_many_measured_inits_need_no_caveat() -> None:
    assert list(InitModel.fitted(PYTHON, {"x86_64": [100.0] * 20}).caveats("x86_64")) == []


def test_the_other_architecture_is_measured_times_a_labelled_prior() -> None:
    init = InitModel.fitted(PYTHON, {"x86_64": [100.0] * 20})
    assert init.init_ms("arm64").mean == pytest.approx(100 * init.arm_ratio.ratios.mean)
    assert "a prior" in next(iter(init.caveats("arm64")))


def test_nothing_measured_gives_the_hello_world_of_the_runtime_labelled() -> None:
    init = InitModel.fitted(PYTHON, {})
    assert init.init_ms("x86_64").quantile(0.5) == pytest.approx(84, abs=2)
    assert "hello-world" in next(iter(init.caveats("x86_64")))


def test_an_image_starts_slower_than_a_zip_by_the_prior() -> None:
    image = InitModel.fitted(Function("Products", runtime="python3.13", package="image"), {})
    assert image.init_ms("x86_64").mean > 1.5 * InitModel.fitted(PYTHON, {}).init_ms("x86_64").mean


def test_an_unknown_runtime_without_cold_starts_is_refused_with_the_way_out() -> None:
    with pytest.raises(InsufficientDataError, match=r"no prior for provided.al2023 zip x86_64: run it once from cold"):
        InitModel.fitted(Function("Go", runtime="provided.al2023"), {}).init_ms("x86_64")


def test_with_snapstart_a_measured_restore_takes_the_place_of_the_init() -> None:
    function = Function("Products", runtime="python3.13")
    model = InitModel.fitted(function, {"x86_64": [300.0] * 30}, [120.0, 140.0])
    assert model.init_ms("x86_64", snap_start=True).mean == pytest.approx(130.0)
    assert model.init_ms("x86_64").mean == pytest.approx(300.0)
    assert list(model.caveats("x86_64", snap_start=True)) == []


def test_snapstart_without_a_measured_restore_is_said_and_taken_as_an_init() -> None:
    model = InitModel.fitted(Function("Products", runtime="python3.13"), {"x86_64": [300.0] * 30})
    assert model.init_ms("x86_64", snap_start=True).mean == pytest.approx(300.0)
    (caveat,) = model.caveats("x86_64", snap_start=True)
    assert "no SnapStart restore was measured" in caveat


def test_a_large_zip_and_a_vpc_add_to_the_prior_and_are_said() -> None:
    """2021: 1 KB, 14 MB and 35 MB of modules took 0.264, 1.70 and 3.87 s; a VPC 0.497 s."""
    plain, large = (InitModel.fitted(replace(PYTHON, package_mb=size_mb, vpc=vpc), {})
                    for size_mb, vpc in ((0.001, False), (14.0, True)))
    added_ms = large.init_ms("x86_64").mean - plain.init_ms("x86_64").mean
    assert added_ms == pytest.approx(1431 + 233, rel=0.05)
    (caveat,) = large.caveats("x86_64")
    assert "ms a MB of zip, 14.0 MB, as if all of it were loaded and 233 ms of a VPC (cold_start_end_to_end_2021)" in caveat


def test_a_measured_init_holds_its_own_package_and_vpc() -> None:
    large = InitModel.fitted(replace(PYTHON, package_mb=14.0, vpc=True), {"x86_64": [100.0] * 20})
    assert large.init_ms("x86_64").mean == pytest.approx(100.0)
    assert list(large.caveats("x86_64")) == []


def test_the_size_of_an_image_adds_nothing() -> None:
    image = Function("Products", runtime="python3.13", package="image")
    small, large = (InitModel.fitted(replace(image, package_mb=size_mb), {}).init_ms("x86_64").mean for size_mb in (None, 5000.0))
    assert small == large


def test_inits_without_their_number_rest_on_none() -> None:
    """A model edited by hand."""
    init = replace(InitModel.fitted(PYTHON, {"x86_64": [100.0] * 30}), counts={})
    assert list(init.caveats("x86_64")) == ["init time rests on 0 cold starts"]
