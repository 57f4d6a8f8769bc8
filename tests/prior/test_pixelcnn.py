"""The autoregressive prior over codes: causality, normalization and samples."""

from itertools import product

import pytest
import torch
from torch import Tensor

from vaelab.distribution.operations import with_temperature
from vaelab.prior.pixelcnn import PixelCNN

MAPS = [(5, 4, 1), (1, 6, 1), (3, 3, 2), (1, 1, 4)]
every_map = pytest.mark.parametrize("shape", MAPS, ids=str)


def pixelcnn(shape: tuple[int, ...], num_codes: int = 3, condition_size: int = 0, num_layers: int = 4) -> PixelCNN:
    torch.manual_seed(0)
    return PixelCNN(num_codes, shape, condition_size, num_features=8, num_layers=num_layers, kernel_size=3)


def influence(prior: PixelCNN) -> Tensor:
    """Which conditional changes with which code, [conditional, code], each in the order of drawing."""
    h, w, q = prior.code_shape
    changed = torch.zeros(h * w * q, h * w * q, dtype=torch.bool)
    for codes in torch.randint(0, 3, (20, 1, h, w, q)):
        before = prior.logits(codes, torch.zeros(1, 0)).flatten(0, 3)
        for place in range(h * w * q):
            other = codes.clone()
            other.view(-1)[place] = (other.view(-1)[place] + 1) % 3
            after = prior.logits(other, torch.zeros(1, 0)).flatten(0, 3)
            changed[:, place] |= (after != before).any(1)
    return changed


@every_map
@torch.no_grad()
def test_each_conditional_depends_on_all_codes_before_it_and_on_no_other(shape: tuple[int, ...]) -> None:
    changed = influence(pixelcnn(shape))
    assert torch.equal(changed, torch.ones_like(changed).tril(-1))


@torch.no_grad()
def test_the_layers_of_the_yaml_see_a_map_of_seven_by_seven() -> None:
    prior = PixelCNN(3, (7, 7, 1), 0, num_features=8, num_layers=6, kernel_size=3)
    codes = torch.randint(0, 3, (1, 7, 7, 1))
    last = prior.logits(codes, torch.zeros(1, 0))[0, 6, 0]
    corner = codes.clone()
    corner[0, 5, 6] = (corner[0, 5, 6] + 1) % 3  # the end of the row above the first code of the last row
    assert not torch.equal(prior.logits(corner, torch.zeros(1, 0))[0, 6, 0], last)


def every_code(*shape: int) -> Tensor:
    """All configurations of 3 codes."""
    places = shape[0] * shape[1] * shape[2]
    return torch.tensor(list(product(range(3), repeat=places))).view(-1, *shape)


@pytest.mark.parametrize("shape", [(2, 2, 1), (1, 2, 2)], ids=str)
@pytest.mark.parametrize("temperature", [1.0, 0.5])
@torch.no_grad()
def test_sums_to_one_and_samples_follow_the_probabilities(shape: tuple[int, ...], temperature: float) -> None:
    p = with_temperature(pixelcnn(shape, condition_size=2)(torch.tensor([[0.0, 1.0]])), temperature)
    every = every_code(*shape)
    probability = p.log_prob(every.unsqueeze(1)).exp().squeeze(1)
    torch.testing.assert_close(probability.sum(), torch.tensor(1.0))
    drawn = p.sample(torch.Size([20_000])).flatten(1)
    counts = (drawn @ (3 ** torch.arange(3, -1, -1))).bincount(minlength=81) / len(drawn)
    tolerance = 5 * (probability * (1 - probability) / len(drawn)).sqrt() + 1e-4
    assert ((counts - probability).abs() < tolerance).all()


def test_a_lower_temperature_sharpens_the_first_conditional() -> None:
    prior = pixelcnn((1, 1, 1))
    logits = prior.logits(torch.zeros(1, 1, 1, 1, dtype=torch.long), torch.zeros(1, 0)).flatten()
    found = with_temperature(prior(torch.zeros(1, 0)), 0.25).log_prob(torch.arange(3).view(3, 1, 1, 1, 1))
    torch.testing.assert_close(found.flatten(), (4 * logits).log_softmax(0))


def test_depends_on_its_condition_and_accepts_any_batch() -> None:
    prior = pixelcnn((2, 2, 2), condition_size=10)
    codes = torch.randint(0, 3, (1, 2, 2, 2))
    by_label = prior(torch.eye(10)).log_prob(codes.expand(10, -1, -1, -1))
    assert len(by_label.unique()) == 10
    none = prior(torch.zeros(0, 10))
    assert none.sample().shape == (0, 2, 2, 2)
    assert none.log_prob(none.sample()).shape == (0,)
    assert prior(torch.eye(10)).sample(torch.Size([3])).shape == (3, 10, 2, 2, 2)


@every_map
@pytest.mark.parametrize("condition_size", [0, 2])
def test_every_parameter_gets_a_gradient(shape: tuple[int, ...], condition_size: int) -> None:
    prior = pixelcnn(shape, condition_size=condition_size)
    codes = torch.randint(0, 3, (6, *shape))
    (-prior(torch.rand(6, condition_size)).log_prob(codes).mean()).backward()
    for name, parameter in prior.named_parameters():
        assert parameter.grad is not None, name
        assert (parameter.grad != 0).any(), name
