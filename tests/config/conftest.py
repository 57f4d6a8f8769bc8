"""Composed configs, checked as the commands do it."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
import yaml
from hydra import compose, initialize_config_dir
from omegaconf import DictConfig, OmegaConf, open_dict

from vaelab.config import check
from vaelab.errors import UserError

CONF = Path(__file__).parents[2] / "conf"


@cache
def composed(groups: tuple[str, ...]) -> DictConfig:
    """The config of these choices; one for all tests that change values of it."""
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose("train", ["name=test", "data=digits", *groups], return_hydra_config=True)
    with open_dict(config):
        config.choices = {str(k): v for k, v in config.hydra.runtime.choices.items() if "hydra" not in str(k)}
        config.sweep_name, config.hydra = "sweep", {}  # known to a running application only
    return config


@pytest.fixture(scope="session")
def mistakes() -> Callable[..., list[str]]:
    """The sentences about `key=value` in a config of these choices, the values as yaml has them."""

    def mistakes(overrides: str, *groups: str) -> list[str]:
        config = composed(groups).copy()
        OmegaConf.set_struct(config, False)
        for override in overrides.split():
            key, _, value = override.partition("=")
            OmegaConf.update(config, key, yaml.safe_load(value), merge=False)
        try:
            check(config, config.choices)
        except UserError as error:
            return [line.strip() for line in str(error).splitlines()[1:]]
        return []

    return mistakes
