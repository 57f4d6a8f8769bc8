"""Hamiltonian Monte Carlo on a weighted product of densities."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor

TARGET = 0.65  # optimal acceptance rate        (Neal 2011, arXiv:1206.1901, section 4.4)
RATE = 0.2  # change of log step_size per unit of acceptance above the target

LogTerms = Callable[[Float[Tensor, "*B D"]], Sequence[Float[Tensor, "*B"]]]  # K log-densities of z, in nats


class State(NamedTuple):
    """z with K log-densities and their gradients there; the sampled density is f(z) = exp(sum_k weight_k terms_k)."""

    z: Float[Tensor, "*B D"]
    terms: Float[Tensor, "K *B"]
    slopes: Float[Tensor, "K *B D"]

    def log_density(self, weight: Float[Tensor, " K"]) -> Float[Tensor, "*B"]:
        """log f(z) in nats, unnormalized."""
        return torch.tensordot(weight, self.terms, 1)

    def slope(self, weight: Float[Tensor, " K"]) -> Float[Tensor, "*B D"]:
        return torch.tensordot(weight, self.slopes, 1)


def initial_state(terms: LogTerms, z: Float[Tensor, "*B D"]) -> State:
    """The terms and their gradients at z, also under no_grad; no parameter gets a gradient."""
    with torch.enable_grad():
        z = z.detach().requires_grad_()
        values = terms(z)
        slopes = [torch.autograd.grad(value.sum(), z, retain_graph=True)[0] for value in values]
    return State(z.detach(), torch.stack([value.detach() for value in values]), torch.stack(slopes))


def leapfrog(
    terms: LogTerms,
    weight: Float[Tensor, " K"],
    state: State,
    momentum: Float[Tensor, "*B D"],
    step_size: Float[Tensor, "*B"],
    num_steps: int,
) -> tuple[State, Float[Tensor, "*B D"]]:
    """Leapfrog integration with unit mass: half a step of the momentum, one step of z, half a step of the momentum.

    It preserves volume, and is reversible by negating the momentum      (Neal 2011, section 2.3)
    """
    step = step_size.unsqueeze(-1)
    for _ in range(num_steps):
        momentum = momentum + step / 2 * state.slope(weight)
        state = initial_state(terms, state.z + step * momentum)
        momentum = momentum + step / 2 * state.slope(weight)
    return state, momentum


def transition(
    terms: LogTerms, weight: Float[Tensor, " K"], state: State, step_size: Float[Tensor, "*B"], num_leapfrog: int
) -> tuple[State, Float[Tensor, "*B"]]:
    """The next state of each chain, and the probability with which its proposal was accepted.

    A new momentum from N(0, I), `num_leapfrog` steps, and acceptance by the change of energy, which leaves f
    invariant for any step size, and is reversible      (Neal 2011, section 3.2)
    """
    momentum = torch.randn_like(state.z)
    proposal, final = leapfrog(terms, weight, state, momentum, step_size, num_leapfrog)
    kinetic = (final.square() - momentum.square()).sum(-1) / 2
    log_ratio = proposal.log_density(weight) - state.log_density(weight) - kinetic
    # A trajectory that overflowed has no finite energy, and is rejected.
    acceptance = log_ratio.nan_to_num(nan=-torch.inf).clamp(max=0).exp()
    return accept(torch.rand_like(acceptance) < acceptance, proposal, state), acceptance


def accept(accepted: Bool[Tensor, "*B"], proposal: State, state: State) -> State:
    """The proposal where it was accepted, else the previous state."""
    column = accepted.unsqueeze(-1)
    return State(
        torch.where(column, proposal.z, state.z),
        torch.where(accepted, proposal.terms, state.terms),
        torch.where(column, proposal.slopes, state.slopes),
    )


def adapt_step_size(step_size: Float[Tensor, "*B"], acceptance: Float[Tensor, "*B"]) -> Float[Tensor, "*B"]:
    """A larger step size where acceptance exceeds the target, a smaller one elsewhere."""
    return step_size * (RATE * (acceptance - TARGET)).exp()
