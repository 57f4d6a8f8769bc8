"""Noise and scale of stored pixels."""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from vaelab.data.examples import Indices, Split
from vaelab.data.randomness import uniform
from vaelab.errors import UserError
from vaelab.terms import Batch

SCALES = ("unit", "symmetric", "none")
BINARIZATIONS = ("none", "dynamic", "static")


@dataclass(frozen=True)
class Pixels:
    """Noise, then scale. The type says what has been done: bool is binarized, float is dequantized.

    binarization    1 with probability x / 255, else 0          Salakhutdinov & Murray 2008, ICML
    dequantization  (x + u) / 256, u uniform in [0, 1)           Theis et al. 2016, arXiv:1511.01844
    """

    scale: str
    binarization: str
    dequantization: bool
    value_range: tuple[float, float] = (0.0, 255.0)  # black and white of what is not scaled

    def __post_init__(self) -> None:
        _one_of("data.scale", self.scale, SCALES)
        _one_of("data.binarization", self.binarization, BINARIZATIONS)
        if self.dequantization and self.binarization != "none":
            raise UserError(
                f"data.dequantization=true spreads grey values that data.binarization={self.binarization} has"
                " taken away;"
                " set data.dequantization=false or data.binarization=none"
            )

    @property
    def noisy(self) -> bool:
        return self.dequantization or self.binarization != "none"

    @property
    def plain(self) -> bool:
        """Whether values pass unchanged, as is required for floats."""
        return self.scale == "none" and not self.noisy

    @property
    def cell(self) -> float | None:
        """How much of the scale one grey level of dequantized pixels takes; None of pixels without that noise.

        The mean of log density + log cell bounds the log-probability of the level          (Theis et al. 2016, eq. 10)
        """
        return {"unit": 1 / 256, "symmetric": 1 / 128, "none": 1.0}[self.scale] if self.dequantization else None

    def add_noise(self, x: UInt8[Tensor, "B *event"], noise: Float[Tensor, "B *event"]) -> Tensor:
        """Pixels after binarization or dequantization by uniform noise in [0, 1)."""
        if self.binarization != "none":
            return 255 * noise < x
        # float32 holds 255 + u to 16 places; more of them would round some u up into the next cell.
        return (x + noise.clamp(max=1 - 2**-16)) / 256 if self.dequantization else x

    def to_unit(self, x: Tensor) -> Tensor:
        """The inverse of `rescale`, up to noise: brightness in [0, 1]."""
        low, high = {"unit": (0, 1), "symmetric": (-1, 1), "none": self.value_range}[self.scale]
        return ((x - low) / (high - low)).clamp(0, 1)

    def rescale(self, x: Tensor) -> Float[Tensor, "B *event"]:
        """Grey, binarized or dequantized pixels on the scale that was asked for."""
        values = x.to(torch.get_default_dtype())
        if self.plain:
            return values
        unit = values / 255 if x.dtype == torch.uint8 else values
        if self.scale == "symmetric":
            return 2 * unit - 1
        return unit if self.scale == "unit" else unit * (256 if self.dequantization else 255)


@dataclass(frozen=True, eq=False)
class FixedNoise:
    """A split whose noise is drawn once: a function of the seed and of each example's place in the split."""

    split: Split
    pixels: Pixels
    seed: int

    def __len__(self) -> int:
        return len(self.split)

    def __getitem__(self, indices: Indices) -> Batch:
        batch = self.split[indices]
        noise = uniform(self.seed, batch.index, math.prod(self.split.shape))
        return batch._replace(x=self.pixels.add_noise(batch.x, noise.view(batch.x.shape)))


def _one_of(place: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise UserError(f"{place}={value} is unknown; choose one of {', '.join(known)}")
