"""Small versions of the pictures that runs have saved."""

import base64
import io
from pathlib import Path

from PIL import Image

WIDTH = 320  # dots


def thumbnail(picture: Path) -> str | None:
    """A picture as the address of an image inside a page, 10 to 30 kB; None where there is no such picture."""
    try:
        with Image.open(picture) as image:
            small = image.convert("RGB")
    except OSError:
        return None
    small.thumbnail((WIDTH, 2 * WIDTH), Image.Resampling.LANCZOS)
    file = io.BytesIO()
    small.save(file, "jpeg", quality=80, optimize=True)
    return f"data:image/jpeg;base64,{base64.b64encode(file.getvalue()).decode()}"
