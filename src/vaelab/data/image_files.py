"""A split of image files that are decoded, resized and cropped when a batch is read."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Int, UInt8
from torch import Tensor
from torchvision.transforms import v2

from vaelab.data.examples import Indices
from vaelab.data.folder_tree import printable
from vaelab.data.image_decoding import UnreadableError, decode
from vaelab.errors import UserError
from vaelab.terms import Batch

MAX_STRETCH = 4  # largest aspect ratio, relative to the target size, that is resized before cropping


@dataclass(frozen=True, eq=False)
class ImageFiles:
    """Images of uint8, [1, H, W] or [3, H, W]; `bits` is the number of bits in use of 16-bit grey."""

    paths: Sequence[Path]
    y: Int[Tensor, " N"] | None
    shape: tuple[int, ...]
    bits: int

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, indices: Indices) -> Batch:
        index = torch.as_tensor(indices, dtype=torch.long)
        images = [self.image(self.paths[place]) for place in index.tolist()]
        x = torch.stack(images) if images else torch.empty((0, *self.shape), dtype=torch.uint8)
        return Batch(x, None if self.y is None else self.y[index], index)

    def subset(self, indices: Int[Tensor, " M"]) -> "ImageFiles":
        paths = [self.paths[place] for place in indices.tolist()]
        return ImageFiles(paths, None if self.y is None else self.y[indices], self.shape, self.bits)

    def image(self, path: Path) -> UInt8[Tensor, "C H W"]:
        """One image, resized and cropped. Raises UserError if it has been damaged since the scan."""
        try:
            pixels = torch.tensor(decode(path, self.shape[0], self.bits))
        except UnreadableError as error:
            raise UserError(f"{printable(path)} {error}; repair or remove it") from error
        return fit(pixels.permute(2, 0, 1) if pixels.dim() == 3 else pixels[None], list(self.shape[1:]))


def fit(image: UInt8[Tensor, "C H W"], size: list[int]) -> UInt8[Tensor, "C height width"]:
    """The centre of an image, scaled in proportion to just cover `size`."""
    factor = max(size[0] / image.shape[1], size[1] / image.shape[2])
    # An image of 1 x 30000 pixels would be scaled to 64 x 1920000 before cropping.
    kept = [max(1, round(MAX_STRETCH * side / factor)) for side in size]
    image = v2.functional.center_crop(image, [min(kept[0], image.shape[1]), min(kept[1], image.shape[2])])
    fitted = [max(size[0], round(image.shape[1] * factor)), max(size[1], round(image.shape[2] * factor))]
    return v2.functional.center_crop(v2.functional.resize(image, fitted, antialias=True), size)
