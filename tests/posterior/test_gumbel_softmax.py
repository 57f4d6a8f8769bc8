"""Categorical latents: soft in training, exact in evaluation."""

from collections.abc import Callable

import pytest
import torch

from vaelab.data.randomness import seeded
from vaelab.metric.bounds import streamed_bound
from vaelab.model.vae import VAE
from vaelab.posterior.gumbel_softmax import GumbelSoftmax
from vaelab.terms import Batch


def is_one_hot(z: torch.Tensor) -> bool:
    return bool(((z == 0) | (z == 1)).all())


@pytest.mark.parametrize("straight_through", [True, False])
def test_is_one_hot_in_evaluation_and_if_straight_through(straight_through: bool) -> None:
    posterior = GumbelSoftmax(5, 2, 3, temperature=1.0, straight_through=straight_through)
    features = torch.randn(4, 5)
    assert is_one_hot(posterior(features).rsample()) is straight_through
    assert is_one_hot(posterior.eval()(features).rsample())


def test_in_evaluation_bounds_are_bounds(model: Callable[..., VAE], batch: Batch) -> None:
    latent = model("model=gumbel_softmax_vae", "latent_dim=2", "posterior.num_categories=3", "prior.num_categories=3")
    latent = latent.latent.eval()
    few = Batch(*(each[:8] for each in batch))
    every = torch.cartesian_prod(torch.arange(3), torch.arange(3))
    z = torch.nn.functional.one_hot(every, 3).flatten(1).float().unsqueeze(1).expand(-1, 8, -1)
    with torch.no_grad(), seeded(0):
        # p(x) is a sum over nine latents.
        log_px = (latent.decode(z, None).log_prob(few.x) - torch.tensor(9.0).log()).double().logsumexp(0)
        elbo = latent(few, 4000)
        bounds = [(elbo.log_px.mean(0) - elbo.kl.sum(1)).double(), streamed_bound(latent, few, 4000, 1000), log_px]
    assert (bounds[0] < bounds[2]).all()
    torch.testing.assert_close(bounds[1], bounds[2], atol=0.1, rtol=0)
