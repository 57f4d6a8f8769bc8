"""A prior of its own for the latents of a trained run: what stays, what learns, and what may be said."""

from pathlib import Path

import pytest
from commandline import FAST, assert_same, call, checkpoint, only_run, results

from vaelab.config.run_config import load_config
from vaelab.storage.run import Run

EVIDENCE = ("callbacks=[checkpoint,evaluate]", "evaluation=importance")
TINY = ("logger=csv", *EVIDENCE, "trainer.max_epochs=2", "data.batch_size=32")


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A VAE whose codes miss the standard normal, because their rate weighs little."""
    folder = tmp_path_factory.mktemp("first")
    assert call(folder, "train", *FAST, "model=beta_vae", "objective.beta=0.2", "trainer.max_epochs=4") == 0
    return only_run(folder)


@pytest.fixture(scope="module")
def second(first: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("second")
    assert call(folder, "train", "model=two_stage_vae", f"run={first}", *TINY) == 0
    return only_run(folder)


def test_only_the_prior_learns(first: Path, second: Path) -> None:
    before, after = (checkpoint(run, "best")["state_dict"] for run in (first, second))
    kept = [name for name in before if name.startswith("latent.") and not name.startswith("latent.prior.")]
    assert_same({name: after[name] for name in kept}, {name: before[name] for name in kept})
    (optimizer,) = checkpoint(second)["optimizer_states"]
    prior = [name for name, value in after.items() if name.startswith("latent.prior.") and value.is_floating_point()]
    assert len(optimizer["state"]) <= len(prior)


def test_a_codebook_stays_as_it_was(tmp_path: Path) -> None:
    quantized = ("model=vq_vae", "data=digits", "encoder=mlp", "decoder=mlp", *TINY)
    assert call(tmp_path, "train", *quantized, "hydra.run.dir=first") == 0
    assert call(tmp_path, "train", "model=code_prior", "run=first", *TINY, "hydra.run.dir=second") == 0
    before, after = (checkpoint(tmp_path / run, "best")["state_dict"] for run in ("first", "second"))
    codebook = [name for name in before if name.startswith("latent.codebook.")]
    assert_same({name: after[name] for name in codebook}, {name: before[name] for name in codebook})


def test_a_fitted_prior_raises_the_bound(first: Path, second: Path) -> None:
    folder = only_run(first.parents[2]) / "evaluations"
    assert call(first, "evaluate", "run=.", "evaluation=importance") == 0
    (evaluation,) = folder.iterdir()
    assert results(second)["bce/iw20"] < results(evaluation)["bce/iw20"]
    assert results(second)["distortion"] == pytest.approx(results(evaluation)["distortion"])


def test_it_is_named_after_the_data_and_keeps_the_choices_of_the_first_stage(first: Path, second: Path) -> None:
    assert second.parent.name == "two_stage_vae-digits"
    chosen, before = load_config(Run.open(second)).choices, load_config(Run.open(first)).choices
    assert (chosen.encoder, chosen.data, chosen.prior) == (before.encoder, before.data, "latent_vae")


def test_samples_goes_on_and_is_evaluated_without_the_first_stage(second: Path, tmp_path: Path) -> None:
    assert call(second, "sample", "run=.", "num_samples=8") == 0
    assert call(second, "train", "run=.", "trainer.max_epochs=3") == 0
    assert checkpoint(second)["epoch"] == 2
    assert call(second, "evaluate", "run=.") == 0


MISTAKES = {
    ("latent_dim=7",): "latent_dim=7 would change what {run} was trained with; a second stage chooses the prior only",
    ("encoder.num_features=9",): "encoder.num_features=9 would change what {run} was trained with; a second stage",
    ("data=mnist",): "data=mnist would change what {run} was trained with; a second stage chooses the prior only",
    ("prior=nothing",): "'nothing'",
    ("ckpt=last",): "ckpt=last is for going on; a second stage starts from its first's best: leave it out",
}


@pytest.mark.parametrize("arguments", MISTAKES, ids=" ".join)
def test_a_mistake_gets_one_sentence(
    arguments: tuple[str, ...], first: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(tmp_path, "train", "model=two_stage_vae", f"run={first}", *TINY, *arguments) > 0
    assert MISTAKES[arguments].format(run=first) in capsys.readouterr().err
    assert not list(tmp_path.glob("outputs/*/*"))


def test_without_a_first_stage_it_asks_for_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(tmp_path, "train", "model=two_stage_vae") == 1
    assert "run is not set; give run=..." in capsys.readouterr().err
