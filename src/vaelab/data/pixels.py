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
    """Adds noise, then scales. The type of x tells what was done: bool is binarized, float is dequantized.

    binarization    1 with probability x / 255, else 0          Salakhutdinov & Murray 2008, ICML
    dequantization  (x + u) / 256, u uniform in [0, 1)           Theis et al. 2016, arXiv:1511.01844
    """

    scale: str
    binarization: str
    dequantization: bool
    value_range: tuple[float, float] = (0.0, 255.0)  # black and white of x that is not scaled

    def __post_init__(self) -> None:
        _one_of("data.scale", self.scale, SCALES)
        _one_of("data.binarization", self.binarization, BINARIZATIONS)
        if self.dequantization and self.binarization != "none":
            raise UserError(
                f"data.dequantization=true needs grey values, but data.binarization={self.binarization} removes them;"
                " set data.dequantization=false or data.binarization=none"
            )

    @property
    def noisy(self) -> bool:
        return self.dequantization or self.binarization != "none"

    @property
    def plain(self) -> bool:
        """Whether x passes unchanged, as floats must."""
        return self.scale == "none" and not self.noisy

    @property
    def cell(self) -> float | None:
        """The width of one grey level of dequantized pixels on the scale of x; None without dequantization.

        The mean of log density + log cell bounds the level's log-probability from below  (Theis et al. 2016, eq. 10)
        """
        return {"unit": 1 / 256, "symmetric": 1 / 128, "none": 1.0}[self.scale] if self.dequantization else None

    def add_noise(self, x: UInt8[Tensor, "B *event"], noise: Float[Tensor, "B *event"]) -> Tensor:
        """Binarized or dequantized pixels, with `noise` uniform in [0, 1)."""
        if self.binarization != "none":
            return 255 * noise < x
        # float32 has 16 bits for u in 255 + u; with more, some u would round up to the next level.
        return (x + noise.clamp(max=1 - 2**-16)) / 256 if self.dequantization else x

    def to_unit(self, x: Tensor) -> Tensor:
        """The inverse of `rescale`, up to noise: brightness in [0, 1]."""
        low, high = {"unit": (0, 1), "symmetric": (-1, 1), "none": self.value_range}[self.scale]
        return ((x - low) / (high - low)).clamp(0, 1)

    def rescale(self, x: Tensor) -> Float[Tensor, "B *event"]:
        """Grey, binarized or dequantized pixels on the configured scale."""
        values = x.to(torch.get_default_dtype())
        if self.plain:
            return values
        unit = values / 255 if x.dtype == torch.uint8 else values
        if self.scale == "symmetric":
            return 2 * unit - 1
        return unit if self.scale == "unit" else unit * (256 if self.dequantization else 255)


@dataclass(frozen=True, eq=False)
class FixedNoise:
    """A split with fixed noise: a function of the seed and of the example's index in the split."""

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
