"""The state of KL control: buffers, which checkpoints save and devices receive."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from vaelab.errors import UserError
from vaelab.kl.rate import controlled_rate


class KLControl(nn.Module):
    """The KL control that callbacks write and objectives read.

    Attributes:
        weight: factor of the rate.
        free_nats: floor of the mean rate of each group, in nats; 0 is no floor.
        capacity: target of the rate, in nats; 0 is no target.
        group_size: latent groups that share one floor.
        ends: the step at which each schedule ends.
        owners: the callback that writes each field.
    """

    weight: Tensor
    free_nats: Tensor
    capacity: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("weight", torch.tensor(1.0))
        self.register_buffer("free_nats", torch.tensor(0.0))
        self.register_buffer("capacity", torch.tensor(0.0))
        self.group_size = 1
        self.ends: dict[str, int] = {}
        self.owners: dict[str, object] = {}

    def forward(self, kl: Float[Tensor, "B G"]) -> Float[Tensor, ""]:
        return controlled_rate(kl, self.weight, self.free_nats, self.capacity, self.group_size)

    def claim(self, field: str, owner: object, supported: frozenset[str], end: int = 0) -> None:
        """Make `owner` the only writer of `field`, which is constant from step `end`.

        Raises UserError if the objective does not support the field or another callback writes it.
        """
        name = type(owner).__name__
        if field not in supported:
            raise UserError(
                f"callback {name} writes '{field}', which this objective does not support "
                f"(it supports {', '.join(sorted(supported)) or 'none'}); drop the callback or change the objective"
            )
        if self.owners.setdefault(field, owner) is not owner:
            raise UserError(
                f"callbacks {type(self.owners[field]).__name__} and {name} both write '{field}'; keep one of them"
            )
        self.ends[field] = end

    def write(self, field: str, value: float) -> None:
        """Set one field."""
        getattr(self, field).fill_(value)

    def is_settled(self, step: int) -> bool:
        """Whether every schedule has ended, so that losses of later steps are comparable."""
        return all(step >= end for end in self.ends.values())
