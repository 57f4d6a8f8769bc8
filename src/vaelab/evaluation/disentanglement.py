"""How well the dimensions of a code match the known factors of the data."""

import math
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import partial
from typing import Annotated

import numpy as np
import torch
from annotated_types import Ge
from jaxtyping import Float, Int
from torch import Tensor

from vaelab.data.examples import KnowsFactors
from vaelab.errors import UserError, did_you_mean
from vaelab.evaluation.codes import Codes
from vaelab.evaluation.context import EvaluationContext
from vaelab.evaluation.measurement import Measurement
from vaelab.metric.disentanglement.dci import DCI, boosted_dci, forest_dci
from vaelab.metric.disentanglement.factor_vae_score import factor_vae_score
from vaelab.metric.disentanglement.modularity import modularity
from vaelab.metric.disentanglement.mutual_information_gap import mutual_information_gap
from vaelab.metric.disentanglement.sap import (
    adjusted_accuracy,
    linear_accuracy,
    separated_attribute_predictability,
    threshold_accuracy,
)
from vaelab.ranges import NonNegativeFloat, PositiveInt
from vaelab.terms import Batch


@dataclass(frozen=True)
class Disentanglement:
    """MIG, DCI, SAP, FactorVAE score and modularity of posterior means, on images of uniformly drawn factors.

    The data's source generates the images for any combination of factors, so they belong to no split. A plain name
    is the published definition, as implemented by Locatello et al. 2019 (arXiv:1811.12359); variants have names of
    their own. The FactorVAE score and `modularity/alive` skip dead dimensions.

    Args:
        scores: names in SCORES.
        num_points: number of images.
        num_bins: histogram bins per dimension, for mutual information, >= 2.
        boosted_points: images for DCI's boosted trees, half of them for training.
        boosted_rounds: boosting rounds.
        num_trees: trees in the random forest of each factor, for `dci/forest`.
        num_votes: training votes of the FactorVAE score, and as many test votes.
        group_size: images per vote, >= 2.
        min_scale: standard deviation of the means below which a dimension is dead.
        max_dimensions: largest code size that is accepted, >= 2.
    """

    scores: Collection[str]
    num_points: PositiveInt
    num_bins: Annotated[int, Ge(2)]
    boosted_points: PositiveInt
    boosted_rounds: PositiveInt
    num_trees: PositiveInt
    num_votes: PositiveInt
    group_size: Annotated[int, Ge(2)]
    min_scale: NonNegativeFloat
    max_dimensions: Annotated[int, Ge(2)]

    def __post_init__(self) -> None:
        if unknown := [score for score in self.scores if score not in SCORES]:
            raise UserError(
                f"evaluation.disentanglement.scores has no '{unknown[0]}'; choose among {', '.join(SCORES)}"
                f"{did_you_mean(str(unknown[0]), SCORES)}"
            )

    def __call__(self, context: EvaluationContext) -> list[Measurement]:
        codes, factors = self.factored_codes(context)
        measurements = []
        for score in self.scores:
            measurement = partial(self.measurements, score, codes, factors, context.seed)
            measurements += context.attempt(f"evaluation.disentanglement gives no {score}", measurement)
        return measurements

    def measurements(
        self, score: str, codes: Float[np.ndarray, "N D"], factors: Int[np.ndarray, "N F"], seed: int
    ) -> list[Measurement]:
        """The measurements of one score: under its name, or under its name with suffixes if it has several values."""
        found = SCORES[score](self, codes, factors, seed)
        values = {score: found} if isinstance(found, float) else dci_values(score, found)
        num = min(len(codes), self.boosted_points) if score == "dci" else len(codes)
        return [Measurement(name, value, "of 1", num) for name, value in values.items()]

    def factored_codes(self, context: EvaluationContext) -> tuple[Float[np.ndarray, "N D"], Int[np.ndarray, "N F"]]:
        """Codes [N, D] and factors [N, F] of generated images, the same for any number of processes."""
        source, chunk = factor_source(context), context.data.chunk
        num_points = context.limited(self.num_points)
        metric = context.metric(Codes())
        first = torch.zeros(1, len(source.factor_sizes), dtype=torch.long, device=context.device)
        code = encode_factors(context, source, first.cpu()).float()
        self.check_dimensions(code.shape[1])
        metric.update(first[:0, 0], code[:0], first[:0])  # a process with an empty list state would skip the gather
        for number in context.numbers(metric, math.ceil(num_points / chunk), "factors"):
            index = torch.arange(number * chunk, min((number + 1) * chunk, num_points))
            with context.seeded("factors", number):
                factors = torch.stack([torch.randint(size, (len(index),)) for size in source.factor_sizes], 1)
                codes = encode_factors(context, source, factors).float()
            metric.update(index.to(context.device), codes, factors.to(context.device))
        codes, factors = metric.compute()
        return codes.cpu().numpy(), factors.cpu().numpy()

    def check_dimensions(self, size: int) -> None:
        """Raises UserError for fewer than 2 dimensions, or more than `max_dimensions`."""
        if not 2 <= size <= self.max_dimensions:
            raise UserError(
                f"disentanglement compares 2 to {self.max_dimensions} dimensions, but the code has {size}; choose"
                " another latent_dim or raise evaluation.disentanglement.max_dimensions"
            )

    def alive(self, codes: Float[np.ndarray, "N D"]) -> Float[np.ndarray, "N A"]:
        """The codes [N, A] without dead dimensions. Raises UserError if all are dead."""
        alive = codes.std(0) >= self.min_scale
        if not alive.any():
            raise UserError(
                f"factor_vae_score and modularity/alive need a dimension that varies, but all {len(alive)} stay below"
                f" evaluation.disentanglement.min_scale={self.min_scale}; lower it, or lower the weight of the rate"
            )
        return codes[:, alive]


