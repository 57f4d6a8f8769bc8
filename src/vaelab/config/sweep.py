"""What tells the jobs of a multirun apart, for the names that they bear in Weights & Biases.

${in_sweep:${sweep_name},${name}}    the first in a multirun, else the second
${varied:${seed}}               in a multirun the overrides that it varies, such as `objective.beta=4 seed=1`,
                                else `seed=0`
"""

from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.types import RunMode
from omegaconf import OmegaConf


def register() -> None:
    """Let configs name the two resolvers."""
    OmegaConf.register_new_resolver("in_sweep", select_by_mode, replace=True)
    OmegaConf.register_new_resolver("varied", varied, replace=True)


def select_by_mode(sweep: Any, otherwise: Any) -> str:
    """The first in a job of a multirun, else the second, as text."""
    return str(sweep if in_sweep() else otherwise)


def in_sweep() -> bool:
    """Whether this is a job of a multirun."""
    return HydraConfig.initialized() and HydraConfig.get().mode == RunMode.MULTIRUN


def varied(seed: Any) -> str:
    """The overrides of this job that are not the same for all jobs; the seed where there are none."""
    found: list[str] = []
    if in_sweep():
        hydra = HydraConfig.get()
        keys = {*keys_that_vary(multirun_overrides(Path(hydra.sweep.dir))), *(hydra.sweeper.get("params") or {})}
        found = [str(one) for one in hydra.overrides.task if key_of(str(one)) in keys]
    return " ".join(found) or f"seed={seed}"


def multirun_overrides(folder: Path) -> list[str]:
    """The overrides of a multirun as they were typed, which Hydra saves before the first job."""
    file = folder / "multirun.yaml"
    if not file.is_file():  # a sweeper that does not save them
        return []
    overrides: Any = OmegaConf.to_container(OmegaConf.load(file).hydra.overrides.task)
    return [str(one) for one in overrides]


def keys_that_vary(overrides: list[str]) -> set[str]:
    """The keys of overrides with several values, as in objective.beta=1,2 or seed=range(3)."""
    parser = OverridesParser.create()
    return {one.get_key_element() for one in parser.parse_overrides(overrides) if one.is_sweep_override()}


def key_of(override: str) -> str:
    return override.partition("=")[0]
