"""Hand a script to sbatch, and say what to type next; or print it, for who submits by hand."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
from datetime import datetime
from pathlib import Path

from rlkit.clusters.request import ClusterJobs, read_jobs
from rlkit.clusters.script import script_of
from rlkit.config.words.preflight import CheckedWords
from rlkit.errors import ConfigError, shown
from rlkit.packages import typed_command
from rlkit.untrusted import printable
from rlkit.workspace import slurm_folder, write_private


def submit(request: CheckedWords) -> int:
    """Check and submit what a request asks for; returns 0, or with `wait` the worst status of its jobs.

    Raises ConfigError before anything is submitted or left.
    """
    jobs = read_jobs(request)
    if shutil.which("sbatch") is None:
        raise ConfigError(
            [
                "there is no sbatch here, which hydra/launcher=slurm submits with; type it where SLURM is, or print the"
                " script and take it there: rlkit slurm, then the same words"
            ]
        )
    script = _write(jobs)
    wait = ["--wait"] if jobs.settings.wait else []
    process = subprocess.Popen(
        ["sbatch", "--parsable", *wait, str(script)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None and process.stderr is not None
    job = process.stdout.readline().strip().partition(";")[0]
    if not job:
        script.unlink()
        said = process.communicate()[1].strip()
        raise ConfigError([f"sbatch refuses it: {printable(said)}"])
    if jobs.sweep is not None:
        jobs.sweep.write_down(request, shlex.join(typed_command(sys.argv)))
    _tell(jobs, job, script)
    return process.wait()


def printed(request: CheckedWords) -> str:
    """The checked script, as `submit` would hand it in; the folder of its logs is made, without which no job starts."""
    jobs = read_jobs(request)
    return script_of(jobs.settings, jobs.name, jobs.jobs, Path.cwd(), slurm_folder(Path.cwd()))


def _write(jobs: ClusterJobs) -> Path:
    folder = slurm_folder(Path.cwd())
    path = folder / f"{jobs.name}_{datetime.now():%Y%m%d_%H%M%S_%f}.sh"
    of_sweep = [] if jobs.sweep is None else jobs.sweep.names
    write_private(path, script_of(jobs.settings, jobs.name, jobs.jobs, Path.cwd(), folder, of_sweep))
    return path


def _tell(jobs: ClusterJobs, job: str, script: Path) -> None:
    number = len(jobs.jobs)
    what = "1 job" if number == 1 else f"an array of {number} jobs"
    log = script.parent / (f"{jobs.name}-{job}.log" if number == 1 else f"{jobs.name}-{job}_*.log")
    print(f"submitted {what}: {job}", flush=True)
    print(f"  script   {shown(script)}; sbatch {shown(script)} goes on with what is unfinished of it")
    print(f"  logs     {shown(log)}")
    overview = "rlkit runs" if jobs.sweep is None else f"rlkit sweep {jobs.sweep.folder.name}"
    print(f"  follow   squeue -j {job}    or: {overview}", flush=True)
