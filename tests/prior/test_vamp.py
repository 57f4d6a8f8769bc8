"""The VampPrior inside a model."""

from collections.abc import Callable
from copy import deepcopy

import pytest
import torch

from vaelab.data.module import DataModule
from vaelab.distribution.gaussian_mixture import GaussianMixture
from vaelab.errors import UserError
from vaelab.model.vae import VAE
from vaelab.terms import Batch

VAMP = ("model=vamp_vae", "prior.num_components=12")


def test_is_the_mean_of_the_posteriors_of_its_inputs(model: Callable[..., VAE], batch: Batch) -> None:
    latent = model(*VAMP).latent
    z = torch.randn(5, 4)
    p = latent.prior(torch.zeros(5, 0))
    each = torch.stack([latent.infer(u.unsqueeze(0), None).log_prob(z) for u in latent.prior.inputs])
    torch.testing.assert_close(p.log_prob(z), each.logsumexp(0) - torch.tensor(12.0).log(), atol=1e-4, rtol=1e-5)


@pytest.mark.parametrize("condition", ["none", "label"])
def test_starts_as_training_examples_with_their_labels(
    condition: str, model: Callable[..., VAE], digits: Callable[..., DataModule]
) -> None:
    prior, data = model(*VAMP, f"condition={condition}").latent.prior, digits()
    prior.initialize_from(data)
    train = data.batch("train", torch.arange(len(data.split("train"))))
    for u, y in zip(prior.inputs, prior.labels, strict=True):
        same = (train.x == u).flatten(1).all(1)
        assert y in train.y[same]
    assert len(prior.inputs.detach().flatten(1).unique(dim=0)) == 12
    assert isinstance(prior(torch.zeros(1, 0)), GaussianMixture)


def test_can_start_as_noise_in_the_range_of_the_data(
    model: Callable[..., VAE], digits: Callable[..., DataModule]
) -> None:
    prior = model(*VAMP, "prior.from_data=false").latent.prior
    prior.initialize_from(digits("data.scale=symmetric"))
    assert prior.inputs.min() < -0.9
    assert prior.inputs.max() > 0.9
    assert (prior.low.item(), prior.high.item()) == (-1, 1)


def test_pseudo_inputs_are_clamped_to_the_range(model: Callable[..., VAE]) -> None:
    prior = model(*VAMP).latent.prior
    with torch.no_grad():
        prior.inputs[0].fill_(3.0)
        far = prior(torch.zeros(1, 0)).loc[0]
        prior.inputs[0].fill_(1.0)
    torch.testing.assert_close(prior(torch.zeros(1, 0)).loc[0], far)


def test_the_encoder_is_not_registered_twice(model: Callable[..., VAE]) -> None:
    vae = model(*VAMP)
    names = [name for name, _ in vae.named_parameters(remove_duplicate=False)]
    assert [name for name in names if "prior" in name] == ["latent.prior.inputs"]
    twin = deepcopy(vae)
    assert twin.latent.prior.infer.__self__ is twin.latent


def test_mixes_only_diagonal_gaussians(model: Callable[..., VAE], batch: Batch) -> None:
    with pytest.raises(UserError) as caught:
        model(*VAMP, "posterior=full_covariance").loss_of(batch)
    assert str(caught.value) == (
        "prior 'vamp' mixes diagonal Gaussians, but the posterior is a FullNormal; set posterior=diagonal_gaussian"
    )
