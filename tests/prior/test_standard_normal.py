import math

import torch

from vaelab.prior.standard_normal import StandardNormal


def test_is_one_distribution_for_all_conditions() -> None:
    prior = StandardNormal(latent_dim=3)
    p = prior(torch.zeros(5, 10))
    assert (p.batch_shape, p.event_shape) == ((), (3,))
    torch.testing.assert_close(p.log_prob(torch.zeros(3)), torch.tensor(-1.5 * math.log(2 * math.pi)))
    assert not prior.state_dict()


def test_is_on_the_device_of_its_module() -> None:
    assert StandardNormal(3).to("meta")(torch.zeros(1, 0)).mean.device.type == "meta"
