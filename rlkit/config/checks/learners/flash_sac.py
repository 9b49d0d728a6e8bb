"""The section of FlashSAC: as FastSAC's, with its own batch on CUDA."""

from __future__ import annotations

from typing import Any, MutableMapping

from rlkit.config.checks.learners import fast_td3
from rlkit.config.facts.machine import Machine

CUDA_BATCH = 2048


def resolve(plain: MutableMapping[str, Any], asked: dict[str, Any], machine: Machine) -> None:
    """As of FastTD3, with the published batch on CUDA."""
    fast_td3.resolved_with(CUDA_BATCH, plain, asked, machine)
