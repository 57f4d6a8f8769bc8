"""A run folder has one writer, however the previous one ended."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from vaelab.errors import UserError
from vaelab.storage.lock import acquire, acquire_or_refuse, release

HOLD = """
import sys, time
from pathlib import Path
from vaelab.storage.lock import acquire
print(acquire(Path(sys.argv[1])), flush=True)
time.sleep(60)
"""


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[subprocess.Popen]:
    """Another process, which writes into the folder."""
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "True\n"
    yield process
    process.kill()
    process.wait()


def test_a_second_writer_is_refused_in_one_sentence(tmp_path: Path, holder: subprocess.Popen) -> None:
    with pytest.raises(UserError) as caught:
        acquire_or_refuse(tmp_path)
    said = str(caught.value)
    assert said.startswith(f"{tmp_path} is in use by '-c {tmp_path}' (process {holder.pid} on ")
    assert said.endswith("; wait until it has ended, or stop it")


@pytest.mark.parametrize("signum", [signal.SIGKILL, signal.SIGTERM])
def test_a_lock_ends_with_its_process(tmp_path: Path, holder: subprocess.Popen, signum: int) -> None:
    holder.send_signal(signum)
    holder.wait()
    assert acquire(tmp_path)
    release(tmp_path)


def test_a_fork_does_not_hold_the_lock(tmp_path: Path) -> None:
    """A worker that outlives a killed training must not keep others out."""
    acquire_or_refuse(tmp_path)
    child = subprocess.Popen(["sleep", "60"])
    release(tmp_path)
    assert acquire(tmp_path)
    release(tmp_path)
    child.kill()
    child.wait()


def test_the_same_process_does_not_get_it_twice(tmp_path: Path) -> None:
    assert acquire(tmp_path)
    assert not acquire(tmp_path)
    release(tmp_path)
    assert acquire(tmp_path)
    release(tmp_path)


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "theirs").write_text("theirs")
    (tmp_path / "run" / ".lock").symlink_to(tmp_path / "theirs")
    with pytest.raises(OSError, match="symbolic links"):
        acquire(tmp_path / "run")
    assert (tmp_path / "theirs").read_text() == "theirs"
    assert [path.name for path in (tmp_path / "run").iterdir()] == [".lock"]


@pytest.mark.parametrize("content", ["", "nothing", "[]", "{}", '{"process": 1}'])
def test_a_damaged_lock_file_still_locks(tmp_path: Path, holder: subprocess.Popen, content: str) -> None:
    (tmp_path / ".lock").write_text(content)
    with pytest.raises(UserError, match="is in use by another process; wait"):
        acquire_or_refuse(tmp_path)
