"""What this machine can run, found out without importing torch or a simulator."""

from __future__ import annotations

import importlib.util
import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable, FrozenSet, Iterable, Optional

# simulator -> the Python modules that it needs; `auto` takes the first that is here and can run the task
SIMULATORS = {
    "mujoco": ("mujoco.batch",),  # which older versions lack; only Isaac Gym is content with those
    "warp": ("mujoco.batch", "mujoco_warp", "warp"),
    "mjx": ("mujoco.batch", "mujoco.mjx", "jax"),
    "isaacgym": ("isaacgym", "mujoco"),
    "genesis": ("genesis", "mujoco.batch"),
    "gymnasium": ("gymnasium",),
}
# simulators that have a name here and cannot be used, with the reason
UNAVAILABLE = {
    "isaaclab": "Isaac Lab runs on Isaac Sim, whose packages on PyPI are stubs that fetch the wheels from NVIDIA's own "
    "index (pypi.nvidia.com), so no adapter of it could be tested; docs/simulators.md tells what was looked at"
}
CPU_ONLY = frozenset({"mujoco", "gymnasium"})  # simulators whose tensors live on the CPU
FIRST_GPU_ALONE = frozenset(
    {"genesis"}
)  # simulators that run on no other device of CUDA than the first visible
NO_IMPLICIT = frozenset({"genesis", "mjx"})  # simulators without the integrator `implicit`
SLOW_TO_BUILD = frozenset({"genesis", "mjx"})  # simulators that compile for a while for each number of envs
ONE_AT_A_TIME = frozenset({"isaacgym"})  # room for one simulation in a process: none beside the training's


@dataclass(frozen=True)
class Machine:
    """The facts that `auto` values and checks of devices, packages and memory rest on; None where unknown.

    memory: bytes of main memory that are free. gpu_memory: the same of a CUDA device, by its index; it may take
    a while and is asked only where it matters. has_package: whether a Python module can be imported. jax_cuda: whether
    JAX has its packages for CUDA. ranks: processes that train one policy together.
    """

    cores: int = 1
    cuda_devices: int = 0
    cuda_missing: str = ""  # why there is no CUDA device
    simulators: FrozenSet[str] = field(default_factory=frozenset)
    cpu_only: FrozenSet[str] = CPU_ONLY
    cpu_bf16: bool = (
        False  # whether the processor has bf16 instructions; how quick they are, only a clock tells
    )
    memory: Optional[int] = None
    gpu_memory: Callable[[int], Optional[int]] = lambda _: None
    has_package: Callable[[str], bool] = lambda _: True
    jax_cuda: bool = True
    ranks: int = 1

    @classmethod
    def detect(cls) -> Machine:
        """Look at this machine: a few files, no heavy import."""
        found = frozenset(name for name, needs in SIMULATORS.items() if all(map(_importable, needs)))
        devices = _nvidia_devices()
        missing = "no NVIDIA device is visible"
        if devices and not _torch_has_cuda():
            devices, missing = 0, "the installed torch is built without CUDA"
        return cls(
            available_cores(),
            devices,
            "" if devices else missing,
            found,
            cpu_bf16=_cpu_bf16(_lines("/proc/cpuinfo")),
            memory=_available(_lines("/proc/meminfo")),
            gpu_memory=_gpu_available,
            has_package=_importable,
            jax_cuda=any(map(_importable, ("jax_cuda12_plugin", "jax_cuda13_plugin"))),
            ranks=int(os.environ.get("WORLD_SIZE", "1")),
        )


def available_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _importable(module: str) -> bool:
    """Whether a module can be found, without importing anything: a dotted one as a file or folder of its package."""
    package, _, inside = module.partition(".")
    spec = importlib.util.find_spec(package)
    if spec is None or not inside:
        return spec is not None
    folders = [Path(folder, *inside.split(".")) for folder in spec.submodule_search_locations or ()]
    return any(folder.is_dir() or folder.with_suffix(".py").is_file() for folder in folders)


def _lines(file: str) -> Iterable[str]:
    """The lines of a file one by one, none where there is no such file: the kernel writes them as they are read."""
    if Path(file).exists():
        with Path(file).open(encoding="utf-8") as lines:
            yield from lines


def _cpu_bf16(cpuinfo: Iterable[str]) -> bool:
    """Whether the first processor's flags name bf16 instructions."""
    flags = next((line.split() for line in cpuinfo if line.startswith("flags")), [])
    return not {"avx512_bf16", "amx_bf16"}.isdisjoint(flags)


def _available(meminfo: Iterable[str]) -> Optional[int]:
    """Bytes that can be taken without swapping."""
    line = next((line for line in meminfo if line.startswith("MemAvailable:")), None)
    return None if line is None else int(line.split()[1]) * 1024


def _gpu_available(index: int) -> Optional[int]:
    """Free bytes of the CUDA device `index` as this process counts them, None where the driver does not tell."""
    import subprocess

    visible = [word.strip() for word in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if word.strip()]
    device = visible[index] if index < len(visible) else str(index)
    query = ["nvidia-smi", "-i", device, "--query-gpu=memory.free", "--format=csv,noheader,nounits"]
    try:
        answer = subprocess.run(query, capture_output=True, text=True, timeout=2, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    mib = answer.stdout.strip()
    return int(mib) * 1024**2 if answer.returncode == 0 and mib.isdigit() else None


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
