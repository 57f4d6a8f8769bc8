"""A heat map over training steps."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from vaelab.picture.files import DPI

INCHES = (6.4, 3.6)


def heat_map(
    steps: Sequence[int], rows: Sequence[int], values: Float[np.ndarray, "R T"], title: str, row_name: str, unit: str
) -> Figure:
    """A cell for each row and each step; a cell reaches from the step before to its own.

    Args:
        steps: the training step of each column.
        rows: the label of each row, the lowest first.
        values: the numbers.
        title: what the numbers are.
        row_name: what a row is.
        unit: unit of the numbers, beside the colour scale.
    """
    page = Figure(figsize=INCHES, dpi=DPI, layout="constrained")
    FigureCanvasAgg(page)
    axes = page.add_subplot()
    mesh = axes.pcolormesh([0, *steps], np.arange(len(rows) + 1) - 0.5, values, cmap="viridis", vmin=0)
    mesh.set_rasterized(True)  # in a PDF, viewers would show the seams between cells
    axes.set_xlabel("training step")
    axes.set_ylabel(row_name)
    axes.yaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes.yaxis.set_major_formatter(lambda place, _: f"{rows[round(place)]}" if 0 <= round(place) < len(rows) else "")
    axes.set_title(title, fontsize="medium")
    bar = page.colorbar(mesh, ax=axes, label=unit)
    assert bar.solids is not None
    bar.solids.set_rasterized(True)
    return page
