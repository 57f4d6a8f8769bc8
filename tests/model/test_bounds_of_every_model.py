"""What each conf/model/*.yaml calls a bound is one: below tighter bounds, and below the known log p(x)."""

import math
from collections.abc import Callable

import pytest
import torch
from omegaconf import DictConfig
from torch import Tensor
from variants import NAMES, choices

from vaelab.config import build
from vaelab.data.module import DataModule
from vaelab.errors import UserError
from vaelab.metric.bounds import streamed_bound
from vaelab.model.vae import VAE
from vaelab.terms import Batch

KNOWN = ("data=linear_gaussian", "likelihood=gaussian", "encoder=mlp", "decoder=mlp", "latent_dim=2", "seed=0")

every_model = pytest.mark.parametrize("name", NAMES)


def trained(vae: VAE, batch: Batch, steps: int = 30) -> VAE:
    """A few steps of training, so that the bounds have something to tell apart, then evaluation mode."""
    optimizer = torch.optim.Adam([one for one in vae.parameters() if one.requires_grad], lr=3e-3)
    for _ in range(steps):
        optimizer.zero_grad()
        vae.loss_of(batch).total.backward()
        optimizer.step()
    return vae.eval()


def elbo_and_iw(vae: VAE, batch: Batch, repeats: int) -> tuple[Tensor, Tensor]:
    """The ELBO as it is published and the bound of 20 samples, [B] each, means over several draws."""
    with torch.no_grad():
        draws = [vae.latent(batch) for _ in range(repeats)]
        elbo = torch.stack([terms.log_px.mean(0) - terms.kl.sum(1) for terms in draws]).double().mean(0)
        bounds = [streamed_bound(vae.latent, batch, 20, 10) for _ in range(repeats)]
    return elbo, torch.stack(bounds).mean(0)


def assert_below(lower: Tensor, upper: Tensor) -> None:
    """The means over examples in their order, within four standard errors of their difference."""
    difference = (upper - lower).double()
    error = 4 * difference.std().item() / math.sqrt(len(difference)) + 1e-4
    assert difference.mean().item() > -error


@every_model
def test_the_elbo_is_below_the_importance_weighted_bound(name: str, model: Callable[..., VAE], batch: Batch) -> None:
    vae = trained(model(*choices(name)), batch)
    if not vae.latent(batch).is_bound:
        pytest.skip("its posterior is a point")
    assert_below(*elbo_and_iw(vae, batch, repeats=4))


@every_model
def test_bounds_stay_below_the_known_evidence(name: str, composed: Callable[..., DictConfig]) -> None:
    torch.manual_seed(0)
    config = composed(*choices(name), *KNOWN)
    data: DataModule = build(config.data)
    try:
        vae: VAE = build(config.model)
        batch = data.batch("train", torch.arange(200))
        vae = trained(vae, batch, steps=40)
    except UserError as error:
        pytest.skip(str(error))  # it needs labels or images
    test = data.batch("test", torch.arange(400))
    if not vae.latent(test).is_bound:
        pytest.skip("its posterior is a point")
    elbo, bound = elbo_and_iw(vae, test, repeats=4)
    truth = data.source.log_prob(test.x.double())
    assert_below(elbo, bound)
    assert_below(elbo, truth)
    assert_below(bound, truth)
