"""A multirun: a folder, a config and a W&B run for each job, and one table at the end."""

import re
from io import StringIO
from pathlib import Path
from statistics import mean, stdev

import pytest
from commandline import SMALL, assert_same, call, checkpoint, results, start, tracked, without_traceback
from omegaconf import OmegaConf
from rich.console import Console

from vaelab.cli.sweep_table import collect, compare
from vaelab.storage.summary import summaries

BRIEF = (*SMALL, "trainer=smoke", "callbacks=[checkpoint,evaluate]", "evaluation=reconstruction")

CHOSEN = [("vae", 0), ("vae", 1), ("beta_vae", 0), ("beta_vae", 1)]  # by jobs 0, 2, 4 and 6


@pytest.fixture(scope="module")
def sweep(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two models, two seeds, and a job that cannot work in their midst; with W&B."""
    folder = tmp_path_factory.mktemp("sweep")
    jobs = ("model=vae,beta_vae", "seed=0,1", "trainer.devices=1,0")
    assert call(folder, "train", "-m", *jobs, *BRIEF, "latent_dim=4", "sweep=tried", "tags=[a,b]", "group=mine") == 1
    return folder / "outputs" / "sweeps" / "tried"


def test_each_job_has_a_folder_and_a_successful_one_a_config(sweep: Path) -> None:
    files = ["means.csv", "multirun.yaml", "report.html", "sweep.csv", "sweep.json"]
    assert sorted(path.name for path in sweep.iterdir() if path.name[0] != ".") == [*"01234567", *files]
    assert [one.state for one in summaries(sweep)] == ["finished", "failed"] * 4
    assert not any((sweep / number / "config.yaml").exists() for number in "1357")
    configs = [OmegaConf.load(sweep / number / "config.yaml") for number in "0246"]
    assert [(config.choices.model, config.seed) for config in configs] == CHOSEN
    assert len({str(results(sweep / number)) for number in "0246"}) == 4


def test_each_job_has_a_run_in_weights_and_biases(sweep: Path) -> None:
    sessions = [session for number in "0246" for session in tracked(sweep / number)]
    assert len({session.run["run_id"] for session in sessions}) == len(sessions) == 4
    assert [(session.config["choices"]["model"], session.config["seed"]) for session in sessions] == CHOSEN
    for session in sessions:
        assert (session.run["run_group"], session.run["project"]) == ("mine", "vaelab")
        assert session.run["tags"] == ["a", "b"]
    assert [session.run["display_name"] for session in sessions] == [
        f"{model}-digits model={model} seed={seed} trainer.devices=1" for model, seed in CHOSEN
    ]


def test_the_table_ranks_by_the_mean_over_seeds(sweep: Path) -> None:
    console = Console(width=100, file=StringIO())
    console.print(compare(collect(sweep)))
    text = console.file.getvalue()
    variants = {"vae": "02", "beta_vae": "46"}
    means = {
        variant: mean(results(sweep / number)["reconstruction/mse"] for number in numbers)
        for variant, numbers in variants.items()
    }
    rows = text[text.index("reconstruction/mse ↓") :].splitlines()[1:3]
    for rank, row, variant in zip((1, 2), rows, sorted(means, key=means.__getitem__), strict=True):
        found = re.fullmatch(rf" +{rank} +model={variant} +2 +([\d.]+) ± ([\d.]+) *", row)
        assert found
        values = [results(sweep / number)["reconstruction/mse"] for number in variants[variant]]
        assert float(found[1]) == pytest.approx(mean(values), abs=1e-3)
        assert float(found[2]) == pytest.approx(stdev(values) / 2**0.5, abs=1e-3)
    assert "…" not in text
    assert "seed=" not in text
    assert "data=digits" not in text
    assert max(map(len, text.splitlines())) <= 100


def test_one_variant_with_one_seed(tmp_path: Path) -> None:
    (tmp_path / "0/.hydra").mkdir(parents=True)
    (tmp_path / "0/config.yaml").write_text("data:\nmodel:\nchoices:\n")
    (tmp_path / "0/.hydra/overrides.yaml").write_text("- seed=3\n- data=digits\n")
    (tmp_path / "0/results.json").write_text('{"elbo": {"value": -1.5}}')
    assert collect(tmp_path) == {"data=digits": [{"elbo": -1.5}]}


@pytest.mark.slow
def test_processes_of_a_job_share_its_config(tmp_path: Path) -> None:
    """Two jobs of two processes each, which differ in their learning rate: one step apart from the same weights."""
    arguments = ("-m", *SMALL, "latent_dim=4", "trainer=ddp_cpu", "+trainer.max_steps=1", "sweep=two")
    process = start(tmp_path, "train", *arguments, "optimizer.lr=0.1,0.001", "logger=csv", "callbacks=checkpoint")
    assert process.wait(200) == 0, (tmp_path / "err.txt").read_text()
    without_traceback(tmp_path)
    jobs = [tmp_path / "outputs/sweeps/two" / number for number in "01"]
    before = [checkpoint(job, "previous")["state_dict"] for job in jobs]
    assert_same(before[0], before[1])
    for job, lr in zip(jobs, (0.1, 0.001), strict=True):
        # Adam's first step has the length of the learning rate.
        after = checkpoint(job)["state_dict"]
        step = max(float((after[key] - before[0][key]).abs().max()) for key in after)
        assert step == pytest.approx(lr, rel=1e-3)
