"""Each conf/model/*.yaml through the commands: trained in two processes, then evaluated and resumed in one."""

from pathlib import Path

import pytest
from commandline import call, checkpoint, results
from pair import run_in_pair
from variants import NAMES, first_stage

SMOKE = ("trainer=smoke", "trainer.limit_test_batches=1.0", "logger=csv")
SPARING = ("evaluation.sample_quality.num_samples=150", "evaluation.label_fidelity.num_samples=150")
PAIR = ("trainer.devices=2", "trainer.strategy=ddp")


def command(name: str) -> tuple[str, ...]:
    """Train a variant in two processes, in the folder of its name."""
    first = first_stage(name)
    data = f"first_stage={first}" if first else "data=digits"
    return ("train", f"model={name}", data, *SMOKE, *SPARING, *PAIR, f"hydra.run.dir={name}")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    """A run of two processes for each variant that is asked for."""
    folder = tmp_path_factory.mktemp("variants")
    calls = [item.callspec.params for item in request.session.items if item.path == request.path]
    names = {params["name"] for params in calls}
    stages = {stage for name in names if (stage := first_stage(name))}
    run_in_pair(folder, [command(name) for name in (*sorted(stages), *sorted(names - stages))])
    return folder


# One of each kind of latents and of optimization; tests/model looks at all of them.
SAMPLE = {"cvae", "iwae", "ladder_vae", "latent_mixture", "m1_m2", "rae", "vae_gan", "vq_vae"}


@pytest.mark.parametrize(
    "name", [name if name in SAMPLE else pytest.param(name, marks=pytest.mark.slow) for name in NAMES]
)
def test_trains_evaluates_samples_and_resumes(name: str, folder: Path) -> None:
    run = folder / name
    assert (run / "results.json").is_file(), (folder / "pair0.txt").read_text()
    assert list(run.glob("images/**/*.png"))
    one = ("trainer.devices=1", "trainer.strategy=auto")

    # One process gives the numbers of two.
    assert call(folder, "evaluate", f"run={name}", *one) == 0
    (evaluation,) = (run / "evaluations").iterdir()
    assert results(evaluation) == pytest.approx(results(run), rel=1e-5, abs=1e-5)

    assert call(folder, "sample", f"run={name}", "num_samples=12") == 0
    assert list(run.glob("samples/*/samples.png"))

    brief = ("callbacks=[checkpoint,evaluate]", "evaluation=importance")
    assert call(folder, "train", f"run={name}", "trainer.max_epochs=3", *brief, *one) == 0
    assert checkpoint(run)["epoch"] == 2
    assert results(run).keys() <= results(evaluation).keys()
