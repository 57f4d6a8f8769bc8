"""How a run resumes: from which step, how far, and with which changes."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from omegaconf import DictConfig, OmegaConf

from vaelab.errors import UserError
from vaelab.storage.checkpoint import load_checkpoint
from vaelab.storage.run import Run


class Progress(NamedTuple):
    """How far a run has trained."""

    epochs: int
    steps: int


def read_progress(checkpoint: Path) -> Progress:
    """The whole epochs and the optimizer steps before a checkpoint was saved."""
    saved = load_checkpoint(checkpoint, "meta")
    try:
        # Saved at the end of an epoch, which Lightning calls completed only afterwards.
        epochs = saved["loops"]["fit_loop"]["epoch_progress"]["current"]["processed"]
    except (KeyError, TypeError):
        epochs = saved["epoch"]
    return Progress(int(epochs), int(saved["global_step"]))


def is_finished(run: Run, config: DictConfig, checkpoint: Path | None, changed: bool) -> bool:
    """Whether there is nothing left to train or to measure; `changed` says whether the config is.

    Raises:
        UserError: the run has trained longer than is asked for.
    """
    if checkpoint is None:
        return False
    done = read_progress(checkpoint)
    limits = {"max_epochs": done.epochs, "max_steps": done.steps}
    reached = False
    for key, value in limits.items():
        limit = config.trainer.get(key)
        if not isinstance(limit, int) or limit < 0:
            continue
        if value > limit:
            raise UserError(
                f"{run.folder} has trained {value} {key[4:]}, so trainer.{key}={limit} is behind it; give a larger "
                f"number to train longer, or measure it with vaelab evaluate run={run.folder}"
            )
        reached = reached or value == limit
    reached = reached or has_stopped_early(config, checkpoint)
    published = _published(run)
    if changed or "config" not in published:
        return reached and bool(published)
    return published["config"] == run.config_digest and published["trained_steps"] >= done.steps


def has_stopped_early(config: DictConfig, checkpoint: Path) -> bool:
    """Whether early stopping has ended this training, with the patience that the config gives it now."""
    patience = OmegaConf.select(config, "callbacks.early_stopping.patience")
    states: Any = load_checkpoint(checkpoint, "meta").get("callbacks")
    waited = [state.get("wait_count") for state in dict(states or {}).values() if isinstance(state, dict)]
    return isinstance(patience, int) and any(isinstance(count, int) and count >= patience for count in waited)


def key_to_train_longer(config: DictConfig, checkpoint: Path | None) -> str:
    """The key that ended a finished run, which a larger value lets go on."""
    early = checkpoint is not None and has_stopped_early(config, checkpoint)
    return "callbacks.early_stopping.patience" if early else "trainer.max_epochs"


def _published(run: Run) -> dict[str, Any]:
    """What the run's results say of the checkpoint they are of; nothing where there are no results."""
    file = run.folder / "results.json"
    if not file.is_file():
        return {}
    try:
        records = json.loads(file.read_text())
        first: Any = next(iter(records.values()))
        found: dict[str, Any] = dict(first.get("checkpoint", {"name": "unknown"}))
    except (OSError, ValueError, TypeError, AttributeError, RecursionError, StopIteration):
        return {}
    damaged = "config" in found and not isinstance(found.get("trained_steps"), int)
    return {} if damaged else found


OURS = re.compile(r"plugins|overwrite")  # set anew by each command


def changes(before: DictConfig, after: DictConfig) -> list[str]:
    """Each value that differs between two configs, as `key=new (was old)`; of a new choice only its name."""
    old, new = (dict(_leaves(OmegaConf.to_container(one, resolve=False), "")) for one in (before, after))
    keys = [key for key in dict.fromkeys([*new, *old]) if old.get(key) != new.get(key) and not OURS.fullmatch(key)]
    chosen = {key.partition(".")[2] for key in keys if key.startswith("choices.")}
    told = [key for key in keys if key.partition(".")[0] not in chosen]
    return [f"{key.removeprefix('choices.')}={new.get(key, 'absent')} (was {old.get(key, 'absent')})" for key in told]


def _leaves(value: Any, place: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from _leaves(inner, f"{place}.{key}".lstrip("."))
    else:
        yield place, value
