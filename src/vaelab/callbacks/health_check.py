"""Runs the checks of a trained model at the end of each run."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import lightning.pytorch as pl
from torch import Tensor

from vaelab.callbacks.evaluate import evaluation_mode
from vaelab.errors import UserError
from vaelab.evaluation.context import context_of
from vaelab.health.check_context import Check, CheckContext
from vaelab.health.check_result import (
    CheckResult,
    as_json,
    failed_checks,
    format_value,
    not_applicable,
    print_lines,
)
from vaelab.health.history import History
from vaelab.model.manual_optimization import UsesManualOptimization
from vaelab.model.vae import VAE
from vaelab.ranges import PositiveInt
from vaelab.storage.atomic import write


class HealthCheck(pl.Callback):
    """Prints one line per check, writes health.json into the run folder, and logs the same to the loggers.

    Checks see examples of both splits, and counts of training steps up to the checkpoint. Checkpoints contain the
    counts, so that a resumed run continues them.

    Args:
        checks: the checks by name.
        num_examples: number of examples, the first of the training and the validation split.
    """

    def __init__(self, checks: Mapping[str, Check], num_examples: PositiveInt) -> None:
        if num_examples < 1:
            raise UserError(f"callbacks.health_check.num_examples={num_examples} leaves none; set it to 1 or more")
        self.checks = checks
        self.num_examples = num_examples
        self.history = History()
        self.step = 0

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: VAE, outputs: object, batch: object, batch_idx: int
    ) -> None:
        assert pl_module.loss is not None
        self.history.add(pl_module.loss.total, pop_clipped(pl_module))
        self.step = trainer.global_step

    def state_dict(self) -> dict[str, Any]:
        return self.history.state()

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.history = History(**state_dict)

    def on_load_checkpoint(self, trainer: pl.Trainer, pl_module: VAE, checkpoint: dict[str, Any]) -> None:
        self.step = checkpoint["global_step"]

    def on_test_end(self, trainer: pl.Trainer, pl_module: VAE) -> None:
        context = replace(context_of(trainer, pl_module, "validation"), limit=self.num_examples)
        check_context = CheckContext(context, pl_module.control.ends, self.step, self.history)
        with evaluation_mode(pl_module):
            lines = [run_check(name.replace("_", " "), check, check_context) for name, check in self.checks.items()]
        if trainer.is_global_zero:
            write(Path(trainer.default_root_dir) / "health.json", as_json(lines))
            print_lines("health of the model", lines)
            log_lines(trainer, lines)


def log_lines(trainer: pl.Trainer, lines: Sequence[CheckResult]) -> None:
    """Log the value of each check as `health/<name>`, the number that failed, and the whole as a table."""
    values = {f"health/{re.sub(r'[^a-z]+', '_', line.name.lower())}": line.value for line in lines}
    figures = {name: value for name, value in values.items() if value is not None}
    rows = [[line.name, line.verdict, format_value(line), line.message] for line in lines]
    for logger in trainer.loggers:
        logger.log_metrics(figures | {"health/failed": len(failed_checks(lines))}, trainer.global_step)
        if isinstance(logger, TakesTables):
            logger.log_table(
                "health/checks", columns=["line", "verdict", "value", "message"], data=rows, step=trainer.global_step
            )
        logger.save()


@runtime_checkable
class TakesTables(Protocol):
    """A logger that shows tables, as Lightning's WandbLogger."""

    def log_table(self, key: str, columns: list[str], data: list[list[str]], step: int) -> None: ...


def pop_clipped(module: VAE) -> Tensor | None:
    """Whether gradients were clipped since the last call; None without clipping."""
    holder = module.manual_optimization if isinstance(module, UsesManualOptimization) else module
    clipped, holder.clipped = holder.clipped, None
    return clipped


def run_check(name: str, check: Check, check_context: CheckContext) -> CheckResult:
    """The result of a check; if it raises an exception on any process, "not applicable" with the reason on all."""
    context = replace(check_context.evaluation, skipped=[])
    found = context.attempt("could not be examined", lambda: [check(replace(check_context, evaluation=context))])
    return found[0] if found else not_applicable(name, context.skipped[-1])
