"""Learned code vectors: VQ, and residual VQ where there are several stages."""

from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F
from vector_quantize_pytorch.vector_quantize_pytorch import Codebook

from vaelab.codebook.collectives import all_reduce_sum_, sample_over_ranks
from vaelab.codebook.quantization import Quantization
from vaelab.nn.full_precision import full_precision
from vaelab.ranges import Decay, Levels, NonNegativeFloat, PositiveInt, Width


class VectorQuantizer(nn.Module):
    """The nearest of K vectors; then, Q - 1 times, the vector nearest to the residual.

    z_q = e_1 + ... + e_Q,   e_q = argmin_k || z - (e_1 + ... + e_{q-1}) - e_k ||
    penalty: commitment * sum_q || z - sg(e_1 + ... + e_q) ||^2, summed over features and positions

    van den Oord et al. 2017, arXiv:1711.00937, eq. 3, whose middle term the moving averages of appendix A.1
    replace; in stages Zeghidour et al. 2021, arXiv:2107.03312; the penalty Lee et al. 2022, arXiv:2203.01941,
    eq. 9. A code whose moving average of assigned vectors per step, over all ranks, is below `dead_below`
    becomes a random vector of that step.

    Args:
        num_codes: K, codes of each stage.
        dim: E, features of each vector.
        num_quantizers: Q, number of stages.
        decay: decay of the moving averages.
        dead_below: vectors per step below which a code is replaced.
        commitment: weight of the penalty.
    """

    started: Tensor

    def __init__(
        self,
        num_codes: Levels,
        dim: Width,
        num_quantizers: PositiveInt,
        decay: Decay,
        dead_below: NonNegativeFloat,
        commitment: NonNegativeFloat,
    ) -> None:
        super().__init__()
        self.num_codes = num_codes
        self.dim = dim
        self.num_quantizers = num_quantizers
        self.commitment = commitment
        self.stages = nn.ModuleList(build_codebook(num_codes, dim, decay, dead_below) for _ in range(num_quantizers))
        self.register_buffer("started", torch.tensor(False))

    def forward(self, features: Float[Tensor, "B N E"]) -> Quantization:
        z, codes = full_precision(features), []
        sums = [torch.zeros_like(z)]
        with torch.autocast(z.device.type, enabled=False):
            for stage in self.stages:
                chosen, code, _ = stage(z.detach() - sums[-1])  # updates the averages after the choice
                sums.append(sums[-1] + chosen)
                codes.append(code)
            commitment = torch.stack([(z - each).square().sum((1, 2)) for each in sums[1:]]).sum(0)
        # Exactly the code in value, the features in gradient.
        vectors = sums[-1] + (z - z.detach())
        return Quantization(vectors, torch.stack(codes, -1), {"commitment": self.commitment * commitment})

    def lookup(self, codes: Int[Tensor, "B N Q"]) -> Float[Tensor, "B N E"]:
        """The sum of the Q vectors of the codes."""
        return torch.stack([F.embedding(codes[..., q], self.vectors(q)) for q in range(self.num_quantizers)]).sum(0)

    def vectors(self, stage: int) -> Float[Tensor, "K E"]:
        """The code vectors of one stage."""
        codebook: Any = self.stages[stage]
        vectors: Tensor = codebook.embed[0]
        return vectors

    @torch.no_grad()
    def initialize(self, features: Float[Tensor, "B N E"]) -> None:
        """Set the codes to the k-means of features and of their residuals; a second call does nothing."""
        if self.started:
            return
        residual = full_precision(features).flatten(0, 1)
        stage: Any
        for q, stage in enumerate(self.stages):
            stage.initted.fill_(False)
            stage.init_embed_(residual.unsqueeze(0))
            # The weight of one step with one vector per code, for any number of features.
            weight = stage.cluster_size.mean()
            stage.cluster_size /= weight
            stage.embed_avg /= weight
            residual = residual - self.vectors(q)[torch.cdist(residual, self.vectors(q)).argmin(1)]
        self.started.fill_(True)


def build_codebook(num_codes: int, dim: int, decay: float, dead_below: float) -> Any:
    """A codebook whose codes are moving averages of the vectors assigned to them; its whole state is buffers."""
    codebook = Codebook(dim, num_codes, decay=decay, threshold_ema_dead_code=dead_below, reset_cluster_size=1.0)
    codebook.all_reduce_fn = codebook.kmeans_all_reduce_fn = all_reduce_sum_
    codebook.sample_fn = codebook.replace_sample_fn = sample_over_ranks
    return codebook
