"""argv -> Experiment: preflight, Hydra, checks, freeze."""

from __future__ import annotations

import re
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Dict, Iterator, Mapping, NamedTuple, Sequence, cast

from rlkit import yaml_text
from rlkit.config.checks import check
from rlkit.config.checks import machine as machine_checks
from rlkit.config.checks import tasks as task_checks
from rlkit.config.experiment import Experiment, freeze_experiment, thaw
from rlkit.config.facts.machine import Machine
from rlkit.config.files import environment, task_source
from rlkit.config.files.conf import Conf, conf_folders
from rlkit.config.files.terms import term_names, unaliased
from rlkit.config.notes import notes_of
from rlkit.config.resolve import resolve
from rlkit.config.schema import randomization, types
from rlkit.config.schema.keys import GROUPS
from rlkit.config.schema.learner_keys import is_learner
from rlkit.config.schema.schema import Schema
from rlkit.config.schema.tree import flatten
from rlkit.config.words import inherit
from rlkit.config.words.command_line import conf_of, parse
from rlkit.config.words.imports import imports_of, trusted_here, trusted_imports
from rlkit.config.words.inherit import Base
from rlkit.config.words.preflight import CheckedWords, check_words
from rlkit.errors import ConfigError, raise_for
from rlkit.plugins.modules import project, project_with


def compose(
    argv: Sequence[str],
    *,
    conf_dir: Path | None = None,
    machine: Machine | None = None,
    base: Base | None = None,
) -> Experiment:
    """Compose one command line (without the program's name) into a checked Experiment.

    base: the run that its checkpoint is of. Nothing is written and no simulator or torch is imported. Raises
    ConfigError with all mistakes.
    """
    line = parse(argv)
    conf = conf_of(line, conf_dir)
    bases = {} if base is None else dict.fromkeys(inherit.asked_checkpoints(line, conf), base)
    return compose_words(check_words(line, conf, bases), machine)


def compose_words(request: CheckedWords, machine: Machine | None = None) -> Experiment:
    """Compose a request that passed the preflight, of a sweep one job: check and freeze it."""
    whole = compose_plain(request)
    plain, base = whole.plain, whole.base
    learner = plain.get("train", {}).get("learner")
    schema = (
        request.schema.of_learner(learner)
        if isinstance(learner, str) and is_learner(learner)
        else request.schema
    )
    problems = check.check_types(plain, schema)
    if not problems:
        plain["task"] = unaliased(plain["task"])
        problems = task_checks.file(plain, whole.choices["task"])
        problems += randomization.check(plain)
        known = term_names(task_source.named(plain["task"]))
        problems += [] if known is None else task_checks.terms(plain["task"], known)
        problems += check.one_of_each(plain, whole.overrides)
    raise_for(problems)
    check.coerce_numbers(plain, schema)
    overrides, config_name = whole.overrides, request.config_name
    if base is not None:
        test = bool(plain["training"]["test"])
        overrides = inherit.shown_words(base, overrides, test=test)
        config_name = base.config_name if config_name == "config" and not test else config_name
    machine = machine or Machine.detect()
    experiment = _resolved(plain, machine, whole.choices, overrides, config_name, whole.written)
    notes = (*experiment.notes, *_project_above(request.conf))
    if base is not None and base.foreign:
        names = ", ".join(base.foreign)
        notes = (*notes, f"not taken from {base.source}, since there are no such settings here: {names}")
    kept_in = None if base is None else base.folder_of(experiment.task)
    folders = request.conf.folders
    return replace(experiment, notes=notes, trusted=whole.trusted, folders=folders, kept_in=kept_in)


def _project_above(conf: Conf) -> list[str]:
    """Says so where the current folder lies in a project, whose conf/ then does not count."""
    above = None if project() is not None else project_with("conf/config.yaml")
    if above is None or above.folder not in Path.cwd().parents or above.folder / "conf" in conf.folders:
        return []
    return [f"conf/ of the project in {above.folder} does not count in a folder below it; {above.start}"]


class Whole(NamedTuple):
    """What a request is composed of: every setting, nothing checked yet; `trusted` as of an Experiment."""

    plain: dict[str, Any]
    choices: dict[str, str]
    overrides: tuple[str, ...]
    trusted: frozenset[str]
    base: Base | None
    written: environment.Written


def compose_plain(request: CheckedWords) -> Whole:
    """Compose the files and words of a request, on top of its run where it has one. Raises ConfigError."""
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    words, conf, root = request.overrides, request.conf, request.config_name
    asked = inherit.asked_by(words, conf, root)
    base = None if asked is None else request.bases.get(asked)
    if base is not None:
        words = (*inherit.group_words(base, words, conf), *_without_its_task(words, base))
    config, choices = _composed(request, words)
    try:
        whole, typed = config, []
        if base is not None:
            raw = cast(Dict[str, Any], OmegaConf.to_container(config))
            typed = inherit.lay(raw, base, request.overrides, conf, root)
            whole = OmegaConf.create(raw)
        plain = cast(Dict[str, Any], OmegaConf.to_container(whole, resolve=True, throw_on_missing=True))
        written = environment.from_environment(whole)
    except OmegaConfBaseException as error:
        raise ConfigError(_plain_message(error)) from error
    task_class = conf.class_of(choices["task"]) if base is None or "task" in conf.typed else None
    if task_class is not None and isinstance(plain.get("task"), dict):
        plain["task"]["class"] = task_class
    if "train" in conf.typed and isinstance(plain.get("train"), dict):
        plain["train"]["learner"] = conf.typed["train"]
    trusted = imports_of(plain)
    if base is not None:
        typed_choices = [word.partition("=")[::2] for word in request.overrides]
        choices = {**choices, **base.choices, **{key: name for key, name in typed_choices if key in GROUPS}}
        files = cast(Dict[str, Any], OmegaConf.to_container(config))
        trusted = trusted_imports(plain, files, typed, base, conf)
    choices = {group: conf.option(group, name) or name for group, name in choices.items()}
    return Whole(plain, choices, request.overrides, trusted, base, written)


