"""Evaluation of the chosen measures, at the end of the run and optionally during training."""

import logging
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from time import perf_counter
from typing import Annotated

import lightning.pytorch as pl
import torch
from lightning.pytorch.trainer.states import TrainerFn

from vaelab.errors import UserError
from vaelab.evaluation.context import EvaluationContext, context_of
from vaelab.evaluation.elbo import elbo_measurements
from vaelab.evaluation.measure import Measure
from vaelab.evaluation.measurement import Measurement
from vaelab.evaluation.record import Record
from vaelab.evaluation.result_cache import ResultCache
from vaelab.model.evaluation_mode import evaluation_mode_of
from vaelab.model.vae import VAE
from vaelab.ranges import ByTheRun, NonNegativeInt
from vaelab.storage.code_version import code_version, source_code
from vaelab.storage.fingerprint import fingerprint

log = logging.getLogger(__name__)


class Evaluate(pl.Callback):
    """Computes every measure on the test split, and optionally some on the validation split during training.

    A measure that the model does not support, or that raises an exception, is skipped with one message. Measures that
    finished before an interruption are not computed again: `cache_folder` holds their results until `discard`.

    Args:
        measures: the measures by name.
        every_n_epochs: epochs between evaluations in training; 0 is never.
        during_training: names of the measures to compute in training, which log `val/<measurement>` and its `/floor`.
        num_examples: largest number of validation examples, and of samples, in training.
        cache_folder: folder of intermediate results; None is no cache.
        provenance: what identifies model, data and code, for the cache.
    """

    def __init__(
        self,
        measures: Mapping[str, Measure],
        every_n_epochs: NonNegativeInt,
        during_training: Collection[str],
        num_examples: NonNegativeInt,
        cache_folder: Annotated[Path | None, ByTheRun()] = None,
        provenance: Annotated[str, ByTheRun()] = "",
    ) -> None:
        if every_n_epochs and (unknown := set(during_training) - set(measures)):
            raise UserError(
                f"callbacks.evaluate.during_training names {', '.join(sorted(unknown))}, but evaluation is "
                f"[{','.join(measures)}]; name some of these"
            )
        if every_n_epochs and num_examples < 1:
            raise UserError(f"callbacks.evaluate.num_examples={num_examples} leaves none; set it to 1 or more")
        self.measures = measures
        self.every_n_epochs = every_n_epochs
        self.during_training = during_training
        self.num_examples = num_examples
        self.cache_folder = cache_folder
        self.provenance = provenance
        self.cache: ResultCache | None = None
        self.records: dict[str, Record] = {}  # of the last test, by name

    def on_validation_epoch_end(self, trainer: pl.Trainer, pl_module: VAE) -> None:
        due = self.every_n_epochs and (trainer.current_epoch + 1) % self.every_n_epochs == 0
        if not due or trainer.state.fn != TrainerFn.FITTING or trainer.sanity_checking:
            return
        context = replace(context_of(trainer, pl_module, "validation"), limit=self.num_examples)
        with evaluation_mode(pl_module):
            for name in self.during_training:
                for measurement in run_measure(name, self.measures[name], context):
                    pl_module.log_dict(loggable("val", measurement))
        log_skipped(context)

    def on_test_end(self, trainer: pl.Trainer, pl_module: VAE) -> None:
        # Not at the end of the epoch, while Lightning's progress bar is still shown.
        context = replace(context_of(trainer, pl_module, "test"), limit=test_limit(trainer, pl_module))
        context = replace(context, cache=self.open_cache(trainer, context), shows_progress=shows_progress(trainer))
        assert pl_module.test_means is not None
        self.records = {one.name: record_of(trainer, one, 0.0) for one in elbo_measurements(pl_module.test_means)}
        values: dict[str, float] = {}
        with evaluation_mode(pl_module):
            for name, measure in self.measures.items():
                for measurement, seconds in self.measure_once(name, measure, context):
                    self.records[measurement.name] = record_of(trainer, measurement, seconds)
                    values |= loggable("test", measurement)
        for logger in trainer.loggers if values else ():
            logger.log_metrics(values, trainer.global_step)
            logger.save()

    def measure_once(self, name: str, measure: Measure, context: EvaluationContext) -> list[tuple[Measurement, float]]:
        """Measurements and the seconds they took, from the cache if it has them."""
        key, cache = f"{name}-{fingerprint({}, repr(measure))}", context.cache
        # All ranks must take the same branch, or they would wait for each other.
        found = context.broadcast(None if cache is None or context.rank else cache.load_result(key))
        if found is None:
            start, context = perf_counter(), replace(context, measure=key, skipped=[])
            measurements = run_measure(name, measure, context)
            found = measurements, context.skipped, perf_counter() - start
            if cache is not None and context.rank == 0:
                cache.save_result(key, *found)
        measurements, skipped, seconds = found
        log_skipped(replace(context, skipped=skipped))
        return [(measurement, seconds) for measurement in measurements]

    def open_cache(self, trainer: pl.Trainer, context: EvaluationContext) -> ResultCache | None:
        """The cached results for this model, data and code, or None without a cache folder."""
        if self.cache_folder is None:
            return None
        data, device = context.data, context.device.type
        examples = (
            data.fingerprint,
            data.fingerprint_of(context.split),
            data.pixels,
            data.chunk,
            context.limit,
            context.seed,
        )
        provenance = (*examples, str(trainer.precision), device, source_code(), self.provenance)
        key = fingerprint(trainer.lightning_module.state_dict(), *provenance)
        self.cache = ResultCache(self.cache_folder / key, trainer.global_rank, trainer.world_size)
        return self.cache

    def discard(self) -> None:
        """Delete the cache, after the measurements are saved elsewhere."""
        if self.cache is not None:
            self.cache.discard()


