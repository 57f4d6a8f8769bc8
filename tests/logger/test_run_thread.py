"""Training waits for W&B only at its end, for a limited time; queued calls arrive once and in order."""

import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import gettempdir
from types import SimpleNamespace
from typing import Any

import pytest

from vaelab.logger import connection, run_thread
from vaelab.logger.connection import Connection
from vaelab.logger.deferred_run import Call, DeferredRun
from vaelab.logger.run_thread import RunThread

Connected = Callable[[Any], RunThread]


class Kept:
    """A run that keeps what it is told, and is stored by `finish`."""

    def __init__(self, taking: Callable[[Any], None] = lambda row: None) -> None:
        self.rows: list[Any] = []
        self.taking = taking
        self.exit_code: int | None = None
        self.settings = SimpleNamespace(mode="offline")
        self.dir = gettempdir()
        self.config = self.summary = {}

    def log(self, row: Any) -> None:
        self.taking(row)
        self.rows.append(row)

    def finish(self, exit_code: int) -> None:
        self.exit_code = exit_code


@pytest.fixture
def connected(monkeypatch: pytest.MonkeyPatch) -> Connected:
    """A started thread whose run is the one given, or what the function given returns."""
    monkeypatch.setattr(run_thread, "PATIENCE", 0.2)
    monkeypatch.setattr(run_thread, "OFFLINE", 0.2)
    monkeypatch.setattr(run_thread, "service_pids", lambda: [1])
    monkeypatch.setattr(run_thread, "kill_service", lambda: None)
    monkeypatch.setattr(run_thread, "tear_down", lambda: None)

    def connected(run: Any) -> RunThread:
        monkeypatch.setattr(Connection, "open", lambda self: run() if callable(run) else run)
        thread = RunThread({"settings": {"finish_timeout": 0.2}}, Path("outputs/a b"))
        thread.start()
        return thread

    return connected


def log_rows(thread: RunThread, rows: Any) -> None:
    run = DeferredRun("id", thread.hand_over)
    for row in rows:
        run.log(row)


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]


def test_rows_logged_before_the_run_arrive_once_and_in_order(connected: Connected) -> None:
    run, server = Kept(), threading.Event()
    thread = connected(lambda: server.wait(10) and run)
    log_rows(thread, range(1000))
    assert not run.rows
    server.set()
    log_rows(thread, range(1000, 2000))
    thread.end(3)
    assert run.rows == list(range(2000))
    assert run.exit_code == 3
    assert not thread.is_alive()


def test_config_and_summary_are_reached(connected: Connected) -> None:
    run = Kept()
    thread = connected(run)
    deferred = DeferredRun("id", thread.hand_over)
    deferred.config.update({"seed": 0})
    deferred.summary["best"] = 1.0
    thread.end(0)
    assert run.config == {"seed": 0, "best": 1.0}
    assert deferred.id == "id"


