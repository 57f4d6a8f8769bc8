"""Features of a small convolutional network that is trained on the data's train split."""

import re
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Int
from torch import Tensor

from vaelab.data.examples import Source
from vaelab.data.module import DataModule
from vaelab.errors import UserError
from vaelab.features.classifier import Classifier, load_or_train_classifier, recipe
from vaelab.features.network import FeatureNetwork, RunOnce
from vaelab.ranges import PositiveInt

NUM_TURNS = 4


@dataclass(frozen=True)
class CNN:
    """The 128 features of a classifier of real images: `<data>_cnn128-<recipe>`.

    For data without classes, the classifier predicts by how many quarter turns an image was rotated:
    `<data>_rotation_cnn128-<recipe>`          (Gidaris et al. 2018, arXiv:1803.07728). The recipe is a hash of training
    images, labels, `epochs` and layers: different recipes give different features.

    Args:
        max_examples: largest number of training images, evenly spaced in the split; each rotation counts as one.
        epochs: number of training epochs.
        folder: cache folder of the classifier.
    """

    max_examples: PositiveInt
    epochs: PositiveInt
    folder: str

    def __call__(self, data: DataModule, device: torch.device, run_once: RunOnce) -> FeatureNetwork:
        folder = Path(self.folder)
        require_images(data)
        supervised = data.num_classes > 1  # one class gives nothing to learn
        x, y = labelled_images(data, self.max_examples) if supervised else rotated_images(data, self.max_examples)
        num_classes = data.num_classes if supervised else NUM_TURNS
        classifier = run_once(lambda: load_or_train_classifier(x, y, num_classes, folder, self.epochs))
        name = name_of(data, x, y, self.epochs, classifier)
        return FeatureNetwork(name, 128, classifier.trunk.to(device))


def name_of(data: DataModule, x: Tensor, y: Int[Tensor, " N"], epochs: int, classifier: Classifier) -> str:
    """`<data>_cnn128-<recipe>`, or `<data>_rotation_cnn128-<recipe>` for data without classes."""
    kind = "cnn128" if data.num_classes else "rotation_cnn128"
    return f"{snake_case(data.source)}_{kind}-{recipe(x, y, epochs, classifier)}"


def labelled_images(data: DataModule, limit: int) -> tuple[Tensor, Int[Tensor, " N"]]:
    """Stored images of the train split [N, C, H, W] with their labels."""
    split = data.training()
    x, y, _ = split[evenly_spaced(len(split), limit)]
    assert y is not None, "data with classes has labels"
    return x, y


def rotated_images(data: DataModule, limit: int) -> tuple[Tensor, Int[Tensor, " N"]]:
    """Stored images of the train split in all four orientations, with the number of quarter turns."""
    split = data.training()
    x = split[evenly_spaced(len(split), limit // NUM_TURNS)].x
    turned = [x.rot90(turns, (2, 3)) for turns in range(NUM_TURNS)]
    return torch.cat(turned), torch.arange(NUM_TURNS).repeat_interleave(len(x))


def evenly_spaced(num: int, limit: int) -> Int[Tensor, " M"]:
    """At most `limit` evenly spaced numbers from 0 to num - 1."""
    some = min(num, limit)
    return torch.arange(some) * num // some


def snake_case(source: Source) -> str:
    """The source's class name in snake case: FashionMNIST -> fashion_mnist, DSprites -> dsprites."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z][A-Za-z])", "_", type(source).__name__).lower()


def require_images(data: DataModule) -> None:
    """Raises UserError for data that are not 8-bit images, or that have neither classes nor a square shape."""
    name = snake_case(data.source)
    if len(data.shape) != 3 or data.split("train")[torch.arange(1)].x.dtype != torch.uint8:
        raise UserError(
            f"features=cnn needs images [C, H, W] of pixels, but data '{name}' gives {list(data.shape)};"
            " leave image quality out of evaluation"
        )
    if data.num_classes < 2 and data.shape[1] != data.shape[2]:
        raise UserError(
            f"features=cnn learns from quarter turns where data has no classes, but images of {name} are"
            f" {data.shape[1]} x {data.shape[2]}; set data.num_classes, a square data.shape or features=inception"
        )
