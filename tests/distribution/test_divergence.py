import pytest
import torch
from torch.distributions import (
    Bernoulli,
    Categorical,
    Distribution,
    Independent,
    Laplace,
    MixtureSameFamily,
    Normal,
    OneHotCategorical,
    StudentT,
)

from vaelab.distribution.operations import kl_per_dimension

torch.manual_seed(0)
LOC, SCALE = torch.randn(2, 3), torch.rand(2, 3) + 0.5
UNIT = Normal(torch.zeros(3), torch.ones(3))
PAIRS = {
    "normal-normal": (Normal(LOC, SCALE), UNIT),
    "normal-conditional": (Normal(LOC, SCALE), Normal(-LOC, SCALE.flip(0))),
    "laplace-laplace": (Laplace(LOC, SCALE), Laplace(torch.zeros(3), torch.ones(3))),
    "bernoulli-bernoulli": (Bernoulli(logits=LOC), Bernoulli(logits=torch.zeros(3))),
    "onehot-onehot": (OneHotCategorical(logits=torch.randn(2, 3, 4)), OneHotCategorical(torch.ones(3, 4))),
}


@pytest.mark.parametrize(("q", "p"), PAIRS.values(), ids=PAIRS.keys())
def test_closed_form_is_the_monte_carlo_mean(q: Distribution, p: Distribution) -> None:
    torch.manual_seed(1)
    kl = kl_per_dimension(Independent(q, 1), Independent(p, 1))
    assert kl is not None
    assert kl.shape == (2, 3)
    z = q.sample((50_000,))
    log_ratio = q.log_prob(z) - p.log_prob(z)  # [S, B, D]
    assert ((log_ratio.mean(0) - kl).abs() <= 5 * log_ratio.std(0) / 50_000**0.5 + 1e-5).all()


@pytest.mark.parametrize(
    "prior",
    [
        Independent(StudentT(torch.ones(3)), 1),
        MixtureSameFamily(Categorical(torch.ones(4)), Independent(Normal(torch.randn(4, 3), torch.ones(4, 3)), 1)),
    ],
    ids=["no formula", "not factorised"],
)
def test_none_where_there_is_no_closed_form(prior: Distribution) -> None:
    assert kl_per_dimension(Independent(Normal(LOC, SCALE), 1), prior) is None
