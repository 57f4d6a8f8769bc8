"""Which folder a new run or multirun gets, decided before Hydra writes anything."""

from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.experimental.callback import Callback
from omegaconf import DictConfig, open_dict, read_write

from vaelab.config.text import escape_references, quote
from vaelab.errors import Refused, UserError, reason
from vaelab.storage.lock import acquire, in_use
from vaelab.storage.reservation import HYDRA, SIGNS, Reservation, reserve, reserve_empty

# The override that has Hydra ask it.
RESERVE = "+hydra.callbacks.reserve_folder._target_=vaelab.commands.run_folder.ReserveFolder"

_reserved: dict[Path, Reservation] = {}


class ReserveFolder(Callback):
    """Hydra's own folder may be another run's: this makes it exclusively, under the next free name where it has to.

    Hydra turns exceptions of callbacks into warnings, so what is wrong leaves as `Refused`.
    """

    def on_run_start(self, config: DictConfig, **kwargs: Any) -> None:
        HydraConfig.instance().set_config(config)  # which names of folders refer to
        try:
            reservation = reserve(Path(str(config.hydra.run.dir)), config.get("overwrite") is True)
        except (UserError, OSError) as error:
            raise Refused(reason(error)) from error
        _reserved[reservation.folder.resolve()] = reservation
        with read_write(config.hydra), open_dict(config.hydra):
            config.hydra.run.dir = escape_references(str(reservation.folder))

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        HydraConfig.instance().set_config(config)
        try:
            folder = str(reserve_empty(Path(str(config.hydra.sweep.dir))))
        except (UserError, OSError) as error:
            raise Refused(reason(error)) from error
        with read_write(config.hydra), open_dict(config.hydra):
            config.hydra.sweep.dir = escape_references(folder)
            config.hydra.overrides.hydra.append(f"hydra.sweep.dir={quote(folder)}")  # of which each job is composed


def claim(folder: Path) -> Reservation:
    """The reservation of a run's folder; a job of a multirun makes it here.

    Raises:
        UserError: another job has the same folder.
    """
    reservation = _reserved.pop(folder.resolve(), None)
    if reservation is not None:
        return reservation
    if not acquire(folder):
        raise UserError(in_use(folder))
    if any((folder / name).exists() for name in SIGNS if name not in HYDRA):
        raise UserError(
            f"{folder} holds another run; give each job its own hydra.sweep.subdir, as ${{hydra.job.num}} does"
        )
    return Reservation(folder, made=(folder,))
