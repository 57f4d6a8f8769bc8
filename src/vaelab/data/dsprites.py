"""dSprites (Matthey et al. 2017, github.com/deepmind/dsprites-dataset): images with five known factors."""

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
    """A split of images with known factors, generated when a batch is read; labels are the first factor.

    `number` is the index of each image among all, where the first factor changes slowest.
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
    """Every combination of 3 shapes, 6 scales, 40 orientations and 32 x 32 positions: 737280 images of 0 and 255.

    Images are generated here, with the published factors but other pixels, unless the published file is in
    `root`/dsprites. Some generated images are equal: the last orientation repeats the first, and a small square may
    look the same after a turn by nearly a right angle.

    Args:
        root: folder that may hold dsprites/ with the published file.
        num_train: number of training examples, drawn at random from those that are not held out.
        num_test: number of examples that are held out at random.
        split_seed: seed of the split.
    """

    factor_names = NAMES
    factor_sizes = SIZES

    def __init__(self, root: str, num_train: PositiveInt, num_test: PositiveInt, split_seed: Seed) -> None:
        total = math.prod(SIZES)
        if min(num_train, num_test) < 1 or num_train + num_test > total:
            raise UserError(
                f"data.source.num_train={num_train} and num_test={num_test} do not fit into {total} images; set"
                f" both to 1 or more and num_train to at most {total} - num_test"
            )
        self.path = expand_path("data.source.root", root) / "dsprites" / NAME
        self.num_examples = {"train": num_train, "test": num_test}
        self.split_seed = split_seed

    def prepare(self) -> None:
        """Does nothing: no files are needed."""

    def load(self, part: str) -> FactorImages:
        """The examples of `train` or `test`; no image is generated yet."""
        generator = Generator().manual_seed(derive_seed("dsprites", self.split_seed))
        number = torch.randperm(math.prod(SIZES), generator=generator)
        start = self.num_examples["test"] if part == "train" else 0
        return FactorImages(number[start : start + self.num_examples[part]], self.images)

    def images(self, factors: Int[Tensor, "N F"]) -> UInt8[Tensor, "N 1 H W"]:
        """The image of each row of factors, all counted from 0; position x increases to the right and y downwards."""
        return self._draw(factors)

    @cached_property
    def _draw(self) -> Draw:
        if not self.path.exists():
            return PlacedSprites()
        log.info("reading %s", self.path)
        return PublishedSprites(self.path, SIZES)


class PlacedSprites:
    """Sprites at every position: 64 x 64 views of one image per sprite with wide margins."""

    def __init__(self) -> None:
        wide = F.pad(sprites(), [31] * 4)
        self.views: UInt8[Tensor, "shapes scales orientations 32 32 H W"] = wide.unfold(3, SIDE, 1).unfold(4, SIDE, 1)

    def __call__(self, factors: Int[Tensor, "N F"]) -> UInt8[Tensor, "N 1 H W"]:
        shape, scale, orientation, x, y = factors.unbind(1)
        # Moving the view left and up moves the sprite right and down.
        return self.views[shape, scale, orientation, 31 - y, 31 - x][:, None]
