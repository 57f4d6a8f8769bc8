"""Mistakes in data configs and files, with their exact messages."""

import errno
import gzip
import hashlib
from pathlib import Path

import numpy as np
import pytest
import torch
from images import flipped_bits

from vaelab.data import fetch, idx
from vaelab.data.dsprites import DSprites
from vaelab.data.fashion_mnist import CHECKSUMS, FashionMNIST
from vaelab.data.idx import load_part, read_idx
from vaelab.data.image_folder import ImageFolder
from vaelab.data.mnist import MNIST
from vaelab.data.published_sprites import blocks
from vaelab.errors import UserError

NOISY = "set data.scale=none data.binarization=none data.dequantization=false"


def message(action, *arguments, **changes):
    with pytest.raises(UserError) as caught:
        action(*arguments, **changes)
    return str(caught.value)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"scale": "tanh"}, "data.scale=tanh is unknown; choose one of unit, symmetric, none"),
        ({"binarization": "on"}, "data.binarization=on is unknown; choose one of none, dynamic, static"),
        (
            {"binarization": "static", "dequantization": True},
            "data.dequantization=true needs grey values, but data.binarization=static removes them;"
            " set data.dequantization=false or data.binarization=none",
        ),
        ({"chunk": 0}, "data.chunk=0 is too small; set it to 1 or more"),
        ({"batch_size": -1}, "data.batch_size=-1 is too small; set it to 1 or more"),
        ({"num_validation": 0}, "data.num_validation=0 is too small; set it to 1 or more"),
        ({"classes": ["a"]}, "data.classes names 1 classes, but data.num_classes=10; name all or none"),
        (
            {"num_validation": 1437},
            "data.num_validation=1437 leaves nothing to train on: Digits has 1437 training examples;"
            " set data.num_validation below 1437",
        ),
        (
            {"shape": [1, 28, 28]},
            "data.shape=[1,28,28], but examples of Digits train have shape [1,8,8]; set data.shape=[1,8,8]",
        ),
        (
            {"num_classes": 5},
            "data.num_classes=5 allows labels 0 to 4, but Digits train has labels 0 to 9;"
            " set data.num_classes=10 or repair the labels",
        ),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_mistake_in_the_config(data, changes, expected):
    assert message(lambda: data(**changes).setup("fit")) == expected


def test_split_that_does_not_exist(data):
    assert message(data().split, "val") == "data has no split 'val'; choose one of train, validation, test"


def test_labels_requested_from_unlabelled_data(data, source_of):
    module = data(source_of(torch.zeros(300, 1, 8, 8, dtype=torch.uint8)))
    assert message(module.setup, "fit") == "data.num_classes=10, but Made train has no labels; set data.num_classes=0"


def test_floats_as_pixels(data, source_of):
    module = data(source_of(torch.zeros(300, 1, 8, 8)), num_classes=0)
    assert message(module.setup, "fit") == f"Made train gives floats, which cannot be scaled as pixels; {NOISY}"


NAME = "t10k-labels-idx1-ubyte"
GOOD = bytes([0, 0, 8, 1, 0, 0, 0, 3, 1, 2, 3])


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (GOOD[:-1], "{path} holds 10 bytes where its header promises 11; delete it and run again"),
        (GOOD + b"x", "{path} holds 12 bytes where its header promises 11; delete it and run again"),
        (GOOD[:6], "{path} ends within its header; delete it and run again"),
        (b"<html>", "{path} is not an IDX file of bytes; delete it and run again"),
        (b"", "{path} is not an IDX file of bytes; delete it and run again"),
        (
            GOOD,
            "{path} was altered: expected sha256 0402a96d92fd…, found 398a8a7fbd95…; delete it and run again",
        ),
    ],
)
def test_damaged_file(tmp_path, content, expected):
    path = tmp_path / NAME
    path.write_bytes(content)
    assert message(read_idx, path, CHECKSUMS[NAME]) == expected.format(path=path)
    packed = tmp_path / f"{NAME}.gz"
    packed.write_bytes(gzip.compress(content))
    assert message(read_idx, packed, CHECKSUMS[NAME]) == expected.format(path=packed)


def test_truncated_archive(tmp_path):
    path = tmp_path / f"{NAME}.gz"
    path.write_bytes(gzip.compress(GOOD)[:-4])
    expected = "cannot be unpacked (Compressed file ended before the end-of-stream marker was reached)"
    assert message(read_idx, path, CHECKSUMS[NAME]) == f"{path} {expected}; delete it and run again"


