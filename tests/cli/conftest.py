"""No test may reach an account of Weights & Biases."""

from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True, scope="session")
def offline() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WANDB_MODE", "offline")
        yield
