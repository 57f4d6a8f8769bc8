"""A search by Optuna, which goes on where it was stopped."""

import os
import time
from collections.abc import Collection, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra.core.hydra_config import HydraConfig
from hydra.core.utils import JobReturn, JobStatus
from hydra.errors import InstantiationException
from hydra.types import HydraContext, TaskFunction
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf, open_dict

from vaelab.cli.ranks import from_rank_zero, is_rank_zero
from vaelab.errors import Refused, UserError
from vaelab.printing import print_line
from vaelab.storage.run import Run
from vaelab.storage.status import FAILED, FINISHED, PRUNED, RUNNING, state_of
from vaelab.storage.study import open_study
from vaelab.storage.summary import summaries
from vaelab.sweep.grid import Grid, raise_failures
from vaelab.sweep.objective import objective_values
from vaelab.sweep.plan import PATIENCE, POLL, Job
from vaelab.sweep.space import Space, space_of

if TYPE_CHECKING:
    import optuna

PRUNING = "vaelab.callbacks.pruning.Pruning"


class Search(Grid):
    """Runs trials that Optuna suggests, until the study has `n_trials` of them.

    The study is kept in the sweep's folder. The same command goes on with it: trials that were stopped or killed resume
    from their checkpoints, and those that ended without the study having heard of it are reported. A trial that fails
    counts as one and does not end the search. A single objective lets the pruner end trials.

    Args:
        sampler, pruner: nodes with a `_target_` of Optuna; a `seed` of the sampler is raised by the trial's number, so
            that a study that goes on suggests what it would have suggested.
        objective: `val/<metric>` at the best checkpoint or `test/<metric>`; a list for several.
        direction: `maximize` or `minimize`; a list for several.
        n_trials: number of trials in all.
        n_jobs: trials at a time; None for as many as the launcher runs.
        params: values or intervals by key, as on the command line, which may add to them.
    """

    def __init__(
        self,
        sampler: DictConfig,
        pruner: DictConfig,
        objective: str | Sequence[str],
        direction: str | Sequence[str],
        n_trials: int,
        n_jobs: int | None,
        params: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(params)
        self.sampler = sampler
        self.pruner = pruner
        self.objectives = [objective] if isinstance(objective, str) else list(objective)
        self.directions = [direction] if isinstance(direction, str) else list(direction)
        self.n_trials = n_trials
        self.n_jobs = n_jobs

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        self.check_settings()
        task = task_function if len(self.objectives) > 1 else TrialTask(task_function, self.pruner)
        if config.hydra.launcher.get("wait") is False:
            raise Refused("a search waits for its trials; leave out hydra.launcher.wait=false")
        super().setup(hydra_context=hydra_context, task_function=task, config=config)

    def check_settings(self) -> None:
        """Raise Refused for settings that do not fit each other, or without Optuna."""
        try:
            import optuna  # noqa: F401
        except ImportError:
            raise Refused("hydra/sweeper=optuna needs more packages; pip install 'vaelab[sweeps]'") from None
        if len(self.objectives) != len(self.directions):
            raise Refused(
                f"hydra.sweeper.objective has {len(self.objectives)} names and hydra.sweeper.direction "
                f"{len(self.directions)}; give one direction for each"
            )
        if wrong := [one for one in self.directions if one not in ("maximize", "minimize")]:
            raise Refused(f"hydra.sweeper.direction={wrong[0]} is unknown; use maximize or minimize")
        for key, value in {"n_trials": self.n_trials, "n_jobs": 1 if self.n_jobs is None else self.n_jobs}.items():
            if not isinstance(value, int) or value < 1:
                raise Refused(f"hydra.sweeper.{key}={value} must be an integer of at least 1")

    def sweep(self, arguments: list[str]) -> list[JobReturn]:
        space = space_of([f"{key}={value}" for key, value in self.params.items()] + list(arguments))
        self.save_config()
        from_rank_zero(self.await_trials)
        returns: list[JobReturn] = []
        with self.reported():
            while jobs := from_rank_zero(partial(self.next_jobs, space)):
                ended = self.launch(jobs)
                returns += ended
                if is_rank_zero():
                    failed = [
                        job.folder for job, one in zip(jobs, ended, strict=True) if one.status == JobStatus.FAILED
                    ]
                    self.tell(failed)
        if is_rank_zero():
            self.print_best()
        raise_failures(returns, self.n_trials)
        return returns

    @property
    def ranked_by(self) -> list[str]:
        """The figures of the test split that are named like the objectives."""
        return [name.partition("/")[2] for name in self.objectives]

    def study(self, number: int = 0) -> "optuna.Study":
        """The study, whose sampler is that of a trial."""
        return open_study(
            self.folder,
            sampler=build(self.sampler, number),
            pruner=build(self.pruner, 0),
            directions=self.directions,
        )

    def await_trials(self) -> None:
        """Wait for the trials of a search that has just been killed, which save before they end.

        Raises:
            UserError: one goes on training.
        """
        deadline = time.monotonic() + PATIENCE
        while running := [one.run.folder for one in summaries(self.folder) if one.state == RUNNING]:
            if time.monotonic() > deadline:
                raise UserError(f"{running[0]} is a trial that still runs; go on with the search when it has ended")
            time.sleep(POLL)

    def next_jobs(self, space: Space) -> list[Job]:
        """The trials to run next: those that were not finished, then new ones; none once there are enough."""
        from optuna.trial import TrialState

        self.tell()
        trials = self.study().get_trials(deepcopy=False)
        left = [trial for trial in trials if trial.state in (TrialState.RUNNING, TrialState.WAITING)]
        jobs = [self.job(trial.number, trial.params, space) for trial in left[: self.num_parallel]]
        for number in range(len(trials), min(self.n_trials, len(trials) + self.num_parallel - len(jobs))):
            trial = self.study(number).ask(space.distributions)
            jobs.append(self.job(trial.number, trial.params, space))
        return jobs

    @property
    def num_parallel(self) -> int:
        """How many trials run at a time."""
        if self.n_jobs is not None:
            return self.n_jobs
        asked = self.config.hydra.launcher.get("n_jobs") or 1
        return int(asked) if asked > 0 else len(os.sched_getaffinity(0))

    def job(self, number: int, params: Mapping[str, Any], space: Space) -> Job:
        """The job of a trial, whose folder is its number."""
        return Job((*(f"{key}={value}" for key, value in params.items()), *space.fixed), str(number))

    def tell(self, failed: Collection[str] = ()) -> None:
        """Report every trial that has ended to the study, and those as failed that came back so without a status."""
        from optuna.trial import TrialState

        study = self.study()
        for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            run = Run(self.folder / str(trial.number))
            state = state_of(run.folder)
            if state == FINISHED:
                try:
                    study.tell(trial.number, objective_values(run, self.objectives))
                except (UserError, ValueError) as error:  # Optuna refuses NaN by the latter
                    print_line(f"trial {trial.number} counts as failed: {error}")
                    study.tell(trial.number, state=TrialState.FAIL)
            elif state == PRUNED:
                study.tell(trial.number, state=TrialState.PRUNED)
            elif state == FAILED or run.folder.name in failed:
                study.tell(trial.number, state=TrialState.FAIL)

    def print_best(self) -> None:
        """Print the best trial, or how many the Pareto front has, and save them as optimization_results.yaml."""
        from optuna.trial import TrialState

        study = self.study()
        trials = study.get_trials(deepcopy=False)
        counts = {state: sum(trial.state == state for trial in trials) for state in TrialState}
        pruned, failed = counts[TrialState.PRUNED], counts[TrialState.FAIL]
        print_line(f"{len(trials)} trials, of which {pruned} were pruned and {failed} failed")
        best = study.best_trials if counts[TrialState.COMPLETE] else []
        for one in best:
            values = ", ".join(f"{name}={value:.5g}" for name, value in zip(self.objectives, one.values, strict=True))
            params = " ".join(f"{key}={value}" for key, value in one.params.items())
            print_line(f"best: trial {one.number}, {values}: {params}")
        front = [{"trial": one.number, "values": list(one.values), "params": dict(one.params)} for one in best]
        OmegaConf.save(OmegaConf.create({"best": front}), self.folder / "optimization_results.yaml")


class TrialTask:
    """A job of a search, to whose callbacks one is added that reports to the study and may end the trial."""

    def __init__(self, task: TaskFunction, pruner: DictConfig) -> None:
        self.task = task
        self.pruner = OmegaConf.to_container(pruner, resolve=True)

    def __call__(self, config: DictConfig) -> Any:
        number = Path(HydraConfig.get().runtime.output_dir).name
        with open_dict(config):
            if not OmegaConf.is_dict(config.get("callbacks")):
                config.callbacks = {}
            config.callbacks.pruning = {"_target_": PRUNING, "trial": int(number), "pruner": self.pruner}
        return self.task(config)


def build(node: DictConfig, number: int) -> Any:
    """A sampler or pruner. Raises Refused where Optuna refuses its arguments."""
    seed = node.get("seed")
    if seed is not None and not isinstance(seed, int):
        raise Refused(f"hydra.sweeper.sampler.seed={seed} must be an integer")
    try:
        return instantiate(node, **({} if seed is None else {"seed": seed + number}))
    except InstantiationException as error:
        raise Refused(f"{node.get('_target_')}: {str(error.__cause__ or error).partition(chr(10))[0]}") from None
