"""Checking and building a config: each mistake has its exact message, and checking imports nothing heavy."""

import subprocess
import sys
import textwrap
from typing import Any

import pytest
from hydra.errors import InstantiationException
from omegaconf import OmegaConf

from vaelab import config
from vaelab.config import ALLOWED, build, check
from vaelab.errors import UserError

LINEAR = {"_target_": "torch.nn.Linear", "in_features": 2, "out_features": 3}
ADAM = {"_target_": "torch.optim.Adam", "_partial_": True, "lr": 0.1}
LIBRARIES = ", ".join(prefix[:-1] for prefix in ALLOWED)


def mistakes(nodes: dict[str, Any], choices: dict[str, Any] | None = None) -> list[str]:
    with pytest.raises(UserError) as caught:
        check(OmegaConf.create(nodes), choices or {})
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
    check(OmegaConf.create(nodes), {"model": "vae"})


def test_all_mistakes_come_at_once_with_their_files() -> None:
    nodes = {
        "objective": {**LINEAR, "bas": 1},
        "posterior": {"_target_": "torch.optim.lr_scheduler.CosineAnnealingLR", "optimizer": 1},
    }
    with pytest.raises(UserError) as caught:
        check(OmegaConf.create(nodes), {"objective": "elbo", "posterior": "flow"})
    assert str(caught.value) == textwrap.dedent("""\
        config has 2 mistakes:
          objective (conf/objective/elbo.yaml): Linear has no argument 'bas'; did you mean 'bias'?
          posterior (conf/posterior/flow.yaml): CosineAnnealingLR needs 'T_max'""")


@pytest.mark.parametrize(
    ("node", "message"),
    [
        (
            {**LINEAR, "zzz": 1},
            "Linear has no argument 'zzz'; it takes in_features, out_features, bias, device, dtype",
        ),
        ({"_target_": "torch.nn.Conv2d"}, "Conv2d needs 'in_channels' and 'out_channels' and 'kernel_size'"),
        (
            {"_target_": "torch.nn.SiLU", "_args_": [1, 2]},
            "SiLU takes at most 1 positional arguments, but _args_ gives 2",
        ),
        (
            {"_target_": "torch.nn.SiLU", "_args_": [True], "inplace": True},
            "SiLU gets 'inplace' twice, by name and in _args_",
        ),
        ({"_target_": "torch.nn.SiLu"}, "no 'SiLu' in torch.nn; did you mean 'SiLU'?"),
        ({"_target_": "torch.n.SiLU"}, "no 'n' in torch; did you mean 'nn'?"),
        ({"_target_": "vaelab.nowhere.Thing"}, "no 'nowhere' in vaelab"),
        ({"_target_": 3}, f"3 is outside the allowed libraries ({LIBRARIES})"),
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


ATTACKS = [
    "os.system",
    "builtins.eval",
    "subprocess.Popen",
    "hydra.utils.get_method",
    "torch.load",
    "torch.hub.load",
    "torch.serialization.load",
    "torch.os.system",
    "torch.nn.modules.module.functools.partial",
    "torch.utils.cpp_extension.load",
    "torch.jit.load",
    "lightning.pytorch.cli.LightningCLI",
    "lightning.fabric.utilities.cloud_io.get_filesystem",
    "lightning.pytorch.strategies.launchers.subprocess_script.subprocess.Popen",
    "vaelab.config.instantiate",
    "torchvision.datasets.utils.download_url",
    "torchlike.nn.Linear",
]


@pytest.mark.parametrize("target", ATTACKS)
def test_a_target_outside_the_allowed_libraries_is_refused(target: str) -> None:
    message = f"{target} is outside the allowed libraries ({LIBRARIES})"
    assert mistake({"part": {"_target_": target}}) == f"part: {message}"
    with pytest.raises(UserError) as caught:
        build(OmegaConf.create({"inner": [{"_target_": target}]}))
    assert str(caught.value) == message


@pytest.mark.parametrize(
    "target",
    [
        "torch.nn.Module.load_state_dict",
        "lightning.pytorch.LightningModule.load_from_checkpoint",
        "vaelab.config.check.__globals__",
        "vaelab.config.__builtins__.eval",
        "vaelab.config._permitted",
        "lightning.pytorch.strategies.launchers.subprocess_script._SubprocessScriptLauncher",
        "torch.nn",
        "torch",
        "",
        "torch.nn.",
        ".os.system",
    ],
)
def test_only_public_classes_and_functions_are_targets(target: str) -> None:
    mistakes({"part": {"_target_": target}})
    with pytest.raises(UserError):
        build(OmegaConf.create({"_target_": target}))


def test_a_target_that_hides_behind_an_interpolation_is_refused() -> None:
    node = OmegaConf.create({"name": "os.system", "part": {"_target_": "${name}", "command": "true"}})
    with pytest.raises(UserError, match=r"^os\.system is outside"):
        build(node.part)


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


def test_build_gives_a_partial() -> None:
    layer = build(OmegaConf.create(LINEAR))
    assert build(OmegaConf.create(ADAM))(layer.parameters()).defaults["lr"] == 0.1


def test_a_constructors_refusal_arrives_as_it_was_said(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    def refuse(self: object, inplace: bool = False) -> None:
        raise UserError("beta is negative; give objective.beta >= 0")

    monkeypatch.setattr(torch.nn.SiLU, "__init__", refuse)
    with pytest.raises(UserError) as caught:
        build(OmegaConf.create({"_target_": "torch.nn.Sequential", "_args_": [{"_target_": "torch.nn.SiLU"}]}))
    assert str(caught.value) == "beta is negative; give objective.beta >= 0"


def test_another_error_in_a_constructor_stays_hydras() -> None:
    with pytest.raises(InstantiationException) as caught:
        build(OmegaConf.create({**LINEAR, "out_features": "three"}))
    assert isinstance(caught.value.__cause__, TypeError)


def test_checking_imports_neither_torch_nor_lightning() -> None:
    program = """
        import sys
        from omegaconf import OmegaConf
        from vaelab.config import check
        names = ["lightning.pytorch.Trainer", "torch.optim.Adam", "torch.nn.SiLU", "zuko.flows.NSF"]
        nodes = {str(place): {"_target_": name, "_partial_": True} for place, name in enumerate(names)}
        check(OmegaConf.create(nodes), {})
        assert not {"torch", "lightning", "zuko", "numpy"} & set(sys.modules)
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(program)], check=True)


def test_the_allowed_libraries_are_prefixes_of_whole_names() -> None:
    assert all(prefix.endswith(".") for prefix in config.ALLOWED)
