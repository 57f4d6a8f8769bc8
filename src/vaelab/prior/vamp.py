"""A prior that is made of posteriors."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.distributions import Distribution, Normal

from vaelab.distribution.gaussian_mixture import GaussianMixture
from vaelab.distribution.operations import factorises
from vaelab.errors import UserError
from vaelab.ranges import NumClasses, Shape, Width

if TYPE_CHECKING:
    from vaelab.data.module import DataModule
    from vaelab.data.plain_loader import LoaderData


class Vamp(nn.Module):
    """p(z) = 1/K sum_k q(z | u_k), with pseudo-inputs u_k [K, *event] learned.

    Tomczak & Welling 2018, arXiv:1705.07120, eq. 9. `infer` gives q(z | x, y). Pseudo-inputs are clamped to the
    range of the data, which `initialize_from` sets and which is [0, 1] by default. For a conditional encoder each has
    a fixed label: that of the example it started as, or the classes in turn.

    Args:
        infer: (x, y) -> q(z | x, y).
        shape: shape of one example.
        num_classes: number of classes, or 0.
        num_components: K, number of pseudo-inputs.
        from_data: whether pseudo-inputs start as training examples, or as uniform noise.
    """

    low: Tensor
    high: Tensor
    labels: Tensor

    def __init__(
        self,
        infer: Callable[[Tensor, Tensor | None], Distribution],
        shape: Shape,
        num_classes: NumClasses,
        num_components: Width,
        from_data: bool,
    ) -> None:
        super().__init__()
        self.infer = infer  # a bound method, not a module, so that no parameter is registered twice
        self.num_classes = num_classes
        self.from_data = from_data
        self.inputs = nn.Parameter(torch.rand(num_components, *shape))
        self.register_buffer("low", torch.tensor(0.0))
        self.register_buffer("high", torch.tensor(1.0))
        self.register_buffer("labels", torch.arange(num_components) % max(num_classes, 1))

    def initialize_from(self, data: "DataModule | LoaderData") -> None:
        """Set the range of the data and, with `from_data`, the pseudo-inputs to training examples."""
        size, num = len(self.inputs), len(data.split("train"))
        examples = data.batch("train", torch.randperm(num)[torch.arange(size) % num])
        self.low.copy_(examples.x.min())
        self.high.copy_(examples.x.max())
        with torch.no_grad():
            self.inputs.copy_(examples.x if self.from_data else self.low + (self.high - self.low) * self.inputs)
        if self.from_data and examples.y is not None:
            self.labels.copy_(examples.y)

    def forward(self, condition: Float[Tensor, "B C"]) -> GaussianMixture:
        # Unlike hardtanh, clamp has a gradient at its bounds, where black pixels start.
        inputs = torch.clamp(self.inputs, self.low, self.high)
        q = self.infer(inputs, self.labels if self.num_classes else None)
        if not (factorises(q) and isinstance(q.base_dist, Normal)):
            raise UserError(
                f"prior 'vamp' mixes diagonal Gaussians, but the posterior is a {type(q).__name__}; "
                "set posterior=diagonal_gaussian"
            )
        return GaussianMixture(q.base_dist.loc.new_zeros(len(inputs)), q.base_dist.loc, q.base_dist.scale)
