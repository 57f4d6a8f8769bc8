import pytest
import torch
from torch.distributions import Categorical, Independent, MixtureSameFamily, Normal

from vaelab.distribution.gaussian_mixture import GaussianMixture
from vaelab.distribution.operations import with_temperature


def both(scale: float) -> tuple[GaussianMixture, MixtureSameFamily]:
    logits, loc = torch.randn(7), 3 * torch.randn(7, 5)
    scales = scale * (torch.rand(7, 5) + 0.5)
    torchs = MixtureSameFamily(Categorical(logits=logits), Independent(Normal(loc, scales), 1))
    return GaussianMixture(logits, loc, scales), torchs


@pytest.mark.parametrize("scale", [1e-3, 1e-1, 1.0, 30.0])
def test_equals_torchs_mixture_for_narrow_components(scale: float) -> None:
    mine, torchs = both(scale)
    z = torch.cat([mine.sample(torch.Size([50])), 5 * torch.randn(20, 5)]).view(2, 35, 5)
    torch.testing.assert_close(mine.log_prob(z), torchs.log_prob(z), atol=1e-3, rtol=1e-5)
    torch.testing.assert_close(mine.mean, torchs.mean)
    torch.testing.assert_close(mine.variance, torchs.variance, atol=1e-4, rtol=1e-4)


def test_its_gradient_is_that_of_torchs_mixture() -> None:
    mine, torchs = both(0.3)
    z = mine.sample(torch.Size([40])).requires_grad_()
    (found,) = torch.autograd.grad(mine.log_prob(z).sum(), z)
    (expected,) = torch.autograd.grad(torchs.log_prob(z).sum(), z)
    torch.testing.assert_close(found, expected, atol=1e-3, rtol=1e-4)


def test_temperature_scales_components_and_keeps_their_means() -> None:
    mine, _ = both(1.0)
    cooler = with_temperature(mine, 0.1)
    assert torch.equal(cooler.loc, mine.loc)
    assert torch.equal(cooler.logits, mine.logits)
    torch.testing.assert_close(cooler.scale, mine.scale / 10)
