"""The first signal is never lost, and later ones do not change what it started."""

import contextlib
import hashlib
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable

import pytest

from vaelab import signals
from vaelab.signals import Stopped, defer_signals, handle_signals, raise_if_stopped


def send(signum: int = signal.SIGTERM) -> None:
    """To this process, whose handler runs before this returns."""
    os.kill(os.getpid(), signum)


class Destructor:
    def __del__(self) -> None:
        send()


def in_a_destructor() -> None:
    Destructor()


def in_a_callback_of_c() -> None:
    import ctypes

    ctypes.CFUNCTYPE(None)(send)()


def where_everything_is_caught() -> None:
    with contextlib.suppress(BaseException):
        send()


def in_an_exception_that_follows() -> None:
    try:
        send()
    except BaseException:
        raise RuntimeError("broken off") from None


def where_it_is_deferred() -> None:
    with defer_signals():
        send()


def plainly() -> None:
    send()


SWALLOWERS = [
    in_a_destructor,
    in_a_callback_of_c,
    where_everything_is_caught,
    in_an_exception_that_follows,
    where_it_is_deferred,
    plainly,
]


@pytest.mark.parametrize("meet", SWALLOWERS)
def test_a_signal_is_not_lost(meet: Callable[[], None], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(Stopped, match="stopped by SIGTERM"), handle_signals():
        meet()
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("meet", SWALLOWERS)
def test_a_loop_can_check_for_it(meet: Callable[[], None]) -> None:
    def loop() -> None:
        for _ in range(2):
            raise_if_stopped()
            meet()
        pytest.fail("it went on")

    with pytest.raises(Stopped, match="stopped by SIGTERM"), handle_signals():
        loop()


def test_the_first_signal_counts_and_later_ones_do_nothing() -> None:
    done = []

    def stop_and_save() -> None:
        try:
            send(signal.SIGTERM)
        finally:
            for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
                send(signum)
            done.append("saved")

    with pytest.raises(Stopped) as stopped, handle_signals():
        stop_and_save()
    assert stopped.value.signum == signal.SIGTERM
    assert done == ["saved"]


@pytest.mark.parametrize("order", [(signal.SIGTERM, signal.SIGINT), (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)])
def test_the_first_of_several_pending_signals_counts(order: tuple[int, ...]) -> None:
    def send_all() -> None:
        for signum in order:
            time.sleep(0.05)  # the system itself delivers those that wait at once by their numbers
            send(signum)

    def work_in_c() -> None:
        threading.Thread(target=send_all).start()
        hashlib.pbkdf2_hmac("sha256", b"", b"", 1_500_000)
        raise_if_stopped()

    with pytest.raises(Stopped) as stopped, handle_signals():
        work_in_c()
    assert stopped.value.signum == order[0]


def test_an_inner_block_leaves_signals_to_the_outer_one() -> None:
    with handle_signals():
        outer = signal.getsignal(signal.SIGTERM)
        with handle_signals():
            assert signal.getsignal(signal.SIGTERM) is outer
        assert signal.getsignal(signal.SIGTERM) is outer


def test_handlers_are_as_before_afterwards() -> None:
    before = [signal.getsignal(signum) for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]
    with handle_signals():
        pass
    assert [signal.getsignal(signum) for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)] == before


def test_one_signal_does_not_reach_the_next_command() -> None:
    with pytest.raises(Stopped), handle_signals():
        send()
    with handle_signals():
        raise_if_stopped()


def test_it_can_be_pickled() -> None:
    for stopped in (Stopped(signal.SIGINT), Stopped(signal.SIGTERM, "saved")):
        again = pickle.loads(pickle.dumps(stopped))
        assert (again.signum, str(again)) == (stopped.signum, str(stopped))


def test_a_thread_has_no_handlers_and_works() -> None:
    found = []

    def work() -> None:
        with handle_signals():
            found.append(1)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [1]


def test_only_stop_signals_are_handled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)
    assert set(signals.stop_signals()) == {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    assert signal.SIGUSR1 in signals.stop_signals()


def test_nohup_is_honoured() -> None:
    imports = "import os, signal; from vaelab.signals import handle_signals"
    code = f"{imports}\nwith handle_signals(): os.kill(os.getpid(), signal.SIGHUP)"
    plain = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "Stopped: stopped by SIGHUP" in plain.stderr
    assert subprocess.run(["nohup", sys.executable, "-c", code], capture_output=True, check=False).returncode == 0
