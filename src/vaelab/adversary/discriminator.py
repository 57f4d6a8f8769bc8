"""A fully connected discriminator of vectors."""

from jaxtyping import Float
from torch import Tensor, nn

from vaelab.nn.dense import dense_layers
from vaelab.nn.full_precision import full_precision
from vaelab.ranges import Supplied, Widths


class Discriminator(nn.Module):
    """Vectors [.., size] -> the logit of being genuine [..], in nats.

    Args:
        size: elements of each vector.
        hidden: widths of the hidden layers.
        activation: the nonlinearity after each hidden layer.
    """

    def __init__(self, size: Supplied, hidden: Widths, activation: nn.Module) -> None:
        super().__init__()
        self.layers = dense_layers([size, *hidden], activation, gated=False)
        self.head = nn.Linear(hidden[-1], 1)

    def forward(self, z: Float[Tensor, "*N D"]) -> Float[Tensor, "*N"]:
        return full_precision(self.head(self.layers(z)).squeeze(-1))
