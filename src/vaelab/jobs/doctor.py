"""Checks an experiment before it is trained: `vaelab doctor`."""

from collections.abc import Iterator

import lightning.pytorch as pl
import torch
from omegaconf import DictConfig

from vaelab.config import build
from vaelab.data.auto_values import write_auto_values
from vaelab.data.module import DataModule
from vaelab.errors import UserError
from vaelab.evaluation.context import EvaluationContext
from vaelab.health.check_context import CheckContext
from vaelab.health.check_result import FAILED, NOT_APPLICABLE, PASSED, CheckResult, failed_checks, print_lines
from vaelab.health.first_step import FirstStep
from vaelab.health.history import History
from vaelab.health.kl_schedule import schedule_line
from vaelab.jobs.compatibility import check_compatibility
from vaelab.jobs.dry_run import dry_run, num_steps
from vaelab.jobs.experiment import Experiment, check_optimizer, silence_warnings
from vaelab.jobs.precision import set_default_dtype
from vaelab.model.vae import VAE

UNTRAINED = ("input_range", "decoder_balance")  # checks that need no training


def doctor(config: DictConfig, num_processes: int) -> None:
    """Print the checks that one batch can answer. Raises UserError if one failed."""
    silence_warnings()
    torch.distributions.Distribution.set_default_validate_args(False)  # as in training
    set_default_dtype(str(config.trainer.precision))
    pl.seed_everything(config.seed, verbose=False)
    data = build(config.data)
    data.prepare_data()
    write_auto_values(config.data, data)
    lines = list(examine(config, data, num_processes))
    print_lines(f"health of model={config.choices.model} data={config.choices.data}, untrained", lines)
    if wrong := failed_checks(lines):
        raise UserError(f"{len(wrong)} of {len(lines)} lines failed: {', '.join(wrong)}; each says what to do")


def examine(config: DictConfig, data: DataModule, num_processes: int) -> Iterator[CheckResult]:
    """The results of the checks, in the order in which a mistake would appear."""
    try:
        model = build(config.model)
    except UserError as error:
        yield CheckResult("parts", FAILED, str(error))
        return
    check_optimizer(config, model)
    check_context = CheckContext(context(model, data, config.seed), {}, 0, History())
    yield (fit := compatibility(config, data, model))
    yield likelihood_kind(config, data, model)
    yield labels(config, data, model)
    if fit.verdict == FAILED:
        yield build(config.doctor.health_check.checks.input_range)(check_context)
        yield CheckResult("first step", NOT_APPLICABLE, "the parts do not fit")
        return
    with torch.no_grad():
        for name in UNTRAINED:
            yield build(config.doctor.health_check.checks[name])(check_context)
    first = FirstStep()
    dry_run(Experiment(config, data, model), first, num_processes)
    planned = num_steps(config.trainer, data, num_processes)
    yield schedule_line(model.control.ends, planned, "the number of steps planned is", "raise trainer.max_epochs")
    yield from first.lines()


def context(model: VAE, data: DataModule, seed: int) -> EvaluationContext:
    """The untrained model on one chunk of the data."""
    model.eval()
    return EvaluationContext(model.latent, data, "validation", seed, torch.device("cpu"), limit=data.chunk)


def compatibility(config: DictConfig, data: DataModule, model: VAE) -> CheckResult:
    """The result of the checks that training runs before it starts."""
    try:
        check_compatibility(config, data, model.latent)
    except UserError as error:
        return CheckResult("parts", FAILED, str(error))
    return CheckResult("parts", PASSED, "they fit each other, and x lies in the support of p(x|z)")


def likelihood_kind(config: DictConfig, data: DataModule, model: VAE) -> CheckResult:
    """Whether p(x|z) is a density of x, so that its nats compare with those of other models."""
    index = torch.arange(min(data.chunk, len(data.split("validation"))))
    x, name = data.batch("validation", index).x, config.choices.likelihood
    likelihood = model.latent.likelihood
    if not likelihood.accepts(x):
        return CheckResult("likelihood", NOT_APPLICABLE, f"x is outside the support of '{name}'")
    if likelihood.is_density(x):
        return CheckResult("likelihood", PASSED, f"'{name}' is a true density of this x")
    return CheckResult(
        "likelihood", PASSED, f"'{name}' of grey pixels is a pseudo-likelihood, published as bce, never as nll"
    )


def labels(config: DictConfig, data: DataModule, model: VAE) -> CheckResult:
    """Whether the data have the labels that the model needs."""
    if not model.latent.conditional:
        return CheckResult("labels", NOT_APPLICABLE, "the model wants none")
    kept = "all" if data.label_mask is None else str(int(data.label_mask.sum()))
    fact = f"{kept} training examples keep one of {data.num_classes} labels"
    if data.label_mask is not None and not model.latent.infers_labels:
        way_out = "set data.num_labels=all, or model=m2, which infers the others"
        return CheckResult("labels", FAILED, f"{fact}, but '{config.choices.condition}' needs all of them; {way_out}")
    return CheckResult("labels", PASSED, fact)
