"""Many independent dimensions as one event."""

from torch import Tensor
from torch.distributions import Independent


class Joint(Independent):
    """torch's Independent, which also accepts an empty batch.

    A rank whose shard has no examples evaluates an empty chunk, on which the reshape in torch's log_prob fails.
    """

    def log_prob(self, value: Tensor) -> Tensor:
        """Summed over the event: [*batch, *event] -> [*batch], in nats."""
        return self.base_dist.log_prob(value).sum(tuple(range(-self.reinterpreted_batch_ndims, 0)))
