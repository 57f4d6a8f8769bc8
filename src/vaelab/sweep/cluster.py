"""Jobs of a sweep on a SLURM cluster, or as its local stand-in, by submitit."""

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from hydra.core.singleton import Singleton
from hydra.core.utils import JobReturn, JobStatus
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf, open_dict

from vaelab.cli.hydra_app import Failed
from vaelab.cli.requeue import requeue
from vaelab.cli.sweep_name import without_name
from vaelab.errors import Refused
from vaelab.printing import print_line
from vaelab.signals import Stopped
from vaelab.storage.status import FAILED, SUBMITTED, Status, end, read_status, submit, write_status

SUBMITIT = "hydra_plugins.hydra_submitit_launcher"


class Cluster(Launcher):
    """Submits one job per combination, and waits for them or leaves.

    A job that SLURM preempts, or that reaches its time limit, saves, is requeued and resumes in its folder, as often
    as that happens. submitit hands it the first arguments again, by which it knows its folder.

    Args:
        executor: `slurm` or `local`, as submitit calls them.
        wait: whether to wait for the jobs; otherwise `vaelab runs sweep=<name>` tells how far they are.
        settings: as Hydra's submitit launchers take them, such as `partition` or `timeout_min`.
    """

    def __init__(self, executor: str, wait: bool, **settings: Any) -> None:
        self.executor = executor
        self.wait = wait
        self.settings = settings
        self.context: HydraContext
        self.config: DictConfig
        self.job: Any

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        os.environ.setdefault("SUBMITIT_PREEMPT_SIGNAL", "USR1")  # which vaelab takes as the announcement of a requeue
        try:
            module = import_module(f"{SUBMITIT}.submitit_launcher")
        except ImportError:
            raise Refused(
                "the launchers slurm and submitit_local need more packages; pip install 'vaelab[sweeps]'"
            ) from None
        self.job = {"slurm": module.SlurmLauncher, "local": module.LocalLauncher}[self.executor]()
        self.job.setup(hydra_context=hydra_context, task_function=ClusterTask(task_function), config=config)
        self.context, self.config = hydra_context, config

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        places = [self.place(one, initial_job_idx + number) for number, one in enumerate(job_overrides)]
        for folder, overrides in places:
            submit(folder, overrides)
        numbers = range(initial_job_idx, initial_job_idx + len(job_overrides))
        arguments = [
            (list(one), "hydra.sweep.dir", number, f"job_id_for_{number}", Singleton.get_state())
            for one, number in zip(job_overrides, numbers, strict=True)
        ]
        try:
            jobs = self.open_executor().map_array(self.job, *zip(*arguments, strict=True))
        except Exception as error:  # submitit raises what sbatch says in many kinds
            sentence = f"cannot submit: {str(error).strip().splitlines()[0]}"
            for folder, _ in places:
                end(folder, FAILED, sentence)
            raise Refused(sentence) from error
        for (folder, _), job in zip(places, jobs, strict=True):
            record_job(folder, str(job.job_id))
        print_line(f"submitted {len(jobs)} jobs as {', '.join(str(job.job_id) for job in jobs)}")
        if not self.wait:
            name = self.config.sweep_name
            print_line(f"they go on without this command; vaelab runs sweep={name} tells how far they are")
            return [JobReturn() for _ in jobs]
        return [result(job) for job in jobs]

    def place(self, overrides: Sequence[str], number: int) -> tuple[Path, tuple[str, ...]]:
        """The folder of a job and its overrides."""
        config = self.context.config_loader.load_sweep_config(self.config, list(overrides))
        with open_dict(config):
            config.hydra.job.num = number
        task = tuple(map(str, config.hydra.overrides.task))
        return Path(str(config.hydra.sweep.dir), str(config.hydra.sweep.subdir)), without_name(task)

    def open_executor(self) -> Any:
        """submitit's executor with the settings that are given."""
        import submitit

        common = set(OmegaConf.structured(import_module(f"{SUBMITIT}.config").BaseQueueConf))
        settings: Any = OmegaConf.to_container(OmegaConf.create(self.settings), resolve=True)
        folder = settings.pop("submitit_folder")
        executor = submitit.AutoExecutor(folder=folder, cluster=self.executor)
        own = {f"slurm_{key}": value for key, value in settings.items() if key not in common}
        shared = {key: value for key, value in settings.items() if key in common}
        executor.update_parameters(**shared, **(own if self.executor == "slurm" else {}))
        return executor


def record_job(folder: Path, job: str) -> None:
    """Write down under which id the cluster knows a job, unless it has begun."""
    status = read_status(folder)
    if status is not None and status.state == SUBMITTED:
        write_status(folder, Status(SUBMITTED, status.overrides, job=job))


def result(job: Any) -> JobReturn:
    """What became of a job; a job that ended without saying so has failed."""
    try:
        (found,) = job.results()
    except Exception as error:  # submitit raises what the job raised, as text
        failed = JobReturn(status=JobStatus.FAILED)
        failed.return_value = Failed(1, f"job {job.job_id}: {str(error).strip().splitlines()[-1]}")
        return failed
    assert isinstance(found, JobReturn)
    return found


class ClusterTask:
    """A job on a cluster. When it is preempted it leaves no result, since it will run again."""

    def __init__(self, task: TaskFunction) -> None:
        self.task = task

    def __call__(self, config: DictConfig) -> Any:
        with open_dict(config):
            if OmegaConf.is_dict(config.get("trainer")):
                config.trainer.enable_progress_bar = False
        try:
            return self.task(config)
        except Stopped as stop:
            sentence = requeue(stop.signum)
            if sentence:
                print(sentence, file=sys.stderr, flush=True)
                os._exit(0)
            raise Failed(128 + stop.signum, str(stop)) from None
