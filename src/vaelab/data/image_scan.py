"""One check of every image of a folder before training, with a cache of the results."""

import fcntl
import hashlib
import json
import logging
import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import PIL
from rich.progress import track

from vaelab.data.image_decoding import Header
from vaelab.storage.atomic import write

log = logging.getLogger(__name__)
TIMEOUT = 120.0  # seconds for one file
BATCH = 32  # consecutive files for one worker
MAX_WORKERS = 16
PROGRAM = ("-P", "-m", "vaelab.data.image_worker")  # -P: nothing is imported from the current folder
VERSION = f"1, Pillow {PIL.__version__}"

Stat = tuple[int, int, int, int]  # size in bytes, mtime and ctime in ns, inode
Finding = Header | str  # a string says why the file cannot be read


def scan(files: Mapping[Path, Stat], cache: Path) -> dict[Path, Finding]:
    """The header of each file, or why it cannot be read; unchanged files come from `cache`.

    If several processes scan at once, one does the work and the others wait for its cache.
    """
    with _lock(cache):
        known = _restore(cache, files)
        missing = [path for path in files if path not in known]
        if missing:
            known |= _examine(missing)
            _save(cache, files, known)
    return {path: known[path] for path in files}


def cache_of(root: Path, folder: Path) -> Path:
    """The cache file under `folder` for the images below `root`."""
    return folder / f"{hashlib.sha256(os.fsencode(root.absolute())).hexdigest()[:16]}.json"


class Worker:
    """A subprocess that examines files; it is restarted if a file crashes it."""

    def __init__(self) -> None:
        self.closed = False
        self.process = self.start()

    def start(self) -> subprocess.Popen[str]:
        package = Path(__file__).parents[2]  # this installation of vaelab
        paths = os.pathsep.join(filter(None, [str(package), os.environ.get("PYTHONPATH")]))
        return subprocess.Popen(
            [sys.executable, *PROGRAM],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**os.environ, "PYTHONPATH": paths, "OMP_NUM_THREADS": "1"},
            start_new_session=True,  # so that Ctrl-C reaches only the parent
        )

    def inspect(self, path: Path) -> Finding:
        """The header of the file, or why it cannot be read, such as a crash of the worker."""
        line = self.ask(json.dumps(str(path)))
        if line:
            return _finding(json.loads(line))
        self.stop()
        status = self.process.returncode
        if self.closed:
            raise RuntimeError("the scan is over")
        self.process = self.start()
        if line is None:
            return f"takes longer than {TIMEOUT:g} seconds to read"
        return f"ends the process that reads it ({signal.Signals(-status).name if status < 0 else f'status {status}'})"

    def ask(self, line: str) -> str | None:
        """The worker's answer to a line: empty if the worker has ended, None after TIMEOUT."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        try:
            print(line, file=self.process.stdin, flush=True)
        except BrokenPipeError:
            return ""
        ready, _, _ = select.select([self.process.stdout], [], [], TIMEOUT)
        return self.process.stdout.readline() if ready else None

    def stop(self) -> None:
        if self.process.stdout and select.select([self.process.stdout], [], [], 0)[0]:
            self.process.wait()  # it has ended: keep its own exit status
        self.process.kill()
        self.process.wait()

    def close(self) -> None:
        self.closed = True
        self.process.kill()
        self.process.wait()


def _examine(paths: Sequence[Path]) -> dict[Path, Finding]:
    num_workers = max(1, min(len(os.sched_getaffinity(0)), MAX_WORKERS, len(paths) // BATCH))
    workers = [Worker() for _ in range(num_workers)]
    free: SimpleQueue[Worker] = SimpleQueue()
    for worker in workers:
        free.put(worker)

    def inspect(batch: Sequence[Path]) -> dict[Path, Finding]:
        worker = free.get()
        try:
            return {path: worker.inspect(path) for path in batch}
        finally:
            free.put(worker)

    batches = [paths[start : start + BATCH] for start in range(0, len(paths), BATCH)]
    pool = ThreadPoolExecutor(num_workers)
    found: dict[Path, Finding] = {}
    try:
        results = pool.map(inspect, batches)
        if len(batches) > BATCH:
            log.info("scanning %d images", len(paths))
            results = iter(track(results, "images", len(batches), transient=True))
        for result in results:
            found |= result
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        for worker in workers:
            worker.close()
    return found


def _finding(answer: dict[str, Any]) -> Finding:
    return str(answer["problem"]) if "problem" in answer else Header(**answer)


def _restore(cache: Path, files: Mapping[Path, Stat]) -> dict[Path, Finding]:
    """Cached results of unchanged files; empty if the cache is missing or damaged."""
    try:
        content = json.loads(cache.read_text())
        if content["version"] != VERSION:
            return {}
        entries = {Path(name): (tuple(stat), _finding(answer)) for name, stat, answer in content["files"]}
    except (OSError, ValueError, TypeError, KeyError):
        return {}
    return {path: entries[path][1] for path, stat in files.items() if path in entries and entries[path][0] == stat}


def _save(cache: Path, files: Mapping[Path, Stat], known: Mapping[Path, Finding]) -> None:
    """Write the cache if possible; without it the next run scans again."""
    answers = {path: {"problem": one} if isinstance(one, str) else vars(one) for path, one in known.items()}
    content = {"version": VERSION, "files": [[str(path), files[path], one] for path, one in answers.items()]}
    try:
        write(cache, json.dumps(content))
    except OSError as error:
        log.info("the scan of the images cannot be cached: %s", error)


@contextmanager
def _lock(cache: Path) -> Iterator[None]:
    """Inside, no other process scans with the same cache, if locks are available."""
    try:
        cache.parent.mkdir(parents=True, exist_ok=True)
        lock = os.open(cache.with_suffix(".lock"), os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o666)
    except OSError:
        yield
        return
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)
