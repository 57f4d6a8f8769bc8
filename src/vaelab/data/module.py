"""The data set of an experiment: named disjoint splits, and reproducible loaders."""

import os
from collections.abc import Sequence
from functools import cached_property
from typing import Annotated, Any, Literal

import torch
from annotated_types import Ge, Le
from jaxtyping import Float
from lightning.pytorch import LightningDataModule
from torch import Generator, Tensor
from torch.utils.data import DataLoader

from vaelab.data.auto_values import (
    AUTO,
    class_names,
    count_classes,
    scale_of,
    shape_of,
    validation_size,
    value_range_of,
)
from vaelab.data.checks import (
    check_classes,
    check_corrupt,
    check_every_class,
    check_own_validation,
    check_part,
    check_pixels,
    check_sizes,
    check_validation,
    check_value_range,
)
from vaelab.data.examples import HasOwnValidation, HoldsOut, Indices, Source, Split
from vaelab.data.fingerprint import fingerprint
from vaelab.data.labels import ALL, Labels, MixedSampler, PartlyLabelled
from vaelab.data.loading import Loader
from vaelab.data.pixels import FixedNoise, Pixels
from vaelab.data.randomness import derive_seed, reseed
from vaelab.data.sampling import EvaluationSampler, TrainingLoader, TrainingSampler
from vaelab.errors import UserError
from vaelab.ranges import NonNegativeInt, PositiveInt, Seed, Shape
from vaelab.signals import ignore
from vaelab.terms import Batch

Data = Split | FixedNoise | PartlyLabelled  # the datasets of loaders
SPLITS = ("train", "validation", "test")


