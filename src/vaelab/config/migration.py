"""Configs that an earlier version saved, as this version would have saved them."""

from typing import Any

from omegaconf import DictConfig, OmegaConf

from vaelab.config.choices import LISTED
from vaelab.config.paths import CONF

# What a callback of those days measured, by the measure that does so now.
MEASURES = {
    "evaluate_reconstructions": "reconstruction",
    "evaluate_importance": "importance",
    "evaluate_latents": "active_units",
    "evaluate_samples": "label_fidelity",
    "evaluate_confidence": "confidence",
    "evaluate_decomposition": "decomposition",
    "evaluate_codebook": "perplexity",
    "evaluate_accuracy": "accuracy",
}


# Where parts stood before, and stand now.
MOVED = {
    "vaelab.levels.": "vaelab.latent.hierarchy.",
    "vaelab.health.history.": "vaelab.health.optimization.",
    "lightning.pytorch.loggers.WandbLogger": "vaelab.logger.weights_and_biases.WandbLogger",
}
TOTAL_CORRELATION = "vaelab.objective.total_correlation.TotalCorrelation"


def migrate(config: DictConfig) -> DictConfig:
    """The saved config with the names, keys and measures of this version.

    A total correlation without an estimator used the stratified one, so the run keeps it. A second stage once named
    its first stage `run`, and `sweep` was the name of a sweep. W&B is now logged by our own WandbLogger, which never
    delays training.
    """
    plain = add_epochs(rename_sweep(rename_first_stage(rename_targets(OmegaConf.to_container(config)))))
    config = OmegaConf.create(plain)
    objective = config.get("objective") or {}
    if objective.get("_target_") == TOTAL_CORRELATION:
        objective.setdefault("estimator", "mss")
    for group in ("evaluation", "callbacks"):
        for name, part in (config.get(group) or {}).items():
            add_new_keys(group, str(name), part)
    if config.get("callbacks") and "picture" not in config:  # to which keys of callbacks refer now
        config.picture = OmegaConf.load(CONF / "picture" / "screen.yaml")
        config.choices = {**(config.get("choices") or {}), "picture": "screen"}
    for logger in (config.get("logger") or {}).values():
        logger.pop("save_dir", None)  # a logger writes into the run folder, wherever that is now
    if "evaluation" in config or not config.get("callbacks"):
        return config
    for group in LISTED:
        config.setdefault(group, {})
    for callback in [name for name in config.callbacks if name in MEASURES]:
        del config.callbacks[callback]
        config.evaluation.update(OmegaConf.load(CONF / "evaluation" / f"{MEASURES[callback]}.yaml"))
    if config.evaluation:
        config.callbacks.update(OmegaConf.load(CONF / "callbacks" / "evaluate.yaml"))
    config.features = OmegaConf.load(CONF / "features" / "cnn.yaml")
    config.choices.features = "cnn"
    return config


def add_epochs(plain: Any) -> Any:
    """Give each schedule the key `epochs`, so that a run may be resumed with one."""
    if isinstance(plain, list):
        return [add_epochs(each) for each in plain]
    if not isinstance(plain, dict):
        return plain
    is_schedule = str(plain.get("_target_")).startswith("vaelab.kl.schedule.")
    return ({"epochs": None} if is_schedule else {}) | {key: add_epochs(value) for key, value in plain.items()}


def rename_first_stage(plain: Any) -> Any:
    """The config of a second stage in which `first_stage` names the run that `run` named before."""
    model = plain.get("model")
    if not isinstance(model, dict) or model.get("first_stage") != "${run}" or "run" not in plain:
        return plain
    migrated = {"first_stage" if key == "run" else key: value for key, value in plain.items()}
    return {**migrated, "model": {**model, "first_stage": "${first_stage}"}}


def rename_sweep(plain: Any) -> Any:
    """The config in which `sweep_name` says what `sweep` said before; `sweep` is a group now."""
    if not isinstance(plain, dict) or "sweep" not in plain:
        return plain
    renamed = {"sweep_name" if key == "sweep" else key: value for key, value in plain.items()}
    return {**renamed, "group": str(renamed.get("group", "")).replace("${sweep}", "${sweep_name}")}


def rename_targets(plain: Any) -> Any:
    """A config with the new name of each part that has moved."""
    if isinstance(plain, list):
        return [rename_targets(value) for value in plain]
    if not isinstance(plain, dict):
        return plain
    return {key: rename_target(value) if key == "_target_" else rename_targets(value) for key, value in plain.items()}


def rename_target(target: Any) -> Any:
    """The name of today of a target."""
    old = next((old for old in MOVED if str(target).startswith(old)), None)
    return target if old is None else MOVED[old] + str(target).removeprefix(old)


def add_new_keys(group: str, name: str, part: DictConfig) -> None:
    """Give a measure or a callback the keys that it has got since, with the values of today's yaml."""
    file = CONF / group / f"{name}.yaml"
    today: Any = OmegaConf.to_container(OmegaConf.load(file)) if file.is_file() else {name: {}}
    if today[name].get("_target_") == part.get("_target_"):
        there = set(part)  # "in" would look whether references resolve
        part.update({key: value for key, value in today[name].items() if key not in there})
