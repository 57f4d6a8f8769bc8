"""Where codes lie: from an encoder's features to vectors at places, and back to a flat latent."""

from typing import Protocol

from jaxtyping import Float
from torch import Tensor, nn


class Features(Protocol):
    """The sizes of what an encoder gives; one that keeps a map [F, h, w] says so by `feature_shape`."""

    num_features: int


class FeaturePositions(nn.Module):
    """Features [B, F] to a vector of `dim` elements at each place of the encoder's map, [B, N, E].

    Of features without places, `num_positions` vectors are made, in one row.
    """

    def __init__(self, encoder: Features, dim: int, num_positions: int) -> None:
        super().__init__()
        flat = (encoder.num_features, 1, 1)
        self.feature_shape: tuple[int, int, int] = getattr(encoder, "feature_shape", flat)
        channels, height, width = self.feature_shape
        cuts = num_positions if self.feature_shape == flat else 1
        self.shape = (height, width * cuts)
        self.dim = dim
        self.head = nn.Linear(channels, cuts * dim)

    @property
    def num(self) -> int:
        """N, the number of places."""
        return self.shape[0] * self.shape[1]

    def forward(self, features: Float[Tensor, "B F"]) -> Float[Tensor, "B N E"]:
        channels, height, width = self.feature_shape
        h = features.unflatten(1, (channels, height * width)).transpose(1, 2)
        return self.head(h).reshape(len(h), self.num, self.dim)


def flat(vectors: Float[Tensor, "B N E"]) -> Float[Tensor, "B D"]:
    """Elements before places, as a feature map [E, h, w] is stored."""
    return vectors.transpose(1, 2).flatten(1)
