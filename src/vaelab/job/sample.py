"""Draw samples from a checkpoint: what `vaelab sample` does."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Int
from omegaconf import DictConfig, ListConfig
from torch import Tensor

from vaelab.data.module import DataModule
from vaelab.data.randomness import seeded
from vaelab.errors import UserError
from vaelab.job.experiment import Experiment
from vaelab.picture.grid import Grid, save
from vaelab.printing import print_line, track
from vaelab.protocol import LatentStructure
from vaelab.run import Run

COLUMNS, ROWS = 10, 20  # of samples.png; samples.npy holds all


def sample(config: DictConfig, saved: DictConfig, run: Run, checkpoint: Path, folder: Path) -> None:
    """num_samples images as samples.npy, [N, *event] on the data's scale, and the first as the grid samples.png."""
    experiment = Experiment.build(saved)
    experiment.expect(checkpoint)
    model, data = experiment.model, experiment.data
    model.load_state_dict(torch.load(checkpoint, map_location="cpu", weights_only=True)["state_dict"])
    model.eval()
    if not model.latent.conditional and config.y != "all":
        raise UserError(f"y={config.y} asks for a label, but this model is unconditional; leave y out")
    temperature = temperatures(config, model.latent)
    y = labels(config, data.num_classes) if model.latent.conditional else None
    images, chunks = [], torch.arange(config.num_samples).split(data.chunk)
    with torch.no_grad():
        for number, index in enumerate(track(chunks, "sampling", len(chunks))):
            with seeded(config.seed, "samples", number):
                given = None if y is None else y[index]
                images.append(model.latent.sample(len(index), given, temperature))
    x = torch.cat(images)
    np.save(folder / "samples.npy", x.numpy())
    if is_image(data.shape):
        save(grid(data, x, y), folder / "samples.png")
    print_line(f"samples: {folder}")


def temperatures(config: DictConfig, latent: LatentStructure) -> Any:
    """What `sample` of this model is given: a number, or a list for the levels of a hierarchy."""
    if not isinstance(config.temperature, ListConfig):
        return config.temperature
    if not hasattr(latent, "num_levels"):
        raise UserError(
            f"temperature={config.temperature} has an entry for each level, but this model has no levels; "
            "give one number"
        )
    return list(config.temperature)


def grid(data: DataModule, x: Tensor, y: Int[Tensor, " N"] | None) -> Grid:
    """A row for each class that was asked for; all of one class, or of none, in rows of ten."""
    images = data.to_unit(x)
    classes = [] if y is None else y.unique().tolist()
    names = [data.classes[label] if data.classes else str(label) for label in classes]
    if len(classes) < 2:
        return Grid(images[: ROWS * COLUMNS].split(COLUMNS), title=" of ".join(["samples", *names]))
    rows = [images[y == label][:COLUMNS] for label in classes[:ROWS]]
    return Grid(rows, title="samples of each class", row_labels=names[:ROWS])


def is_image(shape: tuple[int, ...]) -> bool:
    """Whether x can be looked at: one or three channels of rows and columns."""
    return len(shape) == 3 and shape[0] in (1, 3)


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
