import pytest
import torch
from torch import Tensor, distributions

from vaelab.distribution.continuous_bernoulli import ContinuousBernoulli

PROBABILITIES = [1e-4, 0.49, 0.4999, 0.5, 0.5001, 0.51, 1 - 1e-4]
LOGITS = [*torch.tensor(PROBABILITIES).logit().tolist(), -50.0, -17.0, -0.5, 0.499, 0.5, 17.0, 50.0]


def integral(values: Tensor, x: Tensor) -> Tensor:
    return torch.trapezoid(values.double(), x.double())


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("logit", LOGITS)
def test_integrates_to_one_and_its_score_to_zero(logit: float, dtype: torch.dtype) -> None:
    x = torch.linspace(0, 1, 20_001, dtype=dtype)
    logits = torch.full_like(x, logit, requires_grad=True)
    log_prob = ContinuousBernoulli(logits).log_prob(x)
    (score,) = torch.autograd.grad(log_prob.sum(), logits)
    assert integral(log_prob.detach().exp(), x).item() == pytest.approx(1, abs=1e-5)
    assert score.isfinite().all()
    assert integral(log_prob.detach().exp() * score, x).item() == pytest.approx(0, abs=1e-5)


@pytest.mark.parametrize("logit", LOGITS)
def test_mean_is_the_integral_of_x(logit: float) -> None:
    x = torch.linspace(0, 1, 20_001)
    distribution = ContinuousBernoulli(torch.tensor(logit))
    torch.testing.assert_close(
        integral(distribution.log_prob(x).exp() * x, x).float(), distribution.mean, atol=1e-5, rtol=0
    )


def test_equals_torch_where_torch_is_exact() -> None:
    logits = torch.linspace(-9, 9, 19, dtype=torch.float64).unsqueeze(1)
    x = torch.linspace(0, 1, 11, dtype=torch.float64)
    expected = distributions.ContinuousBernoulli(logits=logits, lims=(0.4999, 0.5001))
    distribution = ContinuousBernoulli(logits)
    torch.testing.assert_close(distribution.log_prob(x), expected.log_prob(x), atol=1e-6, rtol=0)


def test_samples_follow_the_cdf() -> None:
    torch.manual_seed(0)
    logits = torch.tensor([-20.0, -1.0, 0.0, 1.0, 20.0])
    u = distributions.ContinuousBernoulli(logits=logits.double()).cdf(ContinuousBernoulli(logits).sample((20_000,)))
    ranks = torch.linspace(0, 1, 20_000, dtype=torch.float64).unsqueeze(1)
    assert (u.sort(0).values - ranks).abs().max() < 0.015  # Kolmogorov-Smirnov, p about 2e-4
