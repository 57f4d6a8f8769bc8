"""The callback `evaluate`: skipped measures, resuming, and evaluation during training."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import lightning.pytorch as pl
import pytest
import torch
from measuring import evaluate, records_of

from vaelab.callbacks.evaluate import Evaluate
from vaelab.data.module import DataModule
from vaelab.errors import UserError
from vaelab.evaluation import result_cache
from vaelab.evaluation.active_units import Activity
from vaelab.evaluation.context import EvaluationContext
from vaelab.evaluation.decomposition import RateDecomposition
from vaelab.evaluation.importance import Importance
from vaelab.evaluation.measure import Measure
from vaelab.evaluation.measurement import Measurement
from vaelab.evaluation.reconstruction import Reconstruction, ReconstructionError
from vaelab.evaluation.record import as_json
from vaelab.model.vae import VAE

Model, Data, Trainer = Callable[..., VAE], Callable[..., DataModule], Callable[..., pl.Trainer]


@dataclass(frozen=True)
class Counted:
    """Reconstruction error that counts the chunks it sees, and is stopped once after so many of them."""

    stop_after: int
    seen: list[int] = field(default_factory=list, repr=False)

    def __call__(self, context: EvaluationContext) -> list[Measurement]:
        error = context.metric(ReconstructionError())
        for chunk in context.chunks(error):
            if len(self.seen) == self.stop_after:
                self.seen.append(-1)
                raise KeyboardInterrupt
            self.seen.append(chunk.number)
            error.update(chunk.batch.x, context.latent.reconstruct(chunk.batch.x, chunk.batch.y))
        errors, num = error.compute()
        return [Measurement("reconstruction/mse", float(errors["mse"]), "squared pixels per image", num)]


def test_what_a_model_does_not_have_is_said_and_the_rest_goes_on(
    model: Model, digits: Data, trainer: Trainer, caplog: pytest.LogCaptureFixture
) -> None:
    vae = model("model=rae")
    measures = {
        "importance": Importance(5, 5, min_effective=2.0),
        "decomposition": RateDecomposition(100),
        "reconstruction": Reconstruction(),
    }
    with caplog.at_level(logging.WARNING):
        trainer(evaluate(**measures)).test(vae, digits(), verbose=False)
    assert {name for name in records_of(vae) if name != "distortion"} == {"reconstruction/mse", "reconstruction/bce"}
    assert [message for message in caplog.messages if "left out" in message] == [
        "importance is left out: importance weights need a posterior with a density, but this one is a point",
        "decomposition is left out: total_correlation needs one latent with a diagonal Gaussian posterior; "
        "set latent=single posterior=diagonal_gaussian",
    ]


class SilentError(Exception):
    """Says nothing."""


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (ValueError("a line\nand another"), "ValueError: a line"),
        (KeyError("name"), "KeyError: 'name'"),
        (SilentError(), "SilentError"),
        (MemoryError("no room"), "MemoryError: no room"),
        (torch.OutOfMemoryError("CUDA out of memory"), "OutOfMemoryError: CUDA out of memory"),
        (AssertionError(), "AssertionError"),
        (StopIteration(), "StopIteration"),
        (UserError("set it lower"), "set it lower"),
    ],
)
def test_a_measure_that_raises_anything_is_left_out_and_the_rest_goes_on(
    error: Exception, says: str, model: Model, digits: Data, trainer: Trainer, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(context: EvaluationContext) -> list[Measurement]:
        raise error

    vae = model()
    with caplog.at_level(logging.WARNING):
        trainer(evaluate(first=broken, reconstruction=Reconstruction())).test(vae, digits(), verbose=False)
    assert {"reconstruction/mse", "elbo"} <= set(records_of(vae))
    assert [message for message in caplog.messages if "left out" in message] == [f"first is left out: {says}"]


def test_in_training_too(model: Model, digits: Data, trainer: Trainer) -> None:
    def broken(context: EvaluationContext) -> list[Measurement]:
        raise RuntimeError("no")

    measures = {"broken": broken, "reconstruction": Reconstruction()}
    callback = Evaluate(measures, every_n_epochs=1, during_training=list(measures), num_examples=50)
    fitting = trainer(callback, max_epochs=1, limit_train_batches=1, limit_val_batches=1)
    fitting.fit(model(), digits())
    assert "val/reconstruction/mse" in fitting.callback_metrics


def test_a_figure_that_is_not_finite_stays_visible(model: Model, digits: Data, trainer: Trainer) -> None:
    vae = model()
    nothing: Measure = lambda context: [Measurement("nothing", float("nan"), "of 1", 1)]  # noqa: E731
    trainer(evaluate(nothing=nothing)).test(vae, digits(), verbose=False)
    assert as_json(records_of(vae), {})["nothing"]["value"] is None
    assert records_of(vae)["nothing"].measurement.warning == "its value is nan"


@pytest.fixture
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """States are kept after every chunk."""
    monkeypatch.setattr(result_cache, "INTERVAL", 0.0)


@pytest.mark.usefixtures("often")
def test_a_stopped_loop_goes_on_where_it_was(model: Model, digits: Data, trainer: Trainer, tmp_path: Path) -> None:
    whole, vae = Counted(stop_after=9), model()
    trainer(evaluate(counted=whole)).test(vae, digits(), verbose=False)
    expected = records_of(vae)["reconstruction/mse"].value
    assert whole.seen == [0, 1, 2, 3]

    stopped, vae = Counted(stop_after=2), model()
    callback = evaluate(counted=stopped)
    callback.cache_folder = tmp_path / "unfinished"
    with pytest.raises(SystemExit):  # which Lightning makes of it
        trainer(callback).test(vae, digits(), verbose=False)
    trainer(callback).test(vae, digits(), verbose=False)
    assert stopped.seen == [0, 1, -1, 2, 3]
    assert records_of(vae)["reconstruction/mse"].value == expected
    assert records_of(vae)["reconstruction/mse"].measurement.num_examples == 360

    callback.discard()
    assert not (tmp_path / "unfinished").exists()


def test_what_has_finished_is_not_measured_again_under_the_same_circumstances(
    model: Model, digits: Data, trainer: Trainer, tmp_path: Path
) -> None:
    counted, vae = Counted(stop_after=99), model()
    callback = evaluate(counted=counted)
    callback.cache_folder = tmp_path

    def test(data: DataModule) -> float:
        trainer(callback).test(vae, data, verbose=False)
        return records_of(vae)["reconstruction/mse"].value

    first = test(digits())
    assert test(digits()) == first
    assert len(counted.seen) == 4
    test(digits("data.chunk=50"))
    assert len(counted.seen) == 4 + 8
    with torch.no_grad():
        next(vae.parameters()).add_(1)
    assert test(digits()) != first
    assert len(counted.seen) == 4 + 8 + 4


def test_a_cheap_look_every_two_epochs(model: Model, digits: Data, trainer: Trainer) -> None:
    measures = {"active_units": Activity(0.01), "reconstruction": Reconstruction()}
    callback = Evaluate(measures, every_n_epochs=2, during_training=["reconstruction"], num_examples=50)
    short = {"limit_train_batches": 2, "limit_val_batches": 1}
    fitting = trainer(callback, max_epochs=1, **short)
    fitting.fit(model(), digits())
    assert "val/reconstruction/mse" not in fitting.callback_metrics
    vae, data = model(), digits()
    fitting = trainer(callback, max_epochs=2, **short)
    fitting.fit(vae, data)
    some = data.batch("validation", torch.arange(50))
    with torch.no_grad():
        expected = (some.x - vae.latent.reconstruct(some.x, some.y)).square().flatten(1).sum(1).mean()
    torch.testing.assert_close(fitting.callback_metrics["val/reconstruction/mse"], expected)
    assert "val/active_units" not in fitting.callback_metrics
    assert vae.training


def test_only_measures_that_are_chosen_can_be_looked_at_in_training() -> None:
    with pytest.raises(UserError) as caught:
        Evaluate({"importance": Importance(5, 5, 2.0)}, 1, ["reconstruction"], 50)
    assert str(caught.value) == (
        "callbacks.evaluate.during_training names reconstruction, but evaluation is [importance]; name some of these"
    )


def test_a_few_batches_where_the_trainer_is_limited_to_them(model: Model, digits: Data, trainer: Trainer) -> None:
    vae = model()
    trainer(evaluate(reconstruction=Reconstruction()), limit_test_batches=2).test(vae, digits(), verbose=False)
    assert (
        records_of(vae)["reconstruction/mse"].measurement.num_examples
        == records_of(vae)["elbo"].measurement.num_examples
        == 200
    )
