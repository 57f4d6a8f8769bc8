"""The state of KL control: buffers, so that it travels in checkpoints and to devices."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from vaelab.errors import UserError
from vaelab.kl.rate import controlled_rate


class KLControl(nn.Module):
    """What callbacks write and objectives read: `weight`, `free_nats` and `capacity`, all in nats but weight."""

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

    def claim(self, field: str, owner: object, honoured: frozenset[str], end: int = 0) -> None:
        """Make `owner` the one writer of `field`, which settles at step `end`.

        Raises UserError where the objective does not honour the field or someone else writes it already.
        """
        name = type(owner).__name__
        if field not in honoured:
            raise UserError(
                f"callback {name} writes '{field}', which this objective does not honour "
                f"(it honours {', '.join(sorted(honoured)) or 'none'}); drop the callback or change the objective"
            )
        if self.owners.setdefault(field, owner) is not owner:
            raise UserError(
                f"callbacks {type(self.owners[field]).__name__} and {name} both write '{field}'; keep one of them"
            )
        self.ends[field] = end

    def write(self, field: str, value: float) -> None:
        """Set one field."""
        getattr(self, field).fill_(value)

    def settled(self, step: int) -> bool:
        """Whether every schedule has ended, so that losses of later steps compare."""
        return all(step >= end for end in self.ends.values())
