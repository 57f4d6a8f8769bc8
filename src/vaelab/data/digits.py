"""Handwritten digits of 8 x 8 pixels, shipped inside scikit-learn: no network, no files."""

import torch
from sklearn.datasets import load_digits
from torch import Generator

from vaelab.data.examples import Examples
from vaelab.data.randomness import derive_seed

NUM_TEST = 360


class Digits:
    """1797 digits in 10 classes, grey values 0 to 16 stretched to uint8: 1437 for training, 360 for test.

    Alpaydin & Kaynak 1998, UCI "Optical Recognition of Handwritten Digits", its test half.
    """

    def prepare(self) -> None:
        """Does nothing: there are no files."""

    def load(self, part: str) -> Examples:
        """The examples of `train` or `test`; scikit-learn has no split, so this one is vaelab's."""
        images, labels = load_digits().images, load_digits().target
        x = torch.from_numpy(images * 255 / 16).round().to(torch.uint8)[:, None]
        y = torch.from_numpy(labels).long()
        permutation = torch.randperm(len(x), generator=Generator().manual_seed(derive_seed("digits")))
        chosen = permutation[:NUM_TEST] if part == "test" else permutation[NUM_TEST:]
        return Examples(x[chosen], y[chosen])
