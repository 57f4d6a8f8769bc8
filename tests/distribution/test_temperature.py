import pytest
import torch
from torch.distributions import Gumbel, Independent, Normal

from vaelab.distribution.operations import with_temperature
from vaelab.errors import UserError


def test_scales_a_gaussian_and_keeps_its_event() -> None:
    prior = Independent(Normal(torch.ones(3), 2 * torch.ones(3)), 1)
    cooler = with_temperature(prior, 0.5)
    assert cooler.event_shape == (3,)
    torch.testing.assert_close(cooler.mean, torch.ones(3))
    torch.testing.assert_close(cooler.stddev, torch.ones(3))


def test_temperature_one_changes_nothing() -> None:
    gumbel = Gumbel(torch.zeros(2), torch.ones(2))
    assert with_temperature(gumbel, 1) is gumbel
    assert with_temperature(Independent(gumbel, 1), 1.0).event_shape == (2,)


def test_distributions_without_scale_are_an_error() -> None:
    with pytest.raises(UserError, match=r"temperature=0\.5 needs .* but Gumbel has none; set temperature=1"):
        with_temperature(Independent(Gumbel(torch.zeros(2), torch.ones(2)), 1), 0.5)
