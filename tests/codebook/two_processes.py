"""Script of test_vector_quantizer.py for two processes, which train one codebook."""

from pathlib import Path

import torch
from torch import Tensor, distributed

from vaelab.codebook.vector_quantizer import VectorQuantizer

SIZES = {"num_codes": 8, "dim": 4}


def features(seed: int) -> Tensor:
    return torch.randn(16, 5, 4, generator=torch.Generator().manual_seed(seed))


def run(folder: Path, rank: int, port: int) -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    # Built before there is a group, as every model is.
    quantizer = VectorQuantizer(**SIZES, num_quantizers=2, decay=0.8, dead_below=2.0, commitment=0.25)
    distributed.init_process_group("gloo", init_method=f"tcp://localhost:{port}", rank=rank, world_size=2)
    torch.manual_seed(rank)
    quantizer.initialize(features(rank))
    revived = 0
    for step in range(50):
        old = quantizer.vectors(0).clone()
        codes = quantizer(features(1000 * rank + step) * (1 + step % 5)).codes
        # A moving average does not jump onto a feature of this process or of the other.
        revived += int(((quantizer.vectors(0) - old).norm(dim=1) > 1).sum())
    torch.save({"state": quantizer.state_dict(), "codes": codes, "revived": revived}, folder / f"{rank}.pt")
    distributed.destroy_process_group()
