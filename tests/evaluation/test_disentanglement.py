"""Disentanglement as a run reports it, and its points."""

from collections.abc import Callable
from dataclasses import replace

import lightning.pytorch as pl
import numpy as np
import pytest
import torch
from measuring import evaluate, records_of
from omegaconf import DictConfig
from torch import Tensor, nn

from vaelab.callbacks.evaluate import run_measure
from vaelab.config import build
from vaelab.data.dsprites import SIZES
from vaelab.data.module import DataModule
from vaelab.errors import UserError
from vaelab.evaluation.codes import Codes
from vaelab.evaluation.context import EvaluationContext
from vaelab.evaluation.disentanglement import SCORES, Disentanglement
from vaelab.metric.disentanglement.dci import DCI

MEASURE = Disentanglement(
    scores=list(SCORES),
    num_points=8000,
    num_bins=20,
    boosted_points=1600,
    boosted_rounds=1,
    num_trees=1,
    num_votes=200,
    group_size=40,
    min_scale=0.05,
    max_dimensions=9,
)
NAMES = {
    *("mig", "sap", "sap/threshold", "sap/adjusted", "factor_vae_score", "modularity", "modularity/alive"),
    *(f"{score}/{name}" for score in ("dci", "dci/forest") for name in DCI._fields),
}


class GaussianStatistics(nn.Module):
    """A code without learning: label, middle of the white pixels in x and in y, their number, and so again."""

    def __init__(self, kept: int = 4) -> None:
        super().__init__()
        self.kept = kept

    def encode(self, x: Tensor, y: Tensor | None) -> Tensor:
        assert y is not None
        axis, area = torch.arange(64.0), x.sum((1, 2, 3))
        middle_x, middle_y = (x.sum((1, dim)) @ axis / area for dim in (2, 3))
        return torch.stack([y, middle_x, middle_y, area], 1).repeat(1, 3)[:, : self.kept]


@pytest.fixture(scope="module")
def dsprites(composed: Callable[..., DictConfig]) -> DataModule:
    return build(composed("data=dsprites", "data.source.root=nowhere").data)


@pytest.fixture
def context(dsprites: DataModule) -> EvaluationContext:
    return EvaluationContext(GaussianStatistics(), dsprites, "test", 0, torch.device("cpu"), skipped=[])


def test_codes_match_their_factors(context: EvaluationContext) -> None:
    codes, factors = MEASURE.factored_codes(context)
    assert codes.shape == (8000, 4)
    assert (codes[:, 0] == factors[:, 0]).all()
    assert np.abs(codes[:, 1] - 16 - factors[:, 3]).max() < 2
    assert np.abs(codes[:, 2] - 16 - factors[:, 4]).max() < 2
    assert np.corrcoef(codes[:, 3], factors[:, 1])[0, 1] > 0.8


def test_factors_are_drawn_uniformly_and_by_the_seed(context: EvaluationContext) -> None:
    _, factors = MEASURE.factored_codes(context)
    for column, size in zip(factors.T, SIZES, strict=True):
        counts = np.bincount(column, minlength=size)
        assert len(counts) == size
        assert np.abs(counts / len(column) * size - 1).max() < 5 * np.sqrt(size / len(column))
    torch.manual_seed(7)
    assert (MEASURE.factored_codes(context)[1] == factors).all()
    assert (MEASURE.factored_codes(replace(context, seed=1))[1] != factors).any()


