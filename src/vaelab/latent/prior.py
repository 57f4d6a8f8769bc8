"""Priors that need sizes or the posterior of a latent structure."""

from collections.abc import Callable, Mapping
from inspect import Parameter, signature
from typing import Any

from torch import Tensor, nn
from torch.distributions import Distribution

from vaelab.errors import UserError
from vaelab.protocol import ConditionalDistribution

Prior = Callable[[Tensor], Distribution]
PriorFactory = Callable[..., ConditionalDistribution]


def build_prior(prior: nn.Module | PriorFactory, structure: nn.Module, arguments: Mapping[str, Any]) -> Prior:
    """The prior itself, or the factory called with those of `arguments` that it requires.

    Raises UserError for a factory that requires another argument: it belongs to another structure.
    """
    if isinstance(prior, nn.Module):
        return prior
    needed = [name for name, one in signature(prior).parameters.items() if one.default is Parameter.empty]
    if missing := [name for name in needed if name not in arguments]:
        name = getattr(prior, "func", prior).__name__
        raise UserError(
            f"prior {name} needs {' and '.join(missing)}, which latent {type(structure).__name__} does not have; "
            "choose another prior, or the latent structure that has it"
        )
    return prior(**{name: arguments[name] for name in needed})
