"""What this machine can run, found out without importing torch or a simulator."""

from __future__ import annotations

import importlib.util
import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable, Iterable, Sequence

from rlkit.sims.facts import SIMULATORS, USABLE, steps_on_cpu

CORES_VARIABLE = "RLKIT_CORES"
"""The environment variable that says how many cores are meant for this process."""


@dataclass(frozen=True)
class Machine:
    """The facts that `auto` values and checks of devices, packages and memory rest on; None where unknown.

    memory: bytes of main memory that are free. gpu_memory: the same of a CUDA device, by its index; it may take
    a while and is asked only where it matters. has_package: whether a Python module can be imported. jax_cuda: whether
    JAX has its packages for CUDA. ranks: processes that train one policy together; ranks_here: those on this machine.
    """

    cores: int = 1
    cuda_devices: int = 0
    cuda_missing: str = ""  # why there is no CUDA device
    simulators: frozenset[str] = field(default_factory=frozenset)
    cpu_only: frozenset[str] = frozenset(name for name, row in SIMULATORS.items() if row.cpu_only)
    cpu_bf16: bool = (
        False  # whether the processor has bf16 instructions; how quick they are, only a clock tells
    )
    memory: int | None = None
    gpu_memory: Callable[[int], int | None] = lambda _: None
    has_package: Callable[[str], bool] = lambda _: True
    jax_cuda: bool = True
    ranks: int = 1
    ranks_here: int = 1

    @classmethod
    def detect(cls) -> Machine:
        """Look at this machine: a few files, no heavy import."""
        found = frozenset(name for name in USABLE if all(map(_importable, SIMULATORS[name].modules)))
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
            ranks_here=int(os.environ.get("LOCAL_WORLD_SIZE", "1")),
        )

    def steps_on_cpu(self, simulator: str) -> bool:
        """Whether a simulator's tensors live on the CPU here."""
        return simulator in self.cpu_only or (simulator not in SIMULATORS and steps_on_cpu(simulator))

    def not_installed(self, modules: Sequence[str], install: str) -> str:
        """Which of these modules are not on this machine, and the command that installs them."""
        lacks = [module for module in modules if not self.has_package(module)]
        what = f" (there is no {', '.join(lacks)})" if lacks else ""
        return f"not installed here{what}; install it with: {install}"


def available_cores() -> int:
    """Cores that this process may use; of several jobs of a sweep at a time, those that are its share."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    share = os.environ.get(CORES_VARIABLE, "")
    return min(cores, max(1, int(share))) if share.isascii() and share.isdigit() else cores


def divided(cores: int, ranks_here: int) -> int:
    """Cores for each of the ranks on one machine: one at least."""
    return max(1, cores // ranks_here)


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


def _available(meminfo: Iterable[str]) -> int | None:
    """Bytes that can be taken without swapping."""
    line = next((line for line in meminfo if line.startswith("MemAvailable:")), None)
    return None if line is None else int(line.split()[1]) * 1024


def _gpu_available(index: int) -> int | None:
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
        driver = Path("/proc/driver/nvidia/version").exists() or Path("/dev/dxg").exists()
        return len(chosen) if driver else 0
    return len([path for path in Path("/dev").glob("nvidia*") if re.match(r"nvidia\d+$", path.name)])


def _torch_has_cuda() -> bool:
    """Read torch's own build record instead of importing it."""
    spec = importlib.util.find_spec("torch")
    if spec is None or spec.origin is None:
        return False
    record = Path(spec.origin).with_name("version.py")
    match = re.search(r"^cuda\b[^=]*=\s*(.+)$", record.read_text(encoding="utf-8"), re.MULTILINE)
    return match is not None and match.group(1).strip() != "None"
