"""A lock, so that each run folder has one writer."""

import errno
import fcntl
import json
import logging
import os
import socket
import stat
import sys
import time
from pathlib import Path

from vaelab.errors import UserError

log = logging.getLogger(__name__)

NAME = ".lock"
NO_LOCKS = {errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS}  # errors of file systems without locks
GLANCE = 0.05  # seconds, longer than `is_locked` holds a lock
_held: dict[str, int] = {}


def acquire(folder: Path) -> bool:
    """Lock a folder for this process; False if another process has locked it.

    The lock ends with the process, however it ends. Neither forks nor subprocesses inherit it.
    """
    name = str(folder.resolve())
    if name in _held:
        return False
    file = os.open(folder / NAME, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o666)
    if not stat.S_ISREG(os.fstat(file).st_mode):
        os.close(file)
        raise UserError(f"{folder / NAME} is not a regular file; remove it")
    try:
        if not _lock(file):
            time.sleep(GLANCE)
            if not _lock(file):
                os.close(file)
                return False
    except OSError as error:
        if error.errno not in NO_LOCKS:
            os.close(file)
            raise
        log.warning("%s is on a file system without locks; see that no other process writes there", folder)
    os.ftruncate(file, 0)
    os.write(file, json.dumps(_owner()).encode())
    _held[name] = file
    return True


def is_locked(folder: Path) -> bool:
    """Whether a process, this one included, writes in a folder."""
    if str(folder.resolve()) in _held:
        return True  # opening the file here and closing it would release the lock
    try:
        file = os.open(folder / NAME, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        return not _lock(file)
    except OSError:
        return False
    finally:
        os.close(file)


def _lock(file: int) -> bool:
    """Whether this process has got the lock of an open file."""
    try:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EACCES, errno.EAGAIN):
            return False
        raise
    return True


def release(folder: Path) -> None:
    """Unlock a folder."""
    file = _held.pop(str(folder.resolve()), None)
    if file is not None:
        os.close(file)


def acquire_or_refuse(folder: Path) -> None:
    """Make this process the one writer of a folder. Raises UserError, which names the process that is."""
    if acquire(folder):
        return
    try:
        owner = json.loads((folder / NAME).read_text())
        who = f"'{owner['command']}' (process {owner['process']} on {owner['host']})"
    except (OSError, ValueError, KeyError, TypeError):
        who = "another process"
    raise UserError(f"{folder} is in use by {who}; wait until it has ended, or stop it")


def _owner() -> dict[str, object]:
    command = " ".join([Path(sys.argv[0]).name, *sys.argv[1:]])
    return {"process": os.getpid(), "host": socket.gethostname(), "command": command[:200]}
