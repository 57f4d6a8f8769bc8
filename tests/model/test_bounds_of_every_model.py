"""The bounds of each conf/model/*.yaml are below tighter bounds and below the known log p(x)."""

import math
import re
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

# Posteriors without a density, whose ELBO bounds nothing.
POINTS = {"adversarial_autoencoder", "rae", "wae_mmd"}
# What the vectors of linear_gaussian lack, in the words in which a model asks for it.
REFUSALS = {
    "conv_ladder_vae": "needs images of shape [C, H, W]",
    **dict.fromkeys(["cvae", "label_prior_cvae", "m1_m2", "m2"], "needs labels"),
}

every_model = pytest.mark.parametrize("name", NAMES)
every_bound = pytest.mark.parametrize("name", [name for name in NAMES if name not in POINTS])


def trained(vae: VAE, batch: Batch, steps: int = 30) -> VAE:
    """A few steps of training, so that the bounds have something to tell apart, then evaluation mode."""
    optimizer = torch.optim.Adam([one for one in vae.parameters() if one.requires_grad], lr=3e-3)
    for _ in range(steps):
        optimizer.zero_grad()
        vae.loss_of(batch).total.backward()
        optimizer.step()
    return vae.eval()


def elbo_and_iw(vae: VAE, batch: Batch, repeats: int) -> tuple[Tensor, Tensor]:
    """The reported ELBO and the bound of 20 samples, [B] each, means over several draws."""
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
def test_only_point_posteriors_have_no_bound(name: str, model: Callable[..., VAE], batch: Batch) -> None:
    assert model(*choices(name)).eval().latent(batch).is_bound == (name not in POINTS)


@every_bound
def test_the_elbo_is_below_the_importance_weighted_bound(name: str, model: Callable[..., VAE], batch: Batch) -> None:
    vae = trained(model(*choices(name)), batch)
    assert_below(*elbo_and_iw(vae, batch, repeats=4))


@pytest.mark.parametrize("name", REFUSALS)
def test_missing_labels_are_an_error(name: str, composed: Callable[..., DictConfig]) -> None:
    config = composed(*choices(name), *KNOWN)
    with pytest.raises(UserError, match=re.escape(REFUSALS[name])):
        trained(build(config.model), build(config.data).batch("train", torch.arange(200)), steps=1)


@pytest.mark.parametrize("name", [name for name in NAMES if name not in {*POINTS, *REFUSALS}])
def test_bounds_stay_below_the_known_evidence(name: str, composed: Callable[..., DictConfig]) -> None:
    torch.manual_seed(0)
    config = composed(*choices(name), *KNOWN)
    data: DataModule = build(config.data)
    vae = trained(build(config.model), data.batch("train", torch.arange(200)), steps=40)
    test = data.batch("test", torch.arange(400))
    elbo, bound = elbo_and_iw(vae, test, repeats=4)
    truth = data.source.log_prob(test.x.double())
    assert_below(elbo, bound)
    assert_below(elbo, truth)
    assert_below(bound, truth)
