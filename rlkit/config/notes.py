"""What is said at the start of a run that goes on all the same."""

from __future__ import annotations

from typing import Any, Mapping

from rlkit.config.checks import learners
from rlkit.config.checks import tasks as task_checks
from rlkit.config.facts import engine, support
from rlkit.config.facts.machine import Machine
from rlkit.config.schema.types import Plain
from rlkit.sims.facts import steps_on_cpu

MANY_ENVS = 16  # times the task's own number on a CPU from which a training there may be hopeless


def notes_of(plain: Plain, asked: Mapping[str, Any], machine: Machine | None = None) -> list[str]:
    """Things to say at the start that do not stop the run; `asked` as resolve() returned it.

    machine: None for a run that is only looked at.
    """
    found = support.notes(plain) + learners.notes(plain, asked) + task_checks.unasked(plain)
    sim, device = plain["sim"]["name"], plain["env"]["device"]
    if device != "cpu" and (machine or Machine()).steps_on_cpu(sim) and asked.get("env.device") != "auto":
        found.append(f"sim={sim} steps on the CPU; every step is copied to {device}")
    found += _too_much(plain) if machine is not None else []
    if asked.get("sim.name") == "auto" and sim == "mujoco" and _warp_could(plain, machine):
        found.append(f"sim=auto took {sim}, which steps on the CPU; sim=warp steps on the GPU")
    nobodys = (
        [] if machine is None or engine.engine_of(plain) == "gymnasium" else task_checks.unread(plain["task"])
    )
    if nobodys:
        task = plain["task"]["name"]
        found.append(f"{', '.join(nobodys)}: class {task} reads no such setting, so it changes nothing")
    return found


def _too_much(plain: Plain) -> list[str]:
    """Says so where physics on the CPU gets many times the envs that the task is made for there."""
    ours, usual = plain["env"]["numEnvs"], plain["task"]["cpuNumEnvs"]
    training = plain["training"]
    if not steps_on_cpu(plain["sim"]["name"]) or training["test"] or ours < MANY_ENVS * usual:
        return []
    steps = plain["train"]["horizon_length"] * training["maxIterations"]
    return [
        f"numEnvs={ours} steps on the CPU: {training['maxIterations']} iterations are {steps * ours:,} env-steps;"
        f" numEnvs={usual}, this task's own on a CPU, makes them {steps * usual:,}"
    ]


def _warp_could(plain: Plain, machine: Machine | None) -> bool:
    """Whether sim=warp is installed, can run the task and has a GPU to do it on."""
    if machine is None or not machine.cuda_devices or "warp" not in machine.simulators:
        return False
    return "warp" in support.simulators_for(support.row_of(plain["task"]))
