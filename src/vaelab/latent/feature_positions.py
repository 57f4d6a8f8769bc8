"""From an encoder's features to one vector at each position of a map, and back to a flat latent."""

from typing import Protocol

from jaxtyping import Float
from torch import Tensor, nn


class Features(Protocol):
    """The sizes of an encoder's output; an encoder of maps [F, h, w] also has `feature_shape`."""

    num_features: int


class FeaturePositions(nn.Module):
    """Features [B, F] -> one vector of E elements at each of the N positions of the encoder's map, [B, N, E].

    Features that are not a map give `num_positions` vectors in one row.

    Args:
        encoder: the encoder of the features.
        dim: E, elements of each vector.
        num_positions: N for an encoder without a map.
    """

    def __init__(self, encoder: Features, dim: int, num_positions: int) -> None:
        super().__init__()
        flat = (encoder.num_features, 1, 1)
        self.feature_shape: tuple[int, int, int] = getattr(encoder, "feature_shape", flat)
        channels, height, width = self.feature_shape
        vectors_per_position = num_positions if self.feature_shape == flat else 1
        self.shape = (height, width * vectors_per_position)
        self.dim = dim
        self.head = nn.Linear(channels, vectors_per_position * dim)

    @property
    def num(self) -> int:
        """N, the number of positions."""
        return self.shape[0] * self.shape[1]

    def forward(self, features: Float[Tensor, "B F"]) -> Float[Tensor, "B N E"]:
        channels, height, width = self.feature_shape
        h = features.unflatten(1, (channels, height * width)).transpose(1, 2)
        return self.head(h).reshape(len(h), self.num, self.dim)


def flatten_positions(vectors: Float[Tensor, "B N E"]) -> Float[Tensor, "B D"]:
    """Flatten with elements before positions, the memory order of a feature map [E, h, w]."""
    return vectors.transpose(1, 2).flatten(1)
