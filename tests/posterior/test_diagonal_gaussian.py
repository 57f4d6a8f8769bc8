import torch
from torch import Tensor

from vaelab.distribution.operations import kl_per_dimension
from vaelab.posterior.diagonal_gaussian import DiagonalGaussian
from vaelab.prior.standard_normal import StandardNormal


def test_is_one_distribution_per_example_with_gradient_everywhere() -> None:
    posterior = DiagonalGaussian(num_features=5, latent_dim=3)
    q = posterior(torch.randn(4, 5))
    assert (q.batch_shape, q.event_shape) == ((4,), (3,))
    q.log_prob(q.rsample((2,)) + 1).sum().backward()
    assert all((parameter.grad != 0).any() for parameter in posterior.parameters())


def test_extreme_features_stay_finite() -> None:
    posterior = DiagonalGaussian(num_features=6, latent_dim=3)
    with torch.no_grad():
        posterior.head.weight.copy_(torch.eye(6))
        posterior.head.bias.zero_()
    features = torch.tensor([[50.0, -50.0, 0.0, 50.0, -50.0, 50.0]], requires_grad=True)
    q, p = posterior(features), StandardNormal(3)(torch.zeros(1, 0))
    kl = kl_per_dimension(q, p)
    assert kl is not None
    total = kl.sum() + q.log_prob(torch.zeros(3)).sum() + p.log_prob(q.rsample()).sum()
    total.backward()
    assert total.isfinite()
    assert features.grad is not None
    assert features.grad.isfinite().all()


def test_is_float32_under_mixed_precision() -> None:
    torch.manual_seed(0)
    posterior, prior = DiagonalGaussian(8, 3), StandardNormal(3)
    features = torch.randn(4, 8)

    def kl_and_log_prob() -> tuple[Tensor, Tensor]:
        q = posterior(features)
        kl = kl_per_dimension(q, prior(features))
        assert kl is not None
        return kl, q.log_prob(torch.zeros(3))

    with torch.autocast("cpu", torch.bfloat16):
        low = kl_and_log_prob()
    for value, exact in zip(low, kl_and_log_prob(), strict=True):
        assert value.dtype == torch.float32
        torch.testing.assert_close(value, exact, atol=0.05, rtol=0.02)
