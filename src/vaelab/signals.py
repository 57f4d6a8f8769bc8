"""Signals that stop a command: the first one is never lost, and later ones do not change what it started."""

import os
import signal
import stat
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any


class Stopped(BaseException):
    """A signal came while nothing had to be saved. Not an Exception: Hydra keeps those until all jobs have run."""

    def __init__(self, signum: int, sentence: str | None = None) -> None:
        super().__init__(signum, sentence)  # the arguments that pickle stores
        self.signum = signum
        self.sentence = f"stopped by {signal.Signals(signum).name}" if sentence is None else sentence

    def __str__(self) -> str:
        return self.sentence


@dataclass
class _Process:
    """Signal handlers are global to the process, and so is their state."""

    handles: bool = False
    received: int = 0
    deferrals: int = 0
    arrivals: tuple[int, int] | None = None  # the pipe of signal.set_wakeup_fd
    forward: Callable[[int], None] = lambda signum: None


_process = _Process()


def received_signal() -> int:
    """The first signal, or 0."""
    return _process.received


def raise_if_stopped() -> None:
    """Raise Stopped if a signal came, unless signals are deferred.

    The handler raises it too, but destructors and C callbacks may swallow an exception.
    """
    if _process.handles and _process.received and not _process.deferrals:
        raise Stopped(_process.received)


@contextmanager
def defer_signals() -> Iterator[None]:
    """Inside, a signal is only recorded; call `raise_if_stopped` afterwards."""
    _process.deferrals += 1
    try:
        yield
    finally:
        _process.deferrals -= 1


@contextmanager
def forward_signals(forward: Callable[[int], None]) -> Iterator[None]:
    """Inside, the first signal is only passed to `forward`."""
    _process.forward = forward
    try:
        with defer_signals():
            yield
    finally:
        _process.forward = lambda signum: None


@contextmanager
def block_signals() -> Iterator[None]:
    """Inside, signals are blocked in this process and in those that it starts, until each unblocks them."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, stop_signals())
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def run_command(command: Callable[[], int]) -> int:
    """Run a command and return its exit status; the process must do nothing else until it exits."""
    _install()
    status = 0
    try:
        with handle_signals():
            status = command()
    except Stopped as stop:
        if status <= 128:  # else the command has printed it
            print(stop, file=sys.stderr)
    finally:
        _process.deferrals += 1
        ignore()  # nothing is left to stop
    return 128 + _process.received if _process.received else status


@contextmanager
def handle_signals() -> Iterator[None]:
    """Inside, signals raise Stopped, and an exception that follows a signal becomes Stopped."""
    outermost = not _process.handles and threading.current_thread() is threading.main_thread()
    previous, hook = (_install() if outermost else {}), sys.unraisablehook
    # A Stopped that a destructor or C code cannot propagate is still recorded: do not print it.
    sys.unraisablehook = lambda args: None if isinstance(args.exc_value, Stopped) else hook(args)
    try:
        yield
        raise_if_stopped()
    except Exception as error:
        if not _process.received:
            raise
        raise Stopped(_process.received) from error
    finally:
        sys.unraisablehook = hook
        if outermost:
            _process.handles = False
            signal.set_wakeup_fd(-1)
            for signum, handler in previous.items():
                signal.signal(signum, signal.SIG_DFL if handler is None else handler)


def _install() -> dict[int, Any]:
    """Install the signal handlers; return the previous ones."""
    previous: dict[int, Any] = {signum: signal.getsignal(signum) for signum in stop_signals()}
    _process.handles, _process.received = True, 0
    _listen()
    for signum in previous:
        signal.signal(signum, _handle)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, stop_signals())
    return previous


def stop_signals() -> tuple[signal.Signals, ...]:
    """Ctrl-C and SIGTERM; SIGHUP, unless nohup ignores it; under SLURM also SIGUSR1, which announces a requeue."""
    signals = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        signals.append(signal.SIGHUP)
    if "SLURM_JOB_ID" in os.environ:
        signals.append(signal.SIGUSR1)
    return tuple(signals)


def ignore(*_: object) -> None:
    """Ignore signals; the parent process handles them, since terminals and SLURM signal all processes."""
    for signum in stop_signals():
        signal.signal(signum, signal.SIG_IGN)


def _handle(signum: int, frame: object) -> None:
    if _process.received:
        return
    signum = _process.received = next((one for one in _arrived_signals() if one in stop_signals()), signum)
    if signum == signal.SIGHUP:
        _detach_terminal()
    _process.forward(signum)
    if not _process.deferrals:
        raise Stopped(signum)


def _listen() -> None:
    """Record the order in which signals arrive: Python calls pending handlers in the order of signal numbers."""
    if _process.arrivals is None:
        _process.arrivals = os.pipe()
        for end in _process.arrivals:
            os.set_blocking(end, False)
    _arrived_signals()  # discard those of an earlier command
    signal.set_wakeup_fd(_process.arrivals[1], warn_on_full_buffer=False)


def _arrived_signals() -> bytes:
    """The numbers of the signals that have arrived, in order."""
    assert _process.arrivals is not None
    with suppress(BlockingIOError):
        return os.read(_process.arrivals[0], 4096)
    return b""


def _detach_terminal() -> None:
    """Redirect output from a closed terminal to /dev/null, so that saving does not fail on printing."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for file in (1, 2):
        if stat.S_ISCHR(os.fstat(file).st_mode):
            os.dup2(nowhere, file)
