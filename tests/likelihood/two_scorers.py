"""Script for two processes that share an optimal scale."""

import torch
from torch import distributed

from vaelab.likelihood.gaussian import OptimalGaussian


def score_on_one_of_two(rank: int, meeting: str) -> None:
    distributed.init_process_group("gloo", init_method=f"file://{meeting}", rank=rank, world_size=2)
    likelihood = OptimalGaussian((1,))
    likelihood(torch.zeros(2, 1, 1)).log_prob(torch.full((2, 1), 1.0 + 2 * rank))
    torch.testing.assert_close(likelihood.variance, torch.tensor(5.0))
    distributed.destroy_process_group()
