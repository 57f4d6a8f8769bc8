import pytest
import torch
from torch.distributions import Independent, Normal

from vaelab.distribution.joint import Joint
from vaelab.distribution.one_hots import OneHots
from vaelab.distribution.operations import center, kl_per_dimension, rsample_and_log_prob, with_temperature
from vaelab.distribution.product import Product


def gaussian(*batch: int) -> Joint:
    return Joint(Normal(torch.randn(*batch, 3), torch.rand(*batch, 3) + 0.5), 1)


def categories(*batch: int) -> OneHots:
    return OneHots(torch.randn(*batch, 2, 4), torch.tensor(1.0))


def test_concatenates_its_parts() -> None:
    parts = gaussian(5), categories(5)
    both = Product(parts)
    z, log_prob = rsample_and_log_prob(both, torch.Size([6]))
    expected = parts[0].log_prob(z[..., :3]) + parts[1].log_prob(z[..., 3:])
    torch.testing.assert_close(log_prob, expected)
    torch.testing.assert_close(both.log_prob(z), expected)
    torch.testing.assert_close(both.mean, torch.cat([part.mean for part in parts], -1))
    torch.testing.assert_close(center(both), torch.cat([center(part) for part in parts], -1))
    torch.testing.assert_close(with_temperature(both, 0.5).parts[0].stddev, parts[0].stddev / 2)


@pytest.mark.parametrize("batches", [((5,), ()), ((), (5,)), ((), ())], ids=str)
def test_a_part_may_be_the_same_for_the_whole_batch(batches: tuple[tuple[int, ...], ...]) -> None:
    both = Product([gaussian(*batches[0]), categories(*batches[1])])
    z = both.sample(torch.Size([6]))
    assert z.shape == (6, *both.batch_shape, 11)
    assert both.rsample().shape == (*both.batch_shape, 11)
    assert both.log_prob(z).shape == (6, *both.batch_shape)
    assert len(z[..., :3].flatten(0, -2).unique(dim=0)) == z[..., 0].numel()


def test_its_divergence_is_that_of_each_part() -> None:
    q, p = Product([gaussian(5), categories(5)]), Product([gaussian(), categories()])
    kl = kl_per_dimension(q, p)
    parts = [kl_per_dimension(*pair) for pair in zip(q.parts, p.parts, strict=True)]
    assert kl is not None
    assert kl.shape == (5, 3 + 2)
    torch.testing.assert_close(kl, torch.cat(parts, -1))


def test_has_no_closed_form_kl_if_a_part_has_none() -> None:
    q = Product([gaussian(5), categories(5)])
    p = Product([Independent(torch.distributions.StudentT(torch.ones(3)), 1), categories()])
    assert kl_per_dimension(q, p) is None
