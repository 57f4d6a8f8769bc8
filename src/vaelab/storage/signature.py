"""Signatures of files, to recognise a user's own files in a folder that others may have written."""

import hmac
import os
import secrets
import stat
from pathlib import Path

LENGTH = 32  # bytes of the key
MARK = 64  # hexadecimal digits of the signature, before a newline


def sign(content: bytes | memoryview, place: str) -> bytes:
    """The signature of `content` as a line to put before it; it is valid only at `place`.

    Raises:
        OSError, RuntimeError: the key cannot be stored.
    """
    digest = hmac.new(_key(), f"{place}\n".encode(), "sha256")
    digest.update(content)
    return digest.hexdigest().encode() + b"\n"


def verify(signed: bytes, place: str) -> memoryview | None:
    """The content after the signature, or None if this user did not write it for `place`."""
    content = memoryview(signed)[MARK + 1 :]
    try:
        expected = sign(content, place)
    except (OSError, RuntimeError):  # without a key, no file is this user's
        return None
    return content if hmac.compare_digest(signed[: MARK + 1], expected) else None


def _key() -> bytes:
    """This user's key, created on first use; nobody else may read or write it."""
    path = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "vaelab" / "results.key"
    if not path.exists():
        _make(path)
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as file:
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
            raise PermissionError(f"{path} is not yours alone; remove it")
        content = file.read(LENGTH + 1)
    if len(content) != LENGTH:
        raise OSError(f"{path} is not a key; remove it")
    return content


def _make(path: Path) -> None:
    """Create a key atomically, unless another process is faster."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}.tmp")
    try:
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(secrets.token_bytes(LENGTH))
            file.flush()
            os.fsync(file.fileno())
        os.link(temporary, path)
    except FileExistsError:
        pass  # another process has just made it
    finally:
        temporary.unlink(missing_ok=True)
