"""Fréchet distance between two sets of images, each modelled as a Gaussian of features."""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor
from torchmetrics import Metric

from vaelab.errors import UserError


class GaussianStatistics(NamedTuple):
    """Number, mean and unbiased covariance of features, in float64."""

    num: Float[Tensor, ""]
    mean: Float[Tensor, " F"]
    covariance: Float[Tensor, "F F"]


class FrechetStatistics(Metric):
    """Mean and covariance of the features of all images of all processes, from sums in float64."""

    full_state_update = False
    num: Tensor
    total: Tensor
    products: Tensor

    def __init__(self, num_features: int) -> None:
        super().__init__()
        self.set_dtype(torch.float64)
        shapes = {"num": (), "total": (num_features,), "products": (num_features, num_features)}
        for name, shape in shapes.items():
            self.add_state(name, torch.zeros(shape, dtype=torch.float64), dist_reduce_fx="sum")

    def update(self, features: Float[Tensor, "B F"]) -> None:
        features = features.double()
        self.num += len(features)
        self.total += features.sum(0)
        self.products += features.T @ features

    def compute(self) -> GaussianStatistics:
        mean = self.total / self.num
        covariance = (self.products - self.num * mean.outer(mean)) / (self.num - 1)
        return GaussianStatistics(self.num.clone(), mean, covariance)


def frechet_distance(a: GaussianStatistics, b: GaussianStatistics) -> float:
    """FID: |mu_a - mu_b|^2 + tr(S_a + S_b - 2 (S_a S_b)^(1/2))          (Heusel et al. 2017, arXiv:1706.08500, eq. 6)

    With S = L^T L, the trace of the root is the sum of the singular values of L_a L_b^T; the eigenvalues of S_a S_b
    would lose half of the digits.

    Raises:
        UserError: there are fewer images than features, so that the covariance is singular.
    """
    for moments in (a, b):
        require_images(int(moments.num), len(moments.mean))
    root = torch.linalg.svdvals(factor(a.covariance) @ factor(b.covariance).T).sum()
    return float((a.mean - b.mean).square().sum() + a.covariance.trace() + b.covariance.trace() - 2 * root)


def factor(covariance: Float[Tensor, "F F"]) -> Float[Tensor, "F F"]:
    """L with L^T L = S, by the eigenvalues of the symmetric S."""
    values, vectors = torch.linalg.eigh(covariance)
    return values.clamp(min=0).sqrt().unsqueeze(1) * vectors.T


def require_images(num: int, num_features: int) -> None:
    if num < num_features:
        raise UserError(
            f"the Fréchet distance of {num_features} features needs at least {num_features} images, but there are"
            f" {num}; take more images or fewer features"
        )
