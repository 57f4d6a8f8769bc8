"""Every image is scanned once; a crash of the reader is reported, and results are cached."""

import os
from pathlib import Path

import pytest
from images import fill, module_of

from vaelab.data import image_scan
from vaelab.data.image_scan import scan
from vaelab.errors import UserError

# Replaces the decoder by one that files can crash.
PROGRAM = """
import json, os, signal, sys, time
for line in sys.stdin:
    name = os.path.basename(json.loads(line))
    if name == "crash.png":
        os.kill(os.getpid(), signal.SIGSEGV)
    if name == "exit.png":
        os._exit(3)
    if name == "slow.png":
        time.sleep(60)
    print(json.dumps({"width": 1, "height": 1, "mode": "L", "frames": 1}), flush=True)
"""


def files_of(folder: Path) -> dict[Path, image_scan.Stat]:
    stats = {path: path.stat() for path in sorted(folder.iterdir())}
    return {path: (one.st_size, one.st_mtime_ns, one.st_ctime_ns, one.st_ino) for path, one in stats.items()}


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("crash", "ends the process that reads it (SIGSEGV)"),
        ("exit", "ends the process that reads it (status 3)"),
        ("slow", "takes longer than 0.5 seconds to read"),
    ],
)
def test_a_crash_names_its_file_and_the_others_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, reason: str
) -> None:
    (tmp_path / "program.py").write_text(PROGRAM)
    monkeypatch.setattr(image_scan, "PROGRAM", (str(tmp_path / "program.py"),))
    monkeypatch.setattr(image_scan, "TIMEOUT", 0.5)
    fill(tmp_path, "root", num=3)
    (tmp_path / f"root/{name}.png").write_bytes(b"x")
    with pytest.raises(UserError) as caught:
        module_of(tmp_path / "root").prepare_data()
    assert str(caught.value) == (
        f"{tmp_path}/root has 1 of 4 images that cannot be read: {tmp_path}/root/{name}.png {reason};"
        " repair or remove them, or set data.corrupt=skip"
    )


def test_only_changed_files_are_scanned_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(tmp_path, "root")
    looked_at: list[Path] = []
    examine = image_scan._examine
    monkeypatch.setattr(image_scan, "_examine", lambda paths: looked_at.extend(paths) or examine(paths))
    cache = tmp_path / "scans/root.json"
    first = scan(files_of(tmp_path / "root"), cache)
    assert len(looked_at) == 4
    assert scan(files_of(tmp_path / "root"), cache) == first
    assert len(looked_at) == 4
    changed = tmp_path / "root/2.png"
    before = changed.stat()
    content = bytearray(changed.read_bytes())
    content[content.index(b"IDAT") + 9] ^= 1
    changed.write_bytes(content)
    os.utime(changed, ns=(before.st_atime_ns, before.st_mtime_ns))  # as cp -p would leave it
    again = scan(files_of(tmp_path / "root"), cache)
    assert looked_at[4:] == [changed]
    assert isinstance(again.pop(changed), str)
    del first[changed]
    assert again == first


@pytest.mark.parametrize("content", ["", "{", "[]", "null", '{"version": 1}', '{"version": "%s", "files": [[1]]}'])
def test_a_damaged_cache_is_ignored(tmp_path: Path, content: str) -> None:
    fill(tmp_path, "root")
    cache = tmp_path / "scans/root.json"
    expected = scan(files_of(tmp_path / "root"), cache)
    cache.write_text(content.replace("%s", image_scan.VERSION))
    assert scan(files_of(tmp_path / "root"), cache) == expected


def test_a_cache_that_cannot_be_written(tmp_path: Path) -> None:
    fill(tmp_path, "root")
    (tmp_path / "scans").write_text("no folder")
    assert len(scan(files_of(tmp_path / "root"), tmp_path / "scans/root.json")) == 4


def test_nothing_is_written_into_the_users_folder(tmp_path: Path) -> None:
    fill(tmp_path, "root/a", "root/b")
    before = sorted(tmp_path.glob("root/**/*"))
    module_of(tmp_path / "root").prepare_data()
    assert sorted(tmp_path.glob("root/**/*")) == before
    assert {path.suffix for path in (tmp_path / "scans").iterdir()} == {".json", ".lock"}
