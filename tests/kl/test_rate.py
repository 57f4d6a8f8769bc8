"""Free bits, capacity and weight of the rate."""

import pytest
import torch
from torch import Tensor

from vaelab.errors import UserError
from vaelab.kl.rate import controlled_rate

NUM_GROUPS = 6


def rate(kl: Tensor, weight: float = 1.0, free_nats: float = 0.0, capacity: float = 0.0, group_size: int = 1) -> Tensor:
    return controlled_rate(kl, *map(torch.tensor, (weight, free_nats, capacity)), group_size)


def gradient(kl: Tensor, **control: float) -> Tensor:
    leaf = kl.clone().requires_grad_()
    rate(leaf, **control).backward()
    assert leaf.grad is not None
    return leaf.grad


@pytest.fixture
def kl() -> Tensor:
    """[B, G], whose means over the batch differ from group to group and are at odds with single examples."""
    return torch.rand(5, NUM_GROUPS) * torch.linspace(0.1, 2.0, NUM_GROUPS)


def test_without_control_it_is_the_sum_over_groups_and_the_mean_over_examples(kl: Tensor) -> None:
    torch.testing.assert_close(rate(kl), kl.sum(1).mean())


@pytest.mark.parametrize("group_size", [1, 2, 3, NUM_GROUPS])
def test_free_bits_stop_the_gradient_only_below_the_floor(kl: Tensor, group_size: int) -> None:
    means = kl.mean(0).view(-1, group_size).sum(1)
    floor = means.mean().item() if group_size < NUM_GROUPS else 2 * means.item()
    above = (means > floor).repeat_interleave(group_size).expand(len(kl), -1)
    found = gradient(kl, free_nats=floor, group_size=group_size)
    torch.testing.assert_close(found, torch.where(above, gradient(kl), 0.0))
    assert not above.all()
    assert above.any() == (group_size < NUM_GROUPS)
    torch.testing.assert_close(rate(kl, free_nats=floor, group_size=group_size), means.clamp(min=floor).sum())


def test_the_floor_is_on_the_mean_over_examples_not_on_each_example() -> None:
    kl = torch.tensor([[0.0], [2.0]])  # mean 1.0
    torch.testing.assert_close(gradient(kl, free_nats=0.5), torch.tensor([[0.5], [0.5]]))
    assert rate(kl, free_nats=0.5) == 1.0


@pytest.mark.parametrize("group_size", [4, 5, 7])
def test_groups_that_do_not_divide_the_latents_are_an_error(kl: Tensor, group_size: int) -> None:
    with pytest.raises(UserError) as caught:
        rate(kl, free_nats=0.1, group_size=group_size)
    assert str(caught.value) == (
        f"free bits in groups of {group_size} do not divide {NUM_GROUPS} latent groups; "
        "set callbacks.free_bits.group_size to a divisor"
    )


def test_capacity_pulls_the_rate_from_both_sides(kl: Tensor) -> None:
    value = kl.sum(1).mean().item()
    for capacity, sign in ((value - 0.5, 1.0), (value + 0.5, -1.0)):
        torch.testing.assert_close(rate(kl, capacity=capacity), torch.tensor(0.5))
        torch.testing.assert_close(gradient(kl, capacity=capacity), sign * gradient(kl))


def test_weight_multiplies_the_rate_and_its_gradient(kl: Tensor) -> None:
    for control in ({}, {"free_nats": 0.4}, {"capacity": 1.0}):
        torch.testing.assert_close(rate(kl, weight=3.0, **control), 3 * rate(kl, **control))
        torch.testing.assert_close(gradient(kl, weight=3.0, **control), 3 * gradient(kl, **control))
    assert (gradient(kl, weight=0.0) == 0).all()
