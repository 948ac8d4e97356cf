import numpy as np

from costmodel.performance.priors import duration_ratio, init_priors, language


def test_a_runtime_is_compared_with_pairs_of_its_own_language() -> None:
    assert "python pairs" in duration_ratio("python3.13").origin
    assert "rust" not in duration_ratio("python3.13").origin


def test_a_runtime_that_was_not_measured_gets_all_pairs_and_says_so() -> None:
    assert "other runtimes" in duration_ratio("java21").origin


def test_the_ratio_to_x86_is_the_inverse_of_the_ratio_to_arm() -> None:
    ratio = duration_ratio("python3.13")
    assert np.allclose(np.sort(1 / ratio.to("x86_64").quantiles), ratio.to("arm64").quantiles)


def test_languages_are_told_from_runtime_names() -> None:
    assert [language(name) for name in ("python3.13", "nodejs22.x", "nodejs20", "java21")] == ["python", "nodejs", "nodejs", "java"]


def test_hello_world_inits_are_known_for_both_architectures_and_not_for_a_strange_runtime() -> None:
    assert set(init_priors("nodejs22.x", "zip")) == {"x86_64", "arm64"}
    assert init_priors("cobol", "zip") == {}
