"""The config of a run folder is data: what it could do else is refused, and damage gets a sentence."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from omegaconf import DictConfig, OmegaConf

from vaelab.config.run_config import load_config
from vaelab.errors import UserError
from vaelab.storage.run import Run


@pytest.fixture(scope="session")
def saved(small: Callable[..., DictConfig], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a training of today saves, as plain values."""
    config = small("logger=[csv,wandb]", "callbacks=[checkpoint,kl_annealing,ema,evaluate,health_check]")
    config.logger.wandb.id = "20261127-120000-000000"
    config.name, config.sweep_name, config.group = "vae-digits", "2026", "vae-digits"
    config.logger.wandb.name = "vae-digits seed=0"
    plain = OmegaConf.to_container(config)
    assert isinstance(plain, dict)
    return plain


@pytest.fixture
def load(tmp_path: Path) -> Callable[..., DictConfig]:
    def load(plain: object, plugins: tuple[str, ...] = (), overridden: tuple[str, ...] = ()) -> DictConfig:
        text = plain if isinstance(plain, str) else yaml.safe_dump(plain)
        (tmp_path / "config.yaml").write_text(text)
        return load_config(Run.open(tmp_path), plugins, overridden)

    return load


def changed(saved: dict[str, Any], key: str, value: object) -> dict[str, Any]:
    """The saved config with one value set, whatever stood there."""
    plain: dict[str, Any] = yaml.safe_load(yaml.safe_dump(saved))
    node = plain
    *above, last = key.split("|") if "|" in key else key.split(".")
    for one in above:
        node = node.setdefault(one, {})
        assert isinstance(node, dict)
    node[last] = value
    return plain


def test_a_saved_config_round_trips(saved: dict[str, Any], load: Callable[..., DictConfig]) -> None:
    config = load(saved)
    assert config.model.latent.encoder.num_features == 32
    config.latent_dim = 7
    assert config.prior.latent_dim == 7  # references are kept
    assert config.optimizer.lr == saved["optimizer"]["lr"]


def test_a_number_is_a_number_however_it_is_written(saved: dict[str, Any], load: Callable[..., DictConfig]) -> None:
    for text, value in {"1e-3": 1e-3, "1.0e-05": 1e-5, ".5": 0.5, "-2.": -2.0, "1E5": 1e5, "3": 3}.items():
        plain = yaml.safe_dump(changed(saved, "optimizer.lr", "THE_LR")).replace("THE_LR", text)
        assert load(plain).optimizer.lr == value


EXECUTES = [
    "vaelab.storage.run.write",
    "vaelab.storage.reservation.remove",
    "vaelab.cli.train.main",
    "vaelab.cli.launch.launch",
    "vaelab.jobs.train.train",
    "vaelab.config.build.build",
    "vaelab.errors.UserError",
    "vaelab.data.fetch.fetch",
    "vaelab.callbacks.evaluate.evaluating",
    "vaelab.storage.run.os.system",
    "vaelab.storage.run.Run.save_results",
    "torch.load",
    "torch.hub.load",
    "torch.nn.modules.module.torch.load",
    "torch.nn.functional.torch.load",
    "torch.nn.Module.load_state_dict",
    "torch.nn.init.normal_",
    "torch.optim.lr_scheduler.warnings.warn",
    "torch.optim.swa_utils.update_bn",
    "torch.utils.cpp_extension.load",
    "torchmetrics.image.fid.FrechetInceptionDistance",
    "lightning.pytorch.cli.instantiate_class",
    "lightning.pytorch.callbacks.ModelCheckpoint",
    "lightning.pytorch.loggers.TensorBoardLogger",
    "lightning.pytorch.profilers.SimpleProfiler",
    "lightning.pytorch.Trainer.fit",
    "zuko.flows.autoregressive.torch.load",
    "zuko.utils.unpack",
    "hydra.utils.get_method",
    "hydra.utils.instantiate",
    "hydra._internal.utils._locate",
    "omegaconf.OmegaConf.register_new_resolver",
    "builtins.exec",
    "builtins.open",
    "os.system",
    "os.makedirs",
    "shutil.rmtree",
    "subprocess.Popen",
    "pathlib.Path.write_text",
    "logging.FileHandler",
    "pickle.loads",
    "wandb.login",
    "my_project.net.ResNet",
    "os..system",
    " os.system",
    "os.system\n",
    "${name}",
    "system",
    "",
]


@pytest.mark.parametrize("key", ["callbacks.evil", "encoder", "latent.prior", "data.source", "optimizer"])
@pytest.mark.parametrize("target", EXECUTES)
def test_no_target_executes(saved: dict[str, Any], load: Callable[..., DictConfig], target: str, key: str) -> None:
    with pytest.raises(UserError, match="may not be used as it is"):
        load(changed(saved, key, {"_target_": target}))