def record_of(trainer: pl.Trainer, measurement: Measurement, seconds: float) -> Record:
    """A measurement of the trainer's test split with its provenance; NaN is kept."""
    model, data = trainer.lightning_module, trainer.datamodule  # type: ignore[attr-defined]
    assert isinstance(model, VAE)
    return Record(
        measurement=measurement,
        split="test",
        data=data.identity("test"),
        other_data=data.other,
        chunk=data.chunk,
        seed=model.seed,
        precision=str(trainer.precision),
        seconds=round(seconds, 3),
        code_version=code_version(),
    )


def loggable(prefix: str, measurement: Measurement) -> dict[str, float]:
    """The value for the loggers, and its floor, the same number for real images, if it has one."""
    values = {"": measurement.value, "/floor": measurement.floor}
    return {f"{prefix}/{measurement.name}{end}": value for end, value in values.items() if value is not None}


def run_measure(name: str, measure: Measure, context: EvaluationContext) -> list[Measurement]:
    """Run a measure; if it fails on any process, return [] on all and record the reason."""
    return context.attempt(f"{name} is left out", lambda: measure(context))


def log_skipped(context: EvaluationContext) -> None:
    """Log each skipped measurement, on rank 0."""
    if context.rank == 0:
        for sentence in context.skipped:
            log.warning("%s", sentence)


def test_limit(trainer: pl.Trainer, pl_module: VAE) -> int | None:
    """The number of examples that `trainer.limit_test_batches` leaves, None for all."""
    if trainer.limit_test_batches == 1.0 and isinstance(trainer.limit_test_batches, float):
        return None
    return int(sum(trainer.num_test_batches) * pl_module.data.chunk * trainer.world_size)


def shows_progress(trainer: pl.Trainer) -> bool:
    """Whether this process draws progress bars."""
    return trainer.is_global_zero and trainer.progress_bar_callback is not None


@contextmanager
def evaluation_mode(pl_module: VAE) -> Iterator[None]:
    """Evaluation mode in which gradients are possible; Lightning tests in inference mode."""
    with torch.inference_mode(False), evaluation_mode_of(pl_module):
        yield
