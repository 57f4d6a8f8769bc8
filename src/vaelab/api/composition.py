"""Uses Hydra inside Python, and restores Hydra's global state."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, open_dict, read_write

from vaelab.cli.appended import merge_appended
from vaelab.cli.compose import compose_or_explain, preserve_hydra
from vaelab.cli.overrides import check_overrides
from vaelab.cli.run_folder import RESERVE
from vaelab.config.plugins import pop_plugins, search_path, use_plugins
from vaelab.errors import UserError


@contextmanager
def composition(name: str, arguments: Sequence[str]) -> Iterator[DictConfig]:
    """Compose the config of a command from these arguments, with Hydra's own node; inside, `${hydra:…}` resolves.

    Raises:
        UserError: a mistake in the arguments, with the same message as on the command line.
    """
    plugins, rest = pop_plugins(arguments)
    name, rest = pop_config_name(name, [one for one in rest if one != RESERVE])
    rest += [f"plugins=[{','.join(plugins)}]"] if plugins else []
    with use_plugins(plugins), preserve_hydra():
        rest = merge_appended(rest)
        check_overrides(rest)
        config = compose_or_explain(name, search_path(rest))
        HydraConfig.instance().set_config(config)
        yield config


def pop_config_name(name: str, arguments: Sequence[str]) -> tuple[str, list[str]]:
    """The name of the config, from `--config-name`, and the overrides."""
    rest = list(arguments)
    if "--config-name" in rest:
        place = rest.index("--config-name")
        name = rest[place + 1]
        del rest[place : place + 2]
    for argument in rest:
        if argument.startswith("-"):
            raise UserError(
                f"no option '{argument}' in Python; give overrides as key=value, and train several runs in a loop"
            )
    return name, rest


def place_in_folder(config: DictConfig, folder: Path) -> DictConfig:
    """The config of a task: without Hydra's node, and with this output folder."""
    with read_write(config.hydra), open_dict(config.hydra):
        config.hydra.runtime.output_dir = str(folder.absolute())
    HydraConfig.instance().set_config(config)
    job = config.copy()
    with open_dict(job):
        del job["hydra"]
    return job
