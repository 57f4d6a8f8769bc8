"""The classifier of samples: its accuracy and its cache file."""

import logging
from pathlib import Path

import pytest
import torch
from torch import Tensor

from vaelab.data.digits import Digits
from vaelab.features import classifier
from vaelab.features.classifier import load_or_train_classifier


@pytest.fixture(scope="module")
def few() -> tuple[Tensor, Tensor]:
    """Uint8 digits and their labels, too few to learn much from."""
    train = Digits().load("train")
    return train.x[:200], train.y[:200]


def logits(few: tuple[Tensor, Tensor], folder: Path, epochs: int = 1) -> Tensor:
    return load_or_train_classifier(*few, 10, folder, epochs)(few[0][:5].float() / 255).detach()


def test_recognises_test_digits(tmp_path: Path) -> None:
    train, test = Digits().load("train"), Digits().load("test")
    judge = load_or_train_classifier(train.x, train.y, 10, tmp_path, epochs=12)
    with torch.no_grad():
        right = judge(test.x.float() / 255).argmax(1) == test.y
    assert not judge.training
    assert right.float().mean() > 0.9


def test_is_trained_once(few: tuple[Tensor, Tensor], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = logits(few, tmp_path)
    (file,) = tmp_path.iterdir()
    written = file.stat().st_mtime_ns
    monkeypatch.setattr(classifier, "fit", None)  # whoever trains again fails
    assert torch.equal(logits(few, tmp_path), first)
    assert file.stat().st_mtime_ns == written


def test_does_not_depend_on_earlier_draws(few: tuple[Tensor, Tensor], tmp_path: Path) -> None:
    first = logits(few, tmp_path / "here")
    torch.manual_seed(1234)
    assert torch.equal(logits(few, tmp_path / "there"), first)


@pytest.mark.parametrize("damage", ["truncated", "changed", "empty"])
def test_a_damaged_file_is_trained_again(
    damage: str, few: tuple[Tensor, Tensor], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    first = logits(few, tmp_path)
    (file,) = tmp_path.iterdir()
    content = file.read_bytes()
    changed = content[:-100] + bytes([content[-100] ^ 1]) + content[-99:]
    file.write_bytes({"truncated": content[:-7], "changed": changed, "empty": b""}[damage])
    caplog.clear()
    with caplog.at_level(logging.INFO, "vaelab.features"):
        assert torch.equal(logits(few, tmp_path), first)
    assert [record.getMessage() for record in caplog.records] == [
        f"{file} is damaged; it is computed again",
        "training a classifier on 200 real images",
    ]
    assert file.read_bytes() == content
    assert list(tmp_path.iterdir()) == [file]


def test_other_data_labels_or_recipe_have_another_file(few: tuple[Tensor, Tensor], tmp_path: Path) -> None:
    x, y = few
    logits(few, tmp_path)
    other_x, other_y = x.clone(), y.clone()
    other_x[-1, 0, 0, 0] += 1
    other_y[-1] = (other_y[-1] + 1) % 10
    for number, changed in enumerate([(other_x, y), (x, other_y), (x[:-1], y[:-1])], start=2):
        logits(changed, tmp_path)
        assert len(list(tmp_path.iterdir())) == number
    logits(few, tmp_path, epochs=2)
    assert len(list(tmp_path.iterdir())) == 5


def test_trains_in_float32_under_no_grad_and_low_precision(few: tuple[Tensor, Tensor], tmp_path: Path) -> None:
    first = logits(few, tmp_path / "here")
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        load_or_train_classifier(*few, 10, tmp_path / "there", 1)
    assert torch.equal(logits(few, tmp_path / "there"), first)


def test_a_last_batch_of_one_image_is_skipped(few: tuple[Tensor, Tensor], tmp_path: Path) -> None:
    x, y = few
    assert logits((x[:129], y[:129]), tmp_path).isfinite().all()


def test_the_trunk_gives_the_input_of_the_last_layer(few: tuple[Tensor, Tensor], tmp_path: Path) -> None:
    judge, x = load_or_train_classifier(*few, 10, tmp_path, 1), few[0].float() / 255
    features = judge.trunk(x)
    assert features.shape == (200, 128)
    assert features.min() == 0
    assert torch.equal(judge.layers[-1](features), judge(x))
