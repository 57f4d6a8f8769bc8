"""Which folder a new run or multirun gets, decided by rank 0 before Hydra writes anything."""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.experimental.callback import Callback
from omegaconf import DictConfig, open_dict, read_write

from vaelab.cli.attempt import record_end
from vaelab.cli.outcome import Outcome, print_once
from vaelab.cli.ranks import from_rank_zero, is_rank_zero
from vaelab.cli.requeue import earlier_folder, record_folder, was_requeued
from vaelab.cli.sweep_folder import folder_for_multirun
from vaelab.cli.sweep_name import without_name
from vaelab.config.sweep import in_sweep
from vaelab.config.text import escape_references, quote
from vaelab.errors import Refused, UserError, reason
from vaelab.signals import defer_signals
from vaelab.storage.lock import acquire_or_refuse, release
from vaelab.storage.reservation import HYDRA, SIGNS, Reservation, reclaim, reserve
from vaelab.storage.status import (
    begin,
    read_status,
    write_status,
)

# The override that has Hydra ask it.
RESERVE = "+hydra.callbacks.reserve_folder._target_=vaelab.cli.run_folder.ReserveFolder"

_reserved: dict[Path, Reservation] = {}


class ReserveFolder(Callback):
    """Hydra's own folder may be another run's: this makes it exclusively, under the next free name where it has to.

    All ranks have the folder that rank 0 made, and only rank 0 lets Hydra write into it. Hydra turns exceptions of
    callbacks into warnings, so what is wrong leaves as `Refused`.
    """

    def on_run_start(self, config: DictConfig, **kwargs: Any) -> None:
        HydraConfig.instance().set_config(config)  # to which the name of the folder refers
        folder = choose_on_rank_zero(lambda: folder_for_run(config))
        with read_write(config.hydra), open_dict(config.hydra):
            config.hydra.run.dir = escape_references(folder)
            if not is_rank_zero():
                disable_hydra_output(config)

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        HydraConfig.instance().set_config(config)
        folder = choose_on_rank_zero(lambda: folder_for_sweep(config))
        with read_write(config.hydra), open_dict(config.hydra):
            config.hydra.sweep.dir = escape_references(folder)
            config.hydra.overrides.hydra.append(f"hydra.sweep.dir={quote(folder)}")  # of which each job is composed
            if not is_rank_zero():
                config.hydra.overrides.hydra += ["hydra.output_subdir=null", "hydra/job_logging=stdout"]


def choose_on_rank_zero(choose: Callable[[], str]) -> str:
    """The folder that rank 0 chooses, on all ranks. Raises Refused where it cannot choose one."""

    def choose_or_refuse() -> str:
        try:
            return choose()
        except OSError as error:
            raise UserError(reason(error)) from error

    try:
        return from_rank_zero(choose_or_refuse)
    except UserError as error:
        raise Refused(str(error)) from error


def folder_for_sweep(config: DictConfig) -> str:
    """Make and lock the folder of a multirun, or lock the one in which the same sweep was stopped."""
    check_output_subdir(config)
    return str(folder_for_multirun(config))


def check_output_subdir(config: DictConfig) -> None:
    """Raises UserError where Hydra would write its copies of the config anywhere but into .hydra of the run."""
    if config.hydra.output_subdir not in (None, ".hydra"):
        raise UserError(f"hydra.output_subdir={config.hydra.output_subdir} is not possible; use .hydra or null")


def check_single(config: DictConfig) -> None:
    """Raises UserError for what only a multirun would read."""
    given = (*config.hydra.overrides.hydra, *config.hydra.overrides.task)
    for override in given:
        if re.match(r"\+*(sweep(_name)?=|hydra\.sweep\.|hydra[./](launcher|sweeper)\b)", str(override)):
            raise UserError(f"{override} is for a multirun, and this is a single run; add -m, or leave it out")


def folder_for_run(config: DictConfig) -> str:
    """Make and lock the folder of a new run, or lock the one from before where SLURM runs this command again."""
    check_output_subdir(config)
    check_single(config)
    earlier = earlier_folder()
    with defer_signals():
        if earlier is not None:
            reservation = reclaim(earlier)
        else:
            reservation = reserve(Path(str(config.hydra.run.dir)), config.get("overwrite") is True)
        _reserved[reservation.folder.resolve()] = reservation
    record_folder(reservation.folder)
    return str(reservation.folder)


def claim(folder: Path, overrides: Sequence[str]) -> bool:
    """See that rank 0 has a reservation of a run's folder, and return whether this run has had it before.

    A job of a multirun makes the reservation here.

    Raises:
        UserError: another job has the same folder.
    """
    given = without_name(overrides)

    def reserve_or_reclaim() -> bool:
        if folder.resolve() in _reserved:
            begin(folder, given)
            return was_requeued()
        status = read_status(folder)
        before = status is not None and status.overrides == given
        with defer_signals():
            _reserved[folder.resolve()] = reclaim(folder) if before else _reserve_for_job(folder)
        begin(folder, given)
        return before

    return from_rank_zero(reserve_or_reclaim)


def _reserve_for_job(folder: Path) -> Reservation:
    acquire_or_refuse(folder)
    if any((folder / name).exists() for name in SIGNS if name not in HYDRA):
        release(folder)
        raise UserError(
            f"{folder} holds another run; give each job its own hydra.sweep.subdir, as ${{hydra.job.num}} does"
        )
    return Reservation(folder, made=(folder,))


def finish(folder: Path, ended: Outcome, saved: bool) -> None:
    """Keep a folder in which something was trained, and what it replaces until the new run has ended well.

    Of a job of a multirun the status is kept in any case.
    """
    with defer_signals():
        reservation = _reserved.pop(folder.resolve(), None)
        if reservation is None:
            return
        record_end(folder, ended)
        status = read_status(folder)
        if ended.status == 0:
            reservation.keep()
        elif not saved:
            reservation.undo()
            if in_sweep() and status is not None:
                write_status(folder, status)
        elif (replaced := reservation.keep_both()) is not None:
            print_once([f"the run that overwrite=true would have replaced is kept in {replaced}"])


def finish_unclaimed() -> None:
    """Remove the folder of a run that was stopped before its job began."""
    for folder in list(_reserved):
        finish(folder, Outcome(1), saved=False)


@contextmanager
def lock_folder(folder: Path) -> Iterator[None]:
    """Hold the lock of a run folder. Raises UserError on all ranks where another command holds it."""
    from_rank_zero(lambda: acquire_or_refuse(folder))
    try:
        yield
    finally:
        release(folder)


def disable_hydra_output(config: DictConfig) -> None:
    """Keep Hydra from writing .hydra and a log."""
    config.hydra.output_subdir = None
    logging = config.hydra.job_logging
    for handler in [name for name, node in logging.handlers.items() if "filename" in node]:
        del logging.handlers[handler]
        logging.root.handlers = [name for name in logging.root.handlers if name != handler]
