"""What libraries take, more closely than their own annotations say: ranges, and what only an error message tells."""

import inspect
from collections.abc import Callable, Sequence
from inspect import Parameter
from typing import Annotated, Any, Literal

from annotated_types import Ge, MinLen

from vaelab.ranges import (
    ByAnotherPart,
    ByTheRun,
    Decay,
    Fraction,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    Share,
    Supplied,
    Widths,
)

Steps = PositiveInt | Literal[-1]
PRECISION = Literal[
    "auto", "32-true", "bf16-mixed", "16-mixed", "64-true", "bf16-true", "16-true", "32", "bf16", "16", "64", 32, 16, 64
]
COMPLETE = "no others"  # whatever **kwargs is said to take
TRAINER: dict[str, Any] = {
    "accelerator": Literal["auto", "cpu", "gpu", "cuda", "mps", "tpu"],
    "devices": PositiveInt | Literal[-1, "auto"] | Annotated[Sequence[NonNegativeInt], MinLen(1)],
    "num_nodes": PositiveInt,
    "precision": PRECISION,
    "max_epochs": Steps | None,
    "min_epochs": NonNegativeInt | None,
    "max_steps": Steps,
    "min_steps": NonNegativeInt | None,
    "limit_train_batches": PositiveInt | Share | None,
    "limit_val_batches": PositiveInt | Share | None,
    "limit_test_batches": PositiveInt | Share | None,
    "overfit_batches": NonNegativeInt | Fraction,
    "num_sanity_val_steps": Annotated[int, Ge(-1)] | None,
    "val_check_interval": PositiveInt | Share | None,
    "check_val_every_n_epoch": PositiveInt | None,
    "log_every_n_steps": PositiveInt | None,
    "accumulate_grad_batches": PositiveInt,
    "gradient_clip_val": NonNegativeFloat | None,
    "gradient_clip_algorithm": Literal["norm", "value"] | None,
    "fast_dev_run": Literal[False],  # keeps no checkpoint, of which the results are taken
    "use_distributed_sampler": Literal[False],  # repeats examples
}
OPTIMIZER: dict[str, Any] = {
    "params": Annotated[Any, ByAnotherPart()],
    "lr": NonNegativeFloat,
    "weight_decay": NonNegativeFloat,
    "eps": NonNegativeFloat,
    "betas": tuple[Decay, Decay],
    "momentum": NonNegativeFloat,
    "alpha": NonNegativeFloat,
}
FLOW: dict[str, Any] = {
    COMPLETE: True,
    "features": Supplied,
    "context": Supplied,
    "activation": Callable[..., Any],
    "residual": bool,
    "normalize": bool,
    "randperm": bool,
    "transforms": PositiveInt,
    "hidden_features": Widths,
    "bins": Annotated[int, Ge(2)],
    "passes": PositiveInt,
}
# By the class that defines them; those that inherit from it are meant too.
CLOSER: dict[str, dict[str, Any]] = {
    "lightning.pytorch.trainer.trainer.Trainer": TRAINER,
    "lightning.pytorch.callbacks.weight_averaging.EMAWeightAveraging": {
        COMPLETE: True,
        "decay": Decay,
        "update_every_n_steps": PositiveInt,
        "update_starting_at_step": NonNegativeInt | None,
        "update_starting_at_epoch": NonNegativeInt | None,
    },
    "lightning.pytorch.callbacks.early_stopping.EarlyStopping": {
        "patience": NonNegativeInt,
        "mode": Literal["min", "max"],
    },
    "lightning.pytorch.callbacks.model_checkpoint.ModelCheckpoint": {"mode": Literal["min", "max"]},
    "lightning.pytorch.loggers.csv_logs.CSVLogger": {
        "flush_logs_every_n_steps": PositiveInt,
        "save_dir": Annotated[Any, ByTheRun()],
    },
    "lightning.pytorch.loggers.wandb.WandbLogger": {
        "tags": Any,
        "group": str | None,
        "entity": str | None,
        "notes": str | None,
        "job_type": str | None,
        "mode": Literal["online", "offline", "disabled", "shared"] | None,
    },
    "torch.nn.modules.activation.LeakyReLU": {"negative_slope": NonNegativeFloat},
    "torch.optim.optimizer.Optimizer": OPTIMIZER,
    "torch.optim.lr_scheduler.LRScheduler": {"optimizer": Annotated[Any, ByAnotherPart()]},
    "torch.optim.lr_scheduler.CosineAnnealingLR": {"T_max": PositiveInt, "eta_min": NonNegativeFloat},
    "torch.optim.lr_scheduler.ConstantLR": {"factor": Share, "total_iters": NonNegativeInt},
    "torch.optim.lr_scheduler.StepLR": {"step_size": PositiveInt, "gamma": PositiveFloat},
    "torch.optim.lr_scheduler.ExponentialLR": {"gamma": PositiveFloat},
    "zuko.flows.autoregressive.MAF": FLOW,
}


def refine_annotations(target: Callable[..., Any], found: list[Parameter]) -> list[Parameter]:
    """The parameters with what CLOSER says of them; what it names and **kwargs takes comes along."""
    said: dict[str, Any] = {}
    for line in reversed(inspect.getmro(target)) if inspect.isclass(target) else ():
        said |= CLOSER.get(f"{line.__module__}.{line.__qualname__}", {})
    named = [one.replace(annotation=said.get(one.name, one.annotation)) for one in found]
    if not any(one.kind is Parameter.VAR_KEYWORD for one in found):
        return named
    others = sorted(said.keys() - {COMPLETE} - {one.name for one in found})
    named += [Parameter(key, Parameter.KEYWORD_ONLY, default=..., annotation=said[key]) for key in others]
    return [one for one in named if one.kind is not Parameter.VAR_KEYWORD or COMPLETE not in said]
