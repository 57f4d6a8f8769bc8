"""What every adversary has in common: a network that tells two kinds of things apart, and what it pulls at."""

from collections.abc import Callable, Iterator
from typing import Any, Protocol

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn
from torch.func import functional_call
from torch.optim import Optimizer

from vaelab.latent.single import Single
from vaelab.terms import Batch, Terms


class Adversary(Protocol):
    """An nn.Module made for one latent structure: terms in; out, the terms that the objective shall see, and the
    adversary's own loss.

    The terms hold the adversary's parameters fixed, and the own loss holds those of the VAE fixed. So the two
    losses may be summed, and one backward pass gives each parameter the gradient of its own loss alone.
    """

    optimizer: Callable[[Iterator[nn.Parameter]], Optimizer]

    def parameters(self) -> Iterator[nn.Parameter]: ...

    def __call__(self, terms: Terms, batch: Batch, latent: Single) -> tuple[Terms, Float[Tensor, ""]]: ...


def frozen(network: nn.Module, *inputs: Tensor) -> Any:
    """What the network answers, differentiable in its inputs but not in its parameters."""
    return functional_call(network, {name: p.detach() for name, p in network.named_parameters()}, inputs)


def generator_loss(logits: Float[Tensor, "*N"]) -> Float[Tensor, "*N"]:
    """-log D for the logits of D, each in nats: small where the discriminator believes.

    The loss of a generator that does not saturate      (Goodfellow et al. 2014, arXiv:1406.2661, section 3)
    """
    return F.softplus(-logits)


def discriminator_loss(genuine: Float[Tensor, " N"], fake: Float[Tensor, " M"]) -> Float[Tensor, ""]:
    """Cross-entropy of a discriminator, -log D for the genuine and -log(1 - D) for the fake, the mean in nats.

    Over both together: one of them may be empty.
    """
    return torch.cat([generator_loss(genuine), generator_loss(-fake)]).mean()
