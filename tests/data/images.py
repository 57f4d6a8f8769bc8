"""Image folders for tests."""

import os
import struct
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from vaelab.data.image_folder import ImageFolder
from vaelab.data.module import DataModule

AUTO = {"num_classes": "auto", "classes": "auto", "num_validation": "auto"}


def image(mode: str = "RGB", size: tuple[int, int] = (6, 5)) -> Image.Image:
    """Noise of `size` columns and rows."""
    channels = {"L": (), "RGB": (3,), "RGBA": (4,), "LA": (2,)}[mode]
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (*size[::-1], *channels), dtype=np.uint8))


def png16(values: np.ndarray, promised: tuple[int, int] | None = None) -> bytes:
    """A grey PNG of 16 bits, written by hand, which may promise other rows and columns than it has."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    header = struct.pack(">IIBBBBB", *(promised or values.shape)[::-1], 16, 0, 0, 0, 0)
    chunks = [chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def fill(folder: Path, *places: str, num: int = 4, suffix: str = "png") -> None:
    """`num` images in each of the places, which `a/b` or a list `{a,b}/c` may name."""
    for place in places:
        (folder / place).mkdir(parents=True, exist_ok=True)
        for number in range(num):
            image().save(folder / place / f"{number}.{suffix}")


def module_of(root: Path | str, **changes: Any) -> DataModule:
    """A data module over a folder, everything as conf/data/image_folder.yaml has it but small."""
    ours = {"shape": [3, 4, 4], "corrupt": "error", **AUTO}
    folder = {"bits": 16, "test_fraction": 0.25, "cache": str(Path(root).parent / "scans")}
    folder |= {key: changes.pop(key) for key in list(changes) if key in folder}
    ours |= changes
    shared = {key: ours[key] for key in ("shape", "classes", "corrupt")}
    usual = {"batch_size": 2, "chunk": 3, "scale": "unit", "binarization": "none", "dequantization": False}
    return DataModule(
        source=ImageFolder(str(root), split_seed=0, **shared, **folder),
        **{**usual, "num_workers": 0, "seed": 0, "split_seed": 0, **ours},
    )


def loaded(root: Path | str, **changes: Any) -> DataModule:
    """The same, with every image of every split read."""
    module = module_of(root, **changes)
    module.prepare_data()
    module.setup("fit")
    module.setup("test")
    for name in ("train", "validation", "test"):
        for batch in module.loader(name):
            assert batch.x.dtype == torch.uint8
    return module


def labels(module: DataModule) -> dict[str, str]:
    """The class of each image by its name, in all splits."""
    splits = [module.split(name) for name in ("train", "validation", "test")]
    pairs = [(path, y) for split in splits for path, y in zip(split.paths, split.y.tolist(), strict=True)]  # type: ignore
    return {str(path): module.classes[y] for path, y in pairs}


Build = Callable[[Path], Any]


def link(place: Path, target: str | Path) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    place.symlink_to(target)


def raw_names(folder: Path, *names: bytes) -> None:
    """Class folders whose names are not UTF-8."""
    for name in names:
        place = folder / os.fsdecode(name)
        place.mkdir(parents=True)
        for number in range(4):
            image().save(place / os.fsdecode(b"\xe9%d.png" % number))


def flipped_bits(content: bytes) -> Iterator[bytes]:
    """The content again and again, in each with another bit changed."""
    for place in range(8 * len(content)):
        changed = bytearray(content)
        changed[place // 8] ^= 1 << place % 8
        yield bytes(changed)
