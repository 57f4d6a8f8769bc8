"""Small experiments on digits, composed and built as by the commands."""

from collections.abc import Callable
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import pytest
import torch
from hydra import compose, initialize_config_dir
from jaxtyping import install_import_hook
from omegaconf import DictConfig, open_dict

install_import_hook("vaelab", "shapes.check_shapes")

from vaelab.config import build
from vaelab.data.module import DataModule
from vaelab.jobs.checkpoint_io import AtomicCheckpointIO
from vaelab.jobs.experiment import silence_warnings
from vaelab.model.vae import VAE
from vaelab.terms import Batch

CONF = Path(__file__).parents[1] / "conf"
SMALL = ("encoder=mlp", "decoder=mlp", "encoder.num_features=32", "decoder.num_features=32", "latent_dim=4")


@pytest.fixture(autouse=True)
def checked_and_seeded() -> None:
    """Densities check their arguments, which importing zuko and building an experiment turn off."""
    torch.distributions.Distribution.set_default_validate_args(True)
    torch.manual_seed(0)


@pytest.fixture(scope="session")
def composed() -> Callable[..., DictConfig]:
    """The config of `train.yaml` under overrides, with the choices that were made."""

    @cache
    def of(*choices: str) -> DictConfig:
        with initialize_config_dir(str(CONF), version_base="1.3"):
            config = compose("train", ["name=test", *choices], return_hydra_config=True)
        with open_dict(config):
            config.choices = {k: v for k, v in config.hydra.runtime.choices.items() if "hydra" not in k}
            del config["hydra"]
        return config

    def composed(*overrides: str) -> DictConfig:
        # Hydra takes half a second for each set of choices, values are set in no time.
        chosen = [one for one in overrides if one[0] in "+~" or (CONF / one.partition("=")[0]).is_dir()]
        values = [one for one in overrides if one not in chosen]
        config = deepcopy(of(*chosen))
        config.merge_with_dotlist(values)
        return config

    return composed


@pytest.fixture(scope="session")
def small(composed: Callable[..., DictConfig]) -> Callable[..., DictConfig]:
    """The same with small networks on digits."""
    return lambda *overrides: composed("data=digits", *SMALL, *overrides)


@pytest.fixture(scope="session")
def model(small: Callable[..., DictConfig]) -> Callable[..., VAE]:
    """A small model, of the same weights each time."""

    def model(*overrides: str) -> VAE:
        torch.manual_seed(0)
        return build(small(*overrides).model)

    return model


@pytest.fixture(scope="session")
def digits(small: Callable[..., DictConfig]) -> Callable[..., DataModule]:
    """A data module over the digits."""
    return lambda *overrides: build(small(*overrides).data)


@pytest.fixture(scope="session")
def batch(digits: Callable[..., DataModule]) -> Batch:
    """64 digits in [0, 1] with their labels."""
    return digits().batch("train", torch.arange(64))


@pytest.fixture
def trainer(tmp_path: Path) -> Callable[..., pl.Trainer]:
    """A Trainer on one processor that says nothing and writes only what its callbacks write."""
    silence_warnings()

    def trainer(*callbacks: pl.Callback, **arguments: Any) -> pl.Trainer:
        usual = {"accelerator": "cpu", "devices": 1, "logger": False, "log_every_n_steps": 1}
        return pl.Trainer(
            default_root_dir=tmp_path,
            callbacks=list(callbacks),
            enable_checkpointing=any(isinstance(one, pl.callbacks.Checkpoint) for one in callbacks),
            enable_progress_bar=False,
            enable_model_summary=False,
            num_sanity_val_steps=0,
            use_distributed_sampler=False,
            plugins=[AtomicCheckpointIO()],
            **{**usual, **arguments},
        )

    return trainer
