"""Checks on one real batch, before training, that the parts of an experiment fit together."""

import logging

import torch
from omegaconf import DictConfig

from vaelab.data.auto_values import is_uint8
from vaelab.data.module import DataModule
from vaelab.errors import UserError
from vaelab.latent.structure import LatentStructure
from vaelab.terms import Batch

log = logging.getLogger(__name__)


def check_compatibility(config: DictConfig, data: DataModule, latent: LatentStructure) -> None:
    """Raises UserError if x is outside the likelihood's support or required labels are missing.

    The latent structure checks its own parts.
    """
    batch = data.batch("train", torch.arange(min(256, len(data.split("train")))))
    likelihood = latent.likelihood
    if not likelihood.accepts(batch.x):
        low, high = batch.x.min().item(), batch.x.max().item()
        pixels = is_uint8(data.split("train"))
        raise UserError(
            f"likelihood '{config.choices.likelihood}' needs {likelihood.support_text}, but data "
            f"'{config.choices.data}' gave {low:.2f} to {high:.2f}; {way_out(config, low, high, pixels)}"
        )
    if data.label_mask is not None and latent.conditional and not latent.infers_labels:
        raise UserError(
            f"condition '{config.choices.condition}' needs the label of every example, but data.num_labels="
            f"{config.data.num_labels} keeps only some; set data.num_labels=all or model=m2"
        )
    check_shapes(latent, Batch(batch.x[:2], None if batch.y is None else batch.y[:2], batch.index[:2]))


def check_shapes(latent: LatentStructure, batch: Batch) -> None:
    """Raises UserError if the shapes of the parts do not fit each other."""
    try:
        with torch.no_grad():
            latent(batch)
    except UserError:
        raise
    except (RuntimeError, TypeError, ValueError, IndexError) as error:
        log.debug("the first example", exc_info=True)  # hydra.verbose=true shows where
        raise UserError(
            "the parts of the model do not fit each other or the data: "
            f"{next(iter(str(error).splitlines()), type(error).__name__)}; "
            "set data.shape and latent_dim, which all parts read, and not those of one part"
        ) from error


def way_out(config: DictConfig, low: float, high: float, pixels: bool) -> str:
    """What would bring the data into [0, 1], or onto the grid; only uint8 `pixels` can be scaled."""
    if not pixels and (low < 0 or high > 1):
        return "set likelihood=gaussian, which takes any x, or give x as uint8 pixels or in that range"
    if low < 0 or high > 1:
        stored = config.data.scale != "unit"
        return "set data.scale=unit" if stored else "set likelihood=gaussian, which takes any x"
    return "set data.dequantization=false"
