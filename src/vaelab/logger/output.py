"""What a run says, for W&B's page of logs."""

import logging
from collections.abc import Callable

from vaelab.logger.deferred_run import Call
from vaelab.printing import printed

SOURCES = (logging.getLogger("vaelab"), printed)


class OutputHandler(logging.Handler):
    """Hands each line that is logged or printed to the run.

    W&B's own capture looks at the console, so it would keep every redraw of a progress bar, and nothing that was said
    before the run had started.
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
