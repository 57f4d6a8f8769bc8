"""Training reports the same numbers as `vaelab evaluate`, bit for bit."""

from pathlib import Path

import pytest
from commandline import SMALL, call, results
from variants import NAMES, first_stage

CALLBACKS = sorted(file.stem for file in (Path(__file__).parents[2] / "conf" / "callbacks").glob("[!_]*.yaml"))
BRIEF = ("trainer=smoke", "trainer.max_epochs=2", "trainer.limit_test_batches=1.0", "logger=csv")
EVIDENCE = "evaluation=[reconstruction,importance,active_units]"
# What a callback needs beside the plain VAE.
NEEDS = {
    "temperature_annealing": ("model=gumbel_softmax_vae", "callbacks.temperature_annealing.schedule.steps=4"),
    "kl_annealing": ("kl.steps=4",),
    "capacity": ("callbacks.capacity.schedule.steps=4",),
}


def assert_same_figures(folder: Path, run: str) -> None:
    assert call(folder, "evaluate", f"run={run}") == 0
    (evaluation,) = (folder / run / "evaluations").iterdir()
    assert results(evaluation) == results(folder / run)


@pytest.mark.parametrize(
    "name", [one if one == "ema" else pytest.param(one, marks=pytest.mark.slow) for one in CALLBACKS]
)
def test_under_every_callback(name: str, tmp_path: Path) -> None:
    chosen = sorted({"checkpoint", "evaluate", name})
    arguments = (*SMALL, *BRIEF, EVIDENCE, f"callbacks=[{','.join(chosen)}]", *NEEDS.get(name, ()))
    assert call(tmp_path, "train", *arguments, "hydra.run.dir=run") == 0
    assert_same_figures(tmp_path, "run")


def test_averaged_weights_are_reported(tmp_path: Path) -> None:
    """Its first steps lag far behind, so the two differ."""
    arguments = (*SMALL, *BRIEF, EVIDENCE, "optimizer.lr=0.01")
    for name, callbacks in {"plain": "[checkpoint,evaluate]", "average": "[checkpoint,ema,evaluate]"}.items():
        assert call(tmp_path, "train", *arguments, f"callbacks={callbacks}", f"hydra.run.dir={name}") == 0
    assert results(tmp_path / "average")["elbo"] < results(tmp_path / "plain")["elbo"] - 0.5


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_of_every_variant(name: str, tmp_path: Path) -> None:
    usual = (*BRIEF, EVIDENCE, "callbacks=[checkpoint,ema,evaluate]")
    first = first_stage(name)
    if first is not None:
        assert call(tmp_path, "train", f"model={first}", "data=digits", *usual, "hydra.run.dir=first") == 0
    data = "first_stage=first" if first else "data=digits"
    assert call(tmp_path, "train", f"model={name}", data, *usual, "hydra.run.dir=run") == 0
    assert_same_figures(tmp_path, "run")
