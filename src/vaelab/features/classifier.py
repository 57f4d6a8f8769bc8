"""A small convolutional classifier of the data's classes, trained once and cached."""

import hashlib
import logging
from collections.abc import Sequence
from math import ceil
from pathlib import Path

import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor, nn
from torch.nn import functional as F

from vaelab.data.randomness import seeded
from vaelab.nn.full_precision import in_float32
from vaelab.storage.cache import load_cached, save_cached

log = logging.getLogger(__name__)


class Classifier(nn.Module):
    """Two strided convolutions and two dense layers, with batch norm: images [B, C, H, W] in [0, 1] -> logits [B, Y].

    After three epochs it recognises 91 % of Fashion-MNIST's test images.
    """

    def __init__(self, shape: Sequence[int], num_classes: int) -> None:
        super().__init__()
        channels, height, width = shape
        self.layers = nn.Sequential(
            *(nn.Conv2d(channels, 32, 5, stride=2, padding=2), nn.BatchNorm2d(32), nn.ReLU()),
            *(nn.Conv2d(32, 64, 3, stride=2, padding=1), nn.BatchNorm2d(64), nn.ReLU(), nn.Flatten()),
            *(nn.Linear(64 * ceil(height / 4) * ceil(width / 4), 128), nn.BatchNorm1d(128), nn.ReLU()),
            *(nn.Dropout(0.25), nn.Linear(128, num_classes)),
        )

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B Y"]:
        return self.layers(x.float())

    @property
    def trunk(self) -> nn.Sequential:
        """All layers but dropout and the last: images -> 128 non-negative features."""
        return self.layers[:-2]


@in_float32()
def load_or_train_classifier(
    x: UInt8[Tensor, "N C H W"], y: Int[Tensor, " N"], num_classes: int, folder: Path, epochs: int = 3
) -> Classifier:
    """A classifier of these examples, loaded from `folder` or trained.

    x is uint8. The file is named after a hash of the examples and the recipe. If it is damaged, the classifier is
    trained again.
    """
    classifier = Classifier(x.shape[1:], num_classes)
    path = folder / f"{file_name(x, y, epochs, classifier)}.pt"
    weights = load_cached(path)
    if weights is None:
        log.info("training a classifier on %d real images", len(x))
        with seeded("classifier"):
            classifier = Classifier(x.shape[1:], num_classes)
            fit(classifier, x, y, epochs)
        save_cached(classifier.state_dict(), path)
    else:
        classifier.load_state_dict(weights)
    return classifier.eval()


def fit(classifier: Classifier, x: Tensor, y: Tensor, epochs: int, batch_size: int = 128) -> None:
    """Train with Adam and cosine decay of the learning rate to zero, in float32."""
    steps = epochs * -(-len(x) // batch_size)
    optimizer = torch.optim.Adam(classifier.parameters(), lr=2e-3)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    batches = (index for _ in range(epochs) for index in torch.randperm(len(x)).split(batch_size))
    classifier.train()
    with torch.enable_grad(), torch.autocast(x.device.type, enabled=False):
        for index in batches:
            if len(index) == 1:  # batch normalization needs two examples
                continue
            optimizer.zero_grad()
            F.cross_entropy(classifier(x[index].float() / 255), y[index]).backward()
            optimizer.step()
            scheduler.step()


def recipe(x: Tensor, y: Tensor, epochs: int, classifier: Classifier) -> str:
    """Four hexadecimal digits of a hash of the training examples, the epochs and the layers.

    It is part of the name of every number that depends on the classifier, since other recipes do not compare.
    """
    layers = [(name, tuple(value.shape)) for name, value in classifier.state_dict().items()]
    return digest(x, y, epochs, layers)[:4]


def file_name(x: Tensor, y: Tensor, epochs: int, classifier: Classifier) -> str:
    """A file name from a hash of the training examples and the recipe."""
    return digest(x, y, epochs, str(classifier), torch.__version__)[:16]


def digest(x: Tensor, y: Tensor, *how: object) -> str:
    """sha256 of examples, their labels and further values."""
    found = hashlib.sha256(repr((tuple(x.shape), *how)).encode())
    found.update(x.contiguous().numpy().tobytes())
    found.update(y.contiguous().numpy().tobytes())
    return found.hexdigest()
