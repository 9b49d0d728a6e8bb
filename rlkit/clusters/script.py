"""The script that sbatch takes: plain commands, an array where there are several, and what is done at a signal."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Iterator, Sequence

from rlkit.clusters.settings import SlurmSettings
from rlkit.packages import launched
from rlkit.workspace.sweeps import JOB_VARIABLE

# A signal ends the `wait` of bash, not what it waits for: hence the loop.
_RUN = """\
# SLURM says that the time is nearly over (USR1) or that the job must go (TERM): the training saves and ends.
trap 'again=yes; kill -USR1 "$training"' USR1
trap 'kill -TERM "$training"' TERM
{start} "$@" &
training=$!
wait "$training"; status=$?
while kill -0 "$training" 2>/dev/null; do wait "$training"; status=$?; done
if [ -n "$again" ] && [ "$status" -ne 0 ]; then
    scontrol requeue "$SLURM_JOB_ID"  # the same command again goes on in the same run folder
fi
exit "$status"
"""


def script_of(
    settings: SlurmSettings,
    name: str,
    jobs: Sequence[Sequence[str]],
    folder: Path,
    logs: Path,
    of_sweep: Sequence[str] = (),
) -> str:
    """The whole script of one job, or of an array of several.

    name: of the job. jobs: the words of each, as they are typed behind train.py. folder: where they run. logs: a
    folder that is there, else no job starts, for what they print. of_sweep: which job of which sweep each of them is,
    none where they are of none.
    """
    sets = [f"set -- {shlex.join(words)}" for words in jobs]
    if of_sweep:
        sets = [f"export {JOB_VARIABLE}={shlex.quote(job)}; {line}" for job, line in zip(of_sweep, sets)]
    lines = [
        "#!/bin/bash",
        *_options(settings, name, len(jobs), logs),
        f"#SBATCH --chdir={_quoted(str(folder))}",
        "",
    ]
    lines += ["export PYTHONUNBUFFERED=1  # what it prints is in the log at once", *settings.setup]
    if len(jobs) == 1:
        lines += sets
    else:
        lines.append('case "$SLURM_ARRAY_TASK_ID" in')
        lines += [f"{number}) {line} ;;" for number, line in enumerate(sets)]
        lines.append("esac")
    return "\n".join([*lines, "", _RUN.format(start=_start(settings))])


def _options(settings: SlurmSettings, name: str, jobs: int, logs: Path) -> Iterator[str]:
    """The lines that sbatch reads."""
    log = logs / ("%x-%j.log" if jobs == 1 else "%x-%A_%a.log")
    options = {
        "job-name": name,
        "output": log,
        "open-mode": "append",
        "partition": settings.partition,
        "account": settings.account,
        "qos": settings.qos,
        "constraint": settings.constraint,
        "time": settings.time,
        "nodes": settings.nodes,
        "ntasks-per-node": settings.tasks,
        "cpus-per-task": settings.cpus_per_task,
        "gres": f"gpu:{settings.gpus_per_node}" if settings.gpus_per_node else None,
        "mem": settings.mem,
        "signal": f"B:USR1@{settings.signal_delay}",
    }
    if jobs > 1:
        most = "" if settings.array_parallelism is None else f"%{settings.array_parallelism}"
        options["array"] = f"0-{jobs - 1}{most}"
    for option, value in options.items():
        if value is not None:
            yield f"#SBATCH --{option}={_quoted(str(value))}"
    yield "#SBATCH --requeue"
    for line in settings.sbatch:
        yield f"#SBATCH {line}"


def _quoted(value: str) -> str:
    """As sbatch reads a line: blanks part words, quotes keep them together."""
    return f'"{value}"' if any(letter.isspace() for letter in value) else value


def _start(settings: SlurmSettings) -> str:
    """What starts one rank, or by srun all of them."""
    start = f"{settings.python or shlex.quote(sys.executable)} {launched()}"
    if settings.ranks == 1:
        return start
    cores = "" if settings.cpus_per_task is None else f" --cpus-per-task={settings.cpus_per_task}"
    return f"srun --kill-on-bad-exit=1{cores} {start}"
