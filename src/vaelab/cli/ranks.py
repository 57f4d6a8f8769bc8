"""Processes that torchrun or srun has started: how many there are, and how they agree on a value."""

import os
import pickle
import re
import socket
import time
import zlib
from collections.abc import Callable, Mapping
from datetime import timedelta
from itertools import count
from typing import Any, NamedTuple, TypeVar

from vaelab.errors import UserError
from vaelab.signals import raise_if_stopped

T = TypeVar("T")
# Where the number of processes and the rank of this one are told. The first line of which both are set counts.
VARIABLES = (
    ("WORLD_SIZE", "RANK", "LOCAL_RANK"),
    ("WORLD_SIZE", "LOCAL_RANK", "LOCAL_RANK"),
    ("SLURM_STEP_NUM_TASKS", "SLURM_PROCID", "SLURM_LOCALID"),
    ("SLURM_NTASKS", "SLURM_PROCID", "SLURM_LOCALID"),
)
TIMEOUT = 300.0  # seconds, after which a rank that does not come is given up
POLL = 0.05
GRACE = {False: 10.0, True: 60.0}  # seconds to the end of the other ranks after a failure, after a signal


class Place(NamedTuple):
    """One of several processes, and where they meet."""

    rank: int
    local_rank: int
    world_size: int
    address: str
    port: int


def place(environment: Mapping[str, str] | None = None) -> Place | None:
    """The place of this process among those that a launcher started; None where it is the only one.

    Raises:
        UserError: the variables contradict each other.
    """
    environment = os.environ if environment is None else environment
    if "SLURM_TASK_PID" in environment and "SLURM_STEP_ID" not in environment:
        # The script of sbatch, not srun: whatever the number of tasks, there is one process.
        environment = {name: value for name, value in environment.items() if not name.startswith("SLURM_")}
    for names in VARIABLES:
        if all(environment.get(name) for name in names[:2]):
            world_size, rank, local_rank = (integer_variable(environment, name) for name in names)
            if world_size <= 1:
                return None
            if not 0 <= rank < world_size:
                raise UserError(
                    f"{names[1]}={rank} must be below {names[0]}={world_size}; unset both to run one process"
                )
            return Place(rank, local_rank, world_size, address(environment), port(environment))
    return None


def integer_variable(environment: Mapping[str, str], name: str) -> int:
    """The value of a variable, 0 where it is not set."""
    try:
        return int(environment.get(name, "0"))
    except ValueError:
        raise UserError(f"{name}={environment[name]} must be an integer; unset it to run one process") from None


def address(environment: Mapping[str, str]) -> str:
    """The host of rank 0; under SLURM the first of its list, such as `a` of `a[1-3],b`."""
    if "MASTER_ADDR" in environment:
        return environment["MASTER_ADDR"]
    hosts = environment.get("SLURM_STEP_NODELIST") or environment.get("SLURM_NODELIST") or "127.0.0.1"
    return re.sub(r"\[([^],-]*)[^]]*\]", r"\1", hosts).replace(" ", ",").partition(",")[0]


def port(environment: Mapping[str, str]) -> int:
    """MASTER_PORT; under SLURM a port that follows from the job and the step."""
    if "MASTER_PORT" in environment:
        return integer_variable(environment, "MASTER_PORT")
    if "SLURM_JOB_ID" in environment:
        job, step = (integer_variable(environment, name) for name in ("SLURM_JOB_ID", "SLURM_STEP_ID"))
        return 15000 + (job * 16 + step) % 10000
    raise UserError(
        "WORLD_SIZE is above 1, but MASTER_PORT is not set; start the processes by torchrun, or unset WORLD_SIZE"
    )


def is_rank_zero() -> bool:
    """Whether this process is the one that writes."""
    here = place()
    return here is None or here.rank == 0


def variables(here: Place) -> dict[str, str]:
    """The same for torch and Lightning, whoever started the processes."""
    return {
        "RANK": str(here.rank),
        "LOCAL_RANK": str(here.local_rank),
        "WORLD_SIZE": str(here.world_size),
        "MASTER_ADDR": here.address,
        "MASTER_PORT": str(here.port),
    }


