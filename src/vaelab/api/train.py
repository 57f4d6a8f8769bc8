"""vaelab.train: a run in Python."""

import sys
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from vaelab.api.arrays import named_arrays, save_arrays
from vaelab.api.composition import composition, place_in_folder
from vaelab.api.isolation import isolate_process
from vaelab.api.loaded_run import LoadedRun, load, load_own
from vaelab.cli.log_file import log_file
from vaelab.cli.outcome import Outcome, collect_sentences, failure
from vaelab.cli.ranks import place
from vaelab.cli.run_folder import finish, folder_for_run
from vaelab.cli.train import Job, job_of
from vaelab.config.plugins import pop_plugins
from vaelab.config.text import escape_references, pop_override
from vaelab.errors import UserError
from vaelab.signals import Stopped, handle_signals
from vaelab.storage.reservation import ARRAYS
from vaelab.storage.run import Run


def train(*overrides: str, data: Any = None) -> LoadedRun:
    """Train and evaluate a model, as `vaelab train` does, and load the run.

    The run is written under outputs/ of the working directory. `"run=<folder>"` resumes one. On several devices, each
    has a process that imports the main module, so a script needs `if __name__ == "__main__":`. Ctrl-C saves, and
    raises KeyboardInterrupt with a message that says how to resume.

    Args:
        overrides: as on the command line, `"model=cvae"`, `"trainer.max_epochs=3"`.
        data: x or (x, y), arrays of numpy or torch as `data=array` reads them from a file: x [N, C, H, W], [N, H, W] or
            [N, D], y [N]. They are saved in the run folder, so that the run can be evaluated and resumed.

    Returns:
        The run with its best weights.

    Raises:
        UserError: a mistake, with the same message as on the command line.

    Examples:
        >>> run = vaelab.train("model=cvae", "data=digits", "trainer.max_epochs=3")  # doctest: +SKIP
        >>> run.results["elbo"]["value"]  # doctest: +SKIP
        -22.31
    """
    if place() is not None:
        raise UserError(
            "vaelab.train starts its processes itself, but torchrun or srun has started several; run vaelab train there"
        )
    channels, _ = pop_override(overrides, "data.source.channels")
    arrays = None if data is None else named_arrays(data, channels or "auto")
    job = job_of([*overrides, *choose_arrays(overrides, data)])
    with composition("train", job.arguments) as config, isolate_process():
        folder = job.run.folder if job.run else Path(folder_for_run(config))
        execute(job, prepare(config, folder, arrays), folder)
    plugins, _ = pop_plugins(overrides)
    return load(folder, plugins=plugins) if job.run else load_own(Run(folder), plugins)


def choose_arrays(overrides: tuple[str, ...], data: Any) -> list[str]:
    """The overrides that select the run's arrays. Raises UserError if other data are selected too."""
    if data is None:
        return []
    for override in overrides:
        if override.partition("=")[0] in ("data", "data.source.path", "run"):
            raise UserError(f"{override} is given together with data=(x, y); leave one of them out")
    return ["data=array", f"data.source.path={ARRAYS}"]


def prepare(config: DictConfig, folder: Path, arrays: dict[str, Any] | None) -> DictConfig:
    """The config of a job in its folder, after saving the arrays there; if that fails, the folder is removed."""
    job = place_in_folder(config, folder)
    try:
        if arrays is not None:
            job.data.source.path = escape_references(str(save_arrays(folder, arrays)))
    except BaseException as error:
        finish(folder, failure(error), saved=False)
        raise
    return job


def execute(job: Job, config: DictConfig, folder: Path) -> None:
    """Run a job. Raises UserError for a mistake, KeyboardInterrupt after Ctrl-C, SystemExit after SIGTERM."""
    ended = Outcome(1)
    with collect_sentences() as sentences:
        try:
            with handle_signals():
                if job.run is None:
                    with log_file(folder / "train.log"):
                        ended = job.task(config)
                else:
                    ended = job.task(config)
        except Stopped as stop:
            sentence = ended.sentence or "\n".join(sentences) or str(stop)
            raise (KeyboardInterrupt(sentence) if stop.signum == 2 else SystemExit(128 + stop.signum)) from None
    if ended.status == 0:
        for sentence in sentences:
            print(sentence, file=sys.stderr)
        return
    sentence = "\n".join(sentences) or ended.sentence
    raise RuntimeError(sentence) if sentence.startswith("Traceback") else UserError(sentence)
