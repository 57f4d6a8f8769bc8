"""The length of a schedule: in steps or in epochs, never both."""

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from vaelab.cli.overrides import parse_overrides
from vaelab.errors import UserError


def check_lengths(config: DictConfig) -> None:
    """Raises UserError if this job's overrides give a schedule steps that do not count, since it has epochs."""
    for override in parse_overrides(HydraConfig.get().overrides.task):
        above, _, key = override.key_or_group.rpartition(".")
        epochs = OmegaConf.select(config, f"{above}.epochs") if above and key == "steps" else None
        if epochs is not None and not override.is_delete():
            raise UserError(
                f"{override.input_line} does not count, since {above}.epochs={epochs}; give one of them, "
                f"or {above}.epochs=null with the steps"
            )
