"""Draws samples from a checkpoint: `vaelab sample`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from omegaconf import DictConfig, ListConfig
from torch import Tensor

from vaelab.config import build
from vaelab.data.module import DataModule
from vaelab.data.randomness import seeded
from vaelab.errors import UserError, did_you_mean
from vaelab.jobs.experiment import Experiment
from vaelab.latent.structure import LatentStructure
from vaelab.picture.grid import Grid, save
from vaelab.printing import print_line, track
from vaelab.signals import raise_if_stopped
from vaelab.storage.checkpoint import load_checkpoint
from vaelab.storage.run import Run

COLUMNS, ROWS = 10, 20  # of the picture; samples.npy holds all
MOST_NAMED = 20  # classes that a message lists


def sample(config: DictConfig, saved: DictConfig, run: Run, checkpoint: Path, folder: Path) -> None:
    """Save num_samples samples as samples.npy, [N, *event] on the data's scale, and a picture of the first ones."""
    experiment = load_trained(saved, checkpoint)
    data, latent = experiment.data, experiment.model.latent
    y = labels(plain(config.y), config.num_samples, data, latent)
    x = draw(latent, data, config.num_samples, y, plain(config.temperature), config.seed)
    np.save(folder / "samples.npy", x.numpy())
    if is_image(data.shape):
        save(grid(data, x, y), folder / "samples", build(config.picture))
    print_line(f"samples: {folder}")


def load_trained(saved: DictConfig, checkpoint: Path) -> Experiment:
    """The parts of a run with the weights of a checkpoint, in evaluation mode; the data are not needed."""
    experiment = Experiment.build_without_data(saved)
    experiment.validate_weights(checkpoint)
    experiment.model.load_state_dict(load_checkpoint(checkpoint)["state_dict"])
    experiment.model.eval()
    return experiment


def draw(
    latent: LatentStructure,
    data: DataModule,
    num_samples: int,
    y: Int[Tensor, " N"] | None,
    temperature: float | Sequence[float],
    seed: int,
) -> Float[Tensor, "N *event"]:
    """Samples on the data's scale, on the CPU; the same for the same seed."""
    check_temperature(temperature, latent)
    device = device_of(latent)
    images, chunks = [], torch.arange(num_samples).split(data.chunk)
    with torch.no_grad():
        for number, index in enumerate(track(chunks, "sampling", len(chunks))):
            raise_if_stopped()
            with seeded(seed, "samples", number):
                given = None if y is None else y[index].to(device)
                images.append(latent.sample(len(index), given, temperature).cpu())
    return torch.cat(images)


def device_of(latent: LatentStructure) -> torch.device:
    """The device of a latent structure's weights."""
    return next(weight.device for part in latent.modules() for weight in part.parameters())


def plain(value: Any) -> Any:
    """A value of a config, with lists as Python lists."""
    return list(value) if isinstance(value, ListConfig) else value


def check_temperature(temperature: float | Sequence[float], latent: LatentStructure) -> None:
    """Raises UserError for a list of temperatures unless the latent structure is a hierarchy."""
    if isinstance(temperature, Sequence) and not hasattr(latent, "num_levels"):
        raise UserError(
            f"temperature={temperature} has an entry for each level, but this model has no levels; give one number"
        )


def grid(data: DataModule, x: Tensor, y: Int[Tensor, " N"] | None) -> Grid:
    """One row per requested class; samples of one class, or of none, in rows of ten."""
    images = data.to_unit(x)
    classes = [] if y is None else y.unique().tolist()
    names = [data.classes[label] if data.classes else str(label) for label in classes]
    if len(classes) < 2:
        return Grid(images[: ROWS * COLUMNS].split(COLUMNS), title=" of ".join(["samples", *names]))
    rows = [images[y == label][:COLUMNS] for label in classes[:ROWS]]
    return Grid(rows, title="samples of each class", row_labels=names[:ROWS])


def is_image(shape: tuple[int, ...]) -> bool:
    """Whether x can be drawn: one or three channels of rows and columns."""
    return len(shape) == 3 and shape[0] in (1, 3)


def labels(y: Any, num_samples: int, data: DataModule, latent: LatentStructure) -> Int[Tensor, " N"] | None:
    """One label per sample, cycling through the requested classes; None for an unconditional model.

    Raises:
        UserError: y is not a class, or the model is unconditional.
    """
    if not latent.conditional:
        if y != "all":
            raise UserError(f"y={y} requests a label, but this model is unconditional; leave y out")
        return None
    asked = class_numbers(y, data.classes, data.num_classes)
    return torch.tensor(asked)[torch.arange(num_samples) % len(asked)]


def class_numbers(y: Any, classes: Sequence[str], num_classes: int) -> list[int]:
    """The numbers of one class, of a list of classes, or of all; classes are given by name or number."""
    wanted = list(y) if isinstance(y, list | tuple) else [y]
    asked = list(range(num_classes)) if y == "all" else [label_of(one, classes, num_classes) for one in wanted]
    if not asked:
        raise UserError(f"y=[] is empty; set it to {choices_of(classes, num_classes)}")
    return asked


def label_of(wanted: object, classes: Sequence[str], num_classes: int) -> int:
    """The number of a class, given by name or, unless class names are numeric, by number."""
    if str(wanted) in classes:
        return classes.index(str(wanted))
    is_number = isinstance(wanted, int) and not isinstance(wanted, bool)
    if is_number and 0 <= wanted < num_classes and not has_numeric_names(classes):  # type: ignore[operator]
        return wanted  # type: ignore[return-value]
    raise UserError(
        f"y={wanted} is not a class of this data; set it to {choices_of(classes, num_classes)}"
        f"{'' if is_number else did_you_mean(str(wanted), classes)}"
    )


def choices_of(classes: Sequence[str], num_classes: int) -> str:
    """The valid values of y, as text."""
    some = ", ".join(classes) if len(classes) <= MOST_NAMED else f"{', '.join(classes[:MOST_NAMED])}, …"
    numbers = "" if has_numeric_names(classes) else f"a label from 0 to {num_classes - 1}, "
    return f"{numbers}{f'one of {some}, ' if classes else ''}a list of these, or all"


def has_numeric_names(classes: Sequence[str]) -> bool:
    """Whether a class name is a number, which may differ from its class number."""
    return any(name.isdecimal() for name in classes)
