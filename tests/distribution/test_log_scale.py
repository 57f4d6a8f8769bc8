import torch

from vaelab.distribution.operations import bounded_log_scale


def test_stays_within_its_bound_and_has_a_gradient() -> None:
    raw = torch.tensor([-50.0, -5.0, 0.0, 5.0, 50.0], requires_grad=True)
    bounded = bounded_log_scale(raw, bound=7.0)
    bounded.sum().backward()
    assert (bounded.abs() <= 7).all()
    assert raw.grad is not None
    assert (raw.grad > 0).all()
    assert (raw.grad[1:4] > 0.5).all()
    torch.testing.assert_close(bounded_log_scale(torch.tensor(0.1)), torch.tensor(0.1), atol=1e-4, rtol=0)
