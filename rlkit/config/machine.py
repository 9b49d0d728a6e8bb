"""What this machine can run, found out without importing torch or a simulator."""

from __future__ import annotations

import importlib.util
import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import FrozenSet

SIMULATORS = {"mujoco": "mujoco"}  # simulator -> the Python package that it needs; the best one first
CPU_ONLY = frozenset({"mujoco"})  # simulators whose tensors live on the CPU


@dataclass(frozen=True)
class Machine:
    """The facts that `auto` values and device checks rest on."""

    cores: int = 1
    cuda_devices: int = 0
    cuda_missing: str = ""  # why there is no CUDA device
    simulators: FrozenSet[str] = field(default_factory=frozenset)
    cpu_only: FrozenSet[str] = CPU_ONLY

    @classmethod
    def detect(cls) -> Machine:
        """Look at this machine: a few files, no heavy import."""
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        found = frozenset(name for name, package in SIMULATORS.items() if importlib.util.find_spec(package))
        devices = _nvidia_devices()
        missing = "no NVIDIA device is visible"
        if devices and not _torch_has_cuda():
            devices, missing = 0, "the installed torch is built without CUDA"
        return cls(cores, devices, "" if devices else missing, found)


def _nvidia_devices() -> int:
    """Count the CUDA devices that this process may use."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        chosen = [word for word in visible.split(",") if word.strip() not in ("", "-1")]
        return len(chosen) if _driver() else 0
    return len([path for path in Path("/dev").glob("nvidia*") if re.match(r"nvidia\d+$", path.name)])


def _driver() -> bool:
    return Path("/proc/driver/nvidia/version").exists() or Path("/dev/dxg").exists()


def _torch_has_cuda() -> bool:
    """Read torch's own build record instead of importing it."""
    spec = importlib.util.find_spec("torch")
    if spec is None or spec.origin is None:
        return False
    record = Path(spec.origin).with_name("version.py")
    match = re.search(r"^cuda\b[^=]*=\s*(.+)$", record.read_text(encoding="utf-8"), re.MULTILINE)
    return match is not None and match.group(1).strip() != "None"
