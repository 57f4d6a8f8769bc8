"""Draws the page of a run again: `vaelab report`."""

from pathlib import Path

from omegaconf import DictConfig, OmegaConf, open_dict

from vaelab.callbacks.report import RunReport
from vaelab.config.paths import CONF
from vaelab.jobs.callbacks import build_callbacks
from vaelab.jobs.error_messages import explain_errors
from vaelab.jobs.experiment import Experiment
from vaelab.jobs.origin import origin_of
from vaelab.printing import print_line
from vaelab.report.gallery.gallery import Gallery
from vaelab.report.run_page import write_run_report
from vaelab.storage.run import Run


def report(config: DictConfig, run: Run, checkpoint: Path | None) -> None:
    """Write report.html into the run folder as the end of training does, with pictures of the checkpoint's model.

    A run without a checkpoint has a page without pictures.
    """
    if checkpoint is None:
        print_line(f"{run.folder} has no checkpoint, so its page has no pictures")
        path = write_run_report(run, origin_of(run), Gallery())
    else:
        path = draw(config, run, checkpoint)
    print_line(f"report: {path}")


def draw(config: DictConfig, run: Run, checkpoint: Path) -> Path:
    """Load the checkpoint as an evaluation does, and let the run's own callback draw it in one process."""
    with open_dict(config):
        config.callbacks = {"report": config.callbacks.get("report") or default_callback()}
        # A test of one batch sets device and precision as training does; its figures are not used.
        config.trainer.update({"devices": 1, "num_nodes": 1, "strategy": "auto", "limit_test_batches": 1})
    experiment = Experiment.build(config)
    experiment.validate_checkpoint(checkpoint)
    (callback,) = build_callbacks(config, run)
    assert isinstance(callback, RunReport)
    trainer = experiment.trainer(run, [callback], [])
    with explain_errors():
        trainer.test(experiment.model, experiment.data, ckpt_path=checkpoint, weights_only=True, verbose=False)
        if callback.failure is not None:
            raise callback.failure
    assert callback.path is not None
    return callback.path


def default_callback() -> DictConfig:
    """The callback's config, for a run that has none."""
    file = OmegaConf.load(CONF / "callbacks" / "report.yaml")
    assert isinstance(file, DictConfig)
    node: DictConfig = file.report
    return node
