"""What `rlkit doctor` looks at; without torch, so that it speaks where torch is broken too."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Callable, Iterator, NamedTuple, Sequence

from rlkit.config.facts.machine import Machine
from rlkit.errors import RlkitError
from rlkit.media.gl import choose_gl, last_line, require_encoder
from rlkit.media.viewers import choose_viewer
from rlkit.packages import python
from rlkit.sims.facts import SIMULATORS, USABLE

_IMPORT_SECONDS = 120.0


class Finding(NamedTuple):
    """state: ok, missing, broken or none; text: what there is, or why it is not and the command that mends it."""

    what: str
    state: str
    text: str


def examine(root: Path) -> Iterator[Finding]:
    """Look at one thing after the other; imports each simulator, in a process of its own, which takes seconds."""
    machine = Machine.detect()
    yield Finding("Python", "ok", f"{platform.python_version()}, {sys.executable}")
    yield _torch(machine)
    yield from _gpus(machine)
    for name in SIMULATORS:
        yield _simulator(name, machine)
    yield _tried("OpenGL", lambda: f"{choose_gl()} draws without a window")
    yield _tried("video encoder", require_encoder)
    yield _tried("window", lambda: f"viewer={choose_viewer('native')} opens one")
    yield _tried("web viewer", lambda: f"viewer={choose_viewer('web')} serves a page")
    yield _workspace(root)


def fit(findings: Sequence[Finding]) -> bool:
    """Whether something can be trained here: torch, a place for runs, and what steps a task."""
    good = {finding.what for finding in findings if finding.state == "ok"}
    return {"torch", "workspace"} <= good and any(f"sim={name}" in good for name in USABLE)


def versions(packages: Sequence[str]) -> str:
    """Packages, by their names on PyPI, with the versions that are installed here."""
    return ", ".join(f"{package} {_version(package)}" for package in packages)


def _torch(machine: Machine) -> Finding:
    found = _package("torch", ("torch",), ("torch",), "pip install torch", machine)
    if found.state != "ok":
        return found
    cuda = "with CUDA" if machine.cuda_devices else f"no CUDA: {machine.cuda_missing}"
    return found._replace(text=f"{found.text}, {cuda}, {machine.cores} cores")


def _simulator(name: str, machine: Machine) -> Finding:
    row = SIMULATORS[name]
    if row.unavailable:
        return Finding(f"sim={name}", "none", row.unavailable)
    backend = [row.backend.rpartition(".")[0]] if row.backend else []
    found = _package(f"sim={name}", (*row.modules, *backend), row.packages, row.install, machine)
    if found.state != "ok":
        return found
    on_gpu = not row.cpu_only and machine.cuda_devices > 0
    if row.jax and on_gpu and not machine.jax_cuda:
        where = "on the CPU: jax has no CUDA: pip install 'jax[cuda12]'"
    else:
        where = f"on {'a GPU' if on_gpu else 'the CPU'}"
    return found._replace(text=", ".join(filter(None, (found.text, where))))


def _package(
    what: str, modules: Sequence[str], packages: Sequence[str], install: str, machine: Machine
) -> Finding:
    """Versions of packages whose modules can be imported."""
    if not all(map(machine.has_package, modules)):
        return Finding(what, "missing", machine.not_installed(modules, install))
    code = "; ".join(f"import {module}" for module in modules)
    try:
        done = subprocess.run(
            python(code),
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_IMPORT_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Finding(what, "broken", f"importing it takes longer than {_IMPORT_SECONDS:g} s")
    if done.returncode:
        return Finding(what, "broken", last_line(done.stderr) or f"importing it ends with {done.returncode}")
    return Finding(what, "ok", versions(packages))


def _version(package: str) -> str:
    import importlib.metadata

    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "of an unknown version"


def _gpus(machine: Machine) -> list[Finding]:
    """A finding a GPU that the driver tells of."""
    query = ["nvidia-smi", "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader"]
    try:
        answer = subprocess.run(query, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return [Finding("GPU", "none", machine.cuda_missing or "nvidia-smi does not answer")]
    lines = [line.strip() for line in answer.stdout.splitlines() if line.strip() and not answer.returncode]
    return [Finding(f"GPU {index}", "ok", f"{line} (driver)") for index, line in enumerate(lines)] or [
        Finding("GPU", "none", machine.cuda_missing or last_line(answer.stderr))
    ]


def _tried(what: str, attempt: Callable[[], str]) -> Finding:
    """What an attempt returns, or the reason and the remedy that it raises."""
    try:
        return Finding(what, "ok", attempt())
    except RlkitError as error:
        return Finding(what, "none", str(error))


def _workspace(root: Path) -> Finding:
    """Whether runs can be written below `root`."""
    folder = root / "runs_all"
    folder = folder if folder.is_dir() else root
    try:
        with tempfile.TemporaryFile(dir=str(folder)):
            pass
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        return Finding("workspace", "missing", f"{folder.resolve()} cannot be written to: {reason}")
    free = shutil.disk_usage(str(folder)).free / 1e9
    return Finding("workspace", "ok", f"{folder.resolve()}, {free:.0f} GB free")
