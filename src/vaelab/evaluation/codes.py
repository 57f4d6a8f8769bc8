"""The codes of a split, with their labels."""

from jaxtyping import Float, Int
from torch import Tensor
from torchmetrics import Metric
from torchmetrics.utilities import dim_zero_cat

from vaelab.evaluation.subject import Subject
from vaelab.terms import Batch


class Codes(Metric):
    """Codes and labels of all examples of all processes, in the order of the split."""

    full_state_update = False
    index: list[Tensor]
    code: list[Tensor]
    y: list[Tensor]

    def __init__(self) -> None:
        super().__init__()
        for name in ("index", "code", "y"):
            self.add_state(name, [], dist_reduce_fx="cat")

    def update(self, index: Int[Tensor, " B"], code: Float[Tensor, "B D"], y: Int[Tensor, " B"]) -> None:
        self.index.append(index)
        self.code.append(code)
        self.y.append(y)

    def compute(self) -> tuple[Float[Tensor, "N D"], Int[Tensor, " N"]]:
        order = dim_zero_cat(self.index).argsort()
        return dim_zero_cat(self.code)[order], dim_zero_cat(self.y)[order]


def codes_of(subject: Subject, split: str, limit: int | None = None) -> tuple[Float[Tensor, "N D"], Int[Tensor, " N"]]:
    """Posterior means in float32 and labels of the first examples of a split of labelled data."""
    codes = subject.metric(Codes())

    def add(batch: Batch) -> None:
        assert batch.y is not None, "only labelled data are asked for codes with labels"
        codes.update(batch.index, subject.latent.encode(batch.x, batch.y).float(), batch.y)

    add(subject.no_examples())
    for chunk in subject.chunks(codes, split, limit):
        add(chunk.batch)
    code, y = codes.compute()
    return code, y
