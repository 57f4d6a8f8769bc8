"""Which folder a new run or multirun gets, decided by rank 0 before Hydra writes anything."""

import json
import logging
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePath
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.experimental.callback import Callback
from omegaconf import DictConfig, OmegaConf, open_dict, read_write

from vaelab.cli.outcome import Outcome, failure, print_once
from vaelab.cli.ranks import from_rank_zero, is_rank_zero
from vaelab.cli.requeue import earlier_folder, record_folder, was_requeued
from vaelab.cli.sweep_name import without_name
from vaelab.config.sweep import in_sweep, key_of, keys_that_vary
from vaelab.config.text import escape_references, quote
from vaelab.errors import Refused, UserError, reason
from vaelab.signals import defer_signals
from vaelab.storage.atomic import write
from vaelab.storage.lock import acquire_or_refuse, release
from vaelab.storage.reservation import HYDRA, SIGNS, Reservation, reclaim, reserve, reserve_shared
from vaelab.storage.run import Run
from vaelab.storage.status import (
    FAILED,
    FINISHED,
    PRUNED,
    STOPPED,
    begin,
    end,
    read_status,
    restore_status,
    write_status,
)

# The override that has Hydra ask it.
RESERVE = "+hydra.callbacks.reserve_folder._target_=vaelab.cli.run_folder.ReserveFolder"

IDENTITY = "sweep.json"

_reserved: dict[Path, Reservation] = {}
_sweeps: list[Path] = []  # at most one: a job of a sweep starts none
log = logging.getLogger(__name__)


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
        folder = choose_on_rank_zero(lambda: folder_for_multirun(config))
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


def folder_for_multirun(config: DictConfig) -> str:
    """Make and lock the folder of a multirun, or lock the one in which the same sweep was stopped."""
    check_output_subdir(config)
    subdir = str(OmegaConf.to_container(config.hydra.sweep, resolve=False)["subdir"])  # type: ignore[call-overload, index]
    if ".." in PurePath(subdir).parts or subdir.startswith(("/", "~")):
        raise UserError(f"hydra.sweep.subdir={subdir} leads out of the sweep's folder; give a name inside it")
    overrides = [str(one) for one in config.hydra.overrides.task]
    sweep, wanted = identity(overrides, config), Path(str(config.hydra.sweep.dir))
    folder = earlier_folder() or reserve_shared(wanted, lambda one: identity_of(one) == sweep)
    if folder != wanted and identity_of(wanted):
        log.warning("%s holds another sweep; this one is %s", wanted, folder)
    acquire_or_refuse(folder)
    _sweeps.append(folder)
    write(folder / IDENTITY, json.dumps(sweep, indent=2) + "\n")
    record_folder(folder)
    return str(folder)


def identity(overrides: list[str], config: DictConfig) -> dict[str, Any]:
    """What one sweep has in common with its continuation, which may add values but neither keys nor settings."""
    params = {str(key) for key in config.hydra.sweeper.get("params") or ()}
    varied = {*keys_that_vary(overrides), *params}
    fixed = sorted(one for one in without_name(overrides) if key_of(one) not in varied)
    return {"sweeper": config.hydra.sweeper._target_, "fixed": fixed, "varied": sorted(varied)}


def identity_of(folder: Path) -> dict[str, Any]:
    """The same of the sweep in a folder; empty if it holds none."""
    try:
        found: dict[str, Any] = json.loads((folder / IDENTITY).read_text())
    except (OSError, ValueError):
        return {}
    return found


def release_sweep() -> None:
    """Unlock the folder of a multirun that has ended."""
    while _sweeps:
        release(_sweeps.pop())


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


@contextmanager
def recorded(run: Run) -> Iterator[Callable[[Outcome], Outcome]]:
    """Inside, a run that is resumed is known as running, until the function given is called with how it ended.

    A resumption that failed before it had trained leaves the status as it was.
    """
    status, saved = read_status(run.folder), newest(run)
    if is_rank_zero():
        begin(run.folder)
    ended: list[Outcome] = []

    def record(outcome: Outcome) -> Outcome:
        ended.append(outcome)
        return outcome

    try:
        yield record
    except BaseException as error:
        ended.append(failure(error))
        raise
    finally:
        if is_rank_zero():
            if ended[0].status == 1 and newest(run) == saved:
                restore_status(run.folder, status)
            else:
                record_end(run.folder, ended[0])


def newest(run: Run) -> float:
    """When the run last saved a checkpoint."""
    return max((path.stat().st_mtime for path in run.checkpoints.glob("*.ckpt")), default=0.0)


def record_end(folder: Path, ended: Outcome) -> None:
    """Write into the status of a run how its attempt ended."""
    done = PRUNED if ended.pruned else FINISHED
    state = done if ended.status == 0 else STOPPED if ended.status > 128 else FAILED
    end(folder, state, ended.sentence)


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
