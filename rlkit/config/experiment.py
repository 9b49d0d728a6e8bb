"""The frozen request that everything after the configuration works from."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from pathlib import Path
from types import MappingProxyType
from typing import Any, Mapping, TypeVar, cast

from rlkit import yaml_text
from rlkit.config.files import environment
from rlkit.config.schema.sections import (
    SECTION_CLASSES,
    EnvSettings,
    LoggingSettings,
    PolicyTestSettings,
    SimSettings,
    TrainingSettings,
    WorkspaceSettings,
)
from rlkit.config.schema.spelling import camel
from rlkit.masking import masked_settings

T = TypeVar("T")


@dataclass(frozen=True)
class Experiment:
    """One checked request. `task` and `train` are read-only mappings with the keys of their YAML.

    `asked` maps the full names of settings that were resolved (auto values, a drawn seed) to what was
    asked; `notes` are things the user should be told at the start. `written` are the interpolations of settings
    that came from environment variables, by place. `trusted` are the values that name code to import
    (rlkit.config.words.imports) and were typed or stand in the project's files: others must be installed. `folders` are
    those that its files were looked for in, the project's conf/ last; empty where it was read back. `kept_in` is the
    folder of the run that these settings are of, which may keep a copy of what they name.
    """

    sim: SimSettings
    env: EnvSettings
    task: Mapping[str, Any]
    train: Mapping[str, Any]
    training: TrainingSettings
    testing: PolicyTestSettings
    logging: LoggingSettings
    experiment: WorkspaceSettings
    choices: Mapping[str, str]
    overrides: tuple[str, ...]
    config_name: str
    asked: Mapping[str, Any]
    notes: tuple[str, ...] = field(compare=False)  # they depend on the machine too
    written: environment.Written = field(default_factory=dict)
    trusted: frozenset[str] = field(default=frozenset(), compare=False)
    folders: tuple[Path, ...] = field(default=(), compare=False)
    kept_in: Path | None = field(default=None, compare=False)

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

    def sections(self) -> dict[str, Any]:
        """The resolved settings as plain dicts, with the names of the YAML."""
        plain: dict[str, Any] = {"task": thaw(self.task), "train": thaw(self.train)}
        for name in SECTION_CLASSES:
            section = getattr(self, name)
            plain[name] = {camel(f.name): thaw(getattr(section, f.name)) for f in fields(section)}
        return {name: plain[name] for name in ("sim", "env", "task", "train", *list(SECTION_CLASSES)[2:])}

    def stored(self) -> dict[str, Any]:
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


def freeze_experiment(
    plain: Mapping[str, Any],
    choices: Mapping[str, str],
    overrides: tuple[str, ...],
    config_name: str,
    asked: Mapping[str, Any],
    notes: tuple[str, ...],
    written: environment.Written,
) -> Experiment:
    """Build an Experiment from checked, resolved sections."""
    sections = {name: _settings(kind, plain[name]) for name, kind in SECTION_CLASSES.items()}
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


def _settings(kind: type[T], values: Mapping[str, Any]) -> T:
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
    items: list[Any] = [thaw(item) for item in value] if isinstance(value, (list, tuple)) else []
    return items if isinstance(value, (list, tuple)) else value
