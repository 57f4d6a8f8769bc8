"""Building what a config describes, and what a user reads where a constructor refuses."""

from typing import Any

import pytest
import torch
from omegaconf import OmegaConf

from vaelab.config import build
from vaelab.config.text import escape_references
from vaelab.errors import UserError

LINEAR = {"_target_": "torch.nn.Linear", "in_features": 2, "out_features": 3}
ADAM = {"_target_": "torch.optim.Adam", "_partial_": True, "lr": 0.1}


def test_build_resolves_through_the_whole_config() -> None:
    whole = OmegaConf.create({"width": 4, "layer": {**LINEAR, "out_features": "${width}"}, "kernel": [3, 3]})
    whole.model = {"_target_": "torch.nn.Sequential", "_args_": ["${layer}"]}
    assert build(whole.model)[0].out_features == 4
    whole.conv = {
        "_target_": "torch.nn.Conv2d",
        "in_channels": 1,
        "out_channels": 1,
        "kernel_size": "${kernel}",
    }
    assert type(build(whole.conv).kernel_size) in (list, tuple)


@pytest.mark.parametrize("text", ["${seed}", "a\\${oc.env:HOME}", "\\\\${x} it's"])
def test_text_that_looks_like_a_reference_is_text(text: str) -> None:
    whole = OmegaConf.create({"seed": 0, "run": escape_references(text), "names": ["${run}"]})
    whole.part = {"_target_": "builtins.dict", "name": "${run}", "names": "${names}"}
    assert build(whole.part) == {"name": text, "names": [text]}
    assert build(whole.part, {"folder": text}) == {"name": text, "names": [text], "folder": text}


def test_build_gives_a_partial() -> None:
    layer = build(OmegaConf.create(LINEAR))
    assert build(OmegaConf.create(ADAM))(layer.parameters()).defaults["lr"] == 0.1


def test_a_constructors_user_error_is_unchanged(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: object, inplace: bool = False) -> None:
        raise UserError("beta is negative; give objective.beta >= 0")

    monkeypatch.setattr(torch.nn.SiLU, "__init__", refuse)
    with pytest.raises(UserError) as caught:
        build(OmegaConf.create({"_target_": "torch.nn.Sequential", "_args_": [{"_target_": "torch.nn.SiLU"}]}))
    assert str(caught.value) == "beta is negative; give objective.beta >= 0"


@pytest.mark.parametrize(
    ("node", "sentence"),
    [
        ({**LINEAR, "out_features": -3}, "part: Linear refuses its arguments: RuntimeError: "),
        ({**LINEAR, "out_features": "three"}, "part: Linear refuses its arguments: TypeError: "),
        ({"_target_": "math.sqrt", "_args_": [-1]}, "part: sqrt refuses its arguments: ValueError: "),
        (
            {"_target_": "torch.nn.Sequential", "_args_": [{**LINEAR, "bias": True, "dtype": "x"}]},
            "part._args_0: Linear refuses its arguments: TypeError: ",
        ),
    ],
)
def test_an_exception_of_a_constructor_is_one_sentence_with_the_place(node: dict[str, Any], sentence: str) -> None:
    with pytest.raises(UserError) as caught:
        build(OmegaConf.create({"part": node}).part)
    assert str(caught.value).startswith(sentence)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) > len(sentence)


def test_a_full_disk_is_left_to_the_job(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: object, inplace: bool = False) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch.nn.SiLU, "__init__", full)
    with pytest.raises(OSError, match="No space left"):
        build(OmegaConf.create({"_target_": "torch.nn.SiLU"}))
