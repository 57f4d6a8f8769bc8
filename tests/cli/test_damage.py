"""Damaged checkpoints and full disks: one message, and intact files are kept."""

import os
import resource
import shutil
import subprocess
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from commandline import FAST, call, checkpoint, only_run


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trained")
    assert call(folder, "train", *FAST, "trainer=smoke", "trainer.max_epochs=3") == 0
    return only_run(folder)


@pytest.fixture
def run(trained: Path, tmp_path: Path) -> Path:
    """A copy that may be spoiled."""
    return shutil.copytree(trained, tmp_path / "run")


def truncate(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def flip(path: Path) -> None:
    """Change one bit amid the largest tensor."""
    with zipfile.ZipFile(path) as archive:
        weights = archive.read(max(archive.infolist(), key=lambda member: member.file_size))
    content = bytearray(path.read_bytes())
    content[content.index(weights) + len(weights) // 2] ^= 1
    path.write_bytes(content)


def empty(path: Path) -> None:
    path.write_bytes(b"")


@pytest.mark.parametrize("spoil", [truncate, flip, empty, Path.unlink])
def test_resuming_from_the_previous_checkpoint(run: Path, capsys: pytest.CaptureFixture[str], spoil) -> None:
    last = run / "checkpoints" / "last.ckpt"
    spoil(last)
    assert call(run.parent, "train", f"run={run}", "trainer.max_epochs=4") == 0
    said = capsys.readouterr().out
    if spoil is Path.unlink:
        assert f"{last} does not exist; resuming from previous.ckpt" in said
    else:
        assert f"{last} is damaged (" in said
        assert "); going back to previous.ckpt" in said
    assert checkpoint(run)["epoch"] == 3


@pytest.mark.parametrize("command", ["train", "evaluate", "sample"])
def test_only_damaged_checkpoints(run: Path, capsys: pytest.CaptureFixture[str], command: str) -> None:
    for path in (run / "checkpoints").iterdir():
        truncate(path)
    assert call(run.parent, command, f"run={run}") == 1
    *_, said = capsys.readouterr().err.strip().splitlines()
    assert said.startswith(f"{run}/checkpoints/best.ckpt is damaged (")
    others = f", and no other checkpoint is left in {run}/checkpoints"
    assert said.endswith(")" + (others if command == "train" else "; give ckpt=last for the newest one"))


def test_a_run_that_was_killed_before_its_first_checkpoint(run: Path) -> None:
    shutil.rmtree(run / "checkpoints")
    (run / "checkpoints").mkdir()
    (run / "checkpoints" / "last.ckpt.tmp").write_bytes(b"half")
    assert call(run.parent, "train", f"run={run}") == 0
    assert checkpoint(run)["epoch"] == 2


@pytest.fixture
def small_files() -> Iterator[None]:
    """No file may grow beyond 20 KB: the kernel refuses what is written beyond, as a quota does."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_checkpoint_that_cannot_be_written(run: Path, small_files: None, capsys: pytest.CaptureFixture[str]) -> None:
    before = {path.name: path.read_bytes() for path in (run / "checkpoints").iterdir()}
    assert call(run.parent, "train", f"run={run}", "trainer.max_epochs=4") == 1
    captured = capsys.readouterr()
    assert "Traceback" not in captured.out + captured.err
    assert captured.err.strip().splitlines()[-1] == (
        f"could not save {run}/checkpoints/best.ckpt: File too large; the checkpoint before it is kept; "
        f"make room, then resume with python train.py run={run}"
    )
    assert {path.name: path.read_bytes() for path in (run / "checkpoints").iterdir()} == before


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system that has room for two checkpoints."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("only root mounts a file system")
    yield disk
    subprocess.run(["umount", "--lazy", str(disk)], check=True)


def test_a_full_disk(small_disk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(small_disk, "train", *FAST, "trainer=smoke") == 1
    captured = capsys.readouterr()
    assert "Traceback" not in captured.out + captured.err
    assert "No space left on device" in captured.err.strip().splitlines()[-1]
    assert checkpoint(only_run(small_disk))["global_step"] in (0, 4)
