"""dSprites (Matthey et al. 2017, github.com/deepmind/dsprites-dataset): images whose five factors are known."""

import logging
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import torch
from jaxtyping import Int, UInt8
from torch import Generator, Tensor
from torch.nn import functional as F

from vaelab.data.examples import Indices
from vaelab.data.expand_path import expand_path
from vaelab.data.published_sprites import NAME, PublishedSprites
from vaelab.data.randomness import derive_seed
from vaelab.data.sprites import sprites
from vaelab.errors import UserError
from vaelab.ranges import PositiveInt, Seed
from vaelab.terms import Batch

NAMES = ("shape", "scale", "orientation", "position_x", "position_y")
SIZES = (3, 6, 40, 32, 32)
SIDE = 64

Draw = Callable[[Int[Tensor, "N F"]], UInt8[Tensor, "N 1 H W"]]

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class FactorImages:
    """A split of images with known factors, drawn when a batch asks for them; labels are the first factor.

    `number` is the place of each image among all, where the first factor changes slowest.
    """

    number: Int[Tensor, " N"]
    draw: Draw
    shape: tuple[int, ...] = (1, SIDE, SIDE)

    @property
    def factors(self) -> Int[Tensor, "N F"]:
        return torch.stack(torch.unravel_index(self.number, SIZES), 1)

    @property
    def y(self) -> Int[Tensor, " N"]:
        return self.number // math.prod(SIZES[1:])

    def __len__(self) -> int:
        return len(self.number)

    def __getitem__(self, indices: Indices) -> Batch:
        index = torch.as_tensor(indices, dtype=torch.long)
        chosen = self.subset(index)
        return Batch(self.draw(chosen.factors), chosen.y, index)

    def subset(self, indices: Int[Tensor, " M"]) -> "FactorImages":
        return FactorImages(self.number[indices], self.draw)


class DSprites:
    """Every combination of 3 shapes, 6 scales, 40 orientations and 32 x 32 positions: 737280 images in 0 and 255.

    Sprites are drawn here, with the published factors but not the published pixels, unless the published file
    lies in `root`/dsprites. A seeded `num_test` of the images are held out, `num_train` of the others are for
    training. Of those drawn here some agree: the last orientation repeats the first, and a small square turned by
    nearly a right angle may look as it did before.
    """

    factor_names = NAMES
    factor_sizes = SIZES

    def __init__(self, root: str, num_train: PositiveInt, num_test: PositiveInt, split_seed: Seed) -> None:
        total = math.prod(SIZES)
        if min(num_train, num_test) < 1 or num_train + num_test > total:
            raise UserError(
                f"data.source.num_train={num_train} and num_test={num_test} cannot be had of {total} images; set"
                f" both to 1 or more and num_train to at most {total} - num_test"
            )
        self.path = expand_path("data.source.root", root) / "dsprites" / NAME
        self.num_examples = {"train": num_train, "test": num_test}
        self.split_seed = split_seed

    def prepare(self) -> None:
        """Does nothing: no files are needed."""

    def load(self, part: str) -> FactorImages:
        """The images of `train` or of `test`, of which none are drawn yet."""
        generator = Generator().manual_seed(derive_seed("dsprites", self.split_seed))
        number = torch.randperm(math.prod(SIZES), generator=generator)
        start = self.num_examples["test"] if part == "train" else 0
        return FactorImages(number[start : start + self.num_examples[part]], self.images)

    def images(self, factors: Int[Tensor, "N F"]) -> UInt8[Tensor, "N 1 H W"]:
        """The image of each row of factors, every one counted from 0: x to the right and y downwards."""
        return self._draw(factors)

    @cached_property
    def _draw(self) -> Draw:
        if not self.path.exists():
            return PlacedSprites()
        log.info("reading %s", self.path)
        return PublishedSprites(self.path, SIZES)


class PlacedSprites:
    """Sprites at every position: views, 64 x 64, of one image per sprite with wide margins."""

    def __init__(self) -> None:
        wide = F.pad(sprites(), [31] * 4)
        self.views: UInt8[Tensor, "shapes scales orientations 32 32 H W"] = wide.unfold(3, SIDE, 1).unfold(4, SIDE, 1)

    def __call__(self, factors: Int[Tensor, "N F"]) -> UInt8[Tensor, "N 1 H W"]:
        shape, scale, orientation, x, y = factors.unbind(1)
        # The further the view begins to the left and to the top, the further to the right and down is the sprite.
        return self.views[shape, scale, orientation, 31 - y, 31 - x][:, None]
