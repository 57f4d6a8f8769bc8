"""Gaussians relative to another Gaussian."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor
from torch.distributions import Distribution, Independent, Normal

from vaelab.distribution.joint import Joint
from vaelab.distribution.operations import bounded_log_scale, factorises
from vaelab.nn.full_precision import full_precision


def standard_normal(like: Float[Tensor, "*B D"]) -> Independent:
    """N(0, I), one for each row of `like`."""
    return normal(torch.zeros_like(like), torch.ones_like(like))


def relative_normal(base: Independent, raw: Float[Tensor, "*B D2"]) -> Independent:
    """N(loc + d, (scale exp(e))^2) for a Gaussian N(loc, scale^2), with d and e = `raw`.

    (Vahdat & Kautz 2020, arXiv:2007.03898, section 3.2)
    """
    shift, log_ratio = full_precision(raw).chunk(2, -1)
    return normal(base.base_dist.loc + shift, base.base_dist.scale * bounded_log_scale(log_ratio).exp())


def normal(loc: Float[Tensor, "*B D"], scale: Float[Tensor, "*B D"]) -> Independent:
    """Independent Gaussian dimensions."""
    return Joint(Normal(loc, scale, validate_args=False), 1, validate_args=False)


def unflatten_batch(rows: Independent, shape: torch.Size) -> Independent:
    """Unflatten the batch [N] of a Gaussian to `shape`."""
    base = rows.base_dist
    return normal(base.loc.unflatten(0, shape), base.scale.unflatten(0, shape))


def concatenate(parts: Sequence[Distribution]) -> Distribution:
    """Concatenate Gaussian vectors, each given those before it; if one is not Gaussian, return the first."""
    bases = [part.base_dist for part in parts if factorises(part) and isinstance(part.base_dist, Normal)]
    if len(bases) < len(parts):
        return parts[0]
    batch = torch.broadcast_shapes(*(part.batch_shape for part in parts))
    columns = zip(*((base.loc, base.scale) for base in bases), strict=True)
    loc, scale = (torch.cat([each.expand(*batch, -1) for each in column], -1) for column in columns)
    return normal(loc, scale)
