"""Exceptions that end a command with one sentence and no traceback."""

import difflib
import errno
import signal
from collections.abc import Iterable


class UserError(ValueError):
    """A user's mistake: place, fact and way out in one sentence."""


class Interrupted(Exception):
    """Training was stopped by a signal, after its state was saved."""

    def __init__(self, signum: int, folder: object) -> None:
        super().__init__(
            f"stopped by {signal.Signals(signum).name}, everything is saved; resume with python train.py run={folder}"
        )
        self.signum = signum


class Pruned(Exception):
    """A trial of a search was ended, since it does worse than others."""

    def __init__(self, epochs: int) -> None:
        super().__init__(f"pruned after epoch {epochs}: other trials were better by then")


class Refused(BaseException):
    """A sentence that ends a command from inside code that would turn exceptions into warnings."""


# Errors of the operating system for a file or folder that cannot be used: full, not permitted, of another kind.
UNUSABLE = {
    *(errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM),
    *(errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ELOOP, errno.ENAMETOOLONG, errno.ESTALE, errno.ENXIO),
}


def reason(error: UserError | OSError) -> str:
    """One sentence: the message of a UserError, or which file could not be used and why."""
    if isinstance(error, UserError):
        return str(error)
    place = error.filename or "a file"
    return f"cannot use {place}: {error.strerror or error}; what was saved before is kept"


def did_you_mean(word: str, options: Iterable[str]) -> str:
    """The end of a sentence that suggests the most similar option; empty if there is none."""
    options = list(options)
    near = difflib.get_close_matches(word.lower(), {option.lower() for option in options}, n=1)
    # Prefer the same case among names that differ only in case, such as a class and its file.
    alike = [option for option in options if near == [option.lower()]]
    best = max(alike, key=lambda option: difflib.SequenceMatcher(None, word, option).ratio(), default=None)
    return f"; did you mean '{best}'?" if best else ""
