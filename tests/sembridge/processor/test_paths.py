"""Which path a product takes: by the seconds of a trial, by a setting, and never by the processor's name."""

from __future__ import annotations

import pytest
import torch

from sembridge.processor import features, paths, settings


@pytest.fixture
def measured(monkeypatch):
    """Give trials these seconds; returns a function (name=seconds of its sides)."""
    for name in settings.SETTINGS:
        monkeypatch.delenv(name, raising=False)
    cached = (paths._products, paths._screen, paths._screen_seconds, paths._product_seconds, paths.bfloat16_ratio)
    for function in cached:
        function.cache_clear()

    def measure(**seconds: dict[str, float]) -> None:
        for function in cached:
            function.cache_clear()
        monkeypatch.setattr(paths, "_trial", lambda name: seconds[name])

    yield measure
    for function in cached:
        function.cache_clear()


@pytest.mark.parametrize(
    ("blas", "onednn", "expected"),
    [(1.0, 0.5, "onednn"), (1.0, 0.9, "onednn"), (1.0, 0.95, "blas"), (1.0, 1.0, "blas"), (0.5, 1.0, "blas")],
)
def test_onednn_computes_products_where_it_is_a_tenth_faster(measured, blas, onednn, expected):
    measured(products={"blas": blas, "onednn": onednn, "bfloat16": 0.1})
    assert paths.products() == expected


def test_without_onednn_the_blas_computes(measured):
    measured(products={"blas": 1.0, "bfloat16": 0.1})
    assert paths.products() == "blas"


def test_the_faster_data_type_screens(measured):
    measured(screen={"float32": 1.0, "bfloat16": 0.9})
    assert paths.screen() == "bfloat16"
    measured(screen={"float32": 1.0, "bfloat16": 7.0})
    assert paths.screen() == "float32"


def test_integers_screen_where_others_may_pass_as_well(measured):
    measured(screen={"float32": 1.0, "bfloat16": 7.0, "int8": 0.5})
    assert (paths.screen(rough=True), paths.screen()) == ("int8", "float32")
    measured(screen={"float32": 1.0, "bfloat16": 0.2, "int8": 0.5})
    assert paths.screen(rough=True) == "bfloat16"


def test_integers_cannot_be_chosen_where_their_products_are_not_exact(monkeypatch):
    monkeypatch.setenv("SEMBRIDGE_SCREEN", "int8")
    assert paths.screen() == "int8" or not paths.integers.largest()
    monkeypatch.setattr(paths.integers, "largest", lambda: 0)
    with pytest.raises(ValueError, match="SEMBRIDGE_SCREEN=int8: products of integers are not exact here"):
        paths.screen()


def test_a_choice_is_kept_for_each_number_of_threads(measured, monkeypatch):
    measured(screen={"float32": 1.0, "bfloat16": 0.9})
    assert paths.screen() == "bfloat16"
    monkeypatch.setattr(paths, "_trial", lambda name: {"float32": 1.0, "bfloat16": 7.0})
    assert paths.screen() == "bfloat16"
    monkeypatch.setattr(torch, "get_num_threads", lambda: 33)
    assert paths.screen() == "float32"


def test_a_setting_is_stronger_than_a_trial(measured, monkeypatch):
    measured(products={"blas": 1.0, "onednn": 0.1, "bfloat16": 1.0}, screen={"float32": 1.0, "bfloat16": 7.0})
    monkeypatch.setenv("SEMBRIDGE_PRODUCTS", "blas")
    monkeypatch.setenv("SEMBRIDGE_SCREEN", "bfloat16")
    assert (paths.products(), paths.screen()) == ("blas", "bfloat16")
    for variable in settings.SETTINGS:
        monkeypatch.setenv(variable, "auto")
    assert (paths.products(), paths.screen()) == ("onednn", "float32")


def test_an_unknown_setting_is_refused_with_the_nearest(monkeypatch):
    monkeypatch.setenv("SEMBRIDGE_SCREEN", "float23")
    with pytest.raises(ValueError, match="SEMBRIDGE_SCREEN='float23' is unknown; did you mean 'float32'"):
        settings.check_settings()
    monkeypatch.setenv("SEMBRIDGE_SCREEN", "")
    settings.check_settings()


def test_onednn_cannot_be_chosen_where_torch_lacks_it(monkeypatch):
    monkeypatch.setenv("SEMBRIDGE_PRODUCTS", "onednn")
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: False)
    with pytest.raises(ValueError, match="SEMBRIDGE_PRODUCTS=onednn: this PyTorch has no oneDNN"):
        paths.products()


@pytest.mark.parametrize(("bfloat16", "ratio"), [(7.0, "7.0 times"), (1.3, "1.3 times"), (1.1, None), (0.2, None)])
def test_slow_bfloat16_is_named_with_its_ratio_to_the_fastest_float32(measured, bfloat16, ratio):
    measured(products={"blas": 2.0, "onednn": 1.0, "bfloat16": bfloat16})
    sentence = paths.slow_bfloat16("evaluation.precision")
    assert (sentence is None) is (ratio is None)
    if ratio:
        assert sentence.startswith("evaluation.precision bfloat16 is slow on this processor") and ratio in sentence


def test_the_trials_measure_what_they_are_named_for(monkeypatch):
    """Inside autocast and a gradient: products of the data types by name, which agree with one another."""
    results = {}

    def seconds_of(name, sides):
        results[name] = {side: work() for side, work in sides.items()}
        return dict.fromkeys(sides, 1.0)

    monkeypatch.setattr(paths, "seconds_of", seconds_of)
    with torch.autocast("cpu", torch.bfloat16):
        paths._trial("products")
        paths._trial("screen")
    products, screens = results["products"], results["screen"]
    assert products["blas"].dtype == products["onednn"].dtype == torch.float32
    assert products["bfloat16"].dtype == screens["bfloat16"].dtype == torch.bfloat16
    assert not products["blas"].requires_grad and screens["float32"].dtype.name == "float32"
    torch.testing.assert_close(products["blas"], products["onednn"], rtol=1e-4, atol=1e-3)
    torch.testing.assert_close(products["blas"], torch.from_numpy(screens["float32"]), rtol=1e-4, atol=1e-3)
    if paths.integers.largest():
        assert screens["int8"].shape == products["blas"].shape
    torch.testing.assert_close(products["blas"], products["bfloat16"].float(), rtol=0.05, atol=1.0)


def test_a_record_names_the_paths(monkeypatch):
    monkeypatch.setenv("SEMBRIDGE_PRODUCTS", "blas")
    monkeypatch.setenv("SEMBRIDGE_SCREEN", "bfloat16")
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Haswell")
    about = paths.described()
    assert (about["products"], about["screen"], about["processor"]) == ("blas", "bfloat16", features.processor())
    assert about["limits"]["OPENBLAS_CORETYPE"] == "Haswell"
    assert "limited by" in features.shown() and "OPENBLAS_CORETYPE=Haswell" in features.shown()
