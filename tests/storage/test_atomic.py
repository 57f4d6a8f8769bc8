"""Atomic writes."""

import os
from pathlib import Path

import pytest

from vaelab.storage.atomic import remove_leftovers, replacement, write


def test_a_reader_sees_the_old_file_until_the_new_one_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "file.json"
    write(path, "old")
    with replacement(path) as file:
        file.write(b"ne")
        assert path.read_text() == "old"
        file.write(b"w")
    assert [path.read_text(), *path.parent.iterdir()] == ["new", path]


@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt])
def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path: Path, error: type[BaseException]) -> None:
    path = tmp_path / "file.json"
    write(path, "old")

    def fail() -> None:
        with replacement(path) as file:
            file.write(b"half")
            raise error

    with pytest.raises(error):
        fail()
    assert [path.read_text(), *tmp_path.iterdir()] == ["old", path]


def test_no_link_is_followed(tmp_path: Path) -> None:
    """Neither one under the final name nor one under any name that could be guessed."""
    theirs = tmp_path / "theirs"
    theirs.write_text("theirs")
    path = tmp_path / "run" / "file.json"
    path.parent.mkdir()
    path.symlink_to(theirs)

    path.with_name(f".file.json.{os.getpid()}.tmp").symlink_to(theirs)
    write(path, "new")
    assert theirs.read_text() == "theirs"
    assert path.read_text() == "new"
    assert not path.is_symlink()


def test_leftovers_of_killed_processes_are_removed(tmp_path: Path) -> None:
    for name in (".last.ckpt.12.tmp", ".best.ckpt.13.tmp", "last.ckpt"):
        (tmp_path / name).touch()
    remove_leftovers(tmp_path / "last.ckpt")
    assert sorted(path.name for path in tmp_path.iterdir()) == [".best.ckpt.13.tmp", "last.ckpt"]
