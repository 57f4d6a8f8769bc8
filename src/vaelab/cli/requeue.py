"""SLURM's requeue: the same command starts anew, and resumes in the folder that it had."""

import hashlib
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

from vaelab.cli.ranks import is_rank_zero

RECORDS = Path("outputs")


def was_requeued() -> bool:
    """Whether SLURM runs this job again."""
    return int(os.environ.get("SLURM_RESTART_COUNT") or 0) > 0


def requeue(signum: int) -> str:
    """Ask SLURM to run the job again after SIGUSR1, preemption or its time limit, and say what came of it.

    What was cancelled ends.
    """
    job = os.environ.get("SLURM_JOB_ID")
    if job is None or not is_rank_zero() or not (signum == signal.SIGUSR1 or is_preempted(job)):
        return ""
    try:
        subprocess.run(["scontrol", "requeue", job], check=True, capture_output=True, text=True)
    except subprocess.CalledProcessError as error:
        return f"SLURM did not requeue job {job}: {error.stderr.strip()}"
    except OSError as error:
        return f"SLURM did not requeue job {job}: {error}"
    return f"SLURM runs job {job} again, which resumes there"


def is_preempted(job: str) -> bool:
    """Whether SLURM ends a job for want of time, or for another job: one that ends in its grace is not requeued."""
    try:
        found = subprocess.run(["scontrol", "show", "job", job], check=True, capture_output=True, text=True)
    except (OSError, subprocess.CalledProcessError):
        return False
    return re.search(r"Reason=TimeLimit|PreemptTime=\d", found.stdout) is not None


def record_folder(folder: Path) -> None:
    """Write down, under SLURM, into which folder this command of this job writes."""
    if "SLURM_JOB_ID" in os.environ:
        RECORDS.mkdir(parents=True, exist_ok=True)
        record_file().write_text(json.dumps(str(folder.absolute())))


def earlier_folder() -> Path | None:
    """The folder that this command had before its job was requeued, if it had come so far."""
    try:
        folder = Path(json.loads(record_file().read_text()))
    except (OSError, ValueError):
        return None
    return folder if was_requeued() and folder.is_dir() else None


def record_file() -> Path:
    """The file of this command in this job of this cluster."""
    command = hashlib.sha256(json.dumps(sys.argv[1:]).encode()).hexdigest()[:8]
    job = "-".join(os.environ.get(name, "") for name in ("SLURM_CLUSTER_NAME", "SLURM_JOB_ID"))
    return RECORDS / f".slurm-{job}-{command}.json"
