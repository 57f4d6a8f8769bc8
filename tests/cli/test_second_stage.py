"""A second stage, a new prior for a trained run: trained parameters, resuming and errors."""

import shutil
from pathlib import Path

import pytest
from commandline import FAST, assert_same, call, checkpoint, only_run, results

from vaelab.cli.train import job_of
from vaelab.config.run_config import load_config
from vaelab.errors import UserError
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
    assert call(folder, "train", "model=two_stage_vae", f"first_stage={first}", *TINY) == 0
    return only_run(folder)


def test_only_the_prior_learns(first: Path, second: Path) -> None:
    before, after = (checkpoint(run, "best")["state_dict"] for run in (first, second))
    kept = [name for name in before if name.startswith("latent.") and not name.startswith("latent.prior.")]
    assert_same({name: after[name] for name in kept}, {name: before[name] for name in kept})
    (optimizer,) = checkpoint(second)["optimizer_states"]
    prior = [name for name, value in after.items() if name.startswith("latent.prior.") and value.is_floating_point()]
    assert len(optimizer["state"]) <= len(prior)


def test_a_codebook_does_not_change(tmp_path: Path) -> None:
    quantized = ("model=vq_vae", "data=digits", "encoder=mlp", "decoder=mlp", *TINY)
    assert call(tmp_path, "train", *quantized, "hydra.run.dir=first") == 0
    assert call(tmp_path, "train", "model=code_prior", "first_stage=first", *TINY, "hydra.run.dir=second") == 0
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


def test_samples_resumes_and_evaluates_without_the_first_stage(second: Path, tmp_path: Path) -> None:
    assert call(second, "sample", "run=.", "num_samples=8") == 0
    assert call(second, "train", "run=.", "trainer.max_epochs=3") == 0
    assert checkpoint(second)["epoch"] == 2
    assert call(second, "evaluate", "run=.") == 0


MISTAKES = {
    ("latent_dim=7",): "latent_dim=7 would change what {run} was trained with; a second stage chooses the prior only",
    ("encoder.num_features=9",): "encoder.num_features=9 would change what {run} was trained with; a second stage",
    ("data=mnist",): "data=mnist would change what {run} was trained with; a second stage chooses the prior only",
    ("prior=nothing",): "'nothing'",
    ("ckpt=last",): "first_stage={run} starts a new run; leave out run= and ckpt=",
    ("run=.",): "first_stage={run} starts a new run; leave out run= and ckpt=",
    (
        "init_from=.",
    ): "init_from=. has no effect on a second stage, which begins with the weights of first_stage={run};",
}


@pytest.mark.parametrize("arguments", MISTAKES, ids=" ".join)
def test_a_mistake_gets_one_sentence(
    arguments: tuple[str, ...], first: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(tmp_path, "train", "model=two_stage_vae", f"first_stage={first}", *TINY, *arguments) > 0
    assert MISTAKES[arguments].format(run=first) in capsys.readouterr().err
    assert not list(tmp_path.glob("outputs/*/*"))


def test_a_missing_first_stage_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(tmp_path, "train", "model=two_stage_vae") == 1
    assert "first_stage is not set; give first_stage=..." in capsys.readouterr().err


def test_run_is_not_the_first_stage(
    first: Path, second: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(tmp_path, "train", "model=latent_mixture", f"run={first}", *TINY) == 1
    assert capsys.readouterr().err == (
        f"run={first} resumes a run, but that run was trained with model=beta_vae; to train latent_mixture on it, "
        f"give first_stage={first} instead of run=\n"
    )
    assert call(tmp_path, "train", "model=two_stage_vae", f"run={second}") == 1
    assert "model=two_stage_vae would change the model, which a run keeps" in capsys.readouterr().err


@pytest.mark.parametrize("model", ["vae", None])
def test_other_models_take_no_first_stage(
    model: str | None, first: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    chosen = [] if model is None else [f"model={model}"]
    assert call(tmp_path, "train", *chosen, f"first_stage={first}") == 1
    assert capsys.readouterr().err == (
        f"first_stage={first} is for second stages; choose one by model=... (available: code_prior, latent_flow, "
        "latent_mixture, two_stage_vae), or leave first_stage out\n"
    )


def test_an_empty_first_stage_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(tmp_path, "train", "model=two_stage_vae", "first_stage=") == 1
    assert capsys.readouterr().err == "first_stage= is empty; give a folder after it, or leave it out\n"


def test_two_first_stages_are_an_error() -> None:
    with pytest.raises(UserError, match="first_stage is given twice, first_stage=a and first_stage=b, and only one"):
        job_of(["model=two_stage_vae", "first_stage=a", "first_stage=b"])


def test_a_second_stage_that_was_saved_with_run_resumes(second: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(second, tmp_path / "second")
    text = (copy / "config.yaml").read_text()
    before = text.replace("first_stage: ${first_stage}", "first_stage: ${run}").replace("\nfirst_stage: ", "\nrun: ")
    assert before.count("run") > text.count("run")
    (copy / "config.yaml").write_text(before)
    epochs = checkpoint(copy)["epoch"] + 2
    assert call(copy, "evaluate", "run=.", "evaluation=reconstruction") == 0
    assert call(copy, "train", "run=.", f"trainer.max_epochs={epochs}") == 0
    assert checkpoint(copy)["epoch"] == epochs - 1
