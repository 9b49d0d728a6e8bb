"""argv -> Experiment: preflight, Hydra, checks, freeze."""

from __future__ import annotations

import re
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import (
    TYPE_CHECKING,
    Any,
    Dict,
    FrozenSet,
    Iterator,
    List,
    Mapping,
    NamedTuple,
    Optional,
    Sequence,
    Tuple,
    cast,
)

from rlkit.config import check, environment, randomization, task_checks, types, values, yaml_text
from rlkit.config.conf import Conf, find_conf, flatten
from rlkit.config.errors import ConfigError
from rlkit.config.experiment import Experiment, freeze_experiment, thaw
from rlkit.config.imports import imports_of, trusted_imports
from rlkit.config.inherit import (
    Base,
    asked_by,
    asked_checkpoints,
    group_words,
    lay,
    read_composed,
    read_settings,
    shown_words,
)
from rlkit.config.keys import GROUPS, LEARNER_KEYS
from rlkit.config.machine import Machine
from rlkit.config.notes import notes_of
from rlkit.config.preflight import Request, read_request
from rlkit.config.resolve import resolve
from rlkit.config.schema import Schema
from rlkit.config.terms import term_names

if TYPE_CHECKING:
    from omegaconf import DictConfig


def compose(
    argv: Sequence[str],
    *,
    conf_dir: Optional[Path] = None,
    machine: Optional[Machine] = None,
    base: Optional[Base] = None,
) -> Experiment:
    """Compose one command line (without the program's name) into a checked Experiment.

    base: the run that its checkpoint is of. Nothing is written and no simulator or torch is imported. Raises
    ConfigError with all mistakes.
    """
    bases = {} if base is None else dict.fromkeys(asked_checkpoints(argv, conf_dir), base)
    return compose_request(read_request(argv, conf_dir, bases), machine)


def compose_request(request: Request, machine: Optional[Machine] = None) -> Experiment:
    """Compose a request that passed the preflight, of a sweep one job: check and freeze it."""
    whole = compose_plain(request)
    plain, base = whole.plain, whole.base
    learner = plain.get("train", {}).get("learner")
    schema = request.schema.of_learner(learner) if learner in LEARNER_KEYS else request.schema
    problems = check.check_types(plain, schema)
    if not problems:
        problems = task_checks.file(plain, whole.choices["task"])
        problems += randomization.check(plain)
        known = term_names(plain["task"]["name"])
        problems += [] if known is None else task_checks.terms(plain["task"], known)
        problems += check.one_of_each(plain, whole.overrides)
    if problems:
        raise ConfigError(problems)
    check.coerce_numbers(plain, schema)
    overrides, config_name = whole.overrides, request.config_name
    if base is not None:
        test = bool(plain["training"]["test"])
        overrides = shown_words(base, overrides, test=test)
        config_name = base.config_name if config_name == "config" and not test else config_name
    machine = machine or Machine.detect()
    experiment = _resolved(plain, machine, whole.choices, overrides, config_name, whole.written)
    notes = experiment.notes if base is None or not base.foreign else (*experiment.notes, _foreign(base))
    return replace(experiment, notes=notes, trusted=whole.trusted, folders=request.conf.folders)


class Whole(NamedTuple):
    """What a request is composed of: every setting, nothing checked yet; `trusted` as of an Experiment."""

    plain: Dict[str, Any]
    choices: Dict[str, str]
    overrides: Tuple[str, ...]
    trusted: FrozenSet[str]
    base: Optional[Base]
    written: environment.Written


def compose_plain(request: Request) -> Whole:
    """Compose the files and words of a request, on top of its run where it has one. Raises ConfigError."""
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    words, conf, root = request.overrides, request.conf, request.config_name
    asked = asked_by(words, conf, root)
    base = None if asked is None else request.bases.get(asked)
    if base is not None:
        words = (*group_words(base, words, conf), *_without_its_task(words, base))
    config, choices = _composed(request, words)
    try:
        raw = cast(Dict[str, Any], OmegaConf.to_container(config))
        typed = None if base is None else lay(raw, base, request.overrides, conf, root)
        whole = cast("DictConfig", OmegaConf.create(raw))
        plain = cast(Dict[str, Any], OmegaConf.to_container(whole, resolve=True, throw_on_missing=True))
        written = environment.from_environment(whole)
    except OmegaConfBaseException as error:
        raise ConfigError([_plain_message(error)]) from error
    trusted = imports_of(plain)
    if base is not None and typed is not None:
        choices = {**choices, **base.choices, **_typed_choices(request.overrides)}
        files = cast(Dict[str, Any], OmegaConf.to_container(config))
        trusted = trusted_imports(plain, files, typed, base, conf)
    return Whole(plain, choices, request.overrides, trusted, base, written)


def _composed(request: Request, words: Sequence[str]) -> Tuple[Any, Dict[str, str]]:
    """What Hydra makes of the files and these words, without its own section, and the choices of the groups."""
    from hydra import compose as hydra_compose
    from hydra import initialize_config_dir
    from hydra.errors import HydraException
    from omegaconf import open_dict
    from omegaconf.errors import OmegaConfBaseException

    # Hydra wants the root configuration in its main folder; the others are searched after it.
    home = request.conf.folder_of(request.config_name)
    more = [values.quote(f"file://{f}", path=False) for f in request.conf.folders if f != home]
    search = [f"hydra.searchpath=[{','.join(more)}]"] if more else []
    try:
        with _no_hydra_around(), initialize_config_dir(str(home), version_base="1.3"):
            config = hydra_compose(request.config_name, [*words, *search], return_hydra_config=True)
    except (HydraException, OmegaConfBaseException) as error:
        raise ConfigError([_plain_message(error)]) from error
    choices = {str(k): str(v) for k, v in config.hydra.runtime.choices.items() if "hydra" not in str(k)}
    with open_dict(config):
        config.pop("hydra")
    return config, choices