class DataModule(LightningDataModule):
    """The splits of one source as batches on the scale of the likelihood.

    Loaders give stored pixels; `on_after_batch_transfer` converts them to floats on the device. Training noise
    is seeded by (seed, process, number of the batch), so that a resumed run needs no saved generator state;
    the noise of an evaluation is a function of (split_seed, split, index).

    `shape`, `scale`, `value_range`, `num_classes`, `classes` and `num_validation` may be `auto`: then they are read
    from the source, which needs its files.

    Args:
        source: the data set.
        shape: shape of one example.
        num_classes: number of classes; 0 discards the labels.
        batch_size: training examples per batch and process.
        chunk: examples per batch of evaluation, on which its numbers depend.
        num_validation: training examples that are held out for validation.
        split_seed: seed of the validation split, the labelled examples and the noise of evaluations.
        scale: `unit` [0, 1], `symmetric` [-1, 1], or `none`, as stored.
        binarization: `none`, `dynamic`, drawn in each training step, or `static`, drawn once.
        dequantization: whether uniform noise is added to grey levels.
        num_workers: worker processes of each loader.
        seed: seed of shuffling and of training noise.
        classes: class names in the order of their numbers; empty for none.
        num_labels: number of labelled training examples, or `all`. Evaluation uses every label.
        labelled_per_batch: labelled examples per training batch; 0 is any number.
        corrupt: `error` or `skip`, for files that cannot be read.
        value_range: black and white in images of x, if x is not scaled.
    """

    def __init__(
        self,
        source: Source,
        shape: Shape,
        num_classes: NonNegativeInt | Literal["auto"],
        batch_size: PositiveInt,
        chunk: PositiveInt,
        num_validation: PositiveInt | Literal["auto"],
        split_seed: Seed,
        scale: Literal["unit", "symmetric", "none", "auto"],
        binarization: Literal["none", "dynamic", "static"],
        dequantization: bool,
        num_workers: Annotated[int, Ge(0), Le(1024)],
        seed: Seed,
        classes: Sequence[str] | Literal["auto"] = (),
        num_labels: PositiveInt | Literal["all"] = ALL,
        labelled_per_batch: NonNegativeInt = 0,
        corrupt: Literal["error", "skip"] = "error",
        value_range: tuple[float, float] | Literal["auto"] = (0.0, 255.0),
    ) -> None:
        super().__init__()
        check_sizes(batch_size, chunk, num_validation, num_classes, classes)
        check_corrupt(corrupt, source)
        self.source = source
        check_value_range(value_range)
        self.given: dict[str, Any] = {"num_classes": num_classes, "classes": classes, "num_validation": num_validation}
        self.given |= {"shape": shape, "scale": scale, "value_range": value_range}
        self.batch_size = batch_size
        self.chunk = chunk
        self.split_seed = split_seed
        self.noise = (binarization, dequantization)
        if scale != AUTO:
            Pixels(scale, *self.noise)  # report mistakes in the config first
        self.num_workers = num_workers
        self.seed = seed
        self.num_labels = num_labels
        self.labelled_per_batch = labelled_per_batch
        self.label_mask: Tensor | None = None  # which training examples keep their labels; None for all
        self.other = False  # whether a model that was trained on other data is being evaluated
        self.tests_on_all = False  # whether every example is evaluated, also those of train
        self._splits: dict[str, Split] = {}
        self._fingerprints: dict[str, str] = {}
        if num_classes != AUTO:
            self.labels  # noqa: B018, mistakes in the config come first

    @cached_property
    def shape(self) -> tuple[int, ...]:
        """The shape of one example."""
        given = self.given["shape"]
        return shape_of(self.source) if given == AUTO else tuple(given)

    @cached_property
    def scale(self) -> str:
        """The scale on which the likelihood sees pixels; `none` for x as stored."""
        given = self.given["scale"]
        return scale_of(self.source) if given == AUTO else str(given)

    @cached_property
    def value_range(self) -> tuple[float, float]:
        """Black and white of x that is not scaled."""
        given = self.given["value_range"]
        low, high = value_range_of(self.source) if given == AUTO else given
        return float(low), float(high)

    @cached_property
    def pixels(self) -> Pixels:
        """The transform from stored x to x of the likelihood."""
        return Pixels(self.scale, *self.noise, self.value_range)

    @cached_property
    def num_classes(self) -> int:
        """The number of classes, 0 for data without labels."""
        given = self.given["num_classes"]
        return count_classes(self.source) if given == AUTO else int(given)

    @cached_property
    def classes(self) -> tuple[str, ...]:
        """The name of each class; empty if they have no names."""
        given = self.given["classes"]
        if given == AUTO:
            return class_names(self.source) if self.num_classes else ()
        return tuple(str(name) for name in given)

    @cached_property
    def num_validation(self) -> int:
        """The number of validation examples."""
        given = self.given["num_validation"]
        return validation_size(self.source) if given == AUTO else int(given)

    @cached_property
    def labels(self) -> Labels:
        return Labels(self.num_labels, self.labelled_per_batch, self.batch_size, self.num_classes)

    def prepare_data(self) -> None:
        """Download or check the files, and compare them with the config."""
        self.source.prepare()
        check_classes(self.source, self.num_classes)

    def setup(self, stage: str | None) -> None:
        """Load what the stage needs: test data are not read before `test`."""
        if stage in ("fit", "validate", None):
            self.split("train")
        if stage == "fit":
            train, validation = self.split("train").y, self.split("validation").y
            check_every_class(type(self.source).__name__, train, validation, self.num_classes, self.classes)
        if stage in ("test", None):
            self.split("test")

    def split(self, name: str) -> Split:
        """The stored examples of `train`, `validation` or `test`, before noise and scale."""
        if name not in SPLITS:
            raise UserError(f"data has no split '{name}'; choose one of {', '.join(SPLITS)}")
        if name not in self._splits:
            self._splits |= {"test": self._load("test")} if name == "test" else self._divide()
        return self._splits[name]

    def test_on_all(self) -> bool:
        """Evaluate every example if the source has no test split; return whether that is so."""
        everything = self.source.all_examples() if isinstance(self.source, HoldsOut) else None
        if everything is not None:
            self.split("train")  # before the change, for measures that only look at it
            self._splits["test"], self.tests_on_all = everything, True
            self._fingerprints.pop("test", None)
        return self.tests_on_all

    def training(self) -> Split:
        """The split `train`, for measures that train on it. Raises UserError if its examples are evaluated too."""
        if self.tests_on_all:
            raise UserError(
                "it learns from examples of the same data, but all of them are evaluated; set "
                "data.source.test_fraction to evaluate a share"
            )
        return self.split("train")

    def class_name(self, y: Tensor | int) -> str:
        """The name of class y, or its number if classes have no names."""
        return self.classes[int(y)] if self.classes else str(int(y))

    def batch(self, name: str, indices: Indices) -> Batch:
        """A batch of a split's examples with these indices, with the noise of evaluation."""
        return self.on_after_batch_transfer(self._fixed(name)[indices], 0)

    def loader(self, name: str) -> DataLoader[Any]:
        """Each example of a split exactly once over all processes, in whole chunks, with fixed noise."""
        return self._in_order(self._fixed(name), self.chunk)

    def chunks(self, name: str, numbers: Sequence[int], size: int) -> DataLoader[Any]:
        """The chunks with these numbers, of the first `size` examples of a split."""
        starts = (number * self.chunk for number in numbers)
        indices = [list(range(start, min(start + self.chunk, size))) for start in starts]
        return Loader(self._fixed(name), batch_size=None, sampler=indices, **self._workers())  # type: ignore[arg-type]

    @property
    def fingerprint(self) -> str:
        """A hash of the training examples."""
        return self.fingerprint_of("train")

    def fingerprint_of(self, name: str) -> str:
        """A hash of the examples and labels of a split."""
        if name not in self._fingerprints:
            self._fingerprints[name] = fingerprint(self.split(name), labels=True)
        return self._fingerprints[name]

    def is_named(self, name: str) -> bool:
        """Whether this is the fingerprint of the training examples, also in its earlier form without labels."""
        return name in (self.fingerprint, fingerprint(self.split("train"), labels=False))

    def identity(self, name: str) -> str:
        """The source and the fingerprint of a split, for records."""
        examples = "all examples" if self.tests_on_all and name == "test" else name
        return f"{type(self.source).__name__}/{examples}/{self.fingerprint_of(name)}"

    def train_dataloader(self) -> DataLoader[Any]:
        stored = self._fixed("train") if self.pixels.binarization == "static" else self.split("train")
        train = stored if self.label_mask is None else PartlyLabelled(stored, self.label_mask)
        if self.trainer is not None and self.trainer.overfit_batches:  # type: ignore[attr-defined]
            # The same few batches in every epoch; Lightning requires a sequential sampler for overfit_batches.
            return self._in_order(train, self.batch_size)
        usual = (len(train), self.batch_size, self.seed, *self._process(), self._num_batches_done)
        sampler = TrainingSampler(*usual)
        if self.label_mask is not None and self.labels.per_batch:
            sampler = MixedSampler(self.label_mask.nonzero().flatten(), self.labels.per_batch, *usual)
        return TrainingLoader(train, batch_size=None, sampler=sampler, **self._workers())  # type: ignore[arg-type]

    def val_dataloader(self) -> DataLoader[Any]:
        return self.loader("validation")

    def test_dataloader(self) -> DataLoader[Any]:
        return self.loader("test")

    def on_before_batch_transfer(self, batch: Batch, dataloader_idx: int) -> Batch:
        """Seed one training step: its noise in the data and in the model."""
        if self.trainer is not None and self.trainer.training:
            reseed("step", self.seed, self.trainer.global_rank, self._num_batches_done())
        return batch

    def on_after_batch_transfer(self, batch: Batch, dataloader_idx: int) -> Batch:
        """Convert x to floats on the device, with new noise unless it is fixed."""
        x = batch.x
        if self.pixels.noisy and x.dtype == torch.uint8:
            x = self.pixels.add_noise(x, torch.rand(x.shape, device=x.device))
        return batch._replace(x=self.pixels.rescale(x), y=batch.y if self.num_classes else None)

    def to_unit(self, x: Float[Tensor, "B *event"]) -> Float[Tensor, "B *event"]:
        """x on the likelihood's scale as brightness in [0, 1], for images and classifiers."""
        return self.pixels.to_unit(x)

    def brightness(self, name: str, indices: Indices) -> Float[Tensor, "B *event"]:
        """Stored images of a split in [0, 1], before noise or binarization."""
        x = self.split(name)[indices].x
        return x.to(torch.get_default_dtype()) / 255 if x.dtype == torch.uint8 else self.to_unit(x)

    def _load(self, part: str) -> Split:
        name = f"{type(self.source).__name__} {part}"
        examples = self.source.load(part)
        check_classes(self.source, self.num_classes)
        check_part(name, examples, self.shape, self.num_classes)
        check_pixels(name, examples, self.pixels)
        return examples

    def _divide(self) -> dict[str, Split]:
        train = self._load("train")
        if isinstance(self.source, HasOwnValidation) and self.source.own_validation():
            parts = {"train": train, "validation": self._load("validation")}
            check_own_validation(type(self.source).__name__, len(parts["validation"]), self.num_validation)
        else:
            parts = self._hold_out(train)
        self.label_mask = self.labels.choose(parts["train"].y, self.split_seed)
        return parts

    def _hold_out(self, train: Split) -> dict[str, Split]:
        check_validation(type(self.source).__name__, len(train), self.num_validation)
        generator = Generator().manual_seed(derive_seed("split", self.split_seed))
        permutation = torch.randperm(len(train), generator=generator)
        return {
            "validation": train.subset(permutation[: self.num_validation]),
            "train": train.subset(permutation[self.num_validation :]),
        }

    def _fixed(self, name: str) -> Split | FixedNoise:
        split = self.split(name)
        if not self.pixels.noisy:
            return split
        return FixedNoise(split, self.pixels, derive_seed("noise", self.split_seed, name))

    def _in_order(self, split: Data, chunk: int) -> DataLoader[Any]:
        sampler = EvaluationSampler(len(split), chunk, *self._process())
        return Loader(split, batch_size=None, sampler=sampler, **self._workers())  # type: ignore[arg-type]

    def _num_batches_done(self) -> int:
        """Training batches since the start of the experiment, including those before a resumption."""
        if self.trainer is None or not self.trainer.training:
            return 0
        # `processed` and not `ready`: a step that was interrupted is repeated.
        total = self.trainer.fit_loop.epoch_loop.batch_progress.total
        return total.processed  # type: ignore[attr-defined]

    def _process(self) -> tuple[int, int]:
        return (0, 1) if self.trainer is None else (self.trainer.global_rank, self.trainer.world_size)

    def _workers(self) -> dict[str, Any]:
        num_workers = min(self.num_workers, len(os.sched_getaffinity(0)))
        return {
            "num_workers": num_workers,
            "worker_init_fn": ignore,
            "persistent_workers": num_workers > 0,
            "pin_memory": torch.cuda.is_available(),
        }
