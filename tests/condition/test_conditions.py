"""Laws of each conf/condition/*.yaml, and of labels."""

from pathlib import Path

import pytest
import torch
from hydra.utils import instantiate
from omegaconf import OmegaConf

from vaelab.condition.label import Label
from vaelab.errors import UserError

FILES = sorted((Path(__file__).parents[2] / "conf" / "condition").glob("*.yaml"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_gives_size_numbers_per_example(file: Path) -> None:
    config = OmegaConf.create({"data": {"num_classes": 4}, "condition": OmegaConf.load(file)})
    condition = instantiate(config.condition)
    known = condition(torch.tensor([3, 0, 1]), torch.zeros(3, 1, 8, 8))
    assert known.shape == (3, condition.size)
    assert known.dtype == torch.float32


def test_label_is_one_hot() -> None:
    expected = torch.tensor([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]])
    assert torch.equal(Label(3)(torch.tensor([2, 0]), torch.zeros(2, 7)), expected)


def test_label_needs_labels() -> None:
    message = "condition 'label' needs labels, but the data has none; choose data with labels or set condition=none"
    with pytest.raises(UserError) as error:
        Label(3)(None, torch.zeros(2, 7))
    assert str(error.value) == message
    with pytest.raises(UserError) as error:
        Label(0)
    assert str(error.value) == message


def test_no_condition_needs_none() -> None:
    config = OmegaConf.load(Path(__file__).parents[2] / "conf" / "condition" / "none.yaml")
    assert instantiate(config)(None, torch.zeros(2, 7)).shape == (2, 0)
