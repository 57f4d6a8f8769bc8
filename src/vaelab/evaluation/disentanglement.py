"""How well the dimensions of a code match the known factors of the data."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from vaelab.data.examples import KnowsFactors
from vaelab.errors import UserError
from vaelab.evaluation.codes import Codes
from vaelab.evaluation.dci import dci
from vaelab.evaluation.factor_vae_score import factor_vae_score
from vaelab.evaluation.figure import Figure
from vaelab.evaluation.modularity import modularity
from vaelab.evaluation.mutual_information_gap import mutual_information_gap
from vaelab.evaluation.sap import separated_attribute_predictability
from vaelab.evaluation.subject import Subject
from vaelab.terms import Batch

Values = dict[str, float]  # by the figure's name


@dataclass(frozen=True)
class Disentanglement:
    """MIG, DCI, SAP, FactorVAE score and modularity of posterior means, on images of factors drawn uniformly.

    Images are made by the data's source, of any combination of factors, so they belong to no split. A dimension
    whose means have a standard deviation below `min_scale` is dead: FactorVAE score and modularity pass it over.
    """

    num_points: int
    num_bins: int
    num_trees: int
    num_votes: int
    group_size: int
    min_scale: float
    max_dimensions: int

    def __call__(self, subject: Subject) -> list[Figure]:
        codes, factors = self.factored_codes(subject)
        figures = []
        for score in self.scores(codes, factors, subject.seed):
            try:
                values = score()
            except UserError as error:
                subject.leave_out(str(error))
            else:
                figures += [Figure(name, value, "of 1", len(codes)) for name, value in values.items()]
        return figures

    def factored_codes(self, subject: Subject) -> tuple[Float[np.ndarray, "N D"], Int[np.ndarray, "N F"]]:
        """Codes of images, and what the images were made of; the same whoever makes them."""
        source, chunk = known(subject), subject.data.chunk
        num_points = subject.capped(self.num_points)
        metric = subject.metric(Codes())
        first = torch.zeros(1, len(source.factor_sizes), dtype=torch.long, device=subject.device)
        code = encoded(subject, source, first.cpu()).float()
        self.check_dimensions(code.shape[1])
        metric.update(first[:0, 0], code[:0], first[:0])  # without rows a process would not take part
        for number in subject.numbers(metric, math.ceil(num_points / chunk), "factors"):
            index = torch.arange(number * chunk, min((number + 1) * chunk, num_points))
            with subject.seeded("factors", number):
                factors = torch.stack([torch.randint(size, (len(index),)) for size in source.factor_sizes], 1)
                codes = encoded(subject, source, factors).float()
            metric.update(index.to(subject.device), codes, factors.to(subject.device))
        codes, factors = metric.compute()
        return codes.cpu().numpy(), factors.cpu().numpy()

    def check_dimensions(self, size: int) -> None:
        """Scores compare dimensions, and their work grows with them."""
        if not 2 <= size <= self.max_dimensions:
            raise UserError(
                f"disentanglement compares 2 to {self.max_dimensions} dimensions, but the code has {size}; choose"
                " another latent_dim or raise evaluation.disentanglement.max_dimensions"
            )

    def scores(
        self, codes: Float[np.ndarray, "N D"], factors: Int[np.ndarray, "N F"], seed: int
    ) -> Iterator[Callable[[], Values]]:
        """Each score by itself, since one may be refused where others are not."""
        yield lambda: {"mig": mutual_information_gap(codes, factors, self.num_bins)}
        yield lambda: {f"dci/{name}": one for name, one in dci(codes, factors, self.num_trees, seed)._asdict().items()}
        yield lambda: {"sap": separated_attribute_predictability(codes, factors)}
        yield lambda: {
            "factor_vae_score": factor_vae_score(self.alive(codes), factors, self.num_votes, self.group_size, seed)
        }
        yield lambda: {"modularity": modularity(self.alive(codes), factors, self.num_bins)}

    def alive(self, codes: Float[np.ndarray, "N D"]) -> Float[np.ndarray, "N A"]:
        """The dimensions that vary."""
        alive = codes.std(0) >= self.min_scale
        if not alive.any():
            raise UserError(
                f"factor_vae_score and modularity need a dimension that varies, but all {len(alive)} stay below"
                f" evaluation.disentanglement.min_scale={self.min_scale}; lower it, or weigh the rate less"
            )
        return codes[:, alive]


def known(subject: Subject) -> KnowsFactors:
    """The source of the subject's data, which has to know its factors."""
    source = subject.data.source
    if not isinstance(source, KnowsFactors):
        raise UserError(
            f"disentanglement needs data with known factors, but those of {type(source).__name__} have none; set"
            " data=dsprites"
        )
    return source


def encoded(subject: Subject, source: KnowsFactors, factors: Int[Tensor, "B F"]) -> Float[Tensor, "B D"]:
    """Posterior means of the images of these factors, of which the first is their label."""
    batch = Batch(source.images(factors), factors[:, 0], torch.arange(len(factors)))
    batch = subject.data.transfer_batch_to_device(batch, subject.device, 0)
    batch = subject.data.on_after_batch_transfer(batch, 0)
    return subject.latent.encode(batch.x, batch.y)
