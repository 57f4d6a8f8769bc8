"""The kernel distance: unbiased and reproducible; too few images are an error."""

import pytest
import torch
from torch import Tensor

from vaelab.errors import UserError
from vaelab.metric.kernel_distance import kernel_distance


def kernel(a: Tensor, b: Tensor) -> Tensor:
    return (a @ b.T / a.shape[1] + 1) ** 3


def test_equals_the_formula_for_one_subset_of_all_images() -> None:
    a, b = torch.randn(20, 5, dtype=torch.float64), torch.randn(20, 5, dtype=torch.float64) + 1
    others = 1 - torch.eye(20, dtype=torch.float64)
    within = ((kernel(a, a) + kernel(b, b)) * others).sum() / (20 * 19)
    value, deviation = kernel_distance(a, b, 1, 20)
    assert value == pytest.approx((within - 2 * kernel(a, b).mean()).item(), rel=1e-12)
    assert deviation == 0


def test_does_not_depend_on_earlier_draws() -> None:
    a, b = torch.randn(60, 5), torch.randn(70, 5)
    first = kernel_distance(a, b, 10, 30)
    torch.manual_seed(1234)
    assert kernel_distance(a, b, 10, 30) == first
    assert first[1] > 0


def test_has_mean_zero_for_equal_distributions() -> None:
    values = [kernel_distance(torch.randn(40, 4), torch.randn(40, 4), 1, 40)[0] for _ in range(200)]
    spread = torch.tensor(values)
    assert abs(spread.mean()) < 4 * spread.std() / 200**0.5
    assert kernel_distance(torch.randn(40, 4), torch.randn(40, 4) + 1, 1, 40)[0] > 4 * spread.std()


@pytest.mark.parametrize("order", [1, -1])
def test_too_few_images_for_a_subset_are_an_error(order: int) -> None:
    message = r"^KID draws subsets of 30 images, but there are 29; set kid_subset_size=29 or lower$"
    with pytest.raises(UserError, match=message):
        kernel_distance(*(torch.randn(29, 4), torch.randn(50, 4))[::order], 10, 30)
