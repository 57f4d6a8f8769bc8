"""The prior of a VQ-VAE's first stage."""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.distributions import Categorical, Independent

from vaelab.distribution.joint import Joint
from vaelab.ranges import Supplied, SuppliedSizes


class UniformCodes(nn.Module):
    """p(k) = K^-n over n codes, for every condition: batch_shape [], event_shape [h, w, Q].

    Args:
        num_codes: K, codes of each quantizer.
        code_shape: [h, w, Q].
        condition_size: not used.
    """

    logits: Tensor

    def __init__(self, num_codes: Supplied, code_shape: SuppliedSizes, condition_size: Supplied) -> None:
        super().__init__()
        self.code_shape = torch.Size(code_shape)
        self.register_buffer("logits", torch.zeros(num_codes), persistent=False)

    def forward(self, condition: Float[Tensor, "B C"]) -> Independent:
        codes = Categorical(logits=self.logits, validate_args=False).expand(self.code_shape)
        return Joint(codes, len(self.code_shape), validate_args=False)
