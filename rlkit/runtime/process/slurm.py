"""The SLURM job that this process is part of, as the environment and `scontrol` tell it."""

from __future__ import annotations

import os
import re
import subprocess
from typing import Any, Mapping

_FIRST_PORT, _PORTS = 15000, 15000  # below those that systems hand out by themselves


def in_job(env: Mapping[str, str] = os.environ) -> bool:
    """Whether SLURM runs this process."""
    return "SLURM_JOB_ID" in env


def job_name(env: Mapping[str, str] = os.environ) -> str | None:
    """What SLURM calls the job, as 12, or 12_3 in an array; the same after it was requeued. None outside of one."""
    if not in_job(env):
        return None
    array = env.get("SLURM_ARRAY_JOB_ID")
    return f"{array}_{env.get('SLURM_ARRAY_TASK_ID')}" if array else env["SLURM_JOB_ID"]


def was_requeued(env: Mapping[str, str] = os.environ) -> bool:
    """Whether this is not the first start of the job."""
    return in_job(env) and env.get("SLURM_RESTART_COUNT", "0") not in ("", "0")


def job_facts(env: Mapping[str, str] = os.environ) -> dict[str, Any]:
    """What run.json keeps of the job: its name, its nodes, its restarts, its log; nothing outside of one."""
    name = job_name(env)
    if name is None:
        return {}
    facts = {
        "job": name,
        "nodes": env.get("SLURM_JOB_NODELIST"),
        "restarts": int(env.get("SLURM_RESTART_COUNT") or 0),
        "log": _log(env["SLURM_JOB_ID"]),
    }
    return {key: value for key, value in facts.items() if value is not None}


def _log(job_id: str) -> str | None:
    """The file that SLURM writes what the job prints to; None where the controller does not say."""
    try:
        done = subprocess.run(
            ["scontrol", "show", "job", job_id], capture_output=True, text=True, timeout=10, check=False
        )
    except (OSError, subprocess.TimeoutExpired):  # in a container without it, or a controller that is busy
        return None
    found = re.search(r"^\s*StdOut=(/\S.*)$", done.stdout, re.MULTILINE)
    return found and found[1].strip()


def adopt_tasks(env: Any = os.environ) -> None:
    """Write the place of one of several tasks of a step (`srun -n4 python train.py`) as torchrun would.

    Nothing is written where a launcher has said RANK, outside of a step, or where the step has one task. MASTER_ADDR
    and MASTER_PORT are kept where they are set: else the host that `srun` was typed on, which in a job's script is its
    first node, and a port from the number of the job.
    """
    tasks = int(env.get("SLURM_STEP_NUM_TASKS") or 1)
    if tasks == 1 or "RANK" in env or "SLURM_PROCID" not in env:
        return
    on_this_node = _tasks_on(env.get("SLURM_STEP_TASKS_PER_NODE", str(tasks)), int(env["SLURM_NODEID"]))
    env["RANK"], env["WORLD_SIZE"] = env["SLURM_PROCID"], str(tasks)
    env["LOCAL_RANK"], env["LOCAL_WORLD_SIZE"] = env["SLURM_LOCALID"], str(on_this_node)
    env.setdefault("MASTER_ADDR", env.get("SLURM_LAUNCH_NODE_IPADDR", "127.0.0.1"))
    env.setdefault("MASTER_PORT", str(_FIRST_PORT + int(env["SLURM_JOB_ID"]) % _PORTS))


def _tasks_on(per_node: str, node: int) -> int:
    """Of SLURM's "2(x3),1" the number that holds for a node: 2, 2, 2, 1."""
    counts: list[int] = []
    for part in per_node.split(","):
        number, _, times = part.partition("(x")
        counts += [int(number)] * int(times.rstrip(")") or 1)
    return counts[node] if node < len(counts) else counts[-1]
