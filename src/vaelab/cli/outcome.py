"""The outcome of a job: an exit status and, where it failed, one sentence."""

import gc
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import wraps
from importlib import import_module
from typing import Any, NamedTuple

from vaelab import signals
from vaelab.cli.ranks import is_first_to_print
from vaelab.errors import UNUSABLE, Interrupted, Pruned, UserError, reason
from vaelab.signals import Stopped

Main = Callable[..., int]


def report_mistakes(main: Main) -> Main:
    """The same command, by default of the arguments of this process; UserErrors become a sentence and exit status 1."""

    @wraps(main)
    def wrapped(arguments: Sequence[str] | None = None) -> int:
        try:
            return main(list(sys.argv[1:] if arguments is None else arguments))
        except UserError as error:
            print_once([str(error)])
            return 1

    return wrapped


class Outcome(NamedTuple):
    """Exit status, what to say about it, the value that a sweep optimises, and whether a search ended its trial.

    `trace` is the traceback of our own mistakes, where another process has to print it.
    """

    status: int = 0
    sentence: str = ""
    trace: str = ""
    objective: float | None = None
    pruned: bool = False


def failure(error: BaseException) -> Outcome:
    """How a job ended that raised an exception."""
    if isinstance(error, Interrupted | Stopped):
        return Outcome(128 + error.signum, str(error))
    if isinstance(error, UserError) or (isinstance(error, OSError) and error.errno in UNUSABLE):
        return Outcome(1, reason(error))
    return Outcome(1, f"{type(error).__name__}: {error}")


def outcome(job: str, args: tuple[Any, ...]) -> Outcome:
    """How `vaelab.jobs.<job>.<job>(*args)` ended; only our own mistakes pass as exceptions."""
    gc.enable()
    try:
        objective = import_job(job)(*args)
        signals.raise_if_stopped()
    except (UserError, Interrupted, Stopped) as error:
        return failure(error)
    except Pruned as pruned:
        return Outcome(sentence=str(pruned), pruned=True)
    except OSError as error:
        if error.errno not in UNUSABLE:
            raise
        return failure(error)
    return Outcome(objective=objective)


def traced_outcome(job: str, args: tuple[Any, ...]) -> Outcome:
    """The same in one of several processes, where our own mistakes may follow from what another one has to say."""
    try:
        return outcome(job, args)
    except Exception:
        if signum := signals.received_signal():
            return Outcome(128 + signum, str(Stopped(signum)))
        return Outcome(1, trace=traceback.format_exc())


def import_job(job: str) -> Callable[..., float | None]:
    """The function `vaelab.jobs.<job>.<job>`. A signal waits: an import that is broken off leaves half a module."""
    with signals.defer_signals():
        function: Callable[..., float | None] = getattr(import_module(f"vaelab.jobs.{job}"), job)
    signals.raise_if_stopped()
    return function


_heard: list[list[str]] = []


@contextmanager
def collect_sentences() -> Iterator[list[str]]:
    """Inside, what would be said is kept in the list, for whoever answers with an exception."""
    _heard.append([])
    try:
        yield _heard[-1]
    finally:
        _heard.pop()


def print_once(sentences: list[str]) -> None:
    """Print each sentence once on standard error, for any number of processes."""
    for sentence in dict.fromkeys(filter(None, sentences)):
        if _heard:
            _heard[-1].append(sentence)
        elif is_first_to_print(sentence):
            print(sentence, file=sys.stderr)
