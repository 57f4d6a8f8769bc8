"""Decoded pixels of every supported image format."""

import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from images import flipped_bits, image, png16
from PIL import Image
from torchvision.transforms import v2

from vaelab.data.image_decoding import MAX_PIXELS, SUFFIXES, UnreadableError, decode, examine
from vaelab.data.image_files import ImageFiles

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # torchvision's decoder is deprecated, and an oracle all the same
    from torchvision.io import ImageReadMode, decode_image

ROOT = Path(__file__).parents[2]
RED, GREEN, BLUE, WHITE, BLACK = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255), (0, 0, 0)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "image.png"


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("channels", [1, 3])
def test_every_supported_suffix_is_read(tmp_path: Path, suffix: str, channels: int) -> None:
    path = tmp_path / f"image{suffix}"
    Image.new("RGB", (5, 3), (90, 90, 90)).save(path)
    examine(path)
    pixels = decode(path, channels, 16)
    assert pixels.shape == ((3, 5) if channels == 1 else (3, 5, 3))
    assert pixels.dtype == np.uint8
    assert np.abs(pixels.astype(int) - 90).max() <= 2


def test_docs_list_the_supported_suffixes() -> None:
    header = (ROOT / "conf/data/image_folder.yaml").read_text().partition("\n")[0]
    page = (ROOT / "docs/images.md").read_text()
    for text in (header, page.partition("reads")[2].partition(", recognised")[0]):
        for suffix in {one.strip(".") for one in SUFFIXES} - {"jpeg", "tiff"}:
            assert suffix in text


@pytest.mark.parametrize("suffix", ["png", "jpg"])
@pytest.mark.parametrize(("mode", "channels"), [("RGB", 3), ("L", 1), ("L", 3)])
@pytest.mark.parametrize("size", [(12, 12), (31, 17), (16, 40)])
def test_eight_bits_are_as_torchvision_reads_them(
    tmp_path: Path, suffix: str, mode: str, channels: int, size: tuple[int, int]
) -> None:
    path = tmp_path / f"image.{suffix}"
    image(mode, size).save(path)
    expected = decode_image(str(path), mode=ImageReadMode.GRAY if channels == 1 else ImageReadMode.RGB)
    assert np.array_equal(decode(path, channels, 16).reshape(*size[::-1], channels), expected.permute(1, 2, 0))
    found = ImageFiles([path], None, (channels, 8, 8), 16)[[0]].x[0]
    factor = max(8 / size[1], 8 / size[0])
    fitted = [max(8, round(size[1] * factor)), max(8, round(size[0] * factor))]
    resized = v2.functional.resize(expected, fitted, antialias=True)
    assert torch.equal(found, v2.functional.center_crop(resized, [8, 8]))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tif"])
def test_exif_orientation_is_applied(tmp_path: Path, orientation: int, suffix: str) -> None:
    stored = np.zeros((16, 32, 3), np.uint8)
    stored[:8, :8] = 255  # white in the corner at the top left of what is stored
    turns = {1: 0, 2: 0, 3: 2, 4: 2, 5: 3, 6: 3, 7: 1, 8: 1}[orientation]
    expected = np.rot90(stored[:, ::-1] if orientation in (2, 4) else stored, turns)
    expected = expected[:, ::-1] if orientation in (5, 7) else expected
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / f"image.{suffix}"
    Image.fromarray(stored).save(path, exif=exif.tobytes(), **({"quality": 100} if suffix in ("jpg", "webp") else {}))
    pixels = decode(path, 3, 16)
    assert pixels.shape == expected.shape
    assert np.array_equal(pixels > 128, expected > 128)
    assert (examine(path).width, examine(path).height) == expected.shape[1::-1]


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
@pytest.mark.parametrize("channels", [1, 3])
def test_transparent_pixels_are_blended_with_white(path: Path, mode: str, channels: int) -> None:
    pixels = np.zeros((2, 2, 4), np.uint8)
    pixels[0] = [[0, 0, 0, 0], [0, 0, 0, 255]]
    pixels[1] = [[200, 200, 200, 0], [0, 0, 0, 51]]
    shown = Image.fromarray(pixels)
    shown = shown.quantize(8) if mode == "P" else shown.convert(mode)
    shown.save(path)
    found = decode(path, channels, 16).reshape(2, 2, channels)[..., 0]
    assert found.tolist() == [[255, 0], [255, 204]]


