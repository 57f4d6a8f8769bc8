"""The codes of a split, with their labels."""

from jaxtyping import Float, Int
from torch import Tensor
from torchmetrics import Metric
from torchmetrics.utilities import dim_zero_cat

from vaelab.errors import UserError
from vaelab.evaluation.context import EvaluationContext
from vaelab.terms import Batch


class Codes(Metric):
    """Codes [N, D] with labels [N] or factors [N, F], pooled over all processes and sorted by example index."""

    full_state_update = False
    index: list[Tensor]
    code: list[Tensor]
    y: list[Tensor]

    def __init__(self) -> None:
        super().__init__()
        for name in ("index", "code", "y"):
            self.add_state(name, [], dist_reduce_fx="cat")

    def update(self, index: Int[Tensor, " B"], code: Float[Tensor, "B D"], y: Int[Tensor, "B *F"]) -> None:
        self.index.append(index)
        self.code.append(code)
        self.y.append(y)

    def compute(self) -> tuple[Float[Tensor, "N D"], Int[Tensor, "N *F"]]:
        """Codes and labels or factors. Raises UserError if a code is not finite."""
        code, order = dim_zero_cat(self.code), dim_zero_cat(self.index).argsort()
        if broken := int((~code.isfinite().all(1)).sum()):
            raise UserError(
                f"{broken} of {len(code)} codes are not finite: the model has diverged; set ckpt to an earlier"
                " checkpoint"
            )
        return code[order], dim_zero_cat(self.y)[order]


def codes_of(
    context: EvaluationContext, split: str, limit: int | None = None
) -> tuple[Float[Tensor, "N D"], Int[Tensor, " N"]]:
    """Posterior means in float32 and labels of the first `limit` examples of a labelled split."""
    codes = context.metric(Codes())

    def add(batch: Batch, num: int) -> None:
        assert batch.y is not None, "the data must have labels"
        codes.update(batch.index[:num], context.latent.encode(batch.x, batch.y).float()[:num], batch.y[:num])

    add(context.dummy_batch(), 0)  # a process with an empty list state would skip the gather
    for chunk in context.chunks(codes, split, limit):
        add(chunk.batch, len(chunk.batch.x))
    code, y = codes.compute()
    return code, y
