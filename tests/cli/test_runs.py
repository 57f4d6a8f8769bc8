"""vaelab runs tells what became of every run, filters and sorts."""

from pathlib import Path

import pytest
from commandline import FAST, call

BRIEF = (*FAST, "callbacks=[checkpoint,evaluate]", "evaluation=reconstruction", "trainer.max_epochs=1")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sweep of two models, one of whose jobs failed, and a run of its own."""
    folder = tmp_path_factory.mktemp("runs")
    assert call(folder, "train", "-m", "model=vae,beta_vae", "optimizer.lr=0.01,1e30", *BRIEF, "sweep=two") == 1
    assert call(folder, "train", "model=vae", *BRIEF, "hydra.run.dir=outputs/vae-digits/own") == 0
    return folder


def listed(folder: Path, capsys: pytest.CaptureFixture[str], *arguments: str) -> list[str]:
    """The rows of the table, and the line that counts."""
    assert call(folder, "runs", *arguments) == 0
    said = capsys.readouterr().out.splitlines()
    return [line for line in said if " finished" in line or " failed" in line or " resumable" in line]


def test_every_run_is_listed_with_its_state(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    *rows, counts = listed(folder, capsys)
    assert [row.split()[:2] for row in rows] == [
        ["sweeps/two/0", "finished"],
        ["sweeps/two/1", "failed"],
        ["sweeps/two/2", "finished"],
        ["sweeps/two/3", "failed"],
        ["vae-digits/own", "finished"],
    ]
    assert counts == "3 finished, 2 failed"


@pytest.mark.parametrize(
    ("filters", "names"),
    [
        (("model=beta_vae",), ["sweeps/two/2", "sweeps/two/3"]),
        (("model=vae", "status=finished"), ["sweeps/two/0", "vae-digits/own"]),
        (("optimizer.lr=0.01",), ["sweeps/two/0", "sweeps/two/2"]),
        (("sweep=two", "status=failed"), ["1", "3"]),
    ],
)
def test_keys_filter(
    folder: Path, filters: tuple[str, ...], names: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    rows = listed(folder, capsys, *filters)[:-1]
    assert [row.split()[0] for row in rows] == names


def test_a_figure_sorts(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = listed(folder, capsys, "sort=test/rate", "status=finished")[:-1]
    rates = [float(row.split()[5]) for row in rows]
    assert rates == sorted(rates)
    assert len(rates) == 3


@pytest.mark.parametrize(
    ("argument", "sentence"),
    [
        ("status=done", "status=done is unknown; use one of "),
        ("sort=test/elbow", "no run has the figure elbow; did you mean 'elbo'?"),
        ("sweep=none", "outputs/sweeps/none does not exist"),
        ("--model", "cannot read '--model'"),
    ],
)
def test_mistakes(folder: Path, argument: str, sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(folder, "runs", argument) == 1
    assert sentence in capsys.readouterr().err


def test_nothing_matches(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(folder, "runs", "latent_dim=77") == 0
    assert "no run under outputs matches" in capsys.readouterr().out
