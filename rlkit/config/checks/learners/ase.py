"""The section of ASE: the latent belongs to what policy and critic see, and to the task."""

from __future__ import annotations

from typing import Any, Mapping, MutableMapping

from rlkit.config.checks.learners import amp
from rlkit.config.facts.machine import Machine
from rlkit.config.schema.types import Plain

LATENT = "latent"

_ASE = amp.Judge("style", "learns skills from motion data, and task={} shows none", "task=Style")


def resolve(plain: MutableMapping[str, Any], asked: dict[str, Any], machine: Machine) -> None:
    """As of AMP; the latent joins what the policy and the critic see, where the task has one."""
    amp.resolve(plain, asked, machine)
    task = plain["task"]
    if LATENT not in task:
        return
    task["observations"] = _with_latent(task["observations"])
    if (task.get("groups") or {}).get("critic"):
        task["groups"]["critic"] = _with_latent(task["groups"]["critic"])


def check(plain: Plain, machine: Machine) -> list[str]:
    """The combinations that ASE cannot run with."""
    train, task = plain["train"], plain["task"]
    latent = task.get(LATENT)
    if (task.get("groups") or {}).get("style") and latent is None:
        return [
            f"train.learner={train['learner']}: its policy is told by a latent which skill to show, and"
            f" task={task['name']} has none; write task=Style"
        ]
    problems = amp.judged_by(_ASE, plain, machine, int((latent or {}).get("size", 0)))
    if train["disc_conditional"] and train["enc_trunk"] == "shared":
        problems.append(
            "train.enc_trunk=shared: the layers of a discriminator that sees the latent (train.disc_conditional=true)"
            " are none to find it with; write train.enc_trunk=own"
        )
    return problems if latent is None else problems + _latent(task, latent)


def _latent(task: Mapping[str, Any], latent: Mapping[str, Any]) -> list[str]:
    """Latents that cannot be, or that the policy would not see as they are."""
    problems = []
    if latent["size"] < 2:
        problems.append(
            f"task.latent.size={latent['size']}: is at least 2; the paper's is task.latent.size=64"
        )
    low, high = (float(bound) for bound in latent["time"])
    period = float(task["controlPeriod"])
    if not period <= low <= high:
        problems.append(
            f"task.latent.time=[{low:g},{high:g}]: the shortest time, at least a control period of {period:g} s, and"
            f" the longest; write task.latent.time=[{period:g},3.0]"
        )
    noise = (task.get("randomization") or {}).get("observationNoise") or {}
    if LATENT in noise:
        problems.append(
            "task.randomization.observationNoise.latent: the policy is rewarded for the latent that it sees; leave it"
            " out"
        )
    return problems


def _with_latent(terms: Any) -> list[str]:
    return list(dict.fromkeys((*terms, LATENT)))