@pytest.mark.parametrize(
    ("target", "key"),
    [
        ("torch.nn.ELU", "encoder.activation"),
        ("torch.nn.modules.activation.GELU", "encoder.activation"),
        ("torch.optim.SGD", "optimizer"),
        ("torch.optim.lr_scheduler.StepLR", "scheduler"),
        ("zuko.flows.NICE", "prior.flow"),
    ],
)
def test_layers_optimizers_and_flows_are_harmless(
    saved: dict[str, Any], load: Callable[..., DictConfig], target: str, key: str
) -> None:
    assert OmegaConf.select(load(changed(saved, f"{key}._target_", target)), f"{key}._target_") == target


def test_a_plugin_is_named_by_the_user(saved: dict[str, Any], load: Callable[..., DictConfig]) -> None:
    foreign = changed(saved, "encoder._target_", "my_project.net.ResNet")
    with pytest.raises(UserError) as caught:
        load(foreign)
    assert str(caught.value).endswith(
        "may not be used as it is: encoder._target_=my_project.net.ResNet is none of vaelab's parts; "
        "if you trust it, add plugins=[my_project]"
    )
    assert load(foreign, plugins=("my_project",)).encoder._target_ == "my_project.net.ResNet"
    assert load(foreign, overridden=("encoder",)).encoder._target_ == "my_project.net.ResNet"
    with pytest.raises(UserError, match="plugins"):
        load(foreign, plugins=("my_proj", "my_project.net.ResNet"))
    with pytest.raises(UserError, match="plugins"):
        load(changed(foreign, "plugins", ["my_project"]))  # nor does it name its own


def test_nobody_is_advised_to_trust_a_library(saved: dict[str, Any], load: Callable[..., DictConfig]) -> None:
    for target in ("os.system", "torch.load", "vaelab.storage.run.write", "hydra.utils.get_method"):
        with pytest.raises(UserError, match=rf"if you trust it, give encoder._target_={target} yourself$"):
            load(changed(saved, "encoder._target_", target))


WORDS = {
    "hydra": {"run": {"dir": "x"}},
    "hydra|callbacks": {"e": {"_target_": "os.system"}},
    "hydra|searchpath": ["file:///x"],
    "hydra|job|env_set": {"A": "b"},
    "hydra|job_logging": {"handlers": {}},
    "defaults": ["/hydra/job_logging: x"],
    "data|defaults": ["/hydra/launcher: x"],
    "prior|defaults": ["x"],
    "encoder|_args_": [1],
    "encoder|_self_": 1,
    "data|hydra": {},
    "oc": {"env": "HOME"},
    "choices|data": "x' +hydra.job.env_set={A:b} '",
    "choices|model": {"_target_": "os.system"},
    "choices|encoder": ["mlp", "a b=c"],
    "choices": "none",
}


@pytest.mark.parametrize("key", WORDS)
def test_nothing_of_hydras_is_taken(saved: dict[str, Any], load: Callable[..., DictConfig], key: str) -> None:
    with pytest.raises(UserError, match="is not the config of a run"):
        load(
            changed(saved, key + "|" if "|" not in key else key, WORDS[key])
            if "|" in key
            else {**saved, key: WORDS[key]}
        )


@pytest.mark.parametrize(
    "text",
    [
        "${oc.env:HOME}",
        "x${oc.env:HOME}y",
        "${oc.decode:x}",
        "${hydra:runtime.cwd}",
        "${now:%Y}",
        "${${name}:HOME}",
        "${oc.${name}:HOME}",
        "\\\\${oc.env:HOME}",
        "${oc.create:${name}}",
        "${ oc.env:HOME }",
        "${name",
        "${seed}${oc.env:HOME}",
    ],
)
def test_no_resolver_is_called(saved: dict[str, Any], load: Callable[..., DictConfig], text: str) -> None:
    for key in ("name", "tags", "data.source.root", "encoder._target_", "logger.wandb.name"):
        with pytest.raises(UserError, match="is more than a reference to another key"):
            load(changed(saved, key, [text] if key == "tags" else text))


