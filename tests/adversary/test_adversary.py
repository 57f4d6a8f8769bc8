"""The losses of generator and discriminator."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from vaelab.adversary.adversary import call_frozen, discriminator_loss, generator_loss
from vaelab.adversary.discriminator import Discriminator


@pytest.mark.parametrize("sizes", [(5, 5), (3, 7), (1, 0)], ids=str)
def test_the_discriminator_loss_is_the_cross_entropy_of_the_labels(sizes: tuple[int, int]) -> None:
    genuine, fake = (10 * torch.randn(size) for size in sizes)
    labels = torch.cat([torch.ones(sizes[0]), torch.zeros(sizes[1])])
    expected = F.binary_cross_entropy_with_logits(torch.cat([genuine, fake]), labels)
    torch.testing.assert_close(discriminator_loss(genuine, fake), expected)


def test_the_generator_loss_has_limits_0_and_slope_minus_1() -> None:
    logits = torch.tensor([-30.0, 30.0], requires_grad=True)
    (force,) = torch.autograd.grad(generator_loss(logits).sum(), logits)
    torch.testing.assert_close(force, torch.tensor([-1.0, 0.0]))


def test_a_frozen_network_lets_gradients_through_and_keeps_none() -> None:
    network, z = Discriminator(3, [8], nn.ReLU()), torch.randn(5, 3, requires_grad=True)
    logits = call_frozen(network, z)
    assert torch.equal(logits, network(z))
    logits.sum().backward()
    assert z.grad is not None
    assert (z.grad != 0).any()
    assert all(parameter.grad is None for parameter in network.parameters())
