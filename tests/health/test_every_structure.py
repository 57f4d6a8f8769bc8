"""Every check has a verdict for every latent structure."""

from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest
from examining import check_result_of

from vaelab.data.module import DataModule
from vaelab.health.check_context import Check
from vaelab.health.check_result import FAILED, NOT_APPLICABLE, PASSED
from vaelab.health.history import History
from vaelab.model.vae import VAE

ALIKE = ("hvae", "conv_ladder_vae", "m2", "m1_m2", "joint_vae", "hyperspherical_vae")
CODES = ("vq_vae",)


@pytest.mark.parametrize("name", [*ALIKE, *CODES])
def test_every_check_has_a_verdict(
    name: str, checks: Mapping[str, Check], model: Callable[..., VAE], digits: Callable[..., DataModule]
) -> None:
    vae = model(f"model={name}")
    # Every dimension counts as active, so that all of them are gone through, untrained as they are.
    wanted = {**checks, "traversal": replace(checks["traversal"], threshold=-1.0, max_dimensions=8)}
    lines = [check_result_of(check, vae, digits(), {"weight": 5}, 10, History(10)) for check in wanted.values()]
    assert len({line.name for line in lines}) == len(checks)
    for line in lines:
        assert line.verdict in (PASSED, FAILED, NOT_APPLICABLE)
        assert line.message
    traversal = lines[-1]
    assert (traversal.verdict == NOT_APPLICABLE) == (name in CODES)
    assert 0 < len(traversal.details) <= 8 or name in CODES