def test_a_folder_may_look_like_a_reference_and_nothing_else_may(
    saved: dict[str, Any], load: Callable[..., DictConfig]
) -> None:
    text = "\\${oc.env:HOME}"
    assert load(changed(saved, "data.source.root", text)).data.source.root == "${oc.env:HOME}"
    for key in ("name", "tags", "encoder._target_", "logger.wandb.name"):
        with pytest.raises(UserError, match=r"is put together to a reference|is not the name of a class"):
            load(changed(saved, key, [text] if key == "tags" else text))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("features.folder", "/etc"),
        ("features.folder", "src"),
        ("features.folder", "~/.ssh"),
        ("features.folder", "data/../../x"),
        ("features.weights", "weights.pth"),
        ("features.weights", "http://example.org/x.pth"),
        ("logger.csv.name", "../../x"),
        ("logger.csv.version", "/tmp/x"),
        ("name", "/etc/passwd"),
        ("evaluation.importance.folder", ".."),
        ("trainer.accelerator", "\\\\server\\share"),
        ("tags", ["/etc/passwd"]),
        ("callbacks.checkpoint.dirpath", "elsewhere"),
    ],
)
def test_no_path_leads_out(saved: dict[str, Any], load: Callable[..., DictConfig], key: str, value: object) -> None:
    with pytest.raises(UserError, match="leads out of the run folder; if you trust it, give "):
        load(changed(saved, key, value))
    load(changed(saved, key, value), overridden=(key,))


def test_no_path_is_composed_of_references(saved: dict[str, Any], load: Callable[..., DictConfig]) -> None:
    plain = changed(changed(saved, "project", "."), "group", "${project}${project}/x")
    with pytest.raises(UserError, match=r"group=\.\./x leads out"):
        load(plain)


def test_data_may_lie_anywhere(saved: dict[str, Any], load: Callable[..., DictConfig]) -> None:
    source = {"_target_": "vaelab.data.mnist.MNIST", "root": "/data/mnist"}
    assert load(changed(saved, "data.source", source)).data.source.root == "/data/mnist"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("logger.wandb.settings", {"base_url": "https://example.org"}),
        ("logger.wandb.settings", {"api_key": "x" * 40}),
        ("logger.wandb.settings", "${kl}"),
        ("logger.wandb.entity", "somebody"),
        ("logger.wandb.dir", "x"),
        ("logger.csv.prefix", "x"),
        ("trainer.default_root_dir", "x"),
        ("trainer.model_registry", "x"),
        ("trainer.logger", True),
        ("trainer.callbacks", []),
        ("trainer.plugins", []),
        ("trainer.profiler", "simple"),
        ("callbacks.ema.avg_fn", "x"),
    ],
)
def test_no_argument_of_others_connects_or_writes(
    saved: dict[str, Any], load: Callable[..., DictConfig], key: str, value: object
) -> None:
    plain = {**changed(saved, key, value), "kl": {"base_url": "https://example.org"}}
    with pytest.raises(UserError, match="is not an argument that a saved config may give; if you want it, give "):
        load(plain)


def bomb_of_aliases() -> str:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 10)]
    return "\n".join(lines)


@pytest.mark.parametrize(
    "text",
    [
        bomb_of_aliases(),
        "a: &a [*a]",
        "x: !!python/object/apply:os.system ['true']",
        "x: !!python/name:os.system",
        "x: !!python/module:os",
        "x: !!binary aGVsbG8=",
        "x: 2026-11-27",
        "x: !!set {a, b}",
        "? [a, b]\n: c",
        "a: " + "[" * 5000 + "]" * 5000,
        "a: " + "{a: " * 200 + "1" + "}" * 200,
        "x" * 400_000,
        "9" * 5000 + ": 1",
        "x: " + "9" * 5000,
    ],
    ids=range(14),
)
def test_no_yaml_executes_hangs_or_fills_memory(
    saved: dict[str, Any], load: Callable[..., DictConfig], text: str
) -> None:
    for content in (text, text + "\n" + yaml.safe_dump(saved)):
        with pytest.raises(UserError):
            load(content)


@pytest.mark.parametrize(
    "links",
    [
        {f"k{n}": [f"${{callbacks.bomb.k{n + 1}}}"] * 9 for n in range(12)} | {"k12": 1},
        {f"k{n}": f"${{callbacks.bomb.k{n + 1}}}${{callbacks.bomb.k{n + 1}}}" for n in range(40)} | {"k40": "x"},
        {"a": "${callbacks.bomb.b}", "b": "${callbacks.bomb.a}"},
        {"a": {"b": "${callbacks.bomb}"}},
        {"a": "${.a}"},
        {f"k{n}": f"${{callbacks.bomb.k{n + 1}}}" for n in range(3000)} | {"k3000": 1},
        {"a": "${callbacks.bomb.nowhere}"},
    ],
    ids=range(7),
)
def test_references_neither_multiply_nor_turn_in_circles(
    saved: dict[str, Any], load: Callable[..., DictConfig], links: dict[str, Any]
) -> None:
    with pytest.raises(UserError):
        load(changed(saved, "callbacks.bomb", links))


