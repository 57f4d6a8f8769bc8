"""vaelab.compose: a config in Python."""

from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from vaelab.api.composition import composition, place_in_folder
from vaelab.cli.hydra_app import record_choices
from vaelab.cli.train import freeze_resolvers


def compose(*overrides: str) -> DictConfig:
    """The config that `vaelab train` would compose from these overrides; nothing is built or written.

    Names are checked; values are checked when `vaelab.build` or `vaelab.train` uses them. torch is not imported.

    Args:
        overrides: as on the command line, `"model=cvae"`, `"latent_dim=16"`, `"plugins=[my_project]"`.

    Returns:
        The config; `config.choices` has the chosen file of each group. References such as `${latent_dim}` are not
        resolved, so that a value set later reaches everything that refers to it.

    Raises:
        UserError: a group, a choice or a key does not exist.

    Examples:
        >>> config = compose("model=beta_vae", "latent_dim=16")
        >>> config.choices.objective, config.prior.latent_dim
        ('beta', 16)
    """
    with composition("train", overrides) as config:
        job = place_in_folder(config, Path(str(HydraConfig.get().run.dir)))
        record_choices(job)
        freeze_resolvers(job)
        return job
