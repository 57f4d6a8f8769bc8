"""A SLURM of one node on this machine, for the duration of a test."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from vaelab.cli.children import free_port

NEEDED = ("munged", "slurmctld", "slurmd", "srun", "sbatch", "scontrol", "scancel")
CONFIG = """
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
SlurmUser=root
SlurmdUser=root
SlurmctldPort={controller}
SlurmdPort={daemon}
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
MpiDefault=none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} State=UNKNOWN
PartitionName=low Nodes={host} Default=YES State=UP PriorityTier=1 GraceTime=60
PartitionName=high Nodes={host} State=UP PriorityTier=10
"""


def missing() -> str:
    """Why there can be no SLURM here, or nothing."""
    if os.geteuid() != 0:
        return "only root starts a SLURM"
    absent = [name for name in NEEDED if shutil.which(name) is None]
    return f"no {', '.join(absent)}: apt-get install slurm-wlm munge" if absent else ""


class Cluster:
    """Its daemons, with what a user does: submit, signal, look."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("state", "spool"):
            (folder / name).mkdir()
        folder.chmod(0o755)
        ports = {"controller": free_port(), "daemon": free_port()}
        host = socket.gethostname().partition(".")[0]
        config = CONFIG.format(folder=folder, host=host, cpus=os.cpu_count(), **ports)
        (folder / "slurm.conf").write_text(config)
        key = folder / "munge.key"
        key.touch(0o600)
        key.write_bytes(os.urandom(1024))
        self.environment = {**os.environ, "SLURM_CONF": str(folder / "slurm.conf")}

    def __enter__(self) -> "Cluster":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        at = self.folder
        files = [f"--{name}={at}/munge.{name.partition('-')[0]}" for name in ("key-file", "socket", "seed-file")]
        self.call("munged", "--force", *files, f"--pid-file={at}/munged.pid", f"--log-file={at}/munged.log")
        self.call("slurmctld")
        self.call("slurmd")
        self.wait(lambda: "idle" in self.call("sinfo", "-h", "-o", "%T"))

    def stop(self) -> None:
        self.call("scancel", "--user=root")
        for name in ("slurmd", "slurmctld", "munged"):
            pid = self.folder / f"{name}.pid"
            if pid.exists():
                os.kill(int(pid.read_text()), 15)

    def call(self, *command: str) -> str:
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, check=False)
        return done.stdout + done.stderr

    def submit(self, script: str, *options: str) -> str:
        """The number of a job that runs `script`."""
        path = self.folder / "job.sh"
        path.write_text(f"#!/bin/bash\n{script}\n")
        return self.call("sbatch", "--parsable", *options, str(path)).strip()

    def state(self, job: str) -> str:
        return self.call("squeue", "-h", "-o", "%T", "-j", job).strip()

    def restart(self, job: str) -> None:
        """Let a requeued job start at once, and not after SLURM's two minutes."""
        self.wait(lambda: self.state(job) == "PENDING")
        self.call("scontrol", "update", f"job={job}", "StartTime=now")

    def wait(self, moment: Callable[[], bool], timeout: float = 120.0) -> None:
        deadline = time.monotonic() + timeout
        while not moment():
            assert time.monotonic() < deadline, self.call("scontrol", "show", "job")
            time.sleep(0.2)
