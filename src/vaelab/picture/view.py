"""What a picture is drawn from."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from vaelab.data.module import DataModule
from vaelab.latent.structure import LatentStructure
from vaelab.terms import Batch


@dataclass(frozen=True)
class View:
    """A latent structure, the split through which it is looked at, and a seed, for what is drawn at random."""

    latent: LatentStructure
    data: DataModule
    split: str
    seed: int
    device: torch.device

    def batch(self, indices: Int[Tensor, " B"]) -> Batch:
        """Chosen examples of the split as an evaluation sees them, on the model's device."""
        batch: Batch = self.data.transfer_batch_to_device(self.data.batch(self.split, indices), self.device, 0)
        return batch

    def first(self, num: int) -> Batch:
        """The first examples of the split, at most `num`."""
        return self.batch(torch.arange(min(num, len(self.data.split(self.split)))))

    def images(self, x: Float[Tensor, "*B C H W"]) -> Float[Tensor, "*B C H W"]:
        """Brightness in [0, 1], to be looked at."""
        return self.data.to_unit(x)

    def class_name(self, y: Tensor | int) -> str:
        return self.data.classes[int(y)] if self.data.classes else str(int(y))
