"""The exceptions that end a command with one sentence and no traceback."""

import signal


class UserError(ValueError):
    """What a user did wrong: place, fact and way out in one sentence."""


class Interrupted(Exception):
    """Training was stopped by a signal, after its state was saved."""

    def __init__(self, signum: int, folder: object) -> None:
        super().__init__(
            f"stopped by {signal.Signals(signum).name}, everything is saved; go on with python train.py run={folder}"
        )
        self.signum = signum
