"""Bernoulli pixels have the same log_prob with and without gradient."""

import pytest
import torch
from torch.distributions import Bernoulli

from vaelab.distribution.joint_bernoulli import JointBernoulli


def pixels(logits: torch.Tensor) -> Bernoulli:
    return Bernoulli(logits=logits, validate_args=False)


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 5, 7), (2,), (3, 64, 64)])
@pytest.mark.parametrize("grey", [False, True])
@pytest.mark.parametrize("scale", [0.1, 5.0, 100.0])
def test_equals_the_sum_over_pixels(shape: tuple[int, ...], grey: bool, scale: float) -> None:
    logits = scale * torch.randn(6, 4, *shape)
    x = torch.rand(4, *shape)
    x = x if grey else x.round()
    expected = pixels(logits.double()).log_prob(x.double()).flatten(2).sum(2)
    for wanted in (False, True):
        joint = JointBernoulli(pixels(logits.requires_grad_(wanted)), len(shape), validate_args=False)
        found = joint.log_prob(x)
        assert found.requires_grad == wanted
        torch.testing.assert_close(found.detach().double(), expected, rtol=2e-6, atol=1e-4)


def test_does_not_change_its_logits_and_accepts_an_empty_batch() -> None:
    logits = torch.randn(3, 2, 8)
    before = logits.clone()
    joint = JointBernoulli(pixels(logits), 1, validate_args=False)
    joint.log_prob(torch.ones(2, 8))
    assert torch.equal(logits, before)
    assert JointBernoulli(pixels(logits[:, :0]), 1, validate_args=False).log_prob(torch.ones(0, 8)).shape == (3, 0)
