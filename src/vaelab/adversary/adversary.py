"""The interface of adversaries, and the losses of generator and discriminator."""

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
    """An nn.Module for one latent structure: terms -> the terms for the objective, and the adversary's loss.

    The returned terms have no gradient for the adversary's parameters, and the adversary's loss has none for those of
    the VAE. So one backward pass of the sum of both losses gives each parameter the gradient of its own loss. Their
    diagnostics include `mean_logits`.
    """

    optimizer: Callable[[Iterator[nn.Parameter]], Optimizer]

    def parameters(self) -> Iterator[nn.Parameter]: ...

    def __call__(self, terms: Terms, batch: Batch, latent: Single) -> tuple[Terms, Float[Tensor, ""]]: ...


def call_frozen(network: nn.Module, *inputs: Tensor) -> Any:
    """Call the network without gradients for its parameters; gradients reach its inputs."""
    return functional_call(network, {name: p.detach() for name, p in network.named_parameters()}, inputs)


def generator_loss(logits: Float[Tensor, "*N"]) -> Float[Tensor, "*N"]:
    """-log D in nats, from the logits of D.

    The non-saturating loss of a generator      (Goodfellow et al. 2014, arXiv:1406.2661, section 3)
    """
    return F.softplus(-logits)


def discriminator_loss(genuine: Float[Tensor, " N"], fake: Float[Tensor, " M"]) -> Float[Tensor, ""]:
    """Cross-entropy of a discriminator, -log D for genuine and -log(1 - D) for fake inputs, in nats.

    The mean over all logits of both; one of them may be empty.
    """
    return torch.cat([generator_loss(genuine), generator_loss(-fake)]).mean()


def mean_logits(genuine: Float[Tensor, " N"], fake: Float[Tensor, " M"]) -> dict[str, Float[Tensor, ""]]:
    """The diagnostics `logit_genuine` and `logit_fake`, in nats: 0 where D cannot tell them apart."""
    return {"logit_genuine": genuine.detach().mean(), "logit_fake": fake.detach().mean()}
