"""The frozen request that everything after the configuration works from."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from pathlib import Path
from types import MappingProxyType
from typing import Any, Dict, FrozenSet, List, Mapping, Optional, Tuple, Type, TypeVar, Union, cast

from rlkit.config import environment, yaml_text
from rlkit.config.command_line import camel
from rlkit.masking import masked_settings

T = TypeVar("T")


@dataclass(frozen=True)
class SimSettings:
    """How physics steps: `dt` [s] is one simulator step, cut into `substeps` integrator steps."""

    name: str
    num_threads: int
    dt: float
    substeps: int
    iterations: int
    ls_iterations: int
    solver: str
    cone: str
    impratio: float
    integrator: str
    max_contacts: int = 0  # 0: as the scene needs; of engines with fixed buffers


@dataclass(frozen=True)
class EnvSettings:
    """How many environments, and on which torch device they give their tensors.

    id, ids, kwargs, vectorization: of a task whose engine is Gymnasium; `kwargs` goes to gymnasium.make.
    video_width, video_height [pixels]; viewer: auto, native or web, shown where `render` says so.
    """

    num_envs: int
    device: str
    render: bool
    viewer: str
    viewer_host: str
    viewer_port: int
    record_video: bool
    video_width: int
    video_height: int
    camera: Optional[str]
    graphics_device_id: int
    id: Optional[str]
    ids: Tuple[str, ...]
    kwargs: Mapping[str, Any]
    vectorization: str


@dataclass(frozen=True)
class TrainingSettings:
    """What the run is to do, whatever the learner; `seed` is the drawn one where -1 was asked.

    max_steps, checkpoint_steps, eval_steps [env-steps of all environments and ranks]: what holds where it is not None;
    the siblings in iterations then say what it comes to.
    """

    seed: int
    max_iterations: int
    max_steps: Optional[int]
    test: bool
    checkpoint: Optional[str]
    resume: Optional[str]
    torch_deterministic: bool
    checkpoint_interval: int
    checkpoint_steps: Optional[int]
    eval_interval: int
    eval_steps: Optional[int]
    eval_envs: int
    init_from: Optional[str]
    video_interval: int
    threads: Union[int, str]  # `auto` until the learner's update was timed on this machine


@dataclass(frozen=True)
class TestingSettings:
    """How a policy is tested and what is recorded of it; `reload_interval` [s] of 0 never looks for a newer one."""

    __test__ = False  # not a test case, whatever pytest makes of the name
    reload_interval: float
    games_num: Optional[int]
    episodes_per_env: int
    stochastic: bool
    record_envs: int
    record_episodes: Optional[int]
    save_trajectories: bool
    trajectory_stride: int
    trajectory_content: str
    video: str


@dataclass(frozen=True)
class LoggingSettings:
    """What is told while a run goes on."""

    log_level: str
    log_interval: int
    experiment_name: Optional[str]


@dataclass(frozen=True)
class WorkspaceSettings:
    """How many runs the window runs/ shows."""

    max_recent_runs: Optional[int]
    max_train_runs: int
    max_test_runs: int
    use_clean_workspace: bool
    save_git_diff: bool


@dataclass(frozen=True)
class Experiment:
    """One checked request. `task` and `train` are read-only mappings with the keys of their YAML.

    `asked` maps the full names of settings that were resolved (auto values, a drawn seed) to what was
    asked; `notes` are things the user should be told at the start. `written` are the interpolations of settings
    that came from environment variables, by place. `trusted` are the values that name code to import
    (rlkit.config.imports) and were typed or stand in the project's files: others must be installed. `folders` are
    those that its files were looked for in, the project's conf/ last; empty where it was read back.
    """

    sim: SimSettings
    env: EnvSettings
    task: Mapping[str, Any]
    train: Mapping[str, Any]
    training: TrainingSettings
    testing: TestingSettings
    logging: LoggingSettings
    experiment: WorkspaceSettings
    choices: Mapping[str, str]
    overrides: Tuple[str, ...]
    config_name: str
    asked: Mapping[str, Any]
    notes: Tuple[str, ...] = field(compare=False)  # they depend on the machine too
    written: environment.Written = field(default_factory=dict)
    trusted: FrozenSet[str] = field(default=frozenset(), compare=False)
    folders: Tuple[Path, ...] = field(default=(), compare=False)

    @property
    def kind(self) -> str:
        """`train` or `test`."""
        return "test" if self.training.test else "train"

    @property
    def task_name(self) -> str:
        """The task's name, as in task=<name>."""
        return str(self.task["name"])

    @property
    def engine(self) -> str:
        """What steps the task: `simulator` or `gymnasium`."""
        return str(self.task.get("engine", "simulator"))

    @property
    def decimation(self) -> int:
        """Simulator steps between two actions, of a task on a simulator."""
        return round(float(self.task["controlPeriod"]) / self.sim.dt)

    def sections(self) -> Dict[str, Any]:
        """The resolved settings as plain dicts, with the names of the YAML."""
        plain: Dict[str, Any] = {"task": thaw(self.task), "train": thaw(self.train)}
        for name in _SECTIONS:
            section = getattr(self, name)
            plain[name] = {camel(f.name): thaw(getattr(section, f.name)) for f in fields(section)}
        return {name: plain[name] for name in ("sim", "env", "task", "train", *list(_SECTIONS)[2:])}

    def stored(self) -> Dict[str, Any]:
        """The sections as files may hold them: interpolations of environment variables, and secrets masked."""
        return masked_settings(environment.put_back(self.sections(), self.written))

    def to_yaml(self) -> str:
        """The complete resolved configuration, but for what `stored` leaves out; `from_yaml` reads it back."""
        composed = {
            "config": self.config_name,
            "choices": dict(self.choices),
            "overrides": list(self.overrides),
            "asked": thaw(self.asked),
            **environment.named(self.written),
        }
        return yaml_text.dump({**self.stored(), "composed": masked_settings(composed)})