def test_a_transparent_colour_becomes_white(path: Path) -> None:
    grey = Image.fromarray(np.array([[10, 20], [30, 10]], np.uint8))
    grey.save(path, transparency=10)
    assert decode(path, 1, 16).tolist() == [[255, 20], [30, 255]]
    grey.convert("RGB").save(path, transparency=(20, 20, 20))
    assert decode(path, 1, 16).tolist() == [[10, 255], [30, 10]]


@pytest.mark.parametrize(
    ("mode", "suffix"), [("CMYK", "jpg"), ("CMYK", "tif"), ("P", "png"), ("P", "gif"), ("P", "bmp")]
)
def test_other_colour_modes(tmp_path: Path, mode: str, suffix: str) -> None:
    path = tmp_path / f"image.{suffix}"
    bars = np.repeat(np.array([[RED, GREEN, BLUE, WHITE, BLACK]], np.uint8).repeat(16, 0), 16, 1)
    Image.fromarray(bars).convert(mode, palette=Image.Palette.ADAPTIVE).save(path)
    assert np.abs(decode(path, 3, 16).astype(int) - bars).max() <= (3 if suffix == "jpg" else 0)


def test_one_bit_is_black_and_white(path: Path) -> None:
    Image.fromarray(np.array([[True, False]])).save(path)
    assert decode(path, 1, 16).tolist() == [[255, 0]]


def test_sixteen_bits_are_scaled_by_their_depth(path: Path) -> None:
    values = np.array([[0, 255, 256, 4095], [32768, 65279, 65280, 65535]])
    path.write_bytes(png16(values))
    assert decode(path, 1, 16).tolist() == (values >> 8).tolist()
    assert np.array_equal(decode(path, 3, 16), np.repeat((values >> 8)[..., None], 3, 2))
    assert examine(path).peak == 65535
    Image.fromarray(values.astype(np.uint16)).save(path.with_suffix(".tif"))
    assert decode(path.with_suffix(".tif"), 1, 16).tolist() == (values >> 8).tolist()


@pytest.mark.parametrize("factor", [256, 257])
def test_eight_bits_stored_in_sixteen_are_recovered(path: Path, factor: int) -> None:
    path.write_bytes(png16(np.arange(256).reshape(16, 16) * factor))
    assert decode(path, 1, 16).flatten().tolist() == list(range(256))


def test_a_detector_of_twelve_bits(path: Path) -> None:
    values = np.array([[0, 15, 16, 2048, 4095]])
    path.write_bytes(png16(values))
    assert decode(path, 1, 12).tolist() == [[0, 0, 1, 128, 255]]
    path.write_bytes(png16(values + 1))
    with pytest.raises(UnreadableError, match=r"^holds 4096, more than data.source.bits=12 can hold$"):
        decode(path, 1, 12)


def test_every_flipped_bit_of_a_png_is_found_or_changes_nothing(path: Path) -> None:
    image("RGB", (3, 2)).save(path)
    expected = decode(path, 3, 16)
    found = 0
    for content in flipped_bits(path.read_bytes()):
        path.write_bytes(content)
        try:
            examine(path)
        except UnreadableError:
            found += 1
        else:
            assert np.array_equal(decode(path, 3, 16), expected)
    assert found > 0.9 * 8 * len(content)


def test_no_more_pixels_are_unpacked_than_the_limit(path: Path) -> None:
    side = int(MAX_PIXELS**0.5) + 1
    path.write_bytes(png16(np.zeros((1, 1), int), promised=(side, side)))
    with pytest.raises(UnreadableError, match=rf"^has {side} x {side} pixels, more than {MAX_PIXELS}$"):
        decode(path, 1, 16)
    with pytest.raises(UnreadableError, match=rf"^has {side} x {side} pixels, more than {MAX_PIXELS}$"):
        examine(path)


@pytest.mark.parametrize("suffix", ["gif", "tif", "png", "webp"])
def test_the_first_of_several_frames_is_read(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"image.{suffix}"
    frames = [Image.new("L", (4, 4), level) for level in (0, 128, 255)]
    frames[0].save(path, save_all=True, append_images=frames[1:])
    assert examine(path).frames == 3
    assert decode(path, 1, 16).max() <= 1