def test_the_end_leaves_the_second_attempt_alone(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    """The first service is slow and fails just before the end, the second is slow too: its run gets all rows."""
    run, first_failed = Kept(), threading.Event()
    killed: list[bool] = []
    modes: list[str] = []

    def start(arguments: dict[str, Any], mode: str) -> Kept:
        modes.append(mode)
        if len(modes) == 1:
            time.sleep(0.1)
            first_failed.set()
            raise TimeoutError("slow")
        time.sleep(1.0)
        return run

    monkeypatch.setattr(connection, "start", start)
    monkeypatch.setattr(connection, "tear_down", lambda: None)
    monkeypatch.setattr(connection, "kill_service", lambda: killed.append(first_failed.is_set()))
    monkeypatch.setattr(run_thread, "kill_service", lambda: killed.append(True))
    monkeypatch.setattr(run_thread, "OFFLINE", 0.5)
    monkeypatch.setattr(run_thread, "tear_down", lambda: None)
    monkeypatch.setattr(run_thread, "service_pids", lambda: [1])
    monkeypatch.setenv("WANDB_MODE", "offline")
    thread = RunThread({"settings": {"finish_timeout": 5}, "dir": str(tmp_path), "id": "x"}, tmp_path)
    thread.start()
    log_rows(thread, range(10))
    thread.end(0)
    assert run.rows == list(range(10))
    assert run.exit_code == 0
    assert len(killed) == 1  # where the first attempt had failed
    assert warnings(caplog) == ["W&B: slow; continuing offline"]


@pytest.mark.parametrize("where", ["connecting", "logging", "finishing"])
def test_a_run_that_hangs_is_given_up(where: str, connected: Connected, caplog: pytest.LogCaptureFixture) -> None:
    forever = threading.Event()
    run = Kept((lambda row: forever.wait(30) and None) if where == "logging" else lambda row: None)
    if where == "finishing":
        run.finish = lambda exit_code: forever.wait(30)  # type: ignore[method-assign]
    thread = connected((lambda: forever.wait(30) and run) if where == "connecting" else run)
    start = time.monotonic()
    log_rows(thread, range(10))
    assert time.monotonic() - start < 1
    thread.end(0)
    assert time.monotonic() - start < 10
    assert caplog.text.count("no answer within 0.4 seconds; continuing without it") == 1
    forever.set()


def test_the_queue_is_bounded(
    connected: Connected, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_thread, "CAPACITY", 50)
    forever = threading.Event()
    thread = connected(lambda: forever.wait(30) and Kept())
    log_rows(thread, range(1000))
    assert thread.calls.qsize() == 50
    assert caplog.text.count("takes nothing any more; continuing without it") == 1
    forever.set()
    thread.end(0)


def test_a_rejected_row_is_skipped(connected: Connected, caplog: pytest.LogCaptureFixture) -> None:
    def refuse(row: int) -> None:
        if row % 2:
            raise TypeError("odd\nas the trace shows")

    run = Kept(refuse)
    thread = connected(run)
    log_rows(thread, range(6))
    thread.end(0)
    assert run.rows == [0, 2, 4]
    assert warnings(caplog) == ["W&B: odd; this call is skipped"]


def test_a_service_that_is_gone_ends_it(
    connected: Connected, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lost(row: int) -> None:
        raise ConnectionResetError("Connection lost")

    monkeypatch.setattr(run_thread, "service_pids", lambda: [])
    run = Kept(lost)
    thread = connected(run)
    log_rows(thread, range(6))
    thread.end(0)
    assert not run.rows
    assert run.exit_code == 0  # which takes W&B's handlers off the loggers
    assert [text.partition(",")[0] for text in warnings(caplog)] == ["W&B: Connection lost; continuing without it"]


def test_a_folder_that_takes_nothing_is_logged_once(connected: Connected, caplog: pytest.LogCaptureFixture) -> None:
    run = Kept()
    run.dir = "/dev/full/x"
    thread = connected(run)
    log_rows(thread, range(3))
    thread.end(0)
    assert run.rows == [0, 1, 2]
    assert warnings(caplog) == ["W&B: Not a directory; what it cannot store is in metrics.csv only"]


def test_a_slow_upload_is_logged(connected: Connected, caplog: pytest.LogCaptureFixture) -> None:
    run = Kept()
    run.dir = "/x/wandb/run-1/files"

    def finish(exit_code: int) -> None:
        raise TimeoutError

    run.finish = finish  # type: ignore[method-assign]
    connected(run).end(0)
    assert "upload it with `wandb sync 'outputs/a b/wandb/run-1'`" in caplog.text


def test_a_signal_interrupts_the_wait(connected: Connected, monkeypatch: pytest.MonkeyPatch) -> None:
    forever, killed = threading.Event(), []
    thread = connected(lambda: forever.wait(30) and Kept())

    class Stopped(BaseException):
        pass

    def interrupted(timeout: float) -> bool:
        raise Stopped

    def kill_service() -> None:
        killed.append(1)
        forever.set()

    monkeypatch.setattr(run_thread, "kill_service", kill_service)
    thread.connected.wait = interrupted  # type: ignore[method-assign, assignment]
    with pytest.raises(Stopped):
        thread.end(0)
    assert killed
    assert not thread.is_alive()


def test_private_attributes_are_not_queued() -> None:
    calls: list[Call] = []
    run = DeferredRun("id", calls.append)
    assert not hasattr(run, "__deepcopy__")
    run.log({"a": 1}, commit=False)
    assert calls == [("log", ({"a": 1},), {"commit": False})]
