"""A custom encoder and data set: see conf/ beside this file, and docs/plugins.md."""

import numpy as np
import torch
from torch import Tensor, nn

from vaelab.data.examples import Examples
from vaelab.ranges import PositiveInt, Seed, Shape, Supplied, Width


class ResNet(nn.Module):
    """Residual 3x3 convolutions, a mean over all places, then one dense layer: x [B, C, H, W] to [B, num_features]."""

    def __init__(
        self, shape: Shape, width: Width, num_blocks: PositiveInt, num_features: Width, condition_size: Supplied
    ) -> None:
        super().__init__()
        self.num_features = num_features
        self.first = nn.Conv2d(shape[0], width, 3, stride=2, padding=1)
        self.blocks = nn.ModuleList(
            nn.Sequential(nn.ReLU(), nn.Conv2d(width, width, 3, padding=1), nn.ReLU(), nn.Conv2d(width, width, 1))
            for _ in range(num_blocks)
        )
        self.dense = nn.Linear(width + condition_size, num_features)

    def forward(self, x: Tensor, c: Tensor) -> Tensor:
        h = self.first(x)
        for block in self.blocks:
            h = h + block(h)
        return self.dense(torch.cat([h.mean((2, 3)), c], dim=1)).relu()


class Squares:
    """Grey 12x20 images of one bright square, as a numpy array; y says whether it is on the left or on the right."""

    def __init__(self, num_train: PositiveInt, num_test: PositiveInt, source_seed: Seed) -> None:
        self.num = {"train": num_train, "test": num_test}
        self.seed = source_seed

    def prepare(self) -> None:
        """Nothing to bring."""

    def load(self, part: str) -> Examples:
        """The examples of `train` or of `test`: x [N, 1, 12, 20] uint8, y [N]."""
        generator = np.random.default_rng([self.seed, part == "test"])
        x = np.zeros((self.num[part], 1, 12, 20), dtype=np.uint8)
        top, left = generator.integers(0, 8, len(x)), generator.integers(0, 16, len(x))
        for image, row, column in zip(x[:, 0], top, left, strict=True):
            image[row : row + 4, column : column + 4] = 255
        return Examples(torch.from_numpy(x), torch.from_numpy((left > 7).astype(np.int64)))
