"""Small pictures of equal size on one PNG, of which a page shows one or several."""

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from jaxtyping import UInt8
from PIL import Image


@dataclass(frozen=True)
class Sheet:
    """R rows of C pictures of H by W dots."""

    png: bytes
    num_rows: int
    num_columns: int
    height: int
    width: int

    def as_json(self) -> dict[str, Any]:
        """What report.js needs to cut a picture out."""
        source = f"data:image/png;base64,{base64.b64encode(self.png).decode()}"
        return {"src": source, "rows": self.num_rows, "columns": self.num_columns, "h": self.height, "w": self.width}


def sheet_of(pictures: UInt8[np.ndarray, "R C H W K"]) -> Sheet:
    """A sheet of grey (K = 1) or coloured (K = 3) pictures."""
    num_rows, num_columns, height, width, channels = pictures.shape
    dots = pictures.transpose(0, 2, 1, 3, 4).reshape(num_rows * height, num_columns * width, channels)
    image = Image.fromarray(dots[:, :, 0] if channels == 1 else dots)
    file = io.BytesIO()
    image.save(file, "png", optimize=True)
    return Sheet(file.getvalue(), num_rows, num_columns, height, width)


def shrink(counts: Sequence[int], least: Sequence[int], limit: int) -> list[int]:
    """Counts of at least 1 whose product is at most `limit`, as far as none falls below its least.

    The count that is largest in relation to its least is reduced first.
    """
    found = list(counts)
    while prod(found) > limit:
        free = [place for place in range(len(found)) if found[place] > least[place]]
        if not free:
            break
        found[max(free, key=lambda place: found[place] / least[place])] -= 1
    return found
