"""The heat map shows every validation of a run, also after a resumption."""

from collections.abc import Callable
from pathlib import Path

import lightning.pytorch as pl
import numpy as np
import pytest
from PIL import Image

from vaelab.callbacks.checkpoint import LastCheckpoint
from vaelab.callbacks.kl_heat_map import KLHeatMap
from vaelab.data.module import DataModule
from vaelab.model.vae import VAE
from vaelab.picture.heat_map import heat_map


def test_a_resumed_run_draws_the_picture_of_an_uninterrupted_one(
    model: Callable[..., VAE], digits: Callable[..., DataModule], trainer: Callable[..., pl.Trainer], tmp_path: Path
) -> None:
    def fit(epochs: int, ckpt_path: Path | None = None) -> tuple[KLHeatMap, bytes]:
        callback = KLHeatMap(every_n_epochs=2)
        running = trainer(callback, LastCheckpoint(tmp_path), max_epochs=epochs)
        running.fit(model(), digits("data.batch_size=400"), ckpt_path=ckpt_path, weights_only=True)
        return callback, (tmp_path / "images" / "kl_heat_map.png").read_bytes()

    whole, picture = fit(3)
    assert (whole.steps, whole.groups) == ([4, 8, 12], [0, 1, 2, 3])
    fit(1)
    resumed, again = fit(3, tmp_path / "last.ckpt")
    assert resumed.state_dict() == whole.state_dict()
    assert again == picture
    assert sorted(file.name for file in (tmp_path / "images").iterdir()) == [
        "kl_heat_map.png",
        "kl_heat_map_epoch002.png",
    ]


def test_files_for_a_paper(
    model: Callable[..., VAE], digits: Callable[..., DataModule], trainer: Callable[..., pl.Trainer], tmp_path: Path
) -> None:
    """Without a logger that shows pictures there is no PNG."""
    drawing = KLHeatMap(1, format=["pdf", "svg"], dpi=300, title=False)
    trainer(drawing, max_epochs=1).fit(model(), digits("data.batch_size=400"))
    names = {f"{name}.{kind}" for name in ("kl_heat_map", "kl_heat_map_epoch001") for kind in ("pdf", "svg")}
    assert {file.name for file in (tmp_path / "images").iterdir()} == names
    assert b"/Type3" not in (tmp_path / "images" / "kl_heat_map.pdf").read_bytes()


def test_a_single_group_has_no_picture(
    model: Callable[..., VAE], digits: Callable[..., DataModule], trainer: Callable[..., pl.Trainer], tmp_path: Path
) -> None:
    trainer(KLHeatMap(every_n_epochs=1), max_epochs=1).fit(model("model=vq_vae"), digits())
    assert not (tmp_path / "images").exists()


def test_a_cell_has_the_colour_of_its_number(tmp_path: Path) -> None:
    values = np.array([[0.0, 0.0], [0.0, 2.0]])
    figure = heat_map([10, 30], [0, 16], values, "title", "group", "nats")
    figure.savefig(tmp_path / "map.png")
    pixels = np.asarray(Image.open(tmp_path / "map.png").convert("RGB")).astype(int)
    axes = figure.axes[0]

    def colour(step: float, row: float) -> list[int]:
        x, y = axes.transData.transform((step, row))
        return pixels[round(len(pixels) - y), round(x)].tolist()

    assert colour(5, 0) == colour(5, 1) == colour(20, 0)
    red, _, blue = colour(20, 1)
    assert red > 200 > 100 > blue  # the yellow end of the scale
    assert [label.get_text() for label in axes.get_yticklabels() if label.get_text()] == ["0", "16"]


@pytest.mark.parametrize("num", [1, 64])
def test_any_number_of_rows_and_steps_can_be_drawn(num: int, tmp_path: Path) -> None:
    heat_map([1], list(range(num)), np.ones((num, 1)), "title", "group", "nats").savefig(tmp_path / "map.png")
    assert len(np.unique(np.asarray(Image.open(tmp_path / "map.png").convert("L")))) > 50
