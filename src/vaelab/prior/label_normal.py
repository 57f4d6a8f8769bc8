"""One Gaussian for each class."""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.distributions import Independent, Normal

from vaelab.distribution.joint import Joint
from vaelab.distribution.operations import bounded_log_scale
from vaelab.errors import UserError
from vaelab.ranges import NumClasses, Width


class LabelNormal(nn.Module):
    """p(z|y) = prod_d N(z_d; loc_yd, scale_yd^2), learned, initially N(0, I): batch_shape [B], event_shape [D].

    Sohn et al. 2015, NeurIPS, whose prior depends on the condition.

    Args:
        latent_dim: D, elements of z.
        num_classes: number of classes.
    """

    def __init__(self, latent_dim: Width, num_classes: NumClasses) -> None:
        super().__init__()
        self.loc = nn.Parameter(torch.zeros(num_classes, latent_dim))
        self.log_scale = nn.Parameter(torch.zeros(num_classes, latent_dim))

    def forward(self, condition: Float[Tensor, "B C"]) -> Independent:
        num_classes = len(self.loc)
        if not num_classes or condition.shape[1] != num_classes:
            raise UserError(
                f"prior 'label_normal' needs the label of each of {num_classes} classes, but the condition has "
                f"{condition.shape[1]} columns; set condition=label and choose data with labels"
            )
        # Mixed precision would compute @ in bfloat16.
        loc, raw = ((condition.unsqueeze(-1) * each).sum(1) for each in (self.loc, self.log_scale))
        scale = bounded_log_scale(raw).exp()
        return Joint(Normal(loc, scale, validate_args=False), 1, validate_args=False)
