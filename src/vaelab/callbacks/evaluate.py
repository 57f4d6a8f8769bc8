"""All evidence about a trained model: whatever measures are chosen, at the end and now and then."""

import logging
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from time import perf_counter

import lightning.pytorch as pl
import torch
from lightning.pytorch.trainer.states import TrainerFn

from vaelab.errors import UserError
from vaelab.evaluation.context import Subject
from vaelab.evaluation.measurement import Figure
from vaelab.evaluation.result_cache import Journal, fingerprint
from vaelab.model.vae import VAE
from vaelab.picture.callback import evaluating
from vaelab.protocol import Measure
from vaelab.ranges import NonNegativeInt
from vaelab.storage.code_version import source_code

log = logging.getLogger(__name__)


class Evaluate(pl.Callback):
    """Publishes the figures of every measure on the test split.

    What a measure cannot have of a model, or what it raises, is said in one sentence, and the others go on. Figures
    of measures that finished before a stop are not measured again: they are kept in `folder` until `discard`. In
    training, every `every_n_epochs` epochs (0: never), the measures named in `during_training` look at the first
    `num_examples` examples of the validation split, and as many samples, and log `val/<figure>`.
    """

    def __init__(
        self,
        measures: Mapping[str, Measure],
        every_n_epochs: NonNegativeInt,
        during_training: Collection[str],
        num_examples: NonNegativeInt,
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
        self.folder: Path | None = None
        self.circumstances = ""  # what else the figures depend on, such as the config
        self.journal: Journal | None = None

    def on_validation_epoch_end(self, trainer: pl.Trainer, pl_module: VAE) -> None:
        due = self.every_n_epochs and (trainer.current_epoch + 1) % self.every_n_epochs == 0
        if not due or trainer.state.fn != TrainerFn.FITTING or trainer.sanity_checking:
            return
        subject = replace(subject_of(trainer, pl_module, "validation"), limit=self.num_examples)
        with measuring(pl_module):
            for name in self.during_training:
                for figure in measured(name, self.measures[name], subject):
                    pl_module.log(f"val/{figure.name}", figure.value)
        say(subject)

    def on_test_end(self, trainer: pl.Trainer, pl_module: VAE) -> None:
        # Not at the end of the epoch, where Lightning's progress bar still stands.
        subject = replace(subject_of(trainer, pl_module, "test"), limit=limit_of(trainer, pl_module))
        subject = replace(subject, journal=self.opened(trainer, subject), shows_progress=shows_progress(trainer))
        values = {}
        with measuring(pl_module):
            for name, measure in self.measures.items():
                for figure, seconds in self.once(name, measure, subject):
                    pl_module.keep(figure, seconds)
                    values[f"test/{figure.name}"] = figure.value
        for logger in trainer.loggers if values else ():
            logger.log_metrics(values, trainer.global_step)
            logger.save()

    def once(self, name: str, measure: Measure, subject: Subject) -> list[tuple[Figure, float]]:
        """Figures and the seconds they took, from the journal where it has them."""
        key, journal = f"{name}-{fingerprint({}, repr(measure))}", subject.journal
        # All go on with what the first process finds, or they would wait for each other.
        found = subject.broadcast(None if journal is None or subject.rank else journal.finished(key))
        if found is None:
            start, subject = perf_counter(), replace(subject, measure=key, left_out=[])
            figures = measured(name, measure, subject)
            found = figures, subject.left_out, perf_counter() - start
            if journal is not None and subject.rank == 0:
                journal.finish(key, *found)
        figures, left_out, seconds = found
        say(replace(subject, left_out=left_out))
        return [(figure, seconds) for figure in figures]

    def opened(self, trainer: pl.Trainer, subject: Subject) -> Journal | None:
        """The journal of this model under these circumstances, where there is a place for it."""
        if self.folder is None:
            return None
        data, device = subject.data, subject.device.type
        examples = (
            data.fingerprint,
            data.fingerprint_of(subject.split),
            data.pixels,
            data.chunk,
            subject.limit,
            subject.seed,
        )
        circumstances = (*examples, str(trainer.precision), device, source_code(), self.circumstances)
        key = fingerprint(trainer.lightning_module.state_dict(), *circumstances)
        self.journal = Journal(self.folder / key, trainer.global_rank, trainer.world_size)
        return self.journal

    def discard(self) -> None:
        """Forget what the journal holds, once the figures are saved elsewhere."""
        if self.journal is not None:
            self.journal.discard()


def measured(name: str, measure: Measure, subject: Subject) -> list[Figure]:
    """The figures of a measure, or, where it raises anything, none and a sentence on why, on all processes alike."""
    return subject.attempt(f"{name} is left out", lambda: measure(subject))


def say(subject: Subject) -> None:
    """Once, what could not be had."""
    if subject.rank == 0:
        for sentence in subject.left_out:
            log.warning("%s", sentence)


def subject_of(trainer: pl.Trainer, pl_module: VAE, split: str) -> Subject:
    """The trainer's model and data, seen from this process."""
    return Subject(
        latent=pl_module.latent,
        data=pl_module.data,
        split=split,
        seed=pl_module.seed,
        device=pl_module.device,
        rank=trainer.global_rank,
        world_size=trainer.world_size,
        broadcast=trainer.strategy.broadcast,
    )


def limit_of(trainer: pl.Trainer, pl_module: VAE) -> int | None:
    """How many examples `trainer.limit_test_batches` leaves, None for all."""
    if trainer.limit_test_batches == 1.0 and isinstance(trainer.limit_test_batches, float):
        return None
    return int(sum(trainer.num_test_batches) * pl_module.data.chunk * trainer.world_size)


def shows_progress(trainer: pl.Trainer) -> bool:
    """Whether this process draws progress bars."""
    return trainer.is_global_zero and trainer.progress_bar_callback is not None


@contextmanager
def measuring(pl_module: VAE) -> Iterator[None]:
    """Inside, tensors may be differentiated by those who ask for it: Lightning tests in inference mode."""
    with torch.inference_mode(False), evaluating(pl_module):
        yield
