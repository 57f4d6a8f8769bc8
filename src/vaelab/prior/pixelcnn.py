"""An autoregressive prior over codes: Gated PixelCNN."""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import pad

from vaelab.distribution.autoregressive_codes import AutoregressiveCodes
from vaelab.nn.full_precision import full_precision
from vaelab.ranges import PositiveInt, Supplied, SuppliedSizes, Width


class GatedLayer(nn.Module):
    """Two stacks of features [B, F, h, w], of all rows above and of the positions to the left in the same row.

    Both pass tanh(W h + V c) * sigmoid(U h + T c); the left stack also gets the upper one, and is residual.
    van den Oord et al. 2016, arXiv:1606.05328, eq. 4 and figure 2
    """

    def __init__(self, num_features: int, kernel_size: int, condition_size: int) -> None:
        super().__init__()
        self.reach = kernel_size // 2
        self.above = nn.Conv2d(num_features, 2 * num_features, (self.reach + 1, 2 * self.reach + 1))
        self.left = nn.Conv2d(num_features, 2 * num_features, (1, self.reach + 1))
        self.link = nn.Conv2d(2 * num_features, 2 * num_features, 1)
        self.out = nn.Conv2d(num_features, num_features, 1)
        self.condition = nn.Linear(condition_size, 4 * num_features, bias=False) if condition_size else None

    def forward(self, above: Tensor, left: Tensor, c: Float[Tensor, "B C"]) -> tuple[Tensor, Tensor]:
        r = self.reach
        v = self.above(pad(above, (r, r, r, 0)))
        h = self.left(pad(left, (r, 0))) + self.link(v)
        if self.condition is not None:
            for_v, for_h = self.condition(c)[:, :, None, None].chunk(2, 1)
            v, h = v + for_v, h + for_h
        return gated_activation(v), left + self.out(gated_activation(h))


def gated_activation(h: Float[Tensor, "B F2 h w"]) -> Float[Tensor, "B F h w"]:
    value, gate = h.chunk(2, 1)
    return value.tanh() * gate.sigmoid()


class PixelCNN(nn.Module):
    """p(codes | c) = prod_i p(k_i | all codes before, c) over a map [h, w, Q] of codes.

    Gated PixelCNN, van den Oord et al. 2016, arXiv:1606.05328. The masks are shifts: the stack above starts one
    row down, the left one a column to the right, and no layer depends on later codes. At a position with several
    quantizers, the maps use the sum of embeddings, and each code the sum of those before it at its position (Lee et
    al. 2022, arXiv:2203.01941, section 3.2). `position` and `bias` are learned per position.

    Args:
        num_codes: K, codes of each quantizer.
        code_shape: [h, w, Q].
        condition_size: Y, the size of the condition.
        num_features: F, channels of both stacks.
        num_layers: number of gated layers.
        kernel_size: rows and columns of the full, unmasked kernel.
    """

    offsets: Tensor

    def __init__(
        self,
        num_codes: Supplied,
        code_shape: SuppliedSizes,
        condition_size: Supplied,
        num_features: Width,
        num_layers: PositiveInt,
        kernel_size: PositiveInt,
    ) -> None:
        super().__init__()
        self.code_shape = torch.Size(code_shape)
        height, width, num_quantizers = self.code_shape
        self.register_buffer("offsets", num_codes * torch.arange(num_quantizers), persistent=False)
        self.embedding = nn.Embedding(num_quantizers * num_codes, num_features)
        self.position = nn.Parameter(0.1 * torch.randn(num_features, height, width))
        self.layers = nn.ModuleList(GatedLayer(num_features, kernel_size, condition_size) for _ in range(num_layers))
        self.mix = nn.Sequential(nn.ReLU(), nn.Linear(num_features, num_features), nn.ReLU())
        self.weight = nn.Parameter(torch.randn(num_quantizers, num_features, num_codes) / num_features**0.5)
        self.bias = nn.Parameter(torch.zeros(height, width, num_quantizers, num_codes))

    def forward(self, condition: Float[Tensor, "B C"]) -> AutoregressiveCodes:
        return AutoregressiveCodes(self.logits, condition, self.code_shape)

    def logits(self, codes: Int[Tensor, "B r w Q"], condition: Float[Tensor, "B C"]) -> Float[Tensor, "B r w Q K"]:
        """The logits of every code of the first r rows, given the codes before it."""
        num_rows = codes.shape[1]
        embedded = self.embedding(codes + self.offsets)  # [B, r, w, Q, F]
        sums = embedded.sum(3).permute(0, 3, 1, 2)
        position = self.position[:, :num_rows]
        above = pad(sums, (0, 0, 1, 0))[:, :, :-1] + position
        left = pad(sums, (1, 0))[..., :-1] + position
        for layer in self.layers:
            above, left = layer(above, left, condition)
        # The sum without its last term; subtracting that term would leak it through the rounding error.
        coarser = pad(embedded[..., :-1, :].cumsum(3), (0, 0, 1, 0))
        h = self.mix(left.permute(0, 2, 3, 1).unsqueeze(3) + coarser)
        return full_precision(torch.einsum("brwqf,qfk->brwqk", h, self.weight)) + self.bias[:num_rows]