def test_two_processes_equal_one(context: EvaluationContext) -> None:
    whole, _ = MEASURE.factored_codes(context)
    chunks = np.split(whole, len(whole) // context.data.chunk)
    for rank in (0, 1):
        share, _ = MEASURE.factored_codes(replace(context, rank=rank, world_size=2))
        assert (share == np.concatenate(chunks[rank::2])).all()


def test_points_are_sorted_by_index() -> None:
    codes, factors = torch.randn(6, 2), torch.arange(12).view(6, 2)
    metric = Codes()
    for index in (torch.tensor([4, 5]), torch.tensor([0, 2]), torch.tensor([1, 3])):
        metric.update(index, codes[index], factors[index])
    found = metric.compute()
    assert torch.equal(found[0], codes)
    assert torch.equal(found[1], factors)


def test_a_code_of_label_and_position_has_gaps_for_these_factors_only(context: EvaluationContext) -> None:
    measurements = {measurement.name: measurement.value for measurement in MEASURE(context)}
    assert set(measurements) == NAMES
    assert context.skipped == []
    # The code contains shape and position, but neither scale nor orientation.
    assert 0.5 < measurements["mig"] < 0.75
    assert 0.5 < measurements["sap/adjusted"] < 0.85
    assert 0 < measurements["sap"] < measurements["sap/threshold"] < measurements["sap/adjusted"]
    assert measurements["modularity"] > 0.9
    assert measurements["dci/disentanglement"] > 0.5
    assert measurements["dci/forest/disentanglement"] > 0.5


def test_a_run_publishes_every_score(
    composed: Callable[..., DictConfig], dsprites: DataModule, trainer: Callable[..., pl.Trainer]
) -> None:
    small = ("encoder=mlp", "decoder=mlp", "encoder.num_features=8", "decoder.num_features=8", "latent_dim=3")
    for name, scores in {"vae": list(SCORES), "cvae": ["mig"]}.items():
        vae = build(composed("data=dsprites", f"model={name}", *small).model)
        trainer(evaluate(disentanglement=replace(MEASURE, scores=scores))).test(vae, dsprites, verbose=False)
        measurements = {
            measurement: record.measurement for measurement, record in records_of(vae).items() if measurement in NAMES
        }
        assert set(measurements) == (NAMES if name == "vae" else {"mig"})
        for measurement in measurements.values():
            assert 0 <= measurement.value <= 1
            boosted = measurement.name in {f"dci/{name}" for name in DCI._fields}
            assert measurement.num_examples == (1600 if boosted else 8000)


def test_only_scores_with_too_few_points_are_skipped(context: EvaluationContext) -> None:
    measurements = replace(MEASURE, group_size=64)(context)
    assert {measurement.name for measurement in measurements} == NAMES - {"factor_vae_score"}
    assert context.skipped == [
        "evaluation.disentanglement gives no factor_vae_score: factor_vae_score needs 10240 points, but has 8000; set"
        " evaluation.disentanglement.num_points=10240 or more,"
        " and no lower trainer.limit_test_batches or callbacks.evaluate.num_examples"
    ]


def test_the_limit_of_the_context_limits_the_points(context: EvaluationContext) -> None:
    assert MEASURE(replace(context, limit=700)) == []
    prefix = "evaluation.disentanglement gives no "
    assert [sentence.removeprefix(prefix).partition(" points")[0] for sentence in context.skipped] == [
        "mig: mig needs 8000",
        "dci: dci needs 1600",
        "dci/forest: dci/forest needs 8000",
        *(f"{name}: sap needs 8000" for name in ("sap", "sap/threshold", "sap/adjusted")),
        "factor_vae_score: factor_vae_score needs 6400",
        *(f"{name}: modularity needs 8000" for name in ("modularity", "modularity/alive")),
    ]


def test_an_unknown_score_is_an_error() -> None:
    with pytest.raises(UserError, match=r"evaluation.disentanglement.scores has no 'sapp'; .*did you mean 'sap'\?$"):
        replace(MEASURE, scores=["mig", "sapp"])


def test_only_chosen_scores_are_computed(context: EvaluationContext) -> None:
    assert [measurement.name for measurement in replace(MEASURE, scores=["modularity", "mig"])(context)] == [
        "modularity",
        "mig",
    ]


def test_a_collapsed_code_is_an_error(context: EvaluationContext) -> None:
    class Collapsed(nn.Module):
        def encode(self, x: Tensor, y: Tensor | None) -> Tensor:
            return torch.zeros(len(x), 2)

    measurements = {
        measurement.name: measurement.value for measurement in MEASURE(replace(context, latent=Collapsed()))
    }
    zeros = ("mig", "sap", "sap/threshold", "sap/adjusted", "dci/disentanglement", "dci/forest/disentanglement")
    assert {measurements[name] for name in (*zeros, "modularity")} == {0}
    assert set(measurements) == NAMES - {"factor_vae_score", "modularity/alive"}
    assert context.skipped == [
        f"evaluation.disentanglement gives no {name}: factor_vae_score and modularity/alive need a dimension that"
        " varies, but all 2 stay below evaluation.disentanglement.min_scale=0.05; lower it, or lower the weight of the"
        " rate"
        for name in ("factor_vae_score", "modularity/alive")
    ]


@pytest.mark.parametrize("size", [1, 10])
def test_codes_of_one_or_too_many_dimensions_are_an_error(context: EvaluationContext, size: int) -> None:
    assert run_measure("disentanglement", MEASURE, replace(context, latent=GaussianStatistics(size))) == []
    assert context.skipped == [
        f"disentanglement is left out: disentanglement compares 2 to 9 dimensions, but the code has {size}; choose"
        " another latent_dim or raise evaluation.disentanglement.max_dimensions"
    ]


def test_data_without_known_factors_are_an_error(context: EvaluationContext, digits: Callable[..., DataModule]) -> None:
    assert run_measure("disentanglement", MEASURE, replace(context, data=digits())) == []
    assert context.skipped == [
        "disentanglement is left out: disentanglement needs data with known factors, but Digits has none;"
        " set data=dsprites"
    ]
