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
    """MIG, DCI, SAP, FactorVAE score and modularity of posterior means, on images of factors drawn uniformly.

    Images are made by the data's source, of any combination of factors, so they belong to no split. `scores` are
    names in SCORES. A plain name is that of the published definition, as Locatello et al. 2019 (arXiv:1811.12359) took
    them; what deviates from it has a name of its own. A dimension whose means have a standard deviation below
    `min_scale` is dead: the FactorVAE score passes it over, and so does `modularity/alive`.
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
        """What one score says, under its name or, of three numbers, under names that begin with it."""
        found = SCORES[score](self, codes, factors, seed)
        values = {score: found} if isinstance(found, float) else dci_values(score, found)
        num = min(len(codes), self.boosted_points) if score == "dci" else len(codes)
        return [Measurement(name, value, "of 1", num) for name, value in values.items()]

    def factored_codes(self, context: EvaluationContext) -> tuple[Float[np.ndarray, "N D"], Int[np.ndarray, "N F"]]:
        """Codes and factors of images, the same for any number of processes."""
        source, chunk = factor_source(context), context.data.chunk
        num_points = context.limited(self.num_points)
        metric = context.metric(Codes())
        first = torch.zeros(1, len(source.factor_sizes), dtype=torch.long, device=context.device)
        code = encode_factors(context, source, first.cpu()).float()
        self.check_dimensions(code.shape[1])
        metric.update(first[:0, 0], code[:0], first[:0])  # without rows a process would not take part
        for number in context.numbers(metric, math.ceil(num_points / chunk), "factors"):
            index = torch.arange(number * chunk, min((number + 1) * chunk, num_points))
            with context.seeded("factors", number):
                factors = torch.stack([torch.randint(size, (len(index),)) for size in source.factor_sizes], 1)
                codes = encode_factors(context, source, factors).float()
            metric.update(index.to(context.device), codes, factors.to(context.device))
        codes, factors = metric.compute()
        return codes.cpu().numpy(), factors.cpu().numpy()

    def check_dimensions(self, size: int) -> None:
        """Scores compare dimensions, and their work grows with them."""
        if not 2 <= size <= self.max_dimensions:
            raise UserError(
                f"disentanglement compares 2 to {self.max_dimensions} dimensions, but the code has {size}; choose"
                " another latent_dim or raise evaluation.disentanglement.max_dimensions"
            )

    def alive(self, codes: Float[np.ndarray, "N D"]) -> Float[np.ndarray, "N A"]:
        """The dimensions that vary."""
        alive = codes.std(0) >= self.min_scale
        if not alive.any():
            raise UserError(
                f"factor_vae_score and modularity/alive need a dimension that varies, but all {len(alive)} stay below"
                f" evaluation.disentanglement.min_scale={self.min_scale}; lower it, or weigh the rate less"
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
    """Posterior means of the images of these factors, of which the first is their label."""
    batch = Batch(source.images(factors), factors[:, 0], torch.arange(len(factors)))
    batch = context.data.transfer_batch_to_device(batch, context.device, 0)
    batch = context.data.on_after_batch_transfer(batch, 0)
    return context.latent.encode(batch.x, batch.y)
