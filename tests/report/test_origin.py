"""How a run was made: the differences of its config, and the command that repeats it."""

import doctest
from importlib import import_module

import pytest
from hydra.core.global_hydra import GlobalHydra

from vaelab.config.defaults import changed_choices, changed_values, choice_arguments, compose_train


@pytest.mark.parametrize("name", ["vaelab.jobs.origin", "vaelab.report.number", "vaelab.report.rate_distortion"])
def test_examples_hold(name: str) -> None:
    failed, tried = doctest.testmod(import_module(name))
    assert tried
    assert not failed


def test_the_defaults_differ_in_nothing() -> None:
    config = compose_train([])
    assert changed_choices(config) == []
    assert changed_values(config) == []


def test_choices_and_values_are_told_apart() -> None:
    config = compose_train(["model=cvae", "data=digits", "latent_dim=3", "~scheduler", "tags=[a,true]"])
    choices = {one.key: (one.default, one.here) for one in changed_choices(config)}
    assert choices == {
        "condition": ("none", "label"),
        "data": ("fashion_mnist", "digits"),
        "model": ("vae", "cvae"),
        "scheduler": ("constant", "null"),
    }
    values = {one.key: (one.default, one.here) for one in changed_values(config)}
    assert values["latent_dim"] == ("8", "3")
    assert values["tags"] == ("[]", "[a, true]")
    assert all(key.startswith("scheduler.") for key in values.keys() - {"latent_dim", "tags"})


def test_numbers_that_a_recipe_tunes_are_changes() -> None:
    config = compose_train(["experiment=beta_vae_dsprites"])
    changed = changed_values(config)
    assert any(one.key.startswith(("objective.", "trainer.", "optimizer.")) for one in changed)


def test_the_arguments_of_choices_compose_them_again() -> None:
    config = compose_train(["model=m2", "callbacks=[checkpoint,report]", "prior=vamp"])
    again = compose_train(choice_arguments(config))
    assert changed_choices(again) == changed_choices(config)
    assert list(again.callbacks) == ["checkpoint", "report"]


def test_hydra_is_left_as_it_was() -> None:
    before = GlobalHydra.instance().hydra
    compose_train([])
    assert GlobalHydra.instance().hydra is before
