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

    Tomczak & Welling 2018, arXiv:1705.07120, eq. 9. `infer` gives q(z | x, y). Pseudo-inputs stay in the range
    of the data, which a start from data finds out and which is [0, 1] without; like their hardtanh. Each keeps
    a label, for an encoder that sees labels: that of the example it began as, or the classes in turn.
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
        self.infer = infer  # a bound method and no module, so that nothing is registered twice
        self.num_classes = num_classes
        self.from_data = from_data
        self.inputs = nn.Parameter(torch.rand(num_components, *shape))
        self.register_buffer("low", torch.tensor(0.0))
        self.register_buffer("high", torch.tensor(1.0))
        self.register_buffer("labels", torch.arange(num_components) % max(num_classes, 1))

    def initialize_from(self, data: "DataModule | LoaderData") -> None:
        """Begin as examples of the training split, unless random numbers were asked for."""
        size, num = len(self.inputs), len(data.split("train"))
        examples = data.batch("train", torch.randperm(num)[torch.arange(size) % num])
        self.low.copy_(examples.x.min())
        self.high.copy_(examples.x.max())
        with torch.no_grad():
            self.inputs.copy_(examples.x if self.from_data else self.low + (self.high - self.low) * self.inputs)
        if self.from_data and examples.y is not None:
            self.labels.copy_(examples.y)

    def forward(self, condition: Float[Tensor, "B C"]) -> GaussianMixture:
        # Unlike hardtanh, clamp passes a gradient at its bounds, where black pixels begin.
        inputs = torch.clamp(self.inputs, self.low, self.high)
        q = self.infer(inputs, self.labels if self.num_classes else None)
        if not (factorises(q) and isinstance(q.base_dist, Normal)):
            raise UserError(
                f"prior 'vamp' mixes diagonal Gaussians, but the posterior is a {type(q).__name__}; "
                "set posterior=diagonal_gaussian"
            )
        return GaussianMixture(q.base_dist.loc.new_zeros(len(inputs)), q.base_dist.loc, q.base_dist.scale)