def test_damaged_file_is_not_replaced_silently(tmp_path, monkeypatch):
    source = FashionMNIST(str(tmp_path))
    source.folder.mkdir()
    for name in CHECKSUMS:
        (source.folder / name).write_bytes(b"damaged")
    monkeypatch.setattr(fetch, "_try", lambda *arguments: pytest.fail("fetched over the user's file"))
    source.prepare()
    path = source.folder / "t10k-images-idx3-ubyte"
    assert message(source.load, "test") == f"{path} is not an IDX file of bytes; delete it and run again"
    assert path.read_bytes() == b"damaged"


def test_no_network_and_no_copy(tmp_path, caplog):
    def unreachable(scratch, names):
        raise OSError("Network is unreachable")

    ways = [fetch.Way("mirror", unreachable), fetch.local_copy(str(tmp_path / "system"))]
    with caplog.at_level("INFO"):
        found = message(fetch.fetch, tmp_path / "here", {NAME: CHECKSUMS[NAME]}, ways)
    assert found == (
        f"{tmp_path}/here lacks {NAME}, and none of these had them: mirror, {tmp_path}/system;"
        " put the files there, unpacked or as .gz"
    )
    assert caplog.messages == [
        f"{tmp_path}/here lacks 1 files; trying mirror",
        "mirror: Network is unreachable",
        f"{tmp_path}/here lacks 1 files; trying {tmp_path}/system",
        f"{tmp_path}/system: no {NAME}",
    ]
    assert not list(tmp_path.rglob("*idx1*"))


def test_missing_file(tmp_path):
    found = message(load_part, tmp_path, "test", CHECKSUMS)
    assert found == f"{tmp_path} lacks t10k-images-idx3-ubyte; put the file there, unpacked or as .gz"


@pytest.mark.parametrize("shape", [[28, 28], [2, 8, 8]])
def test_shape_that_is_not_an_image(tmp_path, shape):
    expected = f"data.shape={shape} is not an image; set it to [1, H, W] for grey or [3, H, W] for colour"
    assert message(ImageFolder, str(tmp_path), shape, 0.1, 0) == expected


def test_invalid_test_fraction(tmp_path):
    expected = "data.source.test_fraction=1.5 is not a share; set it between 0 and 1"
    assert message(ImageFolder, str(tmp_path), [3, 4, 4], 1.5, 0) == expected


def test_a_root_that_cannot_be_written(tmp_path):
    (tmp_path / "root").write_text("a file")
    ways = [fetch.Way("mirror", lambda scratch, names: (scratch / NAME).write_bytes(GOOD) and scratch)]
    checksums = {NAME: hashlib.sha256(GOOD).hexdigest()}
    assert message(fetch.fetch, tmp_path / "root/mnist", checksums, ways) == (
        f"{tmp_path}/root/mnist cannot keep {NAME}: Not a directory;"
        " set data.source.root to a folder that can be written"
    )


@pytest.mark.parametrize("source", [FashionMNIST, MNIST, lambda root: DSprites(root, 1, 1, 0)])
def test_a_root_under_the_home(monkeypatch, tmp_path, source):
    monkeypatch.setenv("HOME", str(tmp_path))
    made = source("~/data")
    path = made.path if isinstance(made, DSprites) else made.folder
    assert path.is_relative_to(tmp_path / "data")
    assert message(source, "") == "data.source.root is empty; set it to a folder"


def test_an_idx_file_that_cannot_be_read(tmp_path, monkeypatch):
    path = tmp_path / NAME
    path.write_bytes(GOOD)
    monkeypatch.setattr(Path, "read_bytes", refuse)
    assert message(read_idx, path, CHECKSUMS[NAME]) == (
        f"{path} cannot be read: Permission denied; make it readable, or delete it"
    )


def refuse(path):
    raise PermissionError(errno.EACCES, "Permission denied", str(path))


def test_an_archive_that_unpacks_to_too_much(tmp_path, monkeypatch):
    monkeypatch.setattr(idx, "MOST_BYTES", 1000)
    path = tmp_path / f"{NAME}.gz"
    path.write_bytes(gzip.compress(bytes(10_000)))
    expected = f"{path} unpacks to more than 1000 bytes; delete it and run again"
    assert message(read_idx, path, CHECKSUMS[NAME]) == expected


def test_every_flipped_bit_of_an_archive_is_found_or_changes_nothing(tmp_path):
    path = tmp_path / "arrays.npz"
    np.savez_compressed(path, imgs=np.arange(12, dtype=np.uint8).reshape(3, 2, 2))
    changed = [*flipped_bits(path.read_bytes()), *(path.read_bytes()[:size] for size in range(path.stat().st_size))]
    found = 0
    for content in changed:
        path.write_bytes(content)
        try:
            read = np.concatenate(list(blocks(path, "imgs", (3, 2, 2), np.dtype(np.uint8))))
        except UserError:
            found += 1
        else:
            assert read.flatten().tolist() == list(range(12))
    assert found > len(changed) / 2
