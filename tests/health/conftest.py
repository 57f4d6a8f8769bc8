"""One healthy model for all checks, and the checks with the thresholds of the yaml."""

from collections.abc import Callable
from typing import Any

import pytest
from examining import fit

from vaelab.config import build
from vaelab.data.module import DataModule
from vaelab.health.check_context import Check
from vaelab.model.vae import VAE


@pytest.fixture(scope="session")
def checks(small: Callable[..., Any]) -> dict[str, Check]:
    return build(small("callbacks=health_check").callbacks.health_check).checks


@pytest.fixture(scope="session")
def healthy(model: Callable[..., VAE], digits: Callable[..., DataModule]) -> VAE:
    """A conditional VAE of the likeliest scale; nothing may change it."""
    return fit(model("model=cvae", "likelihood=gaussian_optimal"), digits(), 400)
