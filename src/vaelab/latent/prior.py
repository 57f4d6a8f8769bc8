"""Priors that are made to the measure of a latent structure."""

from collections.abc import Callable, Mapping
from inspect import Parameter, signature
from typing import Any

from torch import Tensor, nn
from torch.distributions import Distribution

from vaelab.errors import UserError
from vaelab.protocol import ConditionalDistribution

Prior = Callable[[Tensor], Distribution]
PriorFactory = Callable[..., ConditionalDistribution]


def build_prior(prior: nn.Module | PriorFactory, structure: nn.Module, facts: Mapping[str, Any]) -> Prior:
    """The prior itself, or what the factory makes of those facts of the structure that it still needs.

    Raises UserError for a factory that needs something else: it is made for another structure.
    """
    if isinstance(prior, nn.Module):
        return prior
    needed = [name for name, one in signature(prior).parameters.items() if one.default is Parameter.empty]
    if missing := [name for name in needed if name not in facts]:
        name = getattr(prior, "func", prior).__name__
        raise UserError(
            f"prior {name} needs {' and '.join(missing)}, which latent {type(structure).__name__} does not have; "
            "choose another prior, or the latent structure that it is made for"
        )
    return prior(**{name: facts[name] for name in needed})
