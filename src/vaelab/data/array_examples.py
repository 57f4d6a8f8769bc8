"""A split of arrays in memory, whose fingerprint covers every value."""

import hashlib
from dataclasses import dataclass
from functools import cached_property

from jaxtyping import Int
from torch import Tensor

from vaelab.data.examples import Examples


@dataclass(frozen=True, eq=False)
class ArrayExamples(Examples):
    """Stored x with labels y."""

    def subset(self, indices: Int[Tensor, " M"]) -> "ArrayExamples":
        return ArrayExamples(self.x[indices], None if self.y is None else self.y[indices])

    @cached_property
    def fingerprint(self) -> str:
        """A hash of all of x and y."""
        digest = hashlib.sha256(repr((tuple(self.x.shape), str(self.x.dtype), self.y is None)).encode())
        for array in (self.x, *([] if self.y is None else [self.y])):
            digest.update(array.contiguous().numpy().data)
        return digest.hexdigest()[:16]
