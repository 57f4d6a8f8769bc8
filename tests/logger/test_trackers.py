"""TensorBoard and MLflow hold each row and picture of a run once, also of one that was killed and resumed."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from commandline import SMALL, call, metrics, only_run
from lightning.pytorch.loggers import Logger
from mlflow.tracking import MlflowClient
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from vaelab.errors import UserError
from vaelab.logger import mlflow, tensorboard
from vaelab.logger.markdown import markdown_table
from vaelab.logger.mlflow import MLFlowLogger
from vaelab.logger.tensorboard import TensorBoardLogger

LOOKS = ("reconstruction_grid", "kl_heat_map")
Point = tuple[str, int, float]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two epochs, then from the checkpoint after the first until a third: the second is trained twice."""
    folder = tmp_path_factory.mktemp("trackers")
    given = (
        *SMALL,
        "trainer=smoke",
        "project=mine",
        "logger=[csv,tensorboard,mlflow]",
        f"callbacks=[checkpoint,{','.join(LOOKS)},health_check,evaluate]",
        "evaluation=reconstruction",
        *(f"callbacks.{name}.every_n_epochs=1" for name in LOOKS),
    )
    assert call(folder, "train", *given) == 0
    run = only_run(folder)
    first = run / "checkpoints" / "previous.ckpt"  # after the first of two epochs
    kept = first.rename(run / "checkpoints" / "first.ckpt")
    assert call(folder, "train", f"run={run}", f"ckpt={kept}", "trainer.max_epochs=3") == 0
    return run


def points_of_csv(run: Path) -> set[Point]:
    rows = [(int(row.pop("step")), row) for row in metrics(run)]
    return {(key, step, float(value)) for step, row in rows for key, value in row.items() if value and key != "epoch"}


def assert_once(found: list[Point], expected: set[Point]) -> None:
    """Every point is there, none twice."""
    assert max(Counter((key, step) for key, step, _ in found).values()) == 1
    values = {(key, step): value for key, step, value in found}
    for key, step, value in expected:
        assert values[key, step] == pytest.approx(value, rel=1e-6), (key, step)


def events(run: Path) -> EventAccumulator:
    accumulator = EventAccumulator(str(run / "tensorboard"), size_guidance={"scalars": 0, "images": 0})
    accumulator.Reload()
    return accumulator


@pytest.mark.slow
def test_tensorboard_has_each_row_once(run: Path) -> None:
    read = events(run)
    keys = set(read.Tags()["scalars"]) - {"epoch"}  # which comes with each row
    found = [(key, one.step, one.value) for key in keys for one in read.Scalars(key)]
    expected = points_of_csv(run)
    assert len({step for key, step, _ in expected if key == "train/loss"}) == 12
    assert_once(found, expected)
    assert len(found) == len(expected)


@pytest.mark.slow
def test_tensorboard_has_each_picture_once(run: Path) -> None:
    read = events(run)
    for name in LOOKS:
        assert [one.step for one in read.Images(f"images/{name}")] == [3, 7, 11]
    drawn = Image.open(run / "images" / "reconstruction_grid_epoch003.png")
    assert read.Images("images/reconstruction_grid")[-1].width == drawn.width
    assert "health/checks/text_summary" in read.Tags()["tensors"]


def stored(run: Path) -> tuple[MlflowClient, Any]:
    """The client and the only run of an experiment."""
    client = MlflowClient(f"sqlite:///{run.parents[2] / 'mlruns' / 'mlflow.db'}")
    (found,) = client.search_runs([client.get_experiment_by_name("mine").experiment_id])
    return client, found


@pytest.mark.slow
def test_mlflow_has_each_row_once(run: Path) -> None:
    client, found = stored(run)
    history = [
        one for key in found.data.metrics if key != "epoch" for one in client.get_metric_history(found.info.run_id, key)
    ]
    assert_once([(one.key, one.step, one.value) for one in history], points_of_csv(run))
    assert found.info.run_name == "vae-digits seed=0"
    assert found.info.status == "FINISHED"
    assert found.data.params["data/shape"] == "[1, 8, 8]"


@pytest.mark.slow
def test_mlflow_has_each_picture_once(run: Path) -> None:
    client, found = stored(run)
    paths = [file.path for file in client.list_artifacts(found.info.run_id, "images") if file.path.endswith(".png")]
    looks = [(match[1], int(match[2])) for path in paths if (match := mlflow.IMAGE.match(path))]
    assert sorted(looks) == sorted((f"images~{name}", step) for name in LOOKS for step in (3, 7, 11)) + [
        ("test~images~reconstruction_grid", step) for step in (8, 12)
    ]
    assert "| passed |" in Path(client.download_artifacts(found.info.run_id, "health/checks.md")).read_text()


@pytest.mark.parametrize(
    ("module", "logger", "given"),
    [(tensorboard, TensorBoardLogger, {}), (mlflow, MLFlowLogger, {"project": "p", "name": "n", "id": "i"})],
    ids=["tensorboard", "mlflow"],
)
def test_a_package_that_is_missing(
    module: Any, logger: Callable[..., Logger], given: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    name = module.__name__.rpartition(".")[2]
    monkeypatch.setattr(module, "find_spec", lambda package: None)
    with pytest.raises(UserError) as caught:
        logger(save_dir=str(tmp_path), **given)
    assert str(caught.value) == f"logger '{name}' needs the package {name}: pip install 'vaelab[{name}]'"


def test_a_cell_may_hold_a_bar() -> None:
    assert markdown_table(["a", "b"], [["p(x|z)", ""]]) == "| a | b |\n| --- | --- |\n| p(x\\|z) |  |\n"


def test_not_a_number_is_the_same_again(tmp_path: Path) -> None:
    logger = MLFlowLogger(str(tmp_path), "p", "n", "i", tracking_uri=f"sqlite:///{tmp_path}/mlflow.db")
    logger.log_metrics({"a": np.nan, "b": 1.0}, 3)
    again = MLFlowLogger(str(tmp_path), "p", "n", "i", tracking_uri=f"sqlite:///{tmp_path}/mlflow.db")
    again.rewind(3)
    again.log_metrics({"a": np.nan, "b": 2.0}, 3)
    history = {key: again.experiment.get_metric_history(again.run_id, key) for key in "ab"}
    assert [len(values) for values in history.values()] == [1, 2]  # what differs is logged
