"""The four image callbacks: content, files, and no effect on training."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import numpy as np
import pytest
import torch
from hydra import compose, initialize_config_dir
from lightning.pytorch.loggers.logger import DummyLogger
from PIL import Image
from torch.distributions import Categorical, Independent, MixtureSameFamily, Normal

from vaelab.callbacks.interpolation import Interpolation
from vaelab.callbacks.latent_traversal import LatentTraversal
from vaelab.callbacks.reconstruction_grid import ReconstructionGrid
from vaelab.callbacks.sample_grid import SampleGrid
from vaelab.config import build
from vaelab.evaluation.context import EvaluationContext
from vaelab.model.vae import VAE
from vaelab.picture.callback import PictureCallback
from vaelab.picture.interpolation import line, pairs_of
from vaelab.picture.traversal import prior_quantiles, sweep

CONF = str(Path(__file__).parents[2] / "conf")
PICTURES = ["reconstruction_grid", "sample_grid", "latent_traversal", "interpolation"]
SMALL = [
    *("encoder=mlp", "decoder=mlp", "encoder.num_features=32", "decoder.num_features=32", "latent_dim=5"),
    *("callbacks.reconstruction_grid.num_rows=1", "callbacks.reconstruction_grid.num_columns=3"),
    *("callbacks.sample_grid.num_columns=3", "callbacks.latent_traversal.quantiles=[0.1,0.9]"),
    *("callbacks.interpolation.num_pairs=2", "callbacks.interpolation.num_steps=3"),
    *(f"callbacks.{name}.every_n_epochs=2" for name in PICTURES),
]


class Album(DummyLogger):
    """A logger that takes images."""

    def __init__(self) -> None:
        super().__init__()
        self.images: list[tuple[str, list[str]]] = []

    def log_image(self, key: str, images: list[str], step: int) -> None:
        self.images.append((key, images))


class Broken(DummyLogger):
    def log_image(self, key: str, images: list[str], step: int) -> None:
        raise ConnectionError("no network")


@dataclass
class Fitted:
    folder: Path
    trainer: pl.Trainer
    model: VAE
    pictures: list[Any]
    album: Album
    drawn: dict[str, bytes] = field(default_factory=dict)  # the files after training and validation

    def context(self, split: str) -> EvaluationContext:
        return EvaluationContext(self.model.latent, self.model.data, split, 0, torch.device("cpu"))

    def picture(self, kind: type) -> Any:
        return next(one for one in self.pictures if isinstance(one, kind))


def fit(folder: Path, *overrides: str, pictures: bool = True, loggers: tuple[Any, ...] = (), epochs: int = 2) -> Fitted:
    with initialize_config_dir(CONF, version_base="1.3"):
        chosen = f"callbacks=[{','.join(PICTURES)}]"
        config = compose("train", ["name=test", chosen, "data=digits", *SMALL, *overrides])
    pl.seed_everything(0, verbose=False)
    model, data = build(config.model), build(config.data)
    callbacks = [build(node) for node in config.callbacks.values()] if pictures else []
    album = Album()
    trainer = pl.Trainer(
        accelerator="cpu",
        max_epochs=epochs,
        limit_train_batches=4,
        default_root_dir=folder,
        logger=[album, *loggers],
        callbacks=callbacks,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        use_distributed_sampler=False,
    )
    trainer.fit(model, data)
    return Fitted(folder, trainer, model, callbacks, album)


@pytest.fixture(scope="module")
def conditional(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fitted]:
    with pytest.warns(UserWarning, match="Broken did not take .*sample_grid_epoch002.png: no network"):
        fitted = fit(tmp_path_factory.mktemp("cvae"), "model=cvae", loggers=(Broken(),), epochs=3)
    fitted.trainer.validate(fitted.model, fitted.model.data, verbose=False)
    fitted.drawn = {file.name: file.read_bytes() for file in (fitted.folder / "images").iterdir()}
    fitted.trainer.test(fitted.model, fitted.model.data, verbose=False)
    with torch.no_grad():
        yield fitted


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fitted]:
    fitted = fit(tmp_path_factory.mktemp("vae"))
    with torch.no_grad():
        yield fitted


def test_files_have_their_names_and_show_something(conditional: Fitted) -> None:
    files = sorted((conditional.folder / "images").iterdir())
    assert [file.name for file in files] == sorted(
        name for picture in PICTURES for name in (f"{picture}.png", f"{picture}_epoch002.png")
    )
    for file in files:
        pixels = np.asarray(Image.open(file).convert("L"))
        assert min(pixels.shape) > 150
        assert len(np.unique(pixels)) > 50


def test_loggers_get_the_same_files_and_a_broken_one_stops_nothing(conditional: Fitted) -> None:
    expected = [
        (f"{key}/{name}", [str(conditional.folder / "images" / f"{name}{end}.png")])
        for key, end in (("images", "_epoch002"), ("test/images", ""))  # every two epochs, and after testing
        for name in PICTURES
    ]
    assert conditional.album.images == expected


def test_only_testing_draws_the_test_split(conditional: Fitted) -> None:
    for name, drawn_in_training in conditional.drawn.items():
        same = (conditional.folder / "images" / name).read_bytes() == drawn_in_training
        assert same == ("epoch" in name or name == "sample_grid.png")  # samples look at no split


def test_training_does_not_notice_pictures(plain: Fitted, tmp_path: Path) -> None:
    with torch.enable_grad():
        without = fit(tmp_path, pictures=False)
    assert not (tmp_path / "images").exists()
    weights, others = plain.model.state_dict(), without.model.state_dict()
    assert all(torch.equal(weights[name], others[name]) for name in weights | others)


def test_drawing_leaves_modes_and_random_numbers_alone(plain: Fitted) -> None:
    plain.model.train()
    plain.model.latent.likelihood.eval()
    state, modes = torch.get_rng_state(), [part.training for part in plain.model.modules()]
    for picture in plain.pictures:
        picture.draw(plain.trainer, plain.model, "validation", "again")
    assert torch.equal(torch.get_rng_state(), state)
    assert [part.training for part in plain.model.modules()] == modes


def test_a_picture_is_the_same_each_time(plain: Fitted) -> None:
    for picture in plain.pictures:
        drawn = []
        for _ in range(2):
            torch.rand(1)
            picture.draw(plain.trainer, plain.model, "validation", "again")
            drawn.append((plain.folder / "images/again.png").read_bytes())
        assert drawn[0] == drawn[1]


def test_data_without_images_gives_no_pictures(tmp_path: Path) -> None:
    fit(tmp_path, "data=linear_gaussian", "likelihood=gaussian")
    assert not (tmp_path / "images").exists()


def test_reconstructions_stand_under_the_first_images(plain: Fitted) -> None:
    context = plain.context("validation")
    grid = ReconstructionGrid(1, num_rows=2, num_columns=3).grid(context)
    x = context.examples(torch.arange(6)).x
    assert grid.row_labels == ["data", "reconstruction"] * 2
    assert torch.equal(torch.cat([grid.rows[0], grid.rows[2]]), x)
    assert torch.allclose(torch.cat([grid.rows[1], grid.rows[3]]), plain.model.latent.reconstruct(x, None), atol=1e-6)


def test_a_class_is_a_row_and_a_column_shares_its_latent(conditional: Fitted) -> None:
    context = conditional.context("test")
    grid = SampleGrid(1, num_columns=7, max_classes=20, temperature=1.0).grid(context)
    assert grid.row_labels == [str(digit) for digit in range(10)]
    assert [len(row) for row in grid.rows] == [7] * 10
    spread = SampleGrid(1, num_columns=7, max_classes=2, temperature=0.0).grid(context)
    assert len(spread.rows) == 2
    for y, row in enumerate(spread.rows):  # at temperature 0 only the class is left
        expected = conditional.model.latent.decode(torch.zeros(7, 5), torch.full((7,), y)).mean
        assert torch.allclose(row, expected, atol=1e-6)


def test_the_noise_of_a_row_does_not_depend_on_its_class(conditional: Fitted, monkeypatch: pytest.MonkeyPatch) -> None:
    latent, drawn = conditional.model.latent, []
    draw = latent.draw
    monkeypatch.setattr(latent, "draw", lambda *args: drawn.append(draw(*args)) or drawn[-1])
    SampleGrid(1, num_columns=7, max_classes=3, temperature=1.0).grid(conditional.context("test"))
    assert len(drawn) == 3
    assert torch.equal(drawn[0], drawn[1])
    assert torch.equal(drawn[0], drawn[2])


def test_samples_without_a_class_are_a_square(plain: Fitted) -> None:
    grid = SampleGrid(1, num_columns=4, max_classes=20, temperature=1.0).grid(plain.context("validation"))
    assert [len(row) for row in grid.rows] == [4] * 4
    assert not grid.row_labels


def test_rows_are_sorted_by_their_kl_over_the_split(plain: Fitted) -> None:
    grid = plain.picture(LatentTraversal).grid(plain.context("validation"))
    found = [re.fullmatch(r"z(\d)  (\d+\.\d\d) nats", label) for label in grid.row_labels]
    shown = {int(one[1]): float(one[2]) for one in found if one}
    assert sorted(shown) == list(range(5))
    assert list(shown.values()) == sorted(shown.values(), reverse=True)
    everything = plain.context("validation").examples(torch.arange(200))
    posterior = plain.model.latent.infer(everything.x, None).base_dist
    kl = (posterior.loc.square() + posterior.scale.square() - 1).mean(0) / 2 - posterior.scale.log().mean(0)
    assert all(abs(kl[d] - value) < 0.006 for d, value in shown.items())


def test_without_a_kl_per_dimension_rows_keep_their_order(plain: Fitted) -> None:
    traversal = LatentTraversal(1, max_dimensions=3, quantiles=[0.1, 0.9], example=1)
    grid = traversal.grid(plain.context("validation"))
    assert grid.row_labels == ["z0", "z1", "z2"]
    context = plain.context("validation")
    x = context.examples(torch.tensor([1])).x
    for row in grid.rows:
        assert torch.allclose(row[:1], plain.model.latent.reconstruct(x, None), atol=1e-6)
        assert not torch.equal(row[1], row[2])


def test_a_sweep_changes_one_dimension() -> None:
    code, values = torch.randn(4), torch.linspace(-2, 2, 5)
    swept = sweep(code, 2, values)
    assert torch.equal(swept[:, 2], values)
    others = [0, 1, 3]
    assert torch.equal(swept[:, others], code[others].expand(5, 3))


def test_quantiles_are_those_of_the_prior() -> None:
    levels = torch.tensor([0.01, 0.5, 0.99])
    expected = torch.tensor([-2.3263, 0.0, 2.3263])
    prior = Independent(Normal(torch.zeros(4), torch.ones(4)), 1)
    assert torch.allclose(prior_quantiles(prior, levels), expected[:, None].expand(3, 4), atol=1e-3)
    loc, scale = torch.tensor([[1.0, -2.0]]), torch.tensor([[0.5, 3.0]])
    of_class = Independent(Normal(loc, scale), 1)  # as a prior that knows the class gives it, for one example
    assert torch.allclose(prior_quantiles(of_class, levels), loc + scale * expected[:, None], atol=1e-2)


def test_quantiles_are_those_of_samples_where_there_is_no_inverse() -> None:
    torch.manual_seed(0)
    parts = Independent(Normal(torch.tensor([[-3.0, 0.0], [3.0, 0.0]]), torch.ones(2, 2)), 1)
    prior = MixtureSameFamily(Categorical(torch.ones(2)), parts)
    values = prior_quantiles(prior, torch.tensor([0.25, 0.75]))
    assert torch.allclose(values, torch.tensor([[-3.0, -0.674], [3.0, 0.674]]), atol=0.1)


def test_a_line_is_straight_from_end_to_end() -> None:
    start, end = torch.randn(3, 4), torch.randn(3, 4)
    path = line(start, end, torch.linspace(0, 1, 5))
    assert torch.allclose(path[:, 0], start)
    assert torch.allclose(path[:, -1], end)
    assert torch.allclose(path.diff(dim=1), ((end - start) / 4)[:, None].expand(3, 4, 4), atol=1e-6)


def test_interpolation_joins_images_of_one_class_where_the_class_is_known(conditional: Fitted) -> None:
    context = conditional.context("test")
    interpolation = Interpolation(1, num_pairs=10, num_steps=4)
    pairs = pairs_of(context, interpolation.num_pairs)
    labels = context.examples(pairs.flatten()).y
    assert labels is not None
    assert labels.view(-1, 2).tolist() == [[y, y] for y in range(10)]
    grid = interpolation.grid(context)
    assert grid is not None
    batch = context.examples(pairs[0])
    reconstruction = conditional.model.latent.reconstruct(batch.x, batch.y)
    assert torch.equal(grid.rows[0][[0, -1]], batch.x)
    assert torch.allclose(grid.rows[0][[1, -2]], reconstruction, atol=1e-5)
    assert grid.column_labels == ["data", "0", "0.33", "0.67", "1", "data"]


def test_interpolation_joins_neighbours_where_it_is_not(plain: Fitted) -> None:
    context = plain.context("validation")
    interpolation = Interpolation(1, num_pairs=2, num_steps=4)
    assert pairs_of(context, 2).tolist() == [[0, 1], [2, 3]]
    y = context.examples(torch.arange(2)).y
    assert y is not None
    grid = interpolation.grid(context)
    assert grid is not None
    assert grid.row_labels[0] == f"{y[0]} – {y[1]}"


def test_without_pairs_there_is_no_interpolation(conditional: Fitted, plain: Fitted) -> None:
    for context in (conditional.context("test"), plain.context("validation")):
        assert Interpolation(1, num_pairs=0, num_steps=4).grid(context) is None


@pytest.mark.parametrize("kind", [Interpolation, LatentTraversal, ReconstructionGrid, SampleGrid])
def test_the_file_is_named_after_the_callback(kind: type[PictureCallback]) -> None:
    assert kind.__module__ == f"vaelab.callbacks.{kind.name}"


def test_files_are_of_the_formats_that_were_chosen(tmp_path: Path) -> None:
    fitted = fit(
        tmp_path, "picture=paper", "callbacks.sample_grid.format=[svg]", "callbacks.sample_grid.dpi=72", epochs=1
    )
    found = {path.name for path in (tmp_path / "images").iterdir()}
    papers = {f"{name}.{kind}" for name in PICTURES if name != "sample_grid" for kind in ("png", "pdf")}
    assert found == papers | {"sample_grid.svg", "sample_grid.png"}  # the PNG for the album
    assert {(one.name, one.files.dpi, one.files.title) for one in fitted.pictures} == {
        (name, 72 if name == "sample_grid" else 300, False) for name in PICTURES
    }


def test_a_logger_is_always_given_the_png(tmp_path: Path) -> None:
    album = Album()
    fit(tmp_path, "picture.format=[pdf]", loggers=(album,), epochs=2)
    shown = {Path(path) for _, paths in album.images for path in paths}
    assert {path.suffix for path in shown} == {".png"}
    assert all(path.is_file() and path.with_suffix(".pdf").is_file() for path in shown)
