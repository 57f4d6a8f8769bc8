"""The page of several runs: what it says, and that names cannot break it."""

from pathlib import Path
from typing import Any

import pytest
from commandline import call
from pages import HOSTILE, Parsed, is_inside, write_run
from PIL import Image

from vaelab.report.sweep_page import write_comparison, write_sweep_report


@pytest.fixture
def sweep(tmp_path: Path) -> Path:
    """Six jobs of a sweep, of which one failed and one is not finished."""
    folder = tmp_path / "outputs" / "sweeps" / "beta"
    for number, (beta, seed) in enumerate([(1, 0), (1, 1), (4, 0), (4, 1)]):
        figures = {"elbo": -20.0 - beta - seed, "rate": 8.0 / beta, "distortion": 12.0 + beta + seed}
        figures["fid/cnn"] = 2.0 + seed
        run = write_run(folder / str(number), [f"objective.beta={beta}", f"seed={seed}"], figures)
        (run / "report.html").write_text("")
        (run / "images").mkdir()
        Image.new("RGB", (900, 700)).save(run / "images" / "sample_grid.png")
    write_run(folder / "4", ["objective.beta=8", "seed=0"], {}, "failed")
    write_run(folder / "5", ["objective.beta=8", "seed=1"], {}, "stopped")
    return folder


def cells(page: Parsed) -> list[str]:
    return [keys["data-sort"] or "" for tag, keys in page.elements if tag == "td" and "data-sort" in keys]


def rows_of(page: Parsed, chart: str) -> list[dict[str, Any]]:
    """The data of a chart's layers."""
    spec = page.data["charts"][chart]
    named = [row for rows in spec.get("datasets", {}).values() for row in rows]
    return named + [row for layer in spec["layer"] for row in layer.get("data", {}).get("values", [])]


def test_it_has_every_job_with_its_state_and_figures(sweep: Path) -> None:
    path = write_sweep_report(sweep)
    page = Parsed(path)
    assert path == sweep / "report.html"
    assert "6 runs: 4 finished, 1 failed, 1 resumable" in page.words
    assert "Best elbo: −21 by run 0 with objective.beta=1, seed=0." in page.words
    assert "out of memory" in page.text
    for value in ("-21.0", "-22.0", "-24.0", "-25.0"):
        assert value in cells(page)
    assert {"plane", "parallel", "spread-0", "spread-3"} <= set(page.data["charts"])
    assert "Importance is not shown: it needs 8 finished runs and 2 settings that vary, here are 4 and 2." in page.words


def test_it_has_mean_and_spread_over_seeds(sweep: Path) -> None:
    words = Parsed(write_sweep_report(sweep)).words
    assert "beta=1 2 −21.500 ± 0.707" in words
    assert "se 0.500" in words
    drawn = rows_of(Parsed(sweep / "report.html"), "spread-0")
    assert {(row["place"], row["mean"]) for row in drawn if "mean" in row} == {(1.0, -21.5), (4.0, -24.5)}


def test_it_leads_to_the_pages_of_its_runs(sweep: Path) -> None:
    page = Parsed(write_sweep_report(sweep))
    links = [keys["href"] or "" for tag, keys in page.elements if tag == "a"]
    assert all((sweep / link).exists() for link in links if not link.startswith("https://arxiv.org/"))
    assert {f"{number}/report.html" for number in range(4)} | {"4", "5"} <= set(links)
    loaded = [keys["src"] or "" for _, keys in page.elements if "src" in keys]
    assert len(loaded) == 2  # samples of each variant that has any
    assert all(is_inside(address) for address in loaded)
    assert (sweep / "report.html").stat().st_size < 1_500_000


def test_several_objectives_have_a_front(sweep: Path) -> None:
    path = write_sweep_report(sweep, ["rate", "distortion"])
    page = Parsed(path)
    assert {row["run"] for row in rows_of(page, "pareto") if row["front"] == "on the front"} == {"0", "2"}
    assert page.text.count("●") == 2


def test_the_command_writes_the_page_of_a_sweep_by_name_or_folder(sweep: Path, tmp_path: Path) -> None:
    for name in ("beta", str(sweep)):
        (sweep / "report.html").unlink(missing_ok=True)
        assert call(tmp_path, "report", f"sweep={name}") == 0
        assert "Best elbo" in Parsed(sweep / "report.html").text


def test_the_command_compares_runs(sweep: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runs = ",".join(f"outputs/sweeps/beta/{number}" for number in (0, 3))
    assert call(tmp_path, "report", f"run={runs}") == 0
    (path,) = tmp_path.glob("outputs/comparisons/*/report.html")
    assert f"report: {path.relative_to(tmp_path)}" in capsys.readouterr().out
    page = Parsed(path)
    assert "2 runs" in page.text
    assert "../../sweeps/beta/3/report.html" in [keys.get("href") for tag, keys in page.elements if tag == "a"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "report needs a run or a sweep; give run=outputs/<model>-<data>/<date>_<time> or sweep=<name>"),
        (["sweep=none"], "sweep=none is neither a folder nor the name of one in outputs/sweeps/; give its folder"),
        (["sweep=."], ". holds no run; give the folder of a sweep"),
        (["run=a", "sweep=b"], "run=a and sweep=b are pages of their own; give one of them"),
        (["run=a"], "a is not a run folder: it has no config.yaml; runs are under outputs/<model>-<data>/"),
        (["run=a,b"], "a is not a run folder: it has no config.yaml; runs are under outputs/<model>-<data>/"),
        (
            ["sweep=.", "seed=3"],
            "seed=3 has no effect on a page of several runs; it takes objectives=[…] and nothing else",
        ),
    ],
)
def test_a_mistake_is_one_sentence(
    arguments: list[str], sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(tmp_path, "report", *arguments) == 1
    assert capsys.readouterr().err.splitlines()[0] == sentence


def test_an_unknown_objective_is_refused(sweep: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(tmp_path, "report", "sweep=beta", "objectives=[fid]") == 1
    expected = "objectives=[fid] is not a figure of these runs; choose of distortion, elbo, fid/cnn, rate"
    assert capsys.readouterr().err.strip() == expected


def test_no_name_breaks_it(tmp_path: Path) -> None:
    for number in range(3):
        overrides = [f"key.{HOSTILE}={number}", f"name={HOSTILE}{number}"]
        write_run(tmp_path / f"run {number} <b>", overrides, {HOSTILE: float(number)})
    write_run(tmp_path / "x", [f"name={HOSTILE}"], {}, "failed")
    page = Parsed(write_comparison(sorted(tmp_path.iterdir()), tmp_path))
    assert len(page.scripts) == 3
    assert page.text.count(HOSTILE) > 8
    assert "run%200%20%3Cb%3E" in [keys.get("href") for tag, keys in page.elements if tag == "a"]


def test_a_sweep_without_results_has_a_page(tmp_path: Path) -> None:
    write_run(tmp_path / "0", ["seed=0"], {}, "failed")
    page = Parsed(write_sweep_report(tmp_path))
    assert "No results yet. No run has finished." in page.words
    assert "1 run: 1 failed" in page.words