def _without_its_task(words: Sequence[str], base: Base) -> List[str]:
    """The words without a `task=` that names the run's own; raises ConfigError where it is another one."""
    task = base.choices["task"]
    others = [word for word in words if word.startswith("task=") and word != f"task={task}"]
    if others:
        other = types.echo(others[0][len("task=") :])
        raise ConfigError([f"{base.source} is of task {task}, not of {other}; write task={task}"])
    return [word for word in words if not word.startswith("task=")]


def _typed_choices(words: Sequence[str]) -> Dict[str, str]:
    return {key: value for key, _, value in (word.partition("=") for word in words) if key in GROUPS}


def _foreign(base: Base) -> str:
    return f"not taken from {base.source}, since there are no such settings here: {', '.join(base.foreign)}"


@contextmanager
def _no_hydra_around() -> Iterator[None]:
    """Put aside the Hydra that runs a sweep's job: a second one cannot be started beside it."""
    from hydra.core.global_hydra import GlobalHydra

    outer = GlobalHydra.instance().hydra
    GlobalHydra.instance().hydra = None
    try:
        yield
    finally:
        GlobalHydra.instance().hydra = outer


def from_yaml(text: str) -> Experiment:
    """Read back what `Experiment.to_yaml` wrote; settings that have come since are as conf/ has them.

    The device is not checked again: a run may be looked at where it could not be trained.
    Raises ConfigError where a setting is unknown, missing or of the wrong type.
    """
    try:
        return _read_back(yaml_text.load(text))
    except yaml_text.YamlError as error:
        raise ConfigError(
            [f"this is not a config.yaml that rlkit wrote: line {error.line}: {error}"]
        ) from error


def from_file(config_yaml: Path) -> Experiment:
    """The same of a run's config.yaml, which may be anybody's; ConfigError names it."""
    content = read_settings(config_yaml)
    try:
        return _read_back(content)
    except ConfigError as error:
        start = f"{config_yaml}, the settings of the run, cannot be read: "
        raise ConfigError([start + message for message in error.messages]) from error


def _read_back(content: Any) -> Experiment:
    composed = read_composed("this", content)
    learner = content["train"]["learner"]
    plain = {name: section for name, section in content.items() if name != "composed"}
    plain, written = environment.read_back(plain, composed.environment)
    schema = check.schema_of_run(plain, learner)
    _add_what_came_since(plain, composed.choices, schema)
    problems = check.check_types(plain, schema)
    if problems:
        raise ConfigError(problems)
    return freeze_experiment(
        plain,
        composed.choices,
        composed.overrides,
        composed.config,
        composed.asked,
        tuple(notes_of(plain, composed.asked)),
        written,
    )


def _add_what_came_since(plain: Dict[str, Any], choices: Mapping[str, str], schema: Schema) -> None:
    """Give a run from before a setting existed the value of today's files."""
    if isinstance(plain.get("env"), dict):
        plain["env"].setdefault("kwargs", {})  # has no value of its own in any file
    flat = flatten(plain)
    missing = {n for n in schema.names if not n.startswith("task.") and n not in flat}
    files = [f"{group}/{choices[group]}" for group in ("sim", "physics", "env", "train") if group in choices]
    if not any(not name.endswith(".*") for name in missing):
        return
    conf = Conf(find_conf())
    for file in ("config", *files):
        for name, value in conf.sets(file).items():
            section, _, key = name.partition(".")
            if name in missing and isinstance(plain.get(section), dict):
                plain[section][key] = value


def changed(
    experiment: Experiment, changes: Mapping[str, Any], machine: Optional[Machine] = None
) -> Experiment:
    """The same request with other values by full name, as {"sim.name": "mjx"}; `auto` is resolved anew.

    Raises ConfigError where this machine cannot run it.
    """
    plain = experiment.sections()
    for name, value in changes.items():
        section, _, key = name.partition(".")
        plain[section][key] = value
    machine = machine or Machine.detect()
    request = (experiment.choices, experiment.overrides, experiment.config_name)
    written = {
        place: text
        for place, text in experiment.written.items()
        if ".".join(map(str, place[:2])) not in changes
    }
    return _resolved(plain, machine, *request, written)


def _resolved(
    plain: Dict[str, Any],
    machine: Machine,
    choices: Mapping[str, str],
    overrides: Tuple[str, ...],
    config_name: str,
    written: environment.Written,
) -> Experiment:
    before = thaw(plain)
    asked = resolve(plain, machine)
    problems = check.check_machine(plain, machine) + check.check_combinations(plain, machine)
    if problems:
        raise ConfigError(problems)
    notes = tuple(notes_of(plain, asked, machine))
    written = environment.still_from_environment(plain, before, written)
    return freeze_experiment(plain, choices, overrides, config_name, asked, notes, written)


def _plain_message(error: Exception) -> str:
    """Hydra's own message, without its search path and its advice to append unknown keys with `+`."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    kept = [line for line in lines if not line.startswith(("Config search path", "provider=", "To append"))]
    unknown = re.match(r"Could not override '(.+)'", lines[0]) if lines else None
    if unknown:  # of a setting that another job of a sweep has
        return f"{unknown.group(1)}: the files chosen here have no such setting"
    where = getattr(error, "full_key", None)
    return (f"{where}: " if where else "") + (environment.unset(error) or "; ".join(kept))