Score = Callable[[Disentanglement, Float[np.ndarray, "N D"], Int[np.ndarray, "N F"], int], float | DCI]

# With a plain name the published definition.
SCORES: dict[str, Score] = {
    "mig": lambda self, codes, factors, seed: mutual_information_gap(codes, factors, self.num_bins),
    "dci": lambda self, codes, factors, seed: boosted_dci(
        codes, factors, self.boosted_points, self.boosted_rounds, seed
    ),
    "dci/forest": lambda self, codes, factors, seed: forest_dci(codes, factors, self.num_trees, seed),
    "sap": lambda self, codes, factors, seed: separated_attribute_predictability(codes, factors, linear_accuracy),
    "sap/threshold": lambda self, codes, factors, seed: separated_attribute_predictability(
        codes, factors, threshold_accuracy(self.min_scale)
    ),
    "sap/adjusted": lambda self, codes, factors, seed: separated_attribute_predictability(
        codes, factors, adjusted_accuracy
    ),
    "factor_vae_score": lambda self, codes, factors, seed: factor_vae_score(
        self.alive(codes), factors, self.num_votes, self.group_size, seed
    ),
    "modularity": lambda self, codes, factors, seed: modularity(codes, factors, self.num_bins),
    "modularity/alive": lambda self, codes, factors, seed: modularity(self.alive(codes), factors, self.num_bins),
}


def dci_values(score: str, found: DCI) -> dict[str, float]:
    """The three numbers of a DCI: `dci/disentanglement`, or `dci/forest/disentanglement` and so on."""
    return {f"{score}/{name}": value for name, value in found._asdict().items()}


def factor_source(context: EvaluationContext) -> KnowsFactors:
    """The source of the context's data. Raises UserError if it has no factors."""
    source = context.data.source
    if not isinstance(source, KnowsFactors):
        raise UserError(
            f"disentanglement needs data with known factors, but {type(source).__name__} has none; set data=dsprites"
        )
    return source


def encode_factors(
    context: EvaluationContext, source: KnowsFactors, factors: Int[Tensor, "B F"]
) -> Float[Tensor, "B D"]:
    """Posterior means of the images of these factors; the first factor is their label."""
    batch = Batch(source.images(factors), factors[:, 0], torch.arange(len(factors)))
    batch = context.data.transfer_batch_to_device(batch, context.device, 0)
    batch = context.data.on_after_batch_transfer(batch, 0)
    return context.latent.encode(batch.x, batch.y)
