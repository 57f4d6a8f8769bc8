"""What a report says about the config of a run."""

import re
import shlex
from collections.abc import Callable, Sequence

from omegaconf import DictConfig

from vaelab.config.defaults import Changed, changed_choices, changed_values
from vaelab.config.run_config import read_config
from vaelab.report.origin import Difference, Origin
from vaelab.storage.run import Run
from vaelab.storage.summary import summarize

FACTS = {"latent_dim": "latent dimensions", "seed": "seed"}
QUOTED = re.compile(r"^((?:first_stage|init_from)=)'([\w./-]+)'$")  # folders that Hydra takes without quotes
RESUMED = "The run was resumed with another config than it began with; the earlier ones are in history/."
UNKNOWN_START = "The run does not say how it was started; the command sets everything in which its config differs."


def origin_of(run: Run) -> Origin:
    """How a run was made, by its folder alone. What cannot be composed any more is said in a note."""
    config, notes = read_config(run), [RESUMED] if (run.folder / "history").is_dir() else []
    choices = attempt(changed_choices, config, notes)
    values = attempt(changed_values, config, notes)
    overrides = typed(summarize(run.folder).overrides)
    if not overrides and (choices or values):
        notes.append(UNKNOWN_START)
        overrides = [f"{one.key}={one.here.replace(', ', ',')}" for one in (*choices, *values) if one.here]
    return Origin(
        name=f"{config.choices.get('model')} on {config.choices.get('data')}",
        command=f"python train.py {shlex.join(overrides)}".strip(),
        choices=[Difference(*one) for one in choices],
        values=[Difference(*one) for one in values],
        facts={name: str(config[key]) for key, name in FACTS.items() if key in config},
        notes=notes,
    )


def typed(overrides: Sequence[str]) -> list[str]:
    """The overrides of a run as a user types them: without its sweep, and without what a second stage adds.

    >>> typed(["name='x'", "latent_dim=8", "first_stage='outputs/a'", "data=first_stage", "model=latent_flow"])
    ['first_stage=outputs/a', 'model=latent_flow']
    """
    second = any(one.startswith("first_stage=") for one in overrides)
    added = ("sweep_name=", "name=", "latent_dim=") if second else ("sweep_name=",)
    kept = [one for one in overrides if not one.startswith(added) and not one.endswith("=first_stage")]
    return [QUOTED.sub(r"\1\2", one) for one in kept]


def attempt(find: Callable[[DictConfig], list[Changed]], config: DictConfig, notes: list[str]) -> list[Changed]:
    """The differences, or none and a note if this version has another conf/ than the run was made with."""
    try:
        return find(config)
    except Exception as error:  # Hydra raises many kinds
        sentence = next(iter(str(error).splitlines()), type(error).__name__)
        notes.append(f"The defaults of this run's parts cannot be composed: {sentence}")
        return []
