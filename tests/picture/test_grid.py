"""A grid of images on a page."""

import base64
import re
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from vaelab.picture.files import DPI, Format, PictureFiles
from vaelab.picture.grid import GAP, MARGIN, SEPARATOR, Grid, mosaic, save

SHAPES = [(1, 8, 8), (1, 28, 28), (3, 32, 32), (3, 64, 64), (1, 200, 100)]


def random_grid(shape: tuple[int, ...], num_rows: int = 3, num_columns: int = 4) -> Grid:
    rows = torch.rand(num_rows, num_columns, *shape, generator=torch.Generator().manual_seed(0))
    return Grid(list(rows), "a title", ["a", "long label", "c"], list("abcd"), row_gaps=[0], column_gaps=[1])


def page(grid: Grid, folder: Path, dpi: int = DPI, title: bool = True) -> np.ndarray:
    save(grid, folder / "grid", PictureFiles(dpi=dpi, title=title))
    return np.asarray(Image.open(folder / "grid.png").convert("RGB"))


@pytest.mark.parametrize("shape", SHAPES)
def test_each_pixel_becomes_a_square_of_one_size(shape: tuple[int, ...]) -> None:
    grid = random_grid(shape)
    dots, rows, columns = mosaic(grid)
    factor = (dots.shape[0] - GAP - SEPARATOR) // (3 * shape[1])
    assert dots.shape == (
        3 * factor * shape[1] + GAP + SEPARATOR,
        4 * factor * shape[2] + GAP + 2 * SEPARATOR,
        shape[0],
    )
    for row, image in ((0, 0), (2, 3)):
        top, left = int(rows[row] + 0.5 - factor * shape[1] / 2), int(columns[image] + 0.5 - factor * shape[2] / 2)
        cell = dots[top : top + factor * shape[1] : factor, left : left + factor * shape[2] : factor]
        assert np.array_equal(cell, grid.rows[row][image].permute(1, 2, 0))


@pytest.mark.parametrize("shape", SHAPES)
def test_a_dot_of_the_mosaic_is_a_dot_of_the_page(shape: tuple[int, ...], tmp_path: Path) -> None:
    grid = random_grid(shape)
    dots, _, _ = mosaic(grid)
    height, width = dots.shape[:2]
    drawn = page(grid, tmp_path)
    inner = drawn[-MARGIN - height : -MARGIN, : drawn.shape[1] - MARGIN][:, -width:]
    assert np.abs(inner - 255 * dots).max() <= 2  # of 255, by the rounding of the grey colour map


def test_labels_are_on_the_page(tmp_path: Path) -> None:
    grid = random_grid((1, 8, 8))
    drawn, bare = page(grid, tmp_path), page(Grid(grid.rows, ""), tmp_path)
    assert drawn.shape[1] > bare.shape[1] + 40
    assert drawn.shape[0] > bare.shape[0] + 20
    for edge in (drawn[: MARGIN - 2], drawn[-MARGIN + 2 :], drawn[:, : MARGIN - 2], drawn[:, -MARGIN + 2 :]):
        assert (edge == 255).all()


def test_rows_may_be_of_unequal_length() -> None:
    images = torch.zeros(5, 1, 8, 8)
    dots, rows, columns = mosaic(Grid(images.split(3), ""))
    assert (len(rows), len(columns)) == (2, 3)
    assert dots[-1, -1] == 1


def test_the_file_is_written_atomically(tmp_path: Path) -> None:
    page(random_grid((1, 8, 8)), tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["grid.png"]


def test_the_title_may_be_left_out(tmp_path: Path) -> None:
    grid = random_grid((1, 8, 8))
    untitled = replace(grid, title="")
    without = page(grid, tmp_path, title=False)
    assert np.array_equal(without, page(untitled, tmp_path))
    assert without.shape[0] < page(grid, tmp_path).shape[0]


@pytest.mark.parametrize("dpi", [72, 144, 300, 600])
@pytest.mark.parametrize("shape", SHAPES)
def test_each_pixel_is_a_square_at_any_resolution(shape: tuple[int, ...], dpi: int, tmp_path: Path) -> None:
    grid = random_grid(shape)
    dots, _, _ = mosaic(grid, dpi)
    height, width = dots.shape[:2]
    drawn, margin = page(grid, tmp_path, dpi), round(MARGIN * dpi / DPI)
    inner = drawn[-margin - height : -margin, : drawn.shape[1] - margin][:, -width:]
    assert np.abs(inner - 255 * dots).max() <= 2
    if dpi >= DPI:  # below, an image cannot be smaller than one dot for each pixel
        assert max(height, width) / dpi == pytest.approx(max(mosaic(grid)[0].shape[:2]) / DPI, rel=0.05)


def test_a_pdf_holds_the_same_dots_and_its_fonts(tmp_path: Path) -> None:
    grid = random_grid((1, 8, 8))
    save(grid, tmp_path / "grid", PictureFiles(("pdf",), dpi=300))
    content = (tmp_path / "grid.pdf").read_bytes()
    dots, _, _ = mosaic(grid, 300)
    assert content.startswith(b"%PDF")
    assert b"/FontFile2" in content  # an embedded TrueType font; journals refuse Type 3
    assert b"/Type3" not in content
    height, width = (int(re.search(rb"/%s (\d+)" % name, content)[1]) for name in (b"Height", b"Width"))
    assert (height, width) == dots.shape[:2]


def test_an_svg_holds_the_same_dots_and_no_font(tmp_path: Path) -> None:
    grid = random_grid((3, 8, 8))
    save(grid, tmp_path / "grid", PictureFiles(("svg",)))
    content = (tmp_path / "grid.svg").read_text()
    (encoded,) = re.findall(r'href="data:image/png;base64,([^"]+)"', content)
    image = np.asarray(Image.open(BytesIO(base64.b64decode(encoded))).convert("RGB"))
    assert np.abs(image[:: -1 if "scale(1 -1)" in content else 1] - 255 * mosaic(grid)[0]).max() <= 2
    assert "<text" not in content


@pytest.mark.parametrize("formats", [("png",), ("svg", "pdf"), ("png", "pdf", "svg")])
def test_each_format_is_a_file_of_the_same_bytes_each_time(formats: tuple[Format, ...], tmp_path: Path) -> None:
    grid = random_grid((1, 8, 8))
    save(grid, tmp_path / "grid", PictureFiles(formats))
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    assert before.keys() == {f"grid.{kind}" for kind in formats}
    save(grid, tmp_path / "grid", PictureFiles(formats))
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before
