"""Kernel distance (KID) between the features of two sets of images."""

import torch
from jaxtyping import Float
from torch import Tensor
from torch_fidelity.metric_kid import KEY_METRIC_KID_MEAN, KEY_METRIC_KID_STD, kid_features_to_metric

from vaelab.errors import UserError

SEED = 2020  # torch-fidelity's seed of the subsets


def kernel_distance(
    samples: Float[Tensor, "N F"], real: Float[Tensor, "M F"], num_subsets: int, subset_size: int
) -> tuple[float, float]:
    """KID: mean and standard deviation over subsets of the unbiased MMD^2 under (x . y / F + 1)^3, in float64.

    Binkowski et al. 2018, arXiv:1801.01401, section 4. The subsets are those of torch-fidelity, whose first input
    is `samples`.

    Raises:
        UserError: fewer images than a subset.
    """
    num = min(len(samples), len(real))
    if num < subset_size:
        raise UserError(
            f"KID draws subsets of {subset_size} images, but there are {num}; set kid_subset_size={num} or lower"
        )
    both = (each.to("cpu", torch.float64) for each in (samples, real))
    found = kid_features_to_metric(
        *both,
        **{"kid_subsets": num_subsets, "kid_subset_size": subset_size, "rng_seed": SEED, "verbose": False},
    )
    return found[KEY_METRIC_KID_MEAN], found[KEY_METRIC_KID_STD]
