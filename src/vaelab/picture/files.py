"""The files of a picture."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import matplotlib as mpl
from annotated_types import Ge, Le, MinLen
from matplotlib.figure import Figure

from vaelab.storage.atomic import replacement

DPI = 144  # of the screen
Format = Literal["png", "pdf", "svg"]
Formats = Annotated[Sequence[Format], MinLen(1)]
Resolution = Annotated[int, Ge(36), Le(600)]
# Fonts that a paper may embed, letters that every viewer draws, and the same bytes for the same picture.
EMBEDDED: dict[Any, Any] = {"pdf.fonttype": 42, "svg.fonttype": "path", "svg.hashsalt": "vaelab"}
DATES = {"pdf": {"CreationDate": None}, "svg": {"Date": None}}


@dataclass(frozen=True)
class PictureFiles:
    """Which files are written of a picture.

    Args:
        format: a list of `png`, `pdf` and `svg`.
        dpi: dots per inch of images, in PDF and SVG too; the size on paper stays the same.
        title: whether the title is drawn.
    """

    format: Formats = ("png",)
    dpi: Resolution = DPI
    title: bool = True


def save_figure(figure: Figure, path: Path, files: PictureFiles) -> None:
    """Write a figure in every format, each atomically, under the name of the path."""
    for kind in files.format:
        with replacement(path.with_name(f"{path.name}.{kind}")) as file, mpl.rc_context(EMBEDDED):
            figure.savefig(file, format=kind, dpi=files.dpi, metadata=DATES.get(kind))
