"""What `hydra.launcher` may say of a job for SLURM; conf/hydra/launcher/ has the presets."""

from __future__ import annotations

from dataclasses import MISSING, dataclass, fields
from typing import Any, Iterable, Mapping

from rlkit.config.schema import types
from rlkit.errors import ConfigError
from rlkit.nearest import did_you_mean
from rlkit.settings import setting

SCHEDULER = "slurm"
"""What `hydra.launcher.scheduler` says in the presets: how rlkit knows its own."""


@dataclass(frozen=True)
class SlurmSettings:
    """One job, or each job of an array. The names are sbatch's; null leaves a thing to the cluster."""

    partition: str | None = setting("text or null", "", "which nodes")
    account: str | None = setting("text or null", "", "who pays")
    qos: str | None = setting("text or null", "", "quality of service")
    constraint: str | None = setting("text or null", "", "features that a node must have, as a100|h100")
    time: int | str | None = setting("int >= 1 or text or null", "min", "time limit, also as 4:00:00 or 2-0")
    nodes: int = setting("int >= 1", "", "nodes of a job")
    gpus_per_node: int | str = setting("int >= 0 or text", "", "GPUs of each node, also as a100:4")
    ntasks_per_node: int | None = setting(
        "int >= 1 or null", "", "ranks on each node; null: one for each GPU of it, without GPUs one"
    )
    cpus_per_task: int | None = setting("int >= 1 or null", "", "cores of each rank")
    mem: int | str | None = setting("int >= 0 or text or null", "MB", "memory of each node, also as 64G")
    array_parallelism: int | None = setting("int >= 1 or null", "", "jobs of an array that run at a time")
    signal_delay: int = setting(
        "int in [10, 65535]", "s", "how long before its time limit a training is told, saves and is requeued"
    )
    sbatch: tuple[str, ...] = setting("[] or list of text", "", "further options of sbatch, as --exclude=n7")
    setup: tuple[str, ...] = setting("[] or list of text", "", "commands before it, as module load cuda")
    python: str | None = setting(
        "text or null", "", "what starts Python, as apptainer exec --nv my.sif python; null: this very one"
    )
    wait: bool = setting("bool", "", "wait for the end of all jobs, and exit with the worst status")

    @property
    def gpus(self) -> int:
        """GPUs of each node."""
        number = str(self.gpus_per_node).rpartition(":")[2]
        return int(number) if number.isdigit() else 1

    @property
    def tasks(self) -> int:
        """Ranks on each node."""
        return self.ntasks_per_node or max(1, self.gpus)

    @property
    def ranks(self) -> int:
        """Processes that train one policy."""
        return self.nodes * self.tasks


def read_settings(launcher: Mapping[str, Any]) -> SlurmSettings:
    """The settings that a composed `hydra.launcher` holds; raises ConfigError with everything that is wrong."""
    known = {field.name: field for field in fields(SlurmSettings)}
    given = {name: value for name, value in launcher.items() if name not in ("scheduler", "_target_")}
    problems = [_unknown(name) for name in given if name not in known]
    for name, field in known.items():
        if name not in given and field.default is MISSING:
            problems.append(f"hydra.launcher.{name}: is missing; build on conf/hydra/launcher/slurm.yaml")
            continue
        value = given.get(name)
        problem = types.problem(field.metadata["type"], value)
        lines = value if isinstance(value, list) else [value]
        problem = problem or ("must be one line" if any("\n" in str(line) for line in lines) else None)
        problems += [] if problem is None else [f"hydra.launcher.{name}: {problem}"]
    if problems:
        raise ConfigError(problems)
    values: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in given.items()
    }
    return SlurmSettings(**values)


def require_settings(words: Iterable[str]) -> None:
    """Raise ConfigError for words of `hydra.launcher` that name no setting: Hydra would know no better one."""
    names = [word.partition("=")[0].rpartition(".")[2] for word in words]
    known = [field.name for field in fields(SlurmSettings)]
    problems = [_unknown(name) for name in names if name not in known]
    if problems:
        raise ConfigError(problems)


def _unknown(name: str) -> str:
    known = [field.name for field in fields(SlurmSettings)]
    return f"hydra.launcher.{name}: there is no such setting{did_you_mean(name, known)}; there are {', '.join(known)}"
