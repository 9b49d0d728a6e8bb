"""JAX as rlkit wants it: memory shared with torch, programs kept between runs, versions that fit together.

Import `jax` and `mjx` from here: what must be set before JAX is imported is set here.
"""

# pyright: reportMissingImports=false

from __future__ import annotations

import importlib.metadata
import os
import re
from pathlib import Path
from typing import Any

import torch

from rlkit.packages import how_to_install
from rlkit.sims.api import SimulatorError
from rlkit.sims.mjmodel.scene import installed_version

INSTALL = how_to_install("mjx")
_CACHE_FROM = 0.5  # s: programs that compile faster than this are not kept


def check_versions(engine: str, mjx: str) -> None:
    """Raise SimulatorError unless this MJX reads the models of this MuJoCo engine.

    MJX 3.17 is the last one: its fields are those of MuJoCo 3.17, and of 4.0.1 and later, where 25 steps of two robots
    came out within 2e-7 of the engine. Older pairs must have the same major and minor version.
    """
    ours, theirs = _major_minor(mjx), _major_minor(engine)
    if ours == theirs or (ours >= (3, 17) and theirs >= (4, 0)):
        return
    raise SimulatorError(
        f"sim=mjx: mujoco-mjx {mjx} does not fit mujoco {engine}; they must have the same version, or 3.17 and 4.0.1"
        f" or newer: {INSTALL}"
    )


def _major_minor(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version)[:2])


def _installed_mjx() -> str:
    try:
        return importlib.metadata.version("mujoco-mjx")
    except importlib.metadata.PackageNotFoundError as error:
        raise SimulatorError(f"sim=mjx needs the package mujoco-mjx: {INSTALL}") from error


check_versions(installed_version(), _installed_mjx())
# otherwise JAX takes 75 % of the device's memory, and torch finds none
os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")

import jax  # noqa: E402  (what is above must come first)
from mujoco import mjx  # noqa: E402

__all__ = ["cache_hits", "check_versions", "compiler_options", "jax", "jax_device", "mjx"]


def cache_folder() -> Path:
    """Where compiled programs are kept: $RLKIT_CACHE/jax, else ~/.cache/rlkit/jax."""
    root = os.environ.get("RLKIT_CACHE")
    return (Path(root) if root else Path.home() / ".cache" / "rlkit") / "jax"


def _keep_programs() -> None:
    """Turn on JAX's cache on disk; a folder and a limit that the user gave to JAX stay."""
    if not jax.config.values["jax_compilation_cache_dir"]:
        jax.config.update("jax_compilation_cache_dir", str(cache_folder()))
    if "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS" not in os.environ:
        jax.config.update("jax_persistent_cache_min_compile_time_secs", _CACHE_FROM)


_hits = 0


def _count_hits(event: str, **_: object) -> None:
    global _hits
    _hits += event == "/jax/compilation_cache/cache_hits"


_keep_programs()
jax.monitoring.register_event_listener(_count_hits)


def cache_hits() -> int:
    """How many programs this process has read from the cache on disk."""
    return _hits


def jax_device(device: torch.device) -> Any:
    """JAX's name of a torch device; raises SimulatorError for a device that JAX does not have."""
    if device.type not in ("cpu", "cuda"):
        raise SimulatorError(f"sim=mjx runs on cpu and cuda, not on {device}: use env.device=cpu")
    try:
        devices = jax.devices(device.type)
    except RuntimeError as error:
        raise SimulatorError(
            f'sim=mjx on {device} needs JAX for CUDA: pip install "jax[cuda12]", or env.device=cpu ({error})'
        ) from error
    index = device.index if device.index is not None else 0
    if device.type == "cuda" and device.index is None:
        index = torch.cuda.current_device()
    if index >= len(devices):
        have = ", ".join(f"{device.type}:{k}" for k in range(len(devices)))
        raise SimulatorError(f"sim=mjx: JAX has no device {device}; it has {have}")
    return devices[index]


def compiler_options(device: Any) -> dict[str, str | bool]:
    """What XLA is told. On the CPU its fusion computes a chain of bodies anew for every body: exponential time."""
    return {"xla_cpu_use_fusion_emitters": False} if device.platform == "cpu" else {}
