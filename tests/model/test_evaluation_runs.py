"""Runs of trainer.test: reproducible values under the right names."""

from collections.abc import Callable

import lightning.pytorch as pl
import measuring
import pytest
import torch

from vaelab.data.module import DataModule
from vaelab.evaluation.active_units import Activity
from vaelab.evaluation.importance import Importance
from vaelab.evaluation.reconstruction import Reconstruction
from vaelab.evaluation.record import Record
from vaelab.metric.bounds import streamed_bound
from vaelab.model.vae import VAE

Evaluate = Callable[..., dict[str, Record]]


@pytest.fixture
def evaluate(
    model: Callable[..., VAE], digits: Callable[..., DataModule], trainer: Callable[..., pl.Trainer]
) -> Evaluate:
    def evaluate(*overrides: str, num_samples: int = 7, seed: int = 0) -> dict[str, Record]:
        """The records of one trainer.test, with torch's global numbers at `seed`."""
        vae = model(*overrides)
        measures = {
            "importance": Importance(num_samples, 3, min_effective=2.0),
            "reconstruction": Reconstruction(),
            "active_units": Activity(0.01),
        }
        torch.manual_seed(seed)
        trainer(measuring.evaluate(**measures)).test(vae, digits(*overrides), verbose=False)
        return measuring.records_of(vae)

    return evaluate


def values(records: dict[str, Record]) -> dict[str, float]:
    return {name: record.value for name, record in records.items()}


@pytest.mark.parametrize("data", ["none", "dynamic", "static"])
def test_two_evaluations_are_identical(data: str, evaluate: Evaluate) -> None:
    overrides = ("model=cvae", f"data.binarization={data}")
    first, second = (evaluate(*overrides, seed=seed) for seed in (1, 2))
    assert values(first) == values(second)
    assert values(evaluate(*overrides, "seed=5")) != values(first)


@pytest.mark.parametrize(
    ("overrides", "kind"),
    [
        (("data.binarization=none",), "bce"),
        (("data.binarization=dynamic",), "nll"),
        (("data.binarization=static",), "nll"),
        (("likelihood=continuous_bernoulli",), "nll"),
        (("likelihood=gaussian", "data.scale=symmetric"), "nll"),
    ],
)
def test_only_densities_are_reported_as_nll(overrides: tuple[str, ...], kind: str, evaluate: Evaluate) -> None:
    records = evaluate(*overrides)
    assert records.keys() & {"nll/iw7", "bce/iw7"} == {f"{kind}/iw7"}


def test_records_contain_the_protocol(evaluate: Evaluate) -> None:
    records = evaluate("data.binarization=static", "seed=3")
    assert set(records) == {
        *(
            "elbo",
            "rate",
            "distortion",
            "nll/iw7",
            "ess/iw7",
            "reconstruction/mse",
            "reconstruction/bce",
            "active_units",
        )
    }
    for record in records.values():
        assert (record.split, record.measurement.num_examples, record.chunk, record.seed) == ("test", 360, 100, 3)
        assert record.precision == "32-true"
    assert records["nll/iw7"].measurement.num_samples == 7
    assert records["elbo"].measurement.num_samples == 1
    assert records["active_units"].measurement.num_samples == 0
    assert records["active_units"].measurement.unit == "of 4 dimensions"
    assert records["elbo"].value == pytest.approx(-records["rate"].value - records["distortion"].value)


def test_the_published_bound_is_that_of_the_whole_test_split(
    evaluate: Evaluate, model: Callable[..., VAE], digits: Callable[..., DataModule]
) -> None:
    found = evaluate("data.binarization=static", num_samples=400)["nll/iw400"].value
    with torch.no_grad():
        test = digits("data.binarization=static").batch("test", torch.arange(360))
        bound = streamed_bound(model().latent, test, 400, 50)
    assert -bound.mean().item() == pytest.approx(found, abs=0.05)
