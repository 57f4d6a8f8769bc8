"""Annealed importance sampling along a geometric path between two densities."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor

from vaelab.metric.hamiltonian import LogTerms, adapt_step_size, initial_state, transition

SHARPNESS = 4.0  # slope of the sigmoid        (Wu et al. 2017, arXiv:1611.04273, appendix)


@dataclass(frozen=True)
class Path:
    """log f_beta(z) = sum_k weight_k(beta) terms_k(z), weight(beta) = (1 - beta) start + beta goal.

    `draw` gives S exact samples [S, B, D] of f_0, which is normalized; the integral of f_1 is estimated.
    """

    terms: LogTerms
    start: Float[Tensor, " K"]
    goal: Float[Tensor, " K"]
    draw: Callable[[int], Float[Tensor, "S B D"]]

    def weight(self, beta: Tensor | float) -> Float[Tensor, " K"]:
        return self.start + beta * (self.goal - self.start)


def sigmoid_schedule(num_temperatures: int) -> Float[Tensor, " betas"]:
    """beta_0 = 0 to beta_T = 1, in small steps near both ends.

    (s_t - s_0) / (s_T - s_0), s_t = sigmoid(4 (2 t / T - 1))          (Wu et al. 2017, arXiv:1611.04273)
    """
    s = (SHARPNESS * torch.linspace(-1, 1, num_temperatures + 1, dtype=torch.float64)).sigmoid()
    return ((s - s[0]) / (s[-1] - s[0])).float()


def tune_step_sizes(
    path: Path, betas: Float[Tensor, " betas"], num_pilots: int, step_size: float, num_leapfrog: int
) -> Float[Tensor, "steps B"]:
    """Step sizes per example and intermediate temperature, from pilot chains that start at f_0.

    After each transition, the step size moves by the mean acceptance of the example's pilot chains. If the weighted
    chains tuned their own step sizes, these would depend on earlier states, and f would not stay invariant.
    """
    state = initial_state(path.terms, path.draw(num_pilots))
    num_chains = state.z.shape[:-1]
    sizes = state.z.new_full((len(betas) - 2, num_chains[1]), step_size)
    for number, beta in enumerate(betas[1:-1]):
        size = sizes[number].expand(num_chains)
        state, acceptance = transition(path.terms, path.weight(beta), state, size, num_leapfrog)
        sizes[number + 1 :] = adapt_step_size(sizes[number], acceptance.mean(0))
    return sizes


def annealed_log_weight(
    path: Path,
    z: Float[Tensor, "S B D"],
    betas: Float[Tensor, " betas"],
    step_sizes: Float[Tensor, "steps B"],
    num_leapfrog: int,
) -> tuple[Float[Tensor, "S B"], Float[Tensor, "S B"]]:
    """log w in nats of chains that start at z, and the mean acceptance of each.

    log w = sum_t log f_beta_t+1(z_t) - log f_beta_t(z_t), z_t+1 by one transition at beta_t+1      (Neal 2001)

    The mean of w is the integral of f at the last beta over that at the first: for increasing betas and samples of f_0
    it is p(x), for decreasing betas and exact posterior samples it is 1 / p(x). Step sizes are in the order of betas.
    """
    state = initial_state(path.terms, z)
    log_weight = torch.zeros(z.shape[:-1], dtype=torch.float64, device=z.device)
    accepted = torch.zeros_like(log_weight)
    for number, (before, beta) in enumerate(pairwise(betas)):
        log_weight += state.log_density(path.weight(beta) - path.weight(before))
        if number < len(step_sizes):
            size = step_sizes[number].expand(z.shape[:-1])
            state, acceptance = transition(path.terms, path.weight(beta), state, size, num_leapfrog)
            accepted += acceptance
    return log_weight, accepted / max(1, len(step_sizes))
