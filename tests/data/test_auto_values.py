"""Values that are `auto`, read from the data."""

from collections.abc import Callable
from pathlib import Path

import pytest
from images import AUTO, fill
from omegaconf import DictConfig

from vaelab.config import build
from vaelab.data.auto_values import write_auto_values
from vaelab.data.module import DataModule

PUBLISHED = {"fashion_mnist": 10_000, "mnist": 10_000, "dsprites": 10_000, "digits": 200, "linear_gaussian": 1000}


@pytest.mark.parametrize("choice", PUBLISHED)
def test_data_sets_with_published_splits_keep_them(composed: Callable[..., DictConfig], choice: str) -> None:
    config = composed(f"data={choice}")
    assert config.data.num_validation == PUBLISHED[choice]
    assert isinstance(config.data.num_classes, int)


def test_auto_values_of_tensors(data: Callable[..., DataModule]) -> None:
    module = data(**AUTO)
    assert (module.num_classes, module.classes, module.num_validation) == (10, (), 144)
    module.setup("fit")
    assert len(module.split("validation")) == 144


def test_a_tenth_is_at_most_ten_thousand(data: Callable[..., DataModule], source_of: Callable[..., object]) -> None:
    import torch

    source = source_of(torch.zeros(200_000, 1, 1, 1, dtype=torch.uint8))
    module = data(source, shape=[1, 1, 1], **AUTO)
    assert (module.num_classes, module.classes, module.num_validation) == (0, (), 10_000)


def test_the_model_is_built_with_auto_values_and_the_run_keeps_them(
    composed: Callable[..., DictConfig], tmp_path: Path
) -> None:
    fill(tmp_path / "root", "b", "a", "10", "9", num=10)
    source = (f"data.source.root={tmp_path}/root", f"data.source.cache={tmp_path}/scans", "data.shape=[1,8,8]")
    config = composed("data=image_folder", "model=cvae", "encoder=mlp", "decoder=mlp", *source)
    assert config.condition.size == "auto"
    write_auto_values(config.data, build(config.data))
    assert config.condition.size == 4
    assert config.data.classes == ["9", "10", "a", "b"]
    assert config.data.num_validation == 4
    assert build(config.model).latent.condition.size == 4


def test_values_that_are_given_need_no_files(composed: Callable[..., DictConfig], tmp_path: Path) -> None:
    facts = ("data.num_classes=2", "data.classes=[a,b]", "data.num_validation=3")
    module = build(composed("data=image_folder", f"data.source.root={tmp_path}/nowhere", *facts).data)
    assert (module.num_classes, module.classes, module.num_validation) == (2, ("a", "b"), 3)