_SECTIONS: Dict[str, Type[Any]] = {
    "sim": SimSettings,
    "env": EnvSettings,
    "training": TrainingSettings,
    "testing": TestingSettings,
    "logging": LoggingSettings,
    "experiment": WorkspaceSettings,
}


def freeze_experiment(
    plain: Mapping[str, Any],
    choices: Mapping[str, str],
    overrides: Tuple[str, ...],
    config_name: str,
    asked: Mapping[str, Any],
    notes: Tuple[str, ...],
    written: environment.Written,
) -> Experiment:
    """Build an Experiment from checked, resolved sections."""
    sections = {name: _settings(kind, plain[name]) for name, kind in _SECTIONS.items()}
    return Experiment(
        **sections,
        task=freeze(plain["task"]),
        train=freeze(plain["train"]),
        choices=freeze(dict(choices)),
        overrides=overrides,
        config_name=config_name,
        asked=freeze(dict(asked)),
        notes=notes,
        written=dict(written),
    )


def _settings(kind: Type[T], values: Mapping[str, Any]) -> T:
    return kind(**{f.name: freeze(values[camel(f.name)]) for f in fields(cast(Any, kind))})


def freeze(value: Any) -> Any:
    """A read-only copy: mappings become MappingProxyType, lists become tuples."""
    if isinstance(value, Mapping):
        return MappingProxyType({key: freeze(item) for key, item in value.items()})
    return tuple(freeze(item) for item in value) if isinstance(value, (list, tuple)) else value


def thaw(value: Any) -> Any:
    """The plain dicts and lists behind a frozen value."""
    if isinstance(value, Mapping):
        return {key: thaw(item) for key, item in value.items()}
    items: List[Any] = [thaw(item) for item in value] if isinstance(value, (list, tuple)) else []
    return items if isinstance(value, (list, tuple)) else value
