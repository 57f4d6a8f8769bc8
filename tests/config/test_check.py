"""Names and interpolations of a config: all mistakes at once, each with its exact message."""

import textwrap
from typing import Any

import pytest
from omegaconf import OmegaConf

from vaelab.config import check_nodes
from vaelab.errors import UserError

LINEAR = {"_target_": "torch.nn.Linear", "in_features": 2, "out_features": 3}
ADAM = {"_target_": "torch.optim.Adam", "_partial_": True, "lr": 0.1}


def mistakes(nodes: dict[str, Any], choices: dict[str, Any] | None = None) -> list[str]:
    with pytest.raises(UserError) as caught:
        check_nodes(OmegaConf.create(nodes), choices or {})
    return [line.removeprefix("  ") for line in str(caught.value).splitlines()]


def mistake(nodes: dict[str, Any], choices: dict[str, Any] | None = None) -> str:
    head, line = mistakes(nodes, choices)
    assert head == "config has 1 mistake:"
    return line


def test_a_right_config_passes() -> None:
    nodes = {
        "layer": LINEAR,
        "optimizer": ADAM,
        "positional": {
            "_target_": "torch.nn.Linear",
            "_args_": [2, 3],
            "_convert_": "all",
            "_recursive_": False,
        },
        "model": {"_target_": "torch.nn.ModuleList", "modules": ["${layer}"]},
        "name": "${hydra:runtime.choices.model}",
        "group": "${name}",
        "hydra": {"x": "???"},
    }
    check_nodes(OmegaConf.create(nodes), {"model": "vae"})


def test_all_mistakes_come_at_once_with_their_files() -> None:
    nodes = {
        "objective": {**LINEAR, "bas": 1},
        "posterior": {"_target_": "torch.optim.lr_scheduler.CosineAnnealingLR", "eta_min": 1},
    }
    with pytest.raises(UserError) as caught:
        check_nodes(OmegaConf.create(nodes), {"objective": "elbo", "posterior": "flow"})
    assert str(caught.value) == textwrap.dedent("""\
        config has 2 mistakes:
          objective (conf/objective/elbo.yaml): Linear has no argument 'bas'; did you mean 'bias'?
          posterior (conf/posterior/flow.yaml): CosineAnnealingLR needs 'optimizer' and 'T_max'""")


@pytest.mark.parametrize(
    ("node", "message"),
    [
        (
            {**LINEAR, "zzz": 1},
            "Linear has no argument 'zzz'; it takes in_features, out_features, bias, device, dtype",
        ),
        ({"_target_": "torch.nn.Conv2d"}, "Conv2d needs 'in_channels' and 'out_channels' and 'kernel_size'"),
        (
            {"_target_": "torch.nn.SiLU", "_args_": [True, 2]},
            "SiLU takes at most 1 positional arguments, but _args_ gives 2",
        ),
        (
            {"_target_": "torch.nn.SiLU", "_args_": [True], "inplace": True},
            "SiLU gets 'inplace' twice, by name and in _args_",
        ),
        ({"_target_": "torch.nn.SiLu"}, "no 'SiLu' in torch.nn; did you mean 'SiLU'?"),
        ({"_target_": "torch.n.SiLU"}, "no 'n' in torch; did you mean 'nn'?"),
        ({"_target_": "vaelab.nowhere.Thing"}, "no 'nowhere' in vaelab"),
        ({**ADAM, "lrr": 1}, "Adam has no argument 'lrr'; did you mean 'lr'?"),
    ],
)
def test_mistakes_of_a_target(node: dict[str, Any], message: str) -> None:
    assert mistake({"part": node}) == f"part: {message}"


def test_missing_value() -> None:
    assert mistake({"objective": {"beta": "???"}}) == "objective.beta is not set; give objective.beta=..."


def test_a_missing_value_is_reported_once() -> None:
    assert mistake({"name": "???", "copy": "${name}"}) == "name is not set; give name=..."


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("${latnt_dim}", "no key for '${latnt_dim}'; did you mean 'latent_dim'?"),
        ("${data.shap}", "no key for '${data.shap}'; did you mean 'data.shape'?"),
        (
            "${oc.env:NO_SUCH}",
            "'${oc.env:NO_SUCH}' does not resolve: Environment variable 'NO_SUCH' not found",
        ),
    ],
)
def test_broken_interpolation(text: str, message: str) -> None:
    nodes = {"latent_dim": 2, "data": {"shape": [1]}, "model": {"size": [text]}}
    assert mistake(nodes, {"model": "vae"}) == f"model.size[0] (conf/model/vae.yaml): {message}"


def test_a_node_reached_by_interpolation_is_checked_once() -> None:
    nodes = {
        "layer": {**LINEAR, "bas": 1},
        "model": {"_target_": "torch.nn.Sequential", "_args_": ["${layer}"]},
    }
    assert mistake(nodes) == "layer: Linear has no argument 'bas'; did you mean 'bias'?"


@pytest.mark.parametrize("choices", [{}, {"callbacks": ["checkpoint", "kl_annealing"]}])
def test_a_list_of_choices_names_the_file_of_each(choices: dict[str, Any]) -> None:
    nodes = {"callbacks": {"kl_annealing": {"schedule": {**LINEAR, "bas": 1}}}}
    place = "callbacks.kl_annealing.schedule (conf/callbacks/kl_annealing.yaml)"
    assert mistake(nodes, choices) == f"{place}: Linear has no argument 'bas'; did you mean 'bias'?"


def test_a_key_that_no_chosen_file_holds_is_named_by_its_path() -> None:
    nodes = {"callbacks": {"mine": {**LINEAR, "bas": 1}}}
    expected = "callbacks.mine: Linear has no argument 'bas'; did you mean 'bias'?"
    assert mistake(nodes, {"callbacks": ["checkpoint"]}) == expected
