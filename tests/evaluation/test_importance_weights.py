"""Effective sample size and bits per dimension."""

import math
from collections.abc import Callable

import lightning.pytorch as pl
import pytest
import torch
from measuring import evaluate, records_of

from vaelab.data.module import DataModule
from vaelab.data.pixels import Pixels
from vaelab.evaluation.importance import Importance
from vaelab.evaluation.record import Record
from vaelab.metric.bounds import effective_sample_size, streamed_bound, streamed_log_sums
from vaelab.model.vae import VAE
from vaelab.terms import Batch

Measured = Callable[..., dict[str, Record]]


@pytest.fixture
def measured(
    model: Callable[..., VAE], digits: Callable[..., DataModule], trainer: Callable[..., pl.Trainer]
) -> Measured:
    def measured(*overrides: str, num_samples: int = 20) -> dict[str, Record]:
        vae = model(*overrides)
        trainer(evaluate(importance=Importance(num_samples, 7, min_effective=2.0))).test(
            vae, digits(*overrides), verbose=False
        )
        return records_of(vae)

    return measured


def test_effective_sample_size_of_equal_and_of_dominated_weights() -> None:
    alike, lonely = torch.full((50,), -700.0), torch.linspace(-9000, -100, 50)
    log_weight = torch.stack([alike, lonely], 1).double()
    sums = torch.stack([log_weight, 2 * log_weight]).logsumexp(1)
    torch.testing.assert_close(effective_sample_size(sums), torch.tensor([50.0, 1.0], dtype=torch.float64))


def test_does_not_depend_on_the_chunk_size(model: Callable[..., VAE], batch: Batch) -> None:
    latent, few = model().latent.eval(), Batch(batch.x[:8], None, batch.index[:8])
    sizes = []
    for chunk in (1, 300, 7):
        torch.manual_seed(0)
        with torch.no_grad():
            sizes.append(effective_sample_size(streamed_log_sums(latent, few, 2000, chunk)).mean().item())
    assert sizes == pytest.approx([sizes[0]] * 3, rel=0.05)
    assert 1 < sizes[0] < 2000
    with torch.no_grad(), pytest.raises(ValueError, match="a posterior with a density"):
        streamed_bound(model("model=rae").latent, few, 5, 5)


def test_a_small_effective_sample_size_is_a_warning(measured: Measured) -> None:
    # A narrow Gaussian likelihood makes the posterior narrow too, which an untrained encoder does not know.
    records = measured("likelihood=gaussian", "likelihood.scale=0.02")
    assert 1 <= records["ess/iw20"].value < 2
    assert records["nll/iw20"].measurement.warning == (
        f"only {records['ess/iw20'].value:.1f} of 20 importance weights count, so the bound may be far from "
        "log p(x); take more samples, or measure nll/ais"
    )
    assert measured()["bce/iw20"].measurement.warning == ""
    assert measured("likelihood=gaussian", "likelihood.scale=0.02", num_samples=1)["nll/iw1"].measurement.warning == ""


def test_bits_per_dimension_where_pixels_are_quantized(measured: Measured) -> None:
    records = measured("likelihood=discretized_logistic")
    assert records["bpd/iw20"].value == pytest.approx(records["nll/iw20"].value / 64 / math.log(2))
    assert records["bpd/iw20"].measurement.unit == "bits per dimension"
    for overrides in ((), ("data.binarization=static",), ("likelihood=gaussian",)):
        assert "bpd/iw20" not in measured(*overrides)


@pytest.mark.parametrize(("scale", "width"), [("unit", 1), ("symmetric", 2), ("none", 256)])
def test_256_cells_fill_the_scale(scale: str, width: int) -> None:
    assert Pixels(scale, "none", dequantization=True).cell == width / 256
    assert Pixels(scale, "none", dequantization=False).cell is None


@pytest.mark.parametrize(("scale", "width"), [("unit", 1), ("symmetric", 2)])
def test_bits_of_dequantized_pixels_are_the_same_on_any_scale(scale: str, width: int, measured: Measured) -> None:
    """A density that is stretched with the scale gives the same number of bits."""
    overrides = ("likelihood=gaussian", f"likelihood.scale={1000.0 * width}")  # so wide that only the scale counts
    records = measured(*overrides, "data.dequantization=true", f"data.scale={scale}")
    expected = 8 + (math.log(1000) + math.log(2 * math.pi) / 2) / math.log(2)
    assert records["bpd/iw20"].value == pytest.approx(expected, abs=1e-3)
