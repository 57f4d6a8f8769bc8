"""Saved configs of before mean what they meant."""

import pytest
from omegaconf import OmegaConf

from vaelab.config.migration import TOTAL_CORRELATION, brought_up_to_date


@pytest.mark.parametrize(
    ("objective", "expected"),
    [
        ({"_target_": TOTAL_CORRELATION, "beta": 6.0}, "mss"),
        ({"_target_": TOTAL_CORRELATION, "beta": 6.0, "estimator": "mws"}, "mws"),
        ({"_target_": "vaelab.objective.elbo.ELBO", "beta": 6.0}, None),
    ],
)
def test_a_total_correlation_goes_on_with_its_estimator(objective: dict[str, object], expected: str | None) -> None:
    config = OmegaConf.create({"evaluation": {}, "objective": objective})
    assert brought_up_to_date(config).objective.get("estimator") == expected


def test_a_config_without_an_objective_is_left_to_others() -> None:
    assert brought_up_to_date(OmegaConf.create({"evaluation": {}})) == {"evaluation": {}}


def test_a_measure_gets_the_keys_that_it_has_got_since() -> None:
    target = "vaelab.evaluation.disentanglement.Disentanglement"
    saved = {"disentanglement": {"_target_": target, "num_points": 7}, "own": {"_target_": "my.Measure"}}
    config = brought_up_to_date(OmegaConf.create({"evaluation": saved}))
    assert config.evaluation.disentanglement.num_points == 7
    assert "mig" in config.evaluation.disentanglement.scores
    assert config.evaluation.own == {"_target_": "my.Measure"}