def damages(text: str) -> dict[str, bytes]:
    """What disks, editors and people make of a file."""
    lines = text.splitlines(keepends=True)
    half = len(text) // 2
    return {
        "empty": b"",
        "spaces": b"  \n \n",
        "zeros": bytes(4096),
        "random": bytes(range(256)) * 16,
        "half": text[:half].encode(),
        "half a line": "".join(lines[: len(lines) // 2]).encode() + b"  bro",
        "one byte": b"a",
        "a list": b"- a\n- b\n",
        "a number": b"7",
        "a text": b"hello",
        "null": b"null",
        "two documents": (text + "---\n" + text).encode(),
        "tabs": text.replace("  ", "\t").encode(),
        "latin": text.encode() + "name2: é\n".encode("latin-1"),
        "conflict": ("<<<<<<< HEAD\n" + text + "=======\n>>>>>>> other\n").encode(),
        "json cut": b'{"model": {"_target_": ',
        "twice": (text + "seed: 3\n").encode(),
        "zeros at the end": text.encode() + bytes(100),
        "no model": text.replace("\nmodel:", "\nmodle:").encode(),
        "no choices": text.replace("choices:", "choice:").encode(),
        "html": b"<html><body>404</body></html>",
        "open quote": (text + "name: 'a\n").encode(),
        "bad indent": text.replace("  latent_dim", " latent_dim", 1).encode(),
        "model is text": text.replace("\nmodel:\n", "\nmodel: vae\nold:\n").encode(),
        "callbacks are a list": (text + "\n").replace("\ncallbacks:\n", "\ncallbacks: [checkpoint]\nold:\n").encode(),
    }


@pytest.mark.parametrize("name", damages(""))
def test_damage_gets_one_sentence(saved: dict[str, Any], tmp_path: Path, name: str) -> None:
    content = damages(OmegaConf.to_yaml(OmegaConf.create(saved)))[name]
    (tmp_path / "config.yaml").write_bytes(content)
    with pytest.raises(UserError) as caught:
        load_config(Run.open(tmp_path))
    said = str(caught.value)
    assert said.startswith(f"{tmp_path}/config.yaml ")
    assert "\n" not in said
    assert len(said) < 400


def test_every_truncation_gets_a_sentence_or_a_config(saved: dict[str, Any], tmp_path: Path) -> None:
    text = OmegaConf.to_yaml(OmegaConf.create(saved))
    for end in range(0, len(text), 397):
        (tmp_path / "config.yaml").write_text(text[:end])
        try:
            config = load_config(Run.open(tmp_path))
        except UserError:
            continue
        assert {"model", "data", "seed", "choices"} <= set(config)


def test_a_link_out_of_the_folder_is_refused(saved: dict[str, Any], tmp_path: Path) -> None:
    run = tmp_path / "run"
    (run / "images").mkdir(parents=True)
    (run / "config.yaml").write_text(yaml.safe_dump(saved))
    (run / "latest").symlink_to("images")
    (run / "wandb" / "offline-run-1").mkdir(parents=True)
    (run / "wandb" / "offline-run-1" / "debug.log").symlink_to(tmp_path / "elsewhere")  # as W&B makes it
    Run.open(run)
    for place in ("metrics.csv", "images/samples.png", "checkpoints", "evaluations"):
        link = run / place
        link.symlink_to(tmp_path / "elsewhere")
        with pytest.raises(UserError) as caught:
            Run.open(run)
        assert str(caught.value) == f"{link} is a link that leads out of the run folder; replace it by what it leads to"
        link.unlink()


def test_settings_of_wandb_do_not_come_with_a_run(saved: dict[str, Any], tmp_path: Path) -> None:
    """From where one stands, W&B reads an address of its server in wandb/settings."""
    (tmp_path / "wandb").mkdir()
    (tmp_path / "wandb" / "settings").write_text("[default]\nbase_url = https://example.org\n")
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(saved))
    with pytest.raises(UserError, match="would tell W&B where to send runs and keys; remove it if it is not yours"):
        Run.open(tmp_path)


def test_neighbours_of_an_overridden_key_are_still_checked(
    saved: dict[str, Any], load: Callable[..., DictConfig]
) -> None:
    for text in ("/tmp/evil${trainer.max_epochs}", "${group}/../../x", "${latent_dim}/../.."):
        with pytest.raises(UserError, match="leads out of the run folder"):
            load(changed(saved, "features.folder", text), overridden=("trainer.max_epochs", "latent_dim"))


def test_no_reference_is_composed_of_texts(saved: dict[str, Any], load: Callable[..., DictConfig]) -> None:
    plain = changed(changed(saved, "project", "$"), "group", "${project}{oc.env:HOME}")
    with pytest.raises(UserError, match="group is put together to a reference"):
        load(plain)


def test_no_folder_of_wandb_comes_with_a_run(saved: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / ".wandb").mkdir()
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(saved))
    with pytest.raises(UserError, match="would tell W&B where to send runs and keys"):
        Run.open(tmp_path)
