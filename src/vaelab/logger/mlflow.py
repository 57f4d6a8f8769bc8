"""Lightning's logger for MLflow, with images, tables and runs that resume."""

import os
import re
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

from lightning.pytorch import loggers
from lightning.pytorch.utilities import rank_zero_only
from PIL import Image

from vaelab.errors import UserError
from vaelab.logger.markdown import markdown_table
from vaelab.ranges import ByTheRun

ID = "vaelab.id"  # the tag by which a resumed run finds itself
IMAGE = re.compile(r"images/(.+)\+step\+(\d+)\+timestamp")  # file of an image, with ~ for /


class MLFlowLogger(loggers.MLFlowLogger):
    """Writes to an MLflow server or database, where a resumed run continues its own run.

    MLflow deletes no value: what a resumed run measures again is logged only where it differs.

    Args:
        save_dir: the run folder.
        project: MLflow's experiment.
        name: name of the run.
        id: the run's own mark, which stays the same when it is resumed.
        tracking_uri: address of the server or database; by default the variable MLFLOW_TRACKING_URI, or the file
            mlruns/mlflow.db in the working directory.
        prefix: of the names of metrics.
    """

    def __init__(
        self,
        save_dir: Annotated[str, ByTheRun()],
        project: str,
        name: str,
        id: str,
        tracking_uri: str | None = None,
        prefix: str = "",
    ) -> None:
        if find_spec("mlflow") is None:
            raise UserError("logger 'mlflow' needs the package mlflow: pip install 'vaelab[mlflow]'")
        here = Path("mlruns").absolute()
        address = tracking_uri or os.environ.get("MLFLOW_TRACKING_URI")
        if address is None:
            here.mkdir(exist_ok=True)
        super().__init__(
            experiment_name=str(project),
            run_name=str(name),
            tracking_uri=address or f"sqlite:///{here / 'mlflow.db'}",
            tags={ID: str(id)},
            prefix=prefix,
            artifact_location=None if address else f"file://{here / 'artifacts'}",
        )
        self.mark = str(id)
        self.stored: dict[tuple[str, int], float] = {}  # from the step of the resumption on
        self.images: set[tuple[str, int]] = set()
        self.parameters: set[str] = set()

    def rewind(self, step: int) -> None:
        """Continue the run of an earlier process, if there is one, at a step."""
        client = self._mlflow_client
        experiment = client.get_experiment_by_name(self._experiment_name)
        found = (
            [] if experiment is None else client.search_runs([experiment.experiment_id], f"tags.`{ID}` = '{self.mark}'")
        )
        if not found:
            return
        (run,) = found
        self._run_id = run.info.run_id
        self.parameters = set(run.data.params)
        for key in run.data.metrics:
            history = client.get_metric_history(self._run_id, key)
            self.stored |= {(key, one.step): one.value for one in history if one.step >= step}
        for file in client.list_artifacts(self._run_id, "images"):
            if match := IMAGE.match(file.path):
                self.images.add((match[1].replace("~", "/"), int(match[2])))

    @rank_zero_only
    def log_hyperparams(self, params: Mapping[str, Any]) -> None:
        """Log the config. MLflow changes no parameter: what a resumed run has changed is in its config.yaml."""
        super().log_hyperparams(without(flat(params), self.parameters))

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        new = {key: value for key, value in metrics.items() if not self.is_stored(key, float(value), step or 0)}
        if new:
            super().log_metrics(new, step)

    def is_stored(self, key: str, value: float, step: int) -> bool:
        """Whether an earlier process has logged the same value at the same step."""
        name = f"{self._prefix}{self.LOGGER_JOIN_CHAR}{key}" if self._prefix else key
        before = self.stored.get((name, step))
        return before is not None and (before == value or (before != before and value != value))

    @rank_zero_only
    def log_image(self, key: str, images: list[str], step: int) -> None:
        """Add image files, which share a slider over the steps, but for those of an earlier process."""
        for number, path in enumerate(images):
            name = f"{key}/{number}" if number else key
            if (name, step) not in self.images:
                self.experiment.log_image(self.run_id, Image.open(path), key=name, step=step)

    @rank_zero_only
    def log_table(self, key: str, columns: list[str], data: list[list[str]], step: int) -> None:
        """Add a table as a Markdown file."""
        self.experiment.log_text(self.run_id, markdown_table(columns, data), f"{key}.md")


def flat(params: Mapping[str, Any], path: str = "") -> dict[str, Any]:
    """Nested keys joined by slashes."""
    found: dict[str, Any] = {}
    for key, value in params.items():
        place = f"{path}{key}"
        found |= flat(value, f"{place}/") if isinstance(value, Mapping) and value else {place: value}
    return found


def without(params: dict[str, Any], names: set[str]) -> dict[str, Any]:
    return {key: value for key, value in params.items() if key not in names}
