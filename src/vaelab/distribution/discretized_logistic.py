"""Discretized mixtures of logistics on grey levels."""

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor
from torch.distributions import Categorical, Distribution, constraints
from torch.distributions.constraints import Constraint


class GreyLevels(Constraint):
    """x in {0, 1/(L-1), …, 1}, to within 1e-4."""

    is_discrete = True

    def __init__(self, num_levels: int) -> None:
        self.num_levels = num_levels
        super().__init__()

    def __repr__(self) -> str:
        return f"GreyLevels({self.num_levels})"

    def check(self, value: Float[Tensor, "..."]) -> Bool[Tensor, "..."]:
        steps = self.num_levels - 1
        on_grid = (value - (value * steps).round() / steps).abs() <= 1e-4
        return on_grid & (value >= -1e-4) & (value <= 1 + 1e-4)


class DiscretizedLogisticMixture(Distribution):
    """sum_k pi_k P(x_k rounds to x), with x_k logistic(loc_k, scale_k), x one of L levels in [0, 1].

    A level takes the mass within half a step h of it, 0 and 1 take the tails (edge bins):

        P(x) = sigmoid((x + h - loc) / scale) - sigmoid((x - h - loc) / scale)

    (Salimans et al. 2017, arXiv:1701.05517, eq. 2). Components are the last dimension of every argument.
    """

    has_rsample = False

    def __init__(
        self,
        logits: Float[Tensor, "*shape K"],
        loc: Float[Tensor, "*shape K"],
        log_scale: Float[Tensor, "*shape K"],
        num_levels: int,
        validate_args: bool | None = None,
    ) -> None:
        self.logits = logits
        self.loc = loc
        self.log_scale = log_scale
        self.num_levels = num_levels
        super().__init__(loc.shape[:-1], validate_args=validate_args)

    @property
    def arg_constraints(self) -> dict[str, Constraint]:
        """The constraint of each argument, each entry checked separately, as K is not an event dimension."""
        row = constraints.independent(constraints.real, 1)
        return {"logits": row, "loc": row, "log_scale": row}

    @property
    def support(self) -> Constraint:
        return GreyLevels(self.num_levels)

    @property
    def mean(self) -> Tensor:
        """sum_k pi_k E[clamp(x_k, 0, 1)], within half a step of the sum over levels, and mostly far closer.

        E[clamp(x, 0, 1)] is the integral of P(x > t) over t in [0, 1], which is
        scale (softplus(loc / scale) - softplus((loc - 1) / scale)).
        """
        scale = self.log_scale.exp()
        clamped = scale * (F.softplus(self.loc / scale) - F.softplus((self.loc - 1) / scale))
        return (self.logits.softmax(-1) * clamped).sum(-1).clamp(0, 1)

    @torch.no_grad()
    def sample(self, sample_shape: torch.Size | list[int] | tuple[int, ...] = ()) -> Tensor:
        component = Categorical(logits=self.logits, validate_args=False).sample(torch.Size(sample_shape))
        chosen = F.one_hot(component, self.logits.shape[-1]).to(self.loc.dtype)
        loc, log_scale = ((value * chosen).sum(-1) for value in (self.loc, self.log_scale))
        x = loc + log_scale.exp() * torch.rand_like(loc).logit()
        steps = self.num_levels - 1
        return (x * steps).round().clamp(0, steps) / steps

    def log_prob(self, value: Tensor) -> Tensor:
        if self._validate_args:
            self._validate_sample(value)
        half = 0.5 / (self.num_levels - 1)
        x = value.unsqueeze(-1)
        precision = (-self.log_scale).exp()
        below_upper = F.logsigmoid((x + half - self.loc) * precision)
        above_lower = F.logsigmoid((self.loc - x + half) * precision)
        # sigmoid(a) - sigmoid(b) = sigmoid(a) sigmoid(-b) (1 - exp(b - a)): nothing cancels, not even in the
        # tails. An edge bin has one bound only, and so one factor.
        inside = torch.log(-torch.expm1(-2 * half * precision))
        lowest, highest = x < half, x > 1 - half
        log_mass = torch.where(
            lowest, below_upper, torch.where(highest, above_lower, below_upper + above_lower + inside)
        )
        return torch.logsumexp(self.logits.log_softmax(-1) + log_mass, -1)
