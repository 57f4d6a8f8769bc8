"""Draw samples from a checkpoint: what `vaelab sample` does."""

from pathlib import Path

import numpy as np
import torch
from jaxtyping import Int
from omegaconf import DictConfig, ListConfig
from rich.progress import track
from torch import Tensor

from vaelab.data.randomness import seeded
from vaelab.errors import UserError
from vaelab.job.experiment import Experiment
from vaelab.run import Run


def sample(config: DictConfig, run: Run, checkpoint: Path, folder: Path) -> None:
    """num_samples images as samples.npy, [N, *event] on the data's scale, and as the grid samples.png."""
    experiment = Experiment.build(run.load_config())
    model, data = experiment.model, experiment.data
    model.load_state_dict(torch.load(checkpoint, map_location="cpu", weights_only=True)["state_dict"])
    model.eval()
    y = labels(config, data.num_classes) if model.latent.conditional else None
    images = []
    with torch.no_grad():
        for number, index in enumerate(track(torch.arange(config.num_samples).split(data.chunk), "sampling")):
            with seeded(config.seed, "samples", number):
                given = None if y is None else y[index]
                images.append(model.latent.sample(len(index), given, config.temperature))
    folder.mkdir(parents=True, exist_ok=True)
    np.save(folder / "samples.npy", torch.cat(images).numpy())
    print(f"samples: {folder}")


def labels(config: DictConfig, num_classes: int) -> Int[Tensor, " N"]:
    """One label for each sample: those asked for, in turn."""
    wanted = config.y
    asked = (
        list(wanted) if isinstance(wanted, ListConfig) else list(range(num_classes)) if wanted == "all" else [wanted]
    )
    wrong = [y for y in asked if not isinstance(y, int) or not 0 <= y < num_classes]
    if wrong or not asked:
        raise UserError(
            f"y={wanted} is no label of this data; labels are 0 to {num_classes - 1}, a list of them, or all"
        )
    return torch.tensor(asked)[torch.arange(config.num_samples) % len(asked)]
