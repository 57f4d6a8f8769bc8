"""The page of a run: what it says, that it is one file, and that names cannot break it."""

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from commandline import call
from pages import HOSTILE, Parsed, is_inside

from vaelab.report.gallery.gallery import Gallery
from vaelab.report.gallery.reconstructions import Reconstructions
from vaelab.report.gallery.samples import Samples
from vaelab.report.origin import Difference, Origin
from vaelab.report.run_page import write_run_report
from vaelab.report.sheet import sheet_of
from vaelab.storage.run import Run

TRAIN = (
    *("model=cvae", "data=digits", "encoder=mlp", "decoder=mlp", "latent_dim=3", "logger=csv", "seed=3"),
    *("trainer=smoke", "trainer.limit_test_batches=1.0", "callbacks=[checkpoint,evaluate,health_check,report]"),
    *("evaluation=[reconstruction,importance]", "hydra.run.dir=run"),
)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A conditional VAE on digits, trained for two epochs of four steps."""
    folder = tmp_path_factory.mktemp("trained")
    assert call(folder, "train", *TRAIN) == 0
    return folder / "run"


def test_it_has_every_figure_with_its_protocol(run: Path) -> None:
    page = Parsed(run / "report.html")
    records = json.loads((run / "results.json").read_text())
    assert {"elbo", "rate", "distortion", "bce/iw20"} <= set(records)
    for name, record in records.items():
        title, _, protocol = name.partition("/")
        assert title in page.text
        assert protocol in page.text
        assert record["unit"] in page.words
        assert str(record["value"]) in {keys.get("data-sort") for tag, keys in page.elements if tag == "td"}


def test_its_first_line_is_the_verdict(run: Path) -> None:
    checks = json.loads((run / "health.json").read_text())
    failed = [name for name, line in checks.items() if line["verdict"] == "failed"]
    num = sum(line["verdict"] != "not applicable" for line in checks.values())
    expected = f"{len(failed)} of {num} checks failed: {', '.join(failed)}." if failed else f"All {num} checks passed."
    page = Parsed(run / "report.html")
    assert expected in page.words
    assert all(line["message"] in page.words for line in checks.values())


def test_its_curves_are_those_of_metrics_csv(run: Path) -> None:
    charts = Parsed(run / "report.html").data["charts"]
    with (run / "metrics.csv").open(newline="") as file:
        logged = [float(row["val/elbo"]) for row in csv.DictReader(file) if row["val/elbo"]]
    drawn = [row["value"] for row in charts["curve-0"]["data"]["values"] if row["split"] == "val"]
    assert len(drawn) == 2
    assert drawn == logged


def test_it_repeats_the_run(run: Path) -> None:
    words = Parsed(run / "report.html").words
    overrides = " ".join(one if "[" not in one else f"'{one}'" for one in TRAIN if "hydra" not in one)
    assert f"python train.py {overrides}" in words
    assert "model cvae vae" in words  # chosen, and the default
    assert "latent_dim 3 8" in words
    assert "seed 3 0" in words
    assert "trainer.limit_test_batches 1.0 2" in words  # smoke has 2


def test_its_pictures_are_for_each_class_and_temperature(run: Path) -> None:
    page = Parsed(run / "report.html")
    labels, sheets = page.data["labels"], page.data["sheets"]
    assert labels["classes"] == [str(digit) for digit in range(10)]
    assert labels["temperatures"] == [0.5, 0.7, 0.85, 1.0, 1.2]
    assert {f"samples-{place}" for place in range(5)} <= set(sheets)
    assert sheets["samples-0"]["rows"] == 10
    assert sheets["reconstructions"]["rows"] == 2
    sliders = [keys for tag, keys in page.elements if tag == "input" and keys.get("aria-label", "").startswith("dim")]
    assert len(sliders) == 3
    assert np.shape(labels["values"]) == (3, 3, len(labels["quantiles"]))
    assert all(np.diff(values).min() > 0 for values in np.reshape(labels["values"], (9, -1)))
    assert sheets["interpolations"]["rows"] == 8


def test_it_is_one_file_that_asks_for_nothing(run: Path) -> None:
    page = Parsed(run / "report.html")
    assert all(is_inside(address) for address in page.addresses)
    assert "default-src 'none'" in (run / "report.html").read_text()
    assert (run / "report.html").read_text().count("vegaEmbed=") <= 1  # one copy of the library
    assert (run / "report.html").stat().st_size < 2_000_000


def test_drawn_again_it_is_the_same(run: Path, tmp_path: Path) -> None:
    copy = tmp_path / "run"
    shutil.copytree(run, copy)
    (copy / "report.html").unlink()
    assert call(tmp_path, "report", "run=run") == 0
    assert (copy / "report.html").read_text() == (run / "report.html").read_text()


def test_without_a_checkpoint_it_has_no_pictures(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copytree(run, tmp_path / "run")
    shutil.rmtree(tmp_path / "run" / "checkpoints")
    assert call(tmp_path, "report", "run=run") == 0
    assert "run has no checkpoint, so its page has no pictures" in capsys.readouterr().out
    page = Parsed(tmp_path / "run" / "report.html")
    assert not page.data["sheets"]
    assert "elbo" in page.text


def test_an_evaluation_has_no_page(run: Path, tmp_path: Path) -> None:
    shutil.copytree(run, tmp_path / "run")
    before = (tmp_path / "run" / "report.html").read_bytes()
    assert call(tmp_path, "evaluate", "run=run", "evaluation=reconstruction") == 0
    assert not list((tmp_path / "run" / "evaluations").glob("*/report.html"))
    assert (tmp_path / "run" / "report.html").read_bytes() == before


def test_a_page_that_cannot_be_written_does_not_fail_the_run(run: Path, tmp_path: Path) -> None:
    shutil.copytree(run, tmp_path / "run")
    (tmp_path / "run" / "report.html").unlink()
    (tmp_path / "run" / "report.html").mkdir()
    assert call(tmp_path, "train", "run=run", "trainer.max_epochs=3") == 0
    written = (tmp_path / "run" / "train.log").read_text()
    assert written.count("report.html was not written") == 1
    assert "vaelab report run=run tries again" in written
    assert json.loads((tmp_path / "run" / "results.json").read_text())["elbo"]["checkpoint"]["trained_steps"] == 12
    # The command says so too, and fails.
    assert call(tmp_path, "report", "run=run") == 1


def hostile_gallery() -> Gallery:
    sheet = sheet_of(np.zeros((2, 3, 4, 4, 1), dtype=np.uint8))
    samples = Samples((sheet,), (1.0,), (HOSTILE, "b"))
    return Gallery(Reconstructions(sheet, (HOSTILE,) * 3), samples, notes=(HOSTILE,))


def test_no_name_breaks_it(tmp_path: Path) -> None:
    record = {
        **{"value": 1.5, "unit": HOSTILE, "num_examples": 3, "features": HOSTILE, "split": HOSTILE, "warning": HOSTILE},
        "checkpoint": {"name": HOSTILE, "step": 1, "trained_steps": 1},
    }
    line = {"verdict": "failed", "message": HOSTILE, "value": 1.0, "unit": HOSTILE, "details": {HOSTILE: 1.0}}
    (tmp_path / "results.json").write_text(json.dumps({f"elbo/{HOSTILE}": record}))
    (tmp_path / "health.json").write_text(json.dumps({HOSTILE: line}))
    with (tmp_path / "metrics.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["step", f"val/{HOSTILE}"], [1, 2.0], [2, 3.0]])
    difference = Difference(HOSTILE, HOSTILE, HOSTILE)
    origin = Origin(HOSTILE, HOSTILE, [difference], [difference], {HOSTILE: HOSTILE}, [HOSTILE])
    page = Parsed(write_run_report(Run(tmp_path), origin, hostile_gallery()))
    assert len(page.scripts) == 3  # the data, the library and report.js
    assert page.text.count(HOSTILE) >= 16
    assert page.data["labels"]["classes"][0] == HOSTILE
    assert not any("alert" in name for name, _ in page.elements)


def test_a_run_of_which_nothing_is_known_has_a_page(tmp_path: Path) -> None:
    page = Parsed(write_run_report(Run(tmp_path), Origin("vae on digits", "python train.py"), Gallery()))
    assert "Not checked. The checklist was not run." in page.words
    assert not page.data["charts"]
    assert len(page.scripts) == 2  # no chart, no library


def test_a_damaged_file_leaves_its_section_out(tmp_path: Path) -> None:
    for name in ("results.json", "health.json", "metrics.csv"):
        (tmp_path / name).write_text('{"elbo": ')
    page = Parsed(write_run_report(Run(tmp_path), Origin("vae on digits", "python train.py"), Gallery()))
    assert "Results" not in page.text
    assert "The checklist was not run." in page.text


def test_noise_of_the_largest_gallery_stays_below_three_megabytes(composed: object) -> None:
    values = composed("callbacks=report").callbacks.report.max_values  # type: ignore[operator]
    noise = np.random.default_rng(0).integers(0, 256, (1, values // 784, 28, 28, 1), dtype=np.uint8)
    assert len(sheet_of(noise).as_json()["src"]) + 1_000_000 < 3_100_000