_store: Any = None
_calls = count(1)
_call = 0


def from_rank_zero(choose: Callable[[], T]) -> T:
    """What `choose` returns in rank 0, in all ranks; it is called nowhere else. All ranks have to call this.

    Raises:
        UserError: rank 0 refused, or the ranks do not come together.
    """
    global _call
    here = place()
    if here is None:
        return choose()
    _call = next(_calls)
    store = connect(here)
    key = f"chosen/{_call}"
    if here.rank == 0:
        try:
            chosen = choose()
        except BaseException as error:
            store.set(key, pickle.dumps((None, str(error) or type(error).__name__)))
            if isinstance(error, UserError):
                wait_until(lambda: store.add(f"{key}/read", 0) == here.world_size - 1, GRACE[False])
            raise
        store.set(key, pickle.dumps((chosen, None)))
        return chosen
    try:
        await_rank_zero(here, lambda: bool(store.check([key])))
    except RuntimeError:
        raise UserError(f"rank 0 ended before it had begun; rank {here.rank} ends with it") from None
    told, refusal = pickle.loads(store.get(key))
    store.add(f"{key}/read", 1)
    if refusal is not None:
        raise UserError(refusal)
    return told


def connect(here: Place) -> Any:
    """The store of this group of processes, which rank 0 holds, or torchrun."""
    global _store
    if _store is None:
        os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")  # the order in which the processes end is irrelevant
        from torch.distributed import PrefixStore, TCPStore  # which takes its time, and one process needs none

        server = here.rank == 0 and os.environ.get("TORCHELASTIC_USE_AGENT_STORE") != "True"
        if not server:
            await_rank_zero(here, lambda: listens(here.address, here.port))
        try:
            # Held by several tenants: torch's own process group meets at the same port.
            store = TCPStore(
                here.address,
                here.port,
                here.world_size,
                is_master=server,
                timeout=timedelta(seconds=TIMEOUT),
                wait_for_workers=False,
                multi_tenant=True,
            )
        except RuntimeError as error:
            reason = str(error).partition("\n")[0]
            raise UserError(
                f"rank {here.rank} cannot use {here.address}:{here.port} ({reason}); set another MASTER_PORT"
            ) from None
        _store = PrefixStore(f"vaelab/{os.environ.get('TORCHELASTIC_RESTART_COUNT', '0')}", store)
    return _store


def wait_until(ready: Callable[[], bool], seconds: float) -> bool:
    """Whether something was ready in time."""
    deadline = time.monotonic() + seconds
    while not (found := ready()) and time.monotonic() < deadline:
        time.sleep(POLL)
    return found


def await_rank_zero(here: Place, ready: Callable[[], bool]) -> None:
    """Wait until rank 0 is ready. Raises UserError where it does not come."""

    def ready_or_stopped() -> bool:
        raise_if_stopped()
        return ready()

    if not wait_until(ready_or_stopped, TIMEOUT):
        raise UserError(
            f"rank {here.rank} of {here.world_size} waited {TIMEOUT:g} seconds for rank 0 at {here.address}:"
            f"{here.port}; start all {here.world_size} processes, or unset WORLD_SIZE or SLURM_NTASKS to run one"
        )


def listens(address: str, port: int) -> bool:
    """Whether somebody listens there."""
    try:
        socket.create_connection((address, port), 1.0).close()
    except OSError:
        return False
    return True


def is_first_to_print(sentence: str) -> bool:
    """Whether this rank is the first to print the sentence during the current job."""
    here = place()
    if here is None:
        return True
    if _store is None:  # they don't know each other yet, and have the same command line
        return here.rank == 0
    try:
        return int(_store.add(f"said/{_call}/{zlib.crc32(sentence.encode())}", 1)) == 1
    except RuntimeError:  # the store is gone: torchrun held it, or rank 0
        return here.rank == 0 or "TORCHELASTIC_RUN_ID" not in os.environ
