"""Any folder of images: read when they are wanted, brought to one size, labelled by their subfolders."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Int, UInt8
from torch import Generator, Tensor
from torchvision.io import ImageReadMode, decode_image
from torchvision.transforms import v2

from vaelab.data.examples import Indices
from vaelab.data.randomness import hashed
from vaelab.errors import UserError
from vaelab.terms import Batch

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".webp")
MODES = {1: ImageReadMode.GRAY, 3: ImageReadMode.RGB}


@dataclass(frozen=True, eq=False)
class ImageFiles:
    """A split on disk: images are decoded when a batch asks for them."""

    paths: Sequence[Path]
    y: Int[Tensor, " N"] | None
    shape: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, indices: Indices) -> Batch:
        index = torch.as_tensor(indices, dtype=torch.long)
        images = [_read(self.paths[place], self.shape) for place in index.tolist()]
        x = torch.stack(images) if images else torch.empty((0, *self.shape), dtype=torch.uint8)
        return Batch(x, None if self.y is None else self.y[index], index)

    def subset(self, indices: Int[Tensor, " M"]) -> "ImageFiles":
        paths = [self.paths[place] for place in indices.tolist()]
        return ImageFiles(paths, None if self.y is None else self.y[indices], self.shape)


class ImageFolder:
    """Images below `root`, resized and centre-cropped to `shape`: [1, H, W] is grey, [3, H, W] colour.

    Labels are the first folders on the way to the images, in alphabetical order; images outside any folder
    have none. Subfolders `train` and `test` make the split, else a seeded share `test_fraction` is held out.
    """

    def __init__(self, root: str, shape: Sequence[int], test_fraction: float, split_seed: int) -> None:
        if len(shape) != 3 or shape[0] not in MODES:
            raise UserError(
                f"data.shape={list(shape)} is no image; set it to [1, H, W] for grey or [3, H, W] for colour"
            )
        if not 0 < test_fraction < 1:
            raise UserError(f"data.source.test_fraction={test_fraction} is no share; set it between 0 and 1")
        self.root = Path(root)
        self.shape = tuple(shape)
        self.test_fraction = test_fraction
        self.split_seed = split_seed

    def prepare(self) -> None:
        """Nothing to bring: the images are the user's."""

    def load(self, part: str) -> ImageFiles:
        """The images of `train` or of `test`; their names are read here, their pixels are not."""
        folders = [name for name in ("train", "test") if (self.root / name).is_dir()]
        if len(folders) == 2:
            return self._listed(self.root / part)
        if folders:
            other = "test" if folders == ["train"] else "train"
            raise UserError(
                f"{self.root} has a folder {folders[0]} but no folder {other}; add it or rename {folders[0]}"
            )
        files = self._listed(self.root)
        generator = Generator().manual_seed(hashed("image_folder", self.split_seed))
        permutation = torch.randperm(len(files), generator=generator)
        num_test = max(1, round(self.test_fraction * len(files)))
        return files.subset(permutation[:num_test] if part == "test" else permutation[num_test:])

    def _listed(self, folder: Path) -> ImageFiles:
        paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
        if not paths:
            raise UserError(
                f"{folder} holds no images ({', '.join(SUFFIXES)}); set data.source.root to a folder of them"
            )
        return ImageFiles(paths, _labels(folder, paths), self.shape)


def _labels(folder: Path, paths: Sequence[Path]) -> Int[Tensor, " N"] | None:
    """The number of each image's class, or None where all images lie in `folder` itself."""
    names = [path.relative_to(folder).parts[:-1][:1] for path in paths]
    loose = [path for path, name in zip(paths, names, strict=True) if not name]
    if len(loose) == len(paths):
        return None
    if loose:
        raise UserError(f"{loose[0]} lies beside class folders; move it into one of them")
    classes = sorted(set(names))
    return torch.tensor([classes.index(name) for name in names])


def _read(path: Path, shape: tuple[int, ...]) -> UInt8[Tensor, "C H W"]:
    try:
        image = decode_image(str(path), mode=MODES[shape[0]])
    except RuntimeError as error:
        raise UserError(f"{path} cannot be decoded as an image; repair or remove it") from error
    size = [shape[1], shape[2]]
    # The shorter side first, in proportion: only what is left over is cropped.
    factor = max(size[0] / image.shape[1], size[1] / image.shape[2])
    fitted = [max(size[0], round(image.shape[1] * factor)), max(size[1], round(image.shape[2] * factor))]
    return v2.functional.center_crop(v2.functional.resize(image, fitted, antialias=True), size)
