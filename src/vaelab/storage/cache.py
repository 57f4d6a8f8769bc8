"""Cached files, written atomically and verified by a checksum when read."""

import hashlib
import io
import logging
from pathlib import Path
from typing import Any

import torch

from vaelab.storage.atomic import replacement

log = logging.getLogger(__name__)


def save_cached(content: dict[str, Any], path: Path) -> None:
    """Write tensors and numbers with their checksum, atomically."""
    buffer = io.BytesIO()
    torch.save(content, buffer)
    with replacement(path) as file:
        file.write(hashlib.sha256(buffer.getvalue()).digest() + buffer.getvalue())


def load_cached(path: Path) -> dict[str, Any] | None:
    """The cached content, on the CPU, or None if the file is missing or damaged."""
    if not path.exists():
        return None
    content = path.read_bytes()
    if hashlib.sha256(content[32:]).digest() != content[:32]:
        log.warning("%s is damaged; it is computed again", path)
        return None
    kept: dict[str, Any] = torch.load(io.BytesIO(content[32:]), map_location="cpu", weights_only=True)
    return kept
