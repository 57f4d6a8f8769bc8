"""Saved configs of earlier versions keep their meaning."""

import pytest
from omegaconf import OmegaConf

from vaelab.config.migration import TOTAL_CORRELATION, migrate


@pytest.mark.parametrize(
    ("objective", "expected"),
    [
        ({"_target_": TOTAL_CORRELATION, "beta": 6.0}, "mss"),
        ({"_target_": TOTAL_CORRELATION, "beta": 6.0, "estimator": "mws"}, "mws"),
        ({"_target_": "vaelab.objective.elbo.ELBO", "beta": 6.0}, None),
    ],
)
def test_an_earlier_total_correlation_keeps_its_estimator(objective: dict[str, object], expected: str | None) -> None:
    config = OmegaConf.create({"evaluation": {}, "objective": objective})
    assert migrate(config).objective.get("estimator") == expected


def test_a_config_without_an_objective_is_left_to_others() -> None:
    assert migrate(OmegaConf.create({"evaluation": {}})) == {"evaluation": {}}


def test_a_measure_gets_keys_that_were_added_later() -> None:
    target = "vaelab.evaluation.disentanglement.Disentanglement"
    saved = {"disentanglement": {"_target_": target, "num_points": 7}, "own": {"_target_": "my.Measure"}}
    config = migrate(OmegaConf.create({"evaluation": saved}))
    assert config.evaluation.disentanglement.num_points == 7
    assert "mig" in config.evaluation.disentanglement.scores
    assert config.evaluation.own == {"_target_": "my.Measure"}


def test_parts_that_have_moved_are_found() -> None:
    parts = {"levels": [{"_target_": "vaelab.levels.cascade.Cascade", "name": "${a}"}], "mine": {"_target_": "my.Part"}}
    found = migrate(OmegaConf.create({"evaluation": {}, "a": "vaelab.levels.x", "latent": parts}))
    assert found.latent.levels[0]._target_ == "vaelab.latent.hierarchy.cascade.Cascade"
    assert OmegaConf.to_container(found)["latent"]["levels"][0]["name"] == "${a}"
    assert (found.latent.mine._target_, found.a) == ("my.Part", "vaelab.levels.x")


def test_the_run_of_a_second_stage_is_its_first_stage() -> None:
    saved = {"evaluation": {}, "run": "outputs/first", "model": {"first_stage": "${run}"}}
    migrated = migrate(OmegaConf.create(saved))
    assert OmegaConf.to_container(migrated) == {
        "evaluation": {},
        "first_stage": "outputs/first",
        "model": {"first_stage": "${first_stage}"},
    }
    assert migrate(migrated) == migrated


def test_a_schedule_gets_its_length_in_epochs() -> None:
    target = "vaelab.kl.schedule.Linear"
    saved = {"evaluation": {}, "kl": {"_target_": target, "steps": 7}, "other": [{"_target_": target, "epochs": 2.0}]}
    migrated = migrate(OmegaConf.create(saved))
    assert migrated.kl == {"_target_": target, "steps": 7, "epochs": None}
    assert migrated.other == [{"_target_": target, "epochs": 2.0}]
    assert migrate(migrated) == migrated


def test_the_name_of_a_sweep_has_its_own_key() -> None:
    saved = {"evaluation": {}, "sweep": "mine", "group": "${in_sweep:${sweep},${name}}"}
    found = OmegaConf.to_container(migrate(OmegaConf.create(saved)), resolve=False)
    assert (found["sweep_name"], found["group"]) == ("mine", "${in_sweep:${sweep_name},${name}}")
    assert "sweep" not in found


def test_callbacks_that_draw_get_the_choice_of_their_files() -> None:
    saved = {
        "evaluation": {},
        "callbacks": {
            "sample_grid": {"_target_": "vaelab.callbacks.sample_grid.SampleGrid", "num_columns": 3},
            "mine": {"_target_": "my.Callback"},
        },
    }
    migrated = migrate(OmegaConf.create(saved))
    assert migrated.callbacks.sample_grid.num_columns == 3
    assert (migrated.callbacks.sample_grid.format, migrated.callbacks.sample_grid.title) == (["png"], True)
    assert migrated.callbacks.mine == {"_target_": "my.Callback"}
    assert migrated.choices.picture == "screen"
    assert migrate(migrated) == migrated
