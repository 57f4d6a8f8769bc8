"""A grid of images with labels."""

import warnings
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import accumulate
from math import ceil
from pathlib import Path

import numpy as np
from jaxtyping import Float
from matplotlib import font_manager
from matplotlib.backends.backend_agg import FigureCanvasAgg, RendererAgg
from matplotlib.figure import Figure
from torch import Tensor

from vaelab.picture.files import DPI, PictureFiles, save_figure

# Lengths in dots of the screen; a picture of more dots per inch has as many more.
CELL = 80  # size to which images are enlarged, by an integer factor
SEPARATOR = 3
GAP = 14
MARGIN = 10
FONT_SIZE = 8  # points
# In addition to matplotlib's own, for class names in other scripts.
FONTS = ("Noto Sans CJK JP", "Noto Sans CJK SC", "WenQuanYi Zen Hei", "PingFang SC", "Hiragino Sans", "Malgun Gothic")


@dataclass(frozen=True)
class Grid:
    """Rows of images in [0, 1], of equal or unequal length, with title and labels.

    The rows in `row_gaps` and the columns in `column_gaps` are followed by a wider gap.
    """

    rows: Sequence[Float[Tensor, "_ C H W"]]
    title: str
    row_labels: Sequence[str] = ()
    column_labels: Sequence[str] = ()
    row_gaps: Collection[int] = ()
    column_gaps: Collection[int] = ()


def starts(num: int, size: int, gaps: Collection[int], dpi: int = DPI) -> list[int]:
    """The offsets of `num` cells of `size` dots, followed by the end of the last cell."""
    steps = [size + scale(GAP if place in gaps else SEPARATOR, dpi) for place in range(num - 1)]
    return list(accumulate([*steps, size], initial=0))


def scale(length: float, dpi: float) -> int:
    """A length in dots of the screen, in those of a picture."""
    return max(1, round(length * dpi / DPI))


def mosaic(grid: Grid, dpi: int = DPI) -> tuple[Float[np.ndarray, "H W C"], list[float], list[float]]:
    """All images on white, with the centres of rows and columns, in dots."""
    channels, height, width = grid.rows[0].shape[1:]
    factor = scale(max(1, round(CELL / max(height, width))), dpi)
    tops = starts(len(grid.rows), factor * height, grid.row_gaps, dpi)
    lefts = starts(max(map(len, grid.rows)), factor * width, grid.column_gaps, dpi)
    canvas = np.ones((tops[-1], lefts[-1], channels), dtype=np.float32)
    for row, top in zip(grid.rows, tops[:-1], strict=True):
        pixels = row.detach().float().clamp(0, 1).permute(0, 2, 3, 1).cpu().numpy()
        for image, left in zip(pixels, lefts[:-1], strict=False):
            large = image.repeat(factor, 0).repeat(factor, 1)
            canvas[top : top + len(large), left : left + large.shape[1]] = large
    middle_rows = [top + factor * height / 2 - 0.5 for top in tops[:-1]]
    return canvas, middle_rows, [left + factor * width / 2 - 0.5 for left in lefts[:-1]]


def figure(grid: Grid, dpi: int = DPI, title: bool = True) -> Figure:
    """The grid as a figure, with one dot of the mosaic per dot of the page."""
    dots, rows, columns = mosaic(grid, dpi)
    page = Figure(dpi=dpi)
    canvas = FigureCanvasAgg(page)
    axes = page.add_axes((0, 0, 1, 1))
    axes.imshow(dots, cmap="gray", vmin=0, vmax=1, interpolation="nearest", aspect="auto")
    # Class names may contain $ and letters of any script.
    axes.set_yticks(rows[: len(grid.row_labels)], grid.row_labels, parse_math=False, fontfamily=installed_fonts())
    axes.set_xticks(columns[: len(grid.column_labels)], grid.column_labels)
    axes.tick_params(length=0, labelsize=FONT_SIZE, bottom=False, labelbottom=False, top=True, labeltop=True)
    axes.spines[:].set_visible(False)
    axes.set_title(grid.title if title else "", parse_math=False, fontsize=FONT_SIZE + 1, pad=8)
    _fit(page, canvas.get_renderer(), width=dots.shape[1], height=dots.shape[0])
    return page


@cache
def installed_fonts() -> list[str]:
    """Font families that are tried in order for each letter."""
    installed = {font.name for font in font_manager.fontManager.ttflist}
    return ["DejaVu Sans", *(name for name in FONTS if name in installed)]


def save(grid: Grid, path: Path, files: PictureFiles) -> None:
    """Write the grid in every format, under the name of the path."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from font")  # a box is drawn instead
        save_figure(figure(grid, files.dpi, files.title), path, files)


def _fit(page: Figure, renderer: RendererAgg, width: int, height: int) -> None:
    """Make the axes `width` by `height` dots, and the page as large as they and their labels are."""
    (axes,) = page.axes
    dpi, margin = page.dpi, scale(MARGIN, page.dpi)
    page.set_size_inches(width / dpi, height / dpi)
    box = axes.get_tightbbox(renderer)
    assert box is not None, "visible axes have a box"
    left, bottom = ceil(max(0, -box.x0)) + margin, ceil(max(0, -box.y0)) + margin
    right, top = ceil(max(0, box.x1 - width)) + margin, ceil(max(0, box.y1 - height)) + margin
    whole, tall = left + width + right, bottom + height + top
    page.set_size_inches(whole / dpi, tall / dpi)
    axes.set_position((left / whole, bottom / tall, width / whole, height / tall))
