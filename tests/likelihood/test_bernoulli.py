import torch

from vaelab.likelihood.bernoulli import Bernoulli


def test_black_and_white_is_a_likelihood_and_grey_is_not() -> None:
    likelihood = Bernoulli((1, 2))
    assert likelihood.is_density(torch.tensor([[[0.0, 1.0]]]))
    assert likelihood.accepts(torch.tensor([[[0.0, 0.5]]]))
    assert not likelihood.is_density(torch.tensor([[[0.0, 0.5]]]))


def test_grey_scored_by_itself_is_minus_its_entropy() -> None:
    x = torch.rand(5, 1, 4, 4, generator=torch.Generator().manual_seed(0))
    entropy = -(x * x.log() + (1 - x) * (1 - x).log()).sum((1, 2, 3))
    score = Bernoulli((1, 4, 4))(x.logit().unsqueeze(1)).log_prob(x)
    torch.testing.assert_close(score, -entropy)
