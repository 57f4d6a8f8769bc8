"""What ends a command with one sentence and no traceback."""

import difflib
import errno
import signal
from collections.abc import Iterable


class UserError(ValueError):
    """What a user did wrong: place, fact and way out in one sentence."""


class Interrupted(Exception):
    """Training was stopped by a signal, after its state was saved."""

    def __init__(self, signum: int, folder: object) -> None:
        super().__init__(
            f"stopped by {signal.Signals(signum).name}, everything is saved; go on with python train.py run={folder}"
        )
        self.signum = signum


class Refused(BaseException):
    """A sentence that ends a command from where exceptions would be turned into warnings."""


# What a system answers where a file or folder cannot be used: full, not permitted, read-only, of another kind.
UNUSABLE = {
    *(errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM),
    *(errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ELOOP, errno.ENAMETOOLONG, errno.ESTALE, errno.ENXIO),
}


def reason(error: UserError | OSError) -> str:
    """One sentence: of a system's error, which file could not be used and why."""
    if isinstance(error, UserError):
        return str(error)
    place = error.filename or "a file"
    return f"cannot use {place}: {error.strerror or error}; what was saved before is kept"


def did_you_mean(word: str, options: Iterable[str]) -> str:
    """The end of a sentence that suggests the nearest option, or nothing where none is near."""
    options = list(options)
    near = difflib.get_close_matches(word.lower(), {option.lower() for option in options}, n=1)
    # Of names that differ only in case, such as a class and its file, the one written more alike.
    alike = [option for option in options if near == [option.lower()]]
    best = max(alike, key=lambda option: difflib.SequenceMatcher(None, word, option).ratio(), default=None)
    return f"; did you mean '{best}'?" if best else ""
