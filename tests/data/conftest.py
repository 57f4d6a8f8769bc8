"""A data module over digits or over given data, with default arguments."""

from collections.abc import Callable
from typing import Any

import pytest
import torch

from vaelab.data.digits import Digits
from vaelab.data.examples import Examples
from vaelab.data.module import DataModule

USUAL = {
    "shape": [1, 8, 8],
    "num_classes": 10,
    "batch_size": 128,
    "chunk": 100,
    "num_validation": 200,
    "split_seed": 0,
    "scale": "unit",
    "binarization": "none",
    "dequantization": False,
    "num_workers": 0,
    "seed": 0,
}


class Made:
    """A source of tensors that a test has made."""

    def __init__(self, examples: Examples) -> None:
        self.examples = examples

    def prepare(self) -> None: ...

    def load(self, part: str) -> Examples:
        return self.examples


def pixels(num_examples: int) -> Examples:
    """Random 2 x 2 images with labels 0 and 1."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randint(0, 256, (num_examples, 1, 2, 2), generator=generator, dtype=torch.uint8)
    return Examples(x, torch.arange(num_examples) % 2)


@pytest.fixture(scope="session")
def data() -> Callable[..., DataModule]:
    def build(source: object | None = None, **changes: Any) -> DataModule:
        return DataModule(source=source or Digits(), **{**USUAL, **changes})

    return build


@pytest.fixture(scope="session")
def source_of() -> Callable[..., Made]:
    """A source whose train and test are the given tensors."""
    return lambda x, y=None: Made(Examples(x, y))


@pytest.fixture(scope="session")
def made(data: Callable[..., DataModule]) -> Callable[..., DataModule]:
    """A data module over `num_examples` random images of 2 x 2."""

    def build(num_examples: int, **changes: Any) -> DataModule:
        usual = {"shape": [1, 2, 2], "num_classes": 2, "num_validation": 1}
        return data(Made(pixels(num_examples)), **{**usual, **changes})

    return build
