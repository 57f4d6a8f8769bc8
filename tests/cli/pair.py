"""Runs commands in two gloo processes, which are started once for many tests, as torchrun starts them."""

import multiprocessing
import os
from collections.abc import Sequence
from pathlib import Path
from unittest.mock import patch

from commandline import call

from vaelab.cli.children import free_port

TIMEOUT = 900.0  # seconds for all commands; a process that waits for one that failed would wait for ever


def run_in_pair(folder: Path, commands: Sequence[tuple[str, ...]]) -> None:
    """Each command in its turn in `folder`; what they say goes to pair0.txt and pair1.txt."""
    context = multiprocessing.get_context("spawn")
    where = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port()), "WORLD_SIZE": "2"}
    arguments = [(folder, commands, {**where, "LOCAL_RANK": rank, "RANK": rank}) for rank in "01"]
    processes = [context.Process(target=run_rank, args=one) for one in arguments]
    # Before they import torch, which looks at it then: two processes of two threads each would wait for each other.
    with patch.dict(os.environ, OMP_NUM_THREADS="1"):
        for process in processes:
            process.start()
    for process in processes:
        process.join(TIMEOUT)
        process.kill()


def run_rank(folder: Path, commands: Sequence[tuple[str, ...]], environment: dict[str, str]) -> None:
    os.environ.update(environment)
    with (folder / f"pair{environment['RANK']}.txt").open("w", buffering=1) as log:
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
        for command in commands:
            print("##", *command, flush=True)
            print("## status", call(folder, *command), flush=True)
