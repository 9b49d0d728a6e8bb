"""The section of FastSAC: that of its family, and the bounds of the policy's deviation."""

from __future__ import annotations

from typing import Any, MutableMapping

from rlkit.config.checks.learners import fast_td3
from rlkit.config.facts.machine import Machine
from rlkit.config.schema.types import Plain

CUDA_BATCH = 8192


def resolve(plain: MutableMapping[str, Any], asked: dict[str, Any], machine: Machine) -> None:
    """As of FastTD3, with a smaller batch on CUDA."""
    fast_td3.resolved_with(CUDA_BATCH, plain, asked, machine)


def check(plain: Plain, machine: Machine) -> list[str]:
    """The combinations that FastSAC cannot run with."""
    low, high = plain["train"]["log_std_min"], plain["train"]["log_std_max"]
    own = [
        f"train.log_std_min={low:g}: must be below train.log_std_max={high:g}, between which the policy's deviation is"
        " learnt; write train.log_std_min=-5 train.log_std_max=0"
    ]
    return fast_td3.checked_with([] if low < high else own, plain, machine)
