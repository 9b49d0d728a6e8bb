"""A real SLURM of two nodes on this machine, for the user of the tests alone; slurm-wlm and munge are installed."""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import time
from contextlib import suppress
from pathlib import Path

from needs import lacking

NODES = ("n1", "n2")
_PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "scontrol")


class Cluster:
    """Daemons with all their files in `folder`; `environment` lets sbatch and its kin find them."""

    def __init__(self, folder: Path) -> None:
        require_slurm()
        self.folder = folder
        self.environment = {"SLURM_CONF": str(folder / "slurm.conf")}
        self._configure()
        self._munge()
        self._start("slurmctld", "-f", str(folder / "slurm.conf"))
        for node in NODES:
            self._start("slurmd", "-f", str(folder / "slurm.conf"), "-N", node)
        self._wait(lambda: self.ask("sinfo", "-h", "-o", "%D %t").strip() == "2 idle", "two idle nodes")

    def ask(self, *words: str) -> str:
        """What a command of SLURM's prints; empty where it fails."""
        environment = {**os.environ, **self.environment}
        done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
        return done.stdout if done.returncode == 0 else ""

    def state(self, job: str) -> str:
        """A job's state, as RUNNING."""
        words = self.ask("scontrol", "-o", "show", "job", job).split()
        return next((word.partition("=")[2] for word in words if word.startswith("JobState=")), "")

    def requeued_at_once(self, job: str, seconds: float = 60.0) -> None:
        """Until a job that was requeued runs again, without the wait for its old credential."""
        self.wait_for(job, "PENDING", seconds=seconds)
        time.sleep(
            1.5
        )  # a node refuses a job whose credential is of the second in which it ended the old one
        self.ask("scontrol", "update", f"JobId={job}", "StartTime=now")
        self.wait_for(job, "RUNNING", seconds=seconds)

    def wait_for(self, job: str, *states: str, seconds: float = 60.0) -> None:
        """Until the job is in one of these states."""
        self._wait(lambda: self.state(job) in states, f"job {job} {' or '.join(states)}", seconds)

    def stop(self) -> None:
        """End what still runs on it, then the daemons that this cluster started, and wait for them."""
        for job in self.ask("squeue", "-h", "-o", "%A").split():
            self.ask("scancel", job)
        self._wait(lambda: not self.ask("squeue", "-h").strip(), "the end of the jobs")
        files = [
            self.folder / f"{name}.pid" for name in (*(f"slurmd-{n}" for n in NODES), "slurmctld", "munged")
        ]
        pids = [int(file.read_text()) for file in files if file.is_file() and file.read_text().strip()]
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
        self._wait(lambda: not any(map(_lives, pids)), "the end of the daemons")

    def _configure(self) -> None:
        ports = _free_ports(3)
        values = {"DIR": str(self.folder), "HOST": socket.gethostname().partition(".")[0]}
        values["USER"] = pwd.getpwuid(os.geteuid()).pw_name
        values.update(zip(("PORT", "PORT1", "PORT2"), map(str, ports)))
        text = Path(__file__).with_name("slurm.conf.in").read_text()
        for name, value in values.items():
            text = text.replace(f"@{name}@", value)
        (self.folder / "slurm.conf").write_text(text)
        (self.folder / "state").mkdir()
        (self.folder / "gres.conf").write_text(f"NodeName={','.join(NODES)} Name=gpu File=/dev/null\n")

    def _munge(self) -> None:
        key = self.folder / "munge.key"
        key.write_bytes(secrets.token_bytes(128))
        key.chmod(0o400)
        files = {"key-file": key}
        names = {"socket": "socket", "pid-file": "pid", "log-file": "log", "seed-file": "seed"}
        files.update({option: self.folder / f"munge.{end}" for option, end in names.items()})
        files["pid-file"] = self.folder / "munged.pid"
        self._start("munged", "--force", *(f"--{option}={file}" for option, file in files.items()))

    def _start(self, *words: str) -> None:
        done = subprocess.run(words, capture_output=True, text=True, check=False, env=_bare(self.environment))
        assert done.returncode == 0, f"{words[0]}: {done.stdout}{done.stderr}"

    def _wait(self, condition, what: str, seconds: float = 30.0) -> None:
        end = time.monotonic() + seconds
        while not condition():
            logs = {file.name: file.read_text()[-2000:] for file in self.folder.glob("*.log")}
            assert time.monotonic() < end, f"not within {seconds:g} s: {what}\n{logs}"
            time.sleep(0.05)


def require_slurm() -> None:
    """Skip, or fail where RLKIT_REQUIRE names slurm, without the programs."""
    os.environ["PATH"] = f"{os.environ['PATH']}:/usr/sbin:/sbin"
    missing = [name for name in _PROGRAMS if shutil.which(name) is None]
    if missing:
        lacking("slurm", f"there is no {', '.join(missing)} here: apt-get install slurm-wlm munge")


def _bare(environment: dict[str, str]) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], **environment}


def _free_ports(number: int) -> list[int]:
    sockets = [socket.socket() for _ in range(number)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def _lives(pid: int) -> bool:
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False