def _composed(request: CheckedWords, words: Sequence[str]) -> tuple[Any, dict[str, str]]:
    """What Hydra makes of the files and these words, without its own section, and the choices of the groups."""
    from hydra import compose as hydra_compose
    from omegaconf import open_dict

    with composing(request.conf):
        config = hydra_compose(request.config_name, list(words), return_hydra_config=True)
    choices = {str(k): str(v) for k, v in config.hydra.runtime.choices.items() if "hydra" not in str(k)}
    with open_dict(config):
        config.pop("hydra")
    return config, choices


def _without_its_task(words: Sequence[str], base: Base) -> list[str]:
    """The words without a `task=` that names the run's own; raises ConfigError where it is another one."""
    task = base.choices["task"]
    others = [word for word in words if word.startswith("task=") and word != f"task={task}"]
    if others:
        other = types.echo(others[0][len("task=") :])
        raise ConfigError(f"{base.source} is of task {task}, not of {other}; write task={task}")
    return [word for word in words if not word.startswith("task=")]


@contextmanager
def composing(conf: Conf) -> Iterator[None]:
    """Inside, Hydra can compose these files; what it refuses becomes a ConfigError."""
    from hydra import initialize_config_dir
    from hydra.errors import HydraException
    from omegaconf.errors import OmegaConfBaseException

    from rlkit.config.files.hydra_source import hydra_path

    try:
        with _no_hydra_around(), initialize_config_dir(hydra_path(conf), version_base="1.3"):
            yield
    except (HydraException, OmegaConfBaseException) as error:
        raise ConfigError(_plain_message(error)) from error


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
            f"this is not a config.yaml that rlkit wrote: line {error.line}: {error}"
        ) from error


def from_file(config_yaml: Path) -> Experiment:
    """The same of a run's config.yaml, which may be anybody's; ConfigError names it."""
    content = inherit.read_settings(config_yaml)
    inherit.require_learner(config_yaml, content)
    try:
        return replace(_read_back(content), kept_in=config_yaml.absolute().parent)
    except ConfigError as error:
        start = f"{config_yaml}, the settings of the run, cannot be read: "
        raise ConfigError([start + message for message in error.messages]) from error


def _read_back(content: Any) -> Experiment:
    composed = inherit.read_composed("this", content)
    learner = content["train"]["learner"]
    plain = {name: section for name, section in content.items() if name != "composed"}
    plain, written = environment.read_back(plain, composed.environment)
    schema = check.schema_of_run(plain, learner)
    _add_what_came_since(plain, composed.choices, schema)
    problems = check.check_types(plain, schema)
    raise_for(problems)
    experiment = freeze_experiment(
        plain,
        composed.choices,
        composed.overrides,
        composed.config,
        composed.asked,
        tuple(notes_of(plain, composed.asked)),
        written,
    )
    return replace(experiment, trusted=trusted_here(plain))


def _add_what_came_since(plain: dict[str, Any], choices: Mapping[str, str], schema: Schema) -> None:
    """Give a run from before a setting existed the value of today's files."""
    if isinstance(plain.get("env"), dict):
        plain["env"].setdefault("kwargs", {})  # has no value of its own in any file
    if schema.is_free("train.network_settings"):
        plain["train"].setdefault("network_settings", {})  # nor has this
    flat = flatten(plain)
    missing = {n for n in schema.names if not n.startswith("task.") and n not in flat}
    files = [f"{group}/{choices[group]}" for group in ("sim", "physics", "env", "train") if group in choices]
    if not any(not name.endswith(".*") for name in missing):
        return
    conf = Conf(*conf_folders())
    for file in ("config", *files):
        for name, value in conf.sets(file).items():
            section, _, key = name.partition(".")
            if name in missing and isinstance(plain.get(section), dict):
                plain[section][key] = value


def changed(experiment: Experiment, changes: Mapping[str, Any], machine: Machine | None = None) -> Experiment:
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
    made = _resolved(plain, machine, *request, written)
    return replace(made, trusted=experiment.trusted, kept_in=experiment.kept_in)


def _resolved(
    plain: dict[str, Any],
    machine: Machine,
    choices: Mapping[str, str],
    overrides: tuple[str, ...],
    config_name: str,
    written: environment.Written,
) -> Experiment:
    before = thaw(plain)
    asked = resolve(plain, machine)
    problems = machine_checks.check(plain, machine) + check.check_combinations(plain, machine)
    raise_for(problems)
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
