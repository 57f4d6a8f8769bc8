"""Composes a config while Hydra may be running, and restores Hydra's global state."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.version import VersionBase
from omegaconf import DictConfig

from vaelab.cli.hydra_errors import explain
from vaelab.config.paths import CONF
from vaelab.errors import UserError


def compose_or_explain(name: str, overrides: Sequence[str]) -> DictConfig:
    """A composed config, with Hydra's own node. Raises UserError for Hydra's errors."""
    theirs, GlobalHydra.instance().hydra = GlobalHydra.instance().hydra, None
    try:
        with initialize_config_dir(str(CONF), version_base="1.3", job_name="train"):
            return compose(name, list(overrides), return_hydra_config=True)
    except Exception as error:
        sentence = explain(error)
        if sentence is None:
            raise
        raise UserError(sentence) from error
    finally:
        GlobalHydra.instance().hydra = theirs


@contextmanager
def preserve_hydra() -> Iterator[None]:
    """Outside, Hydra's global state is unchanged."""
    job, base = HydraConfig.instance().cfg, VersionBase.instance().version_base
    try:
        yield
    finally:
        HydraConfig.instance().cfg = job
        VersionBase.instance().version_base = base
