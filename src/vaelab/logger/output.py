"""Sends a run's console output to W&B's logs."""

import logging
from collections.abc import Callable

from vaelab.logger.deferred_run import Call
from vaelab.printing import printed

SOURCES = (logging.getLogger("vaelab"), printed)


class OutputHandler(logging.Handler):
    """Sends each line that is logged or printed to the run.

    W&B's own capture of the console would save every redraw of a progress bar, and nothing from before the run's start.
    """

    def __init__(self, hand_over: Callable[[Call], None]) -> None:
        super().__init__(logging.INFO)
        self.hand_over = hand_over

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage() if record.name == printed.name else f"{record.levelname}: {record.getMessage()}"
        self.hand_over(Call("write_logs", (text,), {}))

    def begin(self) -> None:
        for source in SOURCES:
            source.addHandler(self)

    def end(self) -> None:
        for source in SOURCES:
            source.removeHandler(self)
