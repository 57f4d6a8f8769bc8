"""Array files: shapes, splits and errors."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from vaelab.data.array import Array
from vaelab.data.module import DataModule
from vaelab.errors import UserError

X = np.random.default_rng(0).integers(0, 256, (40, 3, 6, 9), dtype=np.uint8)
Y = np.arange(40) % 4


def npz(folder: Path, **arrays: Any) -> Path:
    np.savez(folder / "x.npz", **arrays)
    return folder / "x.npz"


def module(path: Path, **arguments: Any) -> DataModule:
    usual: dict[str, Any] = {
        **{"shape": "auto", "num_classes": "auto", "num_validation": "auto", "scale": "auto", "value_range": "auto"},
        **{"batch_size": 8, "chunk": 8, "split_seed": 0, "seed": 0, "num_workers": 0},
        **{"binarization": "none", "dequantization": False},
    }
    return DataModule(Array(str(path)), **{**usual, **arguments})


def test_splits_are_disjoint_whole_and_the_same_again(tmp_path: Path) -> None:
    data = module(npz(tmp_path, x=X, y=Y))
    splits = [data.split(name) for name in ("train", "validation", "test")]
    assert [len(split) for split in splits] == [32, 4, 4]
    found = torch.cat([split.x for split in splits]).flatten(1)
    assert found.unique(dim=0).shape[0] == 40
    by_x = {x.tobytes(): int(y) for x, y in zip(X, Y, strict=True)}
    assert all(by_x[x.numpy().tobytes()] == y for split in splits for x, y in zip(split.x, split.y, strict=True))
    assert torch.equal(module(tmp_path / "x.npz").split("test").x, splits[2].x)
    assert (data.shape, data.num_classes, data.scale, data.value_range) == ((3, 6, 9), 4, "unit", (0, 255))
    assert data.batch("train", [0]).x.max() <= 1


def test_splits_of_the_file_stay(tmp_path: Path) -> None:
    data = module(npz(tmp_path, x_train=X[:30], y_train=Y[:30], x_test=X[30:], y_test=Y[30:]))
    assert [len(data.split(name)) for name in ("train", "validation", "test")] == [27, 3, 10]
    assert np.array_equal(data.split("test").x, X[30:])


@pytest.mark.parametrize(
    ("x", "shape", "scale", "value_range"),
    [
        (X[:, 0], (1, 6, 9), "unit", (0, 255)),
        (X[:, :2], (2, 6, 9), "unit", (0, 255)),
        (X > 127, (3, 6, 9), "unit", (0, 255)),
        ((X / 255).astype(np.float32), (3, 6, 9), "none", (0, 1)),
        (X.astype(np.float64) / 127.5 - 1, (3, 6, 9), "none", (-1, 1)),
        (X[:, :, 0, 0].astype(np.float32), (3,), "none", None),
    ],
    ids=["one channel", "two channels", "bool", "float32", "float64", "vectors"],
)
def test_kinds_of_x(tmp_path: Path, x: np.ndarray, shape: tuple, scale: str, value_range: tuple | None) -> None:
    data = module(npz(tmp_path, x=x))
    assert (data.shape, data.scale, data.num_classes) == (shape, scale, 0)
    seen = torch.cat([data.batch(name, range(len(data.split(name)))).x for name in ("train", "validation", "test")])
    top = 255 if x.dtype == np.uint8 else 1
    expected = x.reshape(40, *shape).astype(np.float32) / top
    torch.testing.assert_close(seen.flatten(1).sum(1).sort().values, torch.tensor(expected).flatten(1).sum(1).sort()[0])
    assert value_range is None or data.value_range == value_range
    assert 0 <= data.to_unit(seen).min() <= data.to_unit(seen).max() <= 1


@pytest.mark.parametrize("saved", [torch.tensor(X), (torch.tensor(X), torch.tensor(Y)), {"x": torch.tensor(X)}])
def test_files_of_torch(tmp_path: Path, saved: Any) -> None:
    torch.save(saved, tmp_path / "x.pt")
    data = module(tmp_path / "x.pt")
    assert data.shape == (3, 6, 9)
    assert data.num_classes == (4 if isinstance(saved, tuple) else 0)


def test_channels_that_are_last(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", X.transpose(0, 2, 3, 1))
    with pytest.raises(UserError, match=re.escape("channels seem to be last; set data.source.channels=last, or first")):
        Array(str(tmp_path / "x.npy")).prepare()
    last = Array(str(tmp_path / "x.npy"), channels="last").load("train")
    assert last.shape == (3, 6, 9)
    assert Array(str(tmp_path / "x.npy"), channels="first").load("train").shape == (6, 9, 3)


def test_the_fingerprint_covers_every_value_of_x_and_y(tmp_path: Path) -> None:
    names = {module(npz(tmp_path, x=X, y=Y)).fingerprint}
    pixel, label = X.copy(), Y.copy()
    train = {x.tobytes() for x in module(tmp_path / "x.npz").split("train").x.numpy()}
    place = next(place for place, x in enumerate(X) if x.tobytes() in train)
    pixel[place, 1, 2, 3] ^= 1
    label[place] = (label[place] + 1) % 4
    names |= {module(npz(tmp_path, x=pixel, y=Y)).fingerprint, module(npz(tmp_path, x=X, y=label)).fingerprint}
    names |= {module(npz(tmp_path, x=X)).fingerprint}
    assert len(names) == 4
    assert module(npz(tmp_path, x=X, y=Y)).fingerprint in names


MISTAKES = [
    ({"images": X}, "has no array x (it has images); save it by numpy.savez(path, x=…)"),
    ({"x": X, "x_test": X}, "has x beside x_train or x_test"),
    ({"x_train": X}, "has no array x_test"),
    ({"x_train": X, "x_test": X, "y_train": Y}, "has only one of y_train and y_test"),
    ({"x_train": X, "x_test": X[:, :1]}, "x_train has examples of shape [3, 6, 9], but x_test of [1, 6, 9]"),
    ({"x": X[:2]}, "holds 2 examples, but at least 3 are needed"),
    ({"x": X[0, 0, 0]}, "x has shape [9]; make it [N, C, H, W], [N, H, W] or [N, D]"),
    ({"x": X.astype(np.int64)}, "x has type int64; save it as uint8 pixels of 0 to 255, as bool, or as float32"),
    ({"x": (X > 127).astype(np.uint8)}, "x is uint8, of 0 to 255, but holds only 0 and 1; save it as bool"),
    ({"x": np.where(X == 7, np.nan, X)}, "values that are not finite"),
    ({"x": X, "y": Y[:3]}, "y has shape [3], but x has 40 examples; make it [40]"),
    ({"x": X, "y": Y / 2}, "y has type float64; save class numbers, as int64"),
    ({"x": X, "y": Y - 1}, "y holds -1 to 2; number the classes from 0"),
    ({"x": np.array([{}] * 4, dtype=object)}, "holds Python objects, which could run code"),
    ({"x": np.array(["a", "b", "c"])}, "x has type <U1; save numbers"),
]


@pytest.mark.parametrize(("arrays", "sentence"), MISTAKES, ids=[sentence[:30] for _, sentence in MISTAKES])
def test_mistakes(tmp_path: Path, arrays: dict[str, Any], sentence: str) -> None:
    with pytest.raises(UserError, match=re.escape(sentence)) as caught:
        Array(str(npz(tmp_path, **arrays))).prepare()
    assert "\n" not in str(caught.value)
    assert str(tmp_path / "x.npz") in str(caught.value)


class Evil:
    def __reduce__(self) -> Any:
        return (Path.touch, (Path("executed"),))


@pytest.mark.parametrize("name", ["x.pt", "x.npy", "x.npz", "x.csv", "none.npz", "text.npy", "text.npz", "text.pt"])
def test_unreadable_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save(Evil(), "x.pt")
    np.save("x.npy", np.array([Evil()], dtype=object))
    np.savez("x.npz", x=np.array([Evil()], dtype=object))
    for text in ("x.csv", "text.npy", "text.npz", "text.pt"):
        Path(text).write_text("1,2,3")
    with pytest.raises(UserError, match=name) as caught:
        Array(name).prepare()
    assert "\n" not in str(caught.value)
    assert not Path("executed").exists()


def test_a_class_without_examples(tmp_path: Path) -> None:
    data = module(npz(tmp_path, x=X, y=Y * 2))
    with pytest.raises(UserError, match="num_classes=7, but Array has no training example of class 1"):
        data.setup("fit")
