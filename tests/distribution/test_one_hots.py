import torch
from torch.distributions import Independent, OneHotCategorical

from vaelab.distribution.one_hots import OneHots
from vaelab.distribution.operations import kl_per_dimension

UNIT = torch.tensor(1.0)


def test_is_as_many_one_hot_categoricals_as_it_has_variables() -> None:
    logits = torch.randn(2, 3, 4)
    mine, torchs = OneHots(logits, UNIT), Independent(OneHotCategorical(logits=logits), 1)
    z = mine.rsample(torch.Size([6]))
    assert ((z == 0) | (z == 1)).all()
    torch.testing.assert_close(mine.log_prob(z), torchs.log_prob(z.unflatten(-1, (3, 4))))
    torch.testing.assert_close(mine.mean, torchs.mean.flatten(-2))


def test_its_divergence_is_one_number_per_variable() -> None:
    logits = torch.randn(2, 3, 4)
    kl = kl_per_dimension(OneHots(logits, UNIT), OneHots(torch.zeros(3, 4), UNIT))
    assert kl is not None
    expected = (logits.softmax(-1) * (logits.log_softmax(-1) - torch.tensor(0.25).log())).sum(-1)
    torch.testing.assert_close(kl, expected)


def test_relaxed_samples_approach_one_hot_at_low_temperature() -> None:
    logits, shape = torch.randn(2, 3, 4), torch.Size([500])
    warm, cold = (OneHots(logits, torch.tensor(t), relaxed=True).rsample(shape) for t in (2.0, 0.01))
    for z in (warm, cold):
        torch.testing.assert_close(z.unflatten(-1, (3, 4)).sum(-1), torch.ones(500, 2, 3))
    assert warm.max() < 1
    assert (cold.unflatten(-1, (3, 4)).max(-1).values > 0.99).float().mean() > 0.9


def test_a_one_hot_sample_has_the_gradient_of_the_relaxed_one() -> None:
    logits = torch.randn(2, 3, 4, requires_grad=True)
    slopes = []
    for relaxed in (True, False):
        torch.manual_seed(3)
        z = OneHots(logits, torch.tensor(0.7), relaxed).rsample(torch.Size([5]))
        slopes += torch.autograd.grad((z * torch.arange(12)).sum(), logits)
    assert (slopes[0] != 0).all()
    torch.testing.assert_close(slopes[0], slopes[1])
