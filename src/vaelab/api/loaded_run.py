"""vaelab.load: a trained run in Python."""

import json
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from omegaconf import DictConfig
from torch import Tensor

from vaelab.api.arrays import as_x, as_y, plain_labels
from vaelab.api.isolation import isolate_process
from vaelab.config import check
from vaelab.config.plugins import use_plugins
from vaelab.config.run_config import load_config, read_config
from vaelab.data.module import DataModule
from vaelab.errors import UserError
from vaelab.jobs.sample import draw, labels, load_trained
from vaelab.model.vae import VAE
from vaelab.storage.metrics import rows_before
from vaelab.storage.run import Run


class LoadedRun:
    """A run with the weights of one of its checkpoints, to encode, decode and sample.

    Arrays may be NumPy arrays or tensors, x may be uint8 pixels or floats on the scale of the run; results are tensors
    on the CPU, on any device of the model. The run folder is never changed.

    Args:
        run: the folder.
        config: what it was trained with, checked.
        checkpoint: whose weights are loaded.

    Attributes:
        folder: where everything of the run is.
        config: what it was trained with.
        model: the LightningModule in evaluation mode; move it to a GPU by `run.model.cuda()`.

    Examples:
        >>> run = vaelab.load("outputs/cvae-digits/2026-01-31_12-00-00")  # doctest: +SKIP
        >>> z = run.encode(images, y=labels)                  # [N, D]  # doctest: +SKIP
        >>> run.sample(64, y=3).shape                         # doctest: +SKIP
        torch.Size([64, 1, 8, 8])
    """

    def __init__(self, run: Run, config: DictConfig, checkpoint: Path) -> None:
        self.folder = run.folder
        self.config = config
        self.checkpoint = checkpoint
        self._run = run
        with isolate_process():
            experiment = load_trained(config, checkpoint)
        self.model: VAE = experiment.model
        self._data: DataModule = experiment.data

    def __repr__(self) -> str:
        return f"LoadedRun('{self.folder}', {self.checkpoint.stem})"

    @cached_property
    def data(self) -> DataModule:
        """The data that the run was trained on, fetched if needed: `run.data.split("test").x`, `.y`.

        Raises:
            UserError: the data are not available.
        """
        with use_plugins(list(self.config.plugins)), isolate_process():
            self._data.prepare_data()
        return self._data

    def encode(self, x: Any, y: Any = None) -> Float[Tensor, "N D"]:
        """The center of q(z | x, y): one code [D] per example.

        Args:
            x: [N, *shape], or [N, H, W] of one channel.
            y: a class for each example, by name or number, or one for all; None for an unconditional model.
        """
        return self._over(x, y, self.model.latent.encode)

    def reconstruct(self, x: Any, y: Any = None) -> Float[Tensor, "N *event"]:
        """The mean of p(x | z, y) at the code of x, on the scale of the likelihood."""
        return self._over(x, y, self.model.latent.reconstruct)

    def decode(self, z: Any, y: Any = None) -> Float[Tensor, "N *event"]:
        """The mean of p(x | z, y) for codes [N, D] as `encode` gives them, on the scale of the likelihood."""
        like = self._like
        codes = torch.as_tensor(z).to(device=like.device, dtype=like.dtype)
        with self._evaluating():
            given = self._labels(y, len(codes))
            pieces = self._pieces(codes, None if given is None else given.to(like.device))
            return torch.cat([self.model.latent.decode(*piece).mean.cpu() for piece in pieces])

    def sample(
        self, n: int, y: Any = "all", temperature: float | Sequence[float] = 1.0, seed: int = 0
    ) -> Float[Tensor, "n *event"]:
        """n samples of p(x), the same for the same `seed`, as `vaelab sample` writes them.

        Args:
            n: number of samples.
            y: a class by name or number, a list of classes to cycle through, or "all".
            temperature: factor of the prior's scale; a list has one per level of a hierarchy.
            seed: seed of the random numbers.
        """
        with self._evaluating():
            given = labels(plain_labels(y), n, self._data, self.model.latent)
            return draw(self.model.latent, self._data, n, given, temperature, seed)

    @property
    def results(self) -> dict[str, dict[str, Any]]:
        """The records of results.json by metric, such as `run.results["elbo"]["value"]`; empty if there is no file."""
        file = self.folder / "results.json"
        return json.loads(file.read_text()) if file.is_file() else {}

    @property
    def metrics(self) -> dict[str, list[float]]:
        """metrics.csv as columns of equal length, NaN where a step has no value.

        `pandas.DataFrame(run.metrics)` makes a data frame; vaelab does not need pandas.
        """
        rows = rows_before(self._run.metrics_file, 2**63)
        names = list(dict.fromkeys(name for row in rows for name in row))
        return {name: [number(row.get(name, "")) for row in rows] for name in names}

    @property
    def _like(self) -> Tensor:
        return next(self.model.parameters())

    def _over(self, x: Any, y: Any, function: Callable[..., Tensor]) -> Tensor:
        """Apply a function of examples and labels in chunks."""
        with self._evaluating():
            examples = as_x(x, self._data, self._like)
            given = self._labels(y, len(examples))
            pieces = self._pieces(examples, None if given is None else given.to(examples.device))
            return torch.cat([function(*piece).cpu() for piece in pieces])

    def _labels(self, y: Any, num: int) -> Tensor | None:
        """One label per example. Raises UserError if a conditional model gets none, or the reverse."""
        latent = self.model.latent
        if y is not None and not latent.conditional:
            raise UserError("y gives labels, but this model is unconditional; leave y out")
        if y is None and latent.conditional and not latent.infers_labels:
            raise UserError(
                "this model is conditional and needs the class of each example; give y=..., by name or number"
            )
        return as_y(y, num, self._data)

    def _pieces(self, x: Tensor, y: Tensor | None) -> Iterator[tuple[Tensor, Tensor | None]]:
        size = self._data.chunk
        for start in range(0, max(len(x), 1), size):
            yield x[start : start + size], None if y is None else y[start : start + size]

    @contextmanager
    def _evaluating(self) -> Iterator[None]:
        """Inside, nothing trains, and nothing is left in the process."""
        self.model.eval()
        with isolate_process(), torch.no_grad():
            yield


def number(text: str) -> float:
    """A cell of metrics.csv as a number."""
    return float(text) if text else math.nan


def load(folder: str | Path, ckpt: str = "best", plugins: Sequence[str] = ()) -> LoadedRun:
    """Load a run folder with the weights of one of its checkpoints.

    Nothing in the folder is executed: it may come from somebody else. The data are only needed for `run.data`.

    Args:
        folder: `outputs/<model>-<data>/<date>_<time>`.
        ckpt: best, last or the path of a checkpoint.
        plugins: your packages whose classes the run may name, besides installed plugins.

    Raises:
        UserError: the folder is not a run, is damaged, or names classes of a package that is not among `plugins`.
    """
    run = Run.open(folder)
    with use_plugins(plugins):
        config = load_config(run, plugins)
        config.plugins = list(plugins)
        check(config, config.choices)
        return LoadedRun(run, config, run.checkpoint(ckpt))


def load_own(run: Run, plugins: Sequence[str]) -> LoadedRun:
    """Load a run that this process has just trained; any class is allowed, since the user named them."""
    with use_plugins(plugins):
        return LoadedRun(run, read_config(run), run.checkpoint("best"))
