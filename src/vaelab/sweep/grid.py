"""A sweep over every combination of values, which goes on where it was stopped."""

import logging
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.plugins import Plugins
from hydra.core.utils import JobReturn, JobStatus
from hydra.plugins.launcher import Launcher
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf

from vaelab.cli.hydra_app import Failed, SweepFailed
from vaelab.cli.outcome import print_once
from vaelab.cli.ranks import from_rank_zero, is_rank_zero
from vaelab.cli.sweep_files import write_tables
from vaelab.errors import UserError
from vaelab.printing import print_line
from vaelab.report.sweep_page import write_sweep_report
from vaelab.signals import Stopped
from vaelab.storage.status import RUNNING, SUBMITTED
from vaelab.storage.summary import summaries
from vaelab.sweep.plan import Job, as_overrides, await_end
from vaelab.sweep.workers import JOBLIB, WorkerTask, forwarded_signals

log = logging.getLogger(__name__)


class Grid(Sweeper):
    """Runs a job for every combination of values.

    A job that fails is recorded and the others go on. The same command with the same `sweep_name` starts what is
    missing: jobs that have finished stay, and those that were stopped resume from their checkpoints.

    Args:
        params: values by key, as on the command line, which may add to them.
    """

    def __init__(self, params: Mapping[str, Any] | None = None) -> None:
        self.params = dict(params or {})
        self.context: HydraContext
        self.launcher: Launcher
        self.has_workers = False
        self.config: DictConfig

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        self.context = hydra_context
        self.config = config
        self.has_workers = config.hydra.launcher._target_ == JOBLIB
        task = WorkerTask(task_function) if self.has_workers else task_function
        self.launcher = Plugins.instance().instantiate_launcher(
            config=config, hydra_context=hydra_context, task_function=task
        )

    @property
    def folder(self) -> Path:
        """The folder of the sweep."""
        return Path(str(self.config.hydra.sweep.dir))

    @property
    def numbered(self) -> bool:
        """Whether the folder of a job is its number."""
        sweep: Any = OmegaConf.to_container(self.config.hydra.sweep, resolve=False)
        return str(sweep["subdir"]) == "${hydra.job.num}"

    def sweep(self, arguments: list[str]) -> list[JobReturn]:
        combinations = self.combinations(arguments)
        self.save_config()
        jobs = from_rank_zero(lambda: await_end(self.folder, combinations, self.numbered))
        left = [job for job in jobs if job.is_left]
        if is_rank_zero():
            tell(jobs, left)
        self.check(left)
        with self.reported():
            returns = self.launch(left)
        raise_failures(returns, len(jobs))
        return returns

    def save_config(self) -> None:
        """Write multirun.yaml, as Hydra does it."""
        if is_rank_zero():
            self.folder.mkdir(parents=True, exist_ok=True)
            OmegaConf.save(self.config, self.folder / "multirun.yaml")

    def combinations(self, arguments: Sequence[str]) -> list[tuple[str, ...]]:
        """The overrides of each job, in the order of the command line."""
        params = [f"{key}={value}" for key, value in self.params.items()]
        parser = OverridesParser.create(config_loader=self.context.config_loader)
        overrides = parser.parse_overrides([*params, *arguments])
        for one in overrides:
            if one.is_sweep_override() and not one.is_discrete_sweep():
                raise UserError(
                    f"{one.input_line} is an interval of any number of values; search it by hydra/sweeper=optuna"
                )
        (batch,) = BasicSweeper.split_arguments(overrides, None)
        return [tuple(one) for one in batch]

    def check(self, jobs: Sequence[Job]) -> None:
        """Compose the jobs: a mistake ends the sweep before it begins."""
        for job in jobs:
            self.context.config_loader.load_sweep_config(self.config, as_overrides(job))

    def launch(self, jobs: Sequence[Job]) -> list[JobReturn]:
        """What became of some jobs."""
        with forwarded_signals() if self.has_workers else nullcontext():
            return list(self.launcher.launch([as_overrides(job) for job in jobs], initial_job_idx=0)) if jobs else []

    @property
    def ranked_by(self) -> list[str]:
        """What the report ranks the jobs by; empty for its own choice."""
        return []

    @contextmanager
    def reported(self) -> Iterator[None]:
        """After the jobs inside tables and report are written; after a signal the way to go on is told."""
        try:
            yield
            if is_rank_zero():
                alert(self.config, self.folder)
        except Stopped:
            print_once([f"resume the sweep by the same command with sweep={self.config.sweep_name}"])
            raise
        finally:
            if is_rank_zero():
                write_tables(self.folder)
                report(self.folder, self.ranked_by)


def alert(config: DictConfig, folder: Path) -> None:
    """Tell the user by W&B that a sweep has ended, where its runs are logged there and give alerts."""
    if "wandb" not in (config.get("logger") or ()) or "alerts" not in (config.get("callbacks") or ()):
        return
    from vaelab.logger.sweep_alert import alert_about_sweep  # which imports W&B

    counts = Counter(one.state for one in summaries(folder))
    told = ", ".join(f"{count} {state}" for state, count in sorted(counts.items()))
    settings: Any = OmegaConf.to_container(config.logger.wandb.get("settings") or OmegaConf.create({}), resolve=True)
    alert_about_sweep(str(config.sweep_name), folder, told, str(config.project), settings)


def report(folder: Path, wanted: Sequence[str]) -> None:
    """Write the page of a sweep that has jobs, ranked by the figures that are wanted, if there are any.

    What keeps it from being written is told, and ends nothing.
    """
    jobs = summaries(folder)
    if not jobs:
        return
    known = {name for job in jobs for name in job.figures}
    try:
        print_line(f"report: {write_sweep_report(folder, [name for name in wanted if name in known])}")
    except Exception as error:  # the results are on disk, and vaelab report draws the page again
        log.warning("%s has no report: %s; draw it by vaelab report sweep=%s", folder, error, folder.name)


def tell(jobs: Sequence[Job], left: Sequence[Job]) -> None:
    """Print what is not started again, if there is any."""
    elsewhere = sum(job.state in (RUNNING, SUBMITTED) for job in jobs)
    done = len(jobs) - len(left) - elsewhere
    if done:
        print_line(f"{done} of {len(jobs)} jobs have finished; {len(left)} are left")
    if elsewhere:
        print_line(f"{elsewhere} of {len(jobs)} jobs run elsewhere, and stay there")


def raise_failures(returns: Sequence[JobReturn], num_jobs: int) -> None:
    """Raise the exception of a job that ended by a mistake of ours, else SweepFailed if any job failed."""
    errors = [one._return_value for one in returns if one.status == JobStatus.FAILED]
    for error in errors:
        if not isinstance(error, Failed):
            raise error
    if errors:
        first = next((error.sentence for error in errors if error.sentence), "")
        raise SweepFailed(max(error.status for error in errors), f"{len(errors)} of {num_jobs} jobs failed: {first}")
