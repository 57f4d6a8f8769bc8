"""An autoregressive distribution over codes."""

from collections.abc import Callable
from itertools import product
from typing import ClassVar

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.distributions import Categorical, Distribution, constraints

from vaelab.distribution.operations import with_temperature

Logits = Callable[[Int[Tensor, "B r w Q"], Float[Tensor, "B C"]], Float[Tensor, "B r w Q K"]]
NO_SHAPE = torch.Size()


class AutoregressiveCodes(Distribution):
    """prod_i p(k_i | k_1 ... k_{i-1}, condition) over codes [h, w, Q]: row by row, then column, then quantizer.

    `logits` maps the first r rows of codes to the logits of all their conditionals, where no conditional may
    depend on its own code or on later ones. log_prob takes one pass, a sample h w Q passes.

    Args:
        logits: (codes, condition) -> logits [B, r, w, Q, K].
        condition: [B, C].
        code_shape: [h, w, Q].
        temperature: divides the logits.
    """

    arg_constraints: ClassVar = {}
    support = constraints.independent(constraints.nonnegative_integer, 3)

    def __init__(
        self, logits: Logits, condition: Float[Tensor, "B C"], code_shape: torch.Size, temperature: float = 1.0
    ) -> None:
        self.logits = logits
        self.condition = condition
        self.temperature = temperature
        super().__init__(condition.shape[:1], code_shape, validate_args=False)

    def log_prob(self, value: Int[Tensor, "*S B h w Q"]) -> Float[Tensor, "*S B"]:
        codes = value.flatten(0, -4)
        log_p = (self.logits(codes, self.conditions(value.shape[:-3])) / self.temperature).log_softmax(-1)
        return log_p.gather(-1, codes.unsqueeze(-1)).sum((1, 2, 3, 4)).reshape(value.shape[:-3])

    @torch.no_grad()
    def sample(self, sample_shape: torch.Size = NO_SHAPE) -> Tensor:
        shape = torch.Size((*sample_shape, *self.batch_shape))
        condition = self.conditions(shape)
        codes = torch.zeros(len(condition), *self.event_shape, dtype=torch.long, device=condition.device)
        for row, column, quantizer in product(*map(range, self.event_shape)):
            logits = self.logits(codes[:, : row + 1], condition)[:, row, column, quantizer]
            chosen = Categorical(logits=logits / self.temperature, validate_args=False).sample()
            codes[:, row, column, quantizer] = chosen
        return codes.unflatten(0, shape)

    def conditions(self, shape: torch.Size) -> Float[Tensor, "N C"]:
        """The condition of each code of a batch of `shape`, flattened."""
        return self.condition.expand(*shape, -1).flatten(0, -2)


@with_temperature.register
def _(distribution: AutoregressiveCodes, temperature: float) -> AutoregressiveCodes:
    """Each conditional becomes p(k_i | ...)^(1 / temperature), normalised."""
    given = (distribution.logits, distribution.condition, distribution.event_shape)
    return AutoregressiveCodes(*given, distribution.temperature * temperature)
