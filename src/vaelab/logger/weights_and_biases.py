"""Lightning's logger for Weights & Biases, without blocking training."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from lightning.pytorch import loggers
from lightning.pytorch.callbacks import ModelCheckpoint

from vaelab.logger.artifact import log_artifact
from vaelab.logger.connection import is_disabled
from vaelab.logger.deferred_run import Call, DeferredRun
from vaelab.logger.naming import valid_name, valid_tags
from vaelab.logger.output import OutputHandler
from vaelab.logger.run_thread import RunThread
from vaelab.ranges import ByTheRun

TITLE = 63  # longest title of an alert, in characters


class WandbLogger(loggers.WandbLogger):
    """Queues all calls for a thread of its own, from `begin` to `end`.

    Calls made before the run has started are queued, so that a slow or missing server costs training nothing.
    `experiment` accepts the calls of a `wandb.Run`, but returns None. Nothing is logged if the user has disabled W&B.

    Args:
        save_dir: the run folder, in which W&B creates the folder `wandb`.
        project, group, name, id, tags: as `wandb.init` takes them; invalid ones are corrected or dropped.
        settings: fields of `wandb.Settings`.
        entity, notes, job_type, save_code: as `wandb.init` takes them.
        log_model: whether the checkpoints become artifacts: at the end of a finished run, best.ckpt with the alias
            `best` and last.ckpt with `latest`; "all" also adds each best.ckpt as soon as it is chosen.
        prefix: of the names of metrics.
        checkpoint_name: name of the artifact, by default model-<id of the run>.
    """

    def __init__(
        self,
        save_dir: Annotated[str, ByTheRun()],
        project: str | int | float | None = None,
        group: str | int | float | None = None,
        name: str | int | float | None = None,
        id: str | int | float | None = None,
        tags: Any = None,
        settings: Mapping[str, Any] | None = None,
        entity: str | None = None,
        notes: str | None = None,
        job_type: str | None = None,
        save_code: bool | None = None,
        log_model: Literal["all"] | bool = False,
        prefix: str = "",
        checkpoint_name: str | None = None,
    ) -> None:
        super().__init__(
            save_dir=save_dir,
            project=None if project is None else str(project),
            id=None if id is None else str(id),
            log_model=log_model,
            prefix=prefix,
            checkpoint_name=checkpoint_name,
            experiment=DeferredRun(None if id is None else str(id), self.hand_over),  # type: ignore[arg-type]
        )
        self.names = {"project": project, "group": group, "name": name, "id": id}
        self.tags = tags
        self.settings = dict(settings or {})
        self.others = {"entity": entity, "notes": notes, "job_type": job_type, "save_code": save_code}
        self.thread: RunThread | None = None
        self.output = OutputHandler(self.hand_over)

    def begin(self, folder: Path) -> None:
        if is_disabled(self.settings):
            return
        names = {kind: valid_name(kind, given) for kind, given in self.names.items()}
        arguments = {**names, **self.others, "tags": valid_tags(self.tags), "settings": self.settings}
        self.thread = RunThread({**arguments, "dir": self.save_dir, "resume": "allow"}, folder)
        self.output.begin()
        self.thread.start()

    def hand_over(self, call: Call) -> None:
        """Queue a method call of the run, if there is a run."""
        if self.thread is not None:
            self.thread.hand_over(call)

    def alert(self, title: str, text: str, level: Literal["INFO", "WARN", "ERROR"]) -> None:
        """Alert the user by the ways that their W&B settings name; at least a minute lies between two of one title."""
        self.experiment.alert(title=title[:TITLE], text=text, level=level)

    def after_save_checkpoint(self, checkpoint_callback: ModelCheckpoint) -> None:
        if self._log_model == "all":
            self.log_checkpoint(Path(checkpoint_callback.best_model_path), "best")

    def log_checkpoints(self, folder: Path) -> None:
        """Log the checkpoints of a finished run, the last one last: W&B gives `latest` to the newest version."""
        for name, alias in (("best", "best"), ("last", "latest")):
            self.log_checkpoint(folder / f"{name}.ckpt", alias)

    def log_checkpoint(self, path: Path, alias: str) -> None:
        """Log a checkpoint as a version of the run's model, if there is one."""
        if path.is_file():
            self.log_file(path, "model", [alias], self._checkpoint_name)

    def log_file(self, path: Path, kind: str, aliases: Sequence[str], name: str | None = None) -> None:
        """Log a file, such as an exported model, as an artifact of a kind, with aliases such as `latest`.

        Its name is <kind>-<id of the run> if None. W&B's thread copies the file, which must stay there until `end`.
        """
        self.hand_over(Call(log_artifact, (path.absolute(), kind, list(aliases), name), {}))

    def finalize(self, status: str) -> None:
        """Do nothing: the run ends after the last of several trainers, by `end`."""

    def end(self, status: int) -> None:
        """Wait until the run is stored, for uploads at most about `settings.finish_timeout` seconds."""
        if self.thread is not None:
            if self._log_model and status == 0:
                self.log_checkpoints(self.thread.folder / "checkpoints")
            self.output.end()
            self.thread.end(status)
            self.thread = None
