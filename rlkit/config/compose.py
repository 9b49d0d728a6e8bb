"""argv -> Experiment: preflight, Hydra, checks, freeze."""

from __future__ import annotations

import re
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Dict, Iterator, Mapping, Optional, Sequence, Tuple, cast

from rlkit.config import check, randomization, values, yaml_text
from rlkit.config.errors import ConfigError
from rlkit.config.experiment import Experiment, freeze_experiment
from rlkit.config.keys import LEARNER_KEYS
from rlkit.config.machine import Machine
from rlkit.config.preflight import Request, read_request
from rlkit.config.resolve import resolve
from rlkit.config.terms import term_names


def compose(
    argv: Sequence[str], *, conf_dir: Optional[Path] = None, machine: Optional[Machine] = None
) -> Experiment:
    """Compose one command line (without the program's name) into a checked Experiment.

    Nothing is written and no simulator or torch is imported. Raises ConfigError with all mistakes.
    """
    return compose_request(read_request(argv, conf_dir), machine)


def compose_request(request: Request, machine: Optional[Machine] = None) -> Experiment:
    """Compose a request that passed the preflight."""
    from hydra import compose as hydra_compose
    from hydra import initialize_config_dir
    from hydra.errors import HydraException
    from omegaconf.errors import OmegaConfBaseException

    # Hydra wants the root configuration in its main folder; the others are searched after it.
    home = request.conf.folder_of(request.config_name)
    more = [values.quote(f"file://{f}", path=False) for f in request.conf.folders if f != home]
    search = [f"hydra.searchpath=[{','.join(more)}]"] if more else []
    try:
        with _no_hydra_around(), initialize_config_dir(str(home), version_base="1.3"):
            words = [*request.overrides, *search]
            config = hydra_compose(request.config_name, words, return_hydra_config=True)
            return experiment_from(config, request, machine)
    except (HydraException, OmegaConfBaseException) as error:
        raise ConfigError([_plain_message(error)]) from error


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


def experiment_from(config: Any, request: Request, machine: Optional[Machine] = None) -> Experiment:
    """Check and freeze a composed DictConfig that still holds its `hydra` section.

    Raises ConfigError with all mistakes.
    """
    from omegaconf import OmegaConf, open_dict

    choices = {str(k): str(v) for k, v in config.hydra.runtime.choices.items() if "hydra" not in str(k)}
    overrides = tuple(str(word) for word in config.hydra.overrides.task)
    with open_dict(config):
        hydra = config.pop("hydra")
        plain = cast(Dict[str, Any], OmegaConf.to_container(config, resolve=True, throw_on_missing=True))
        config.hydra = hydra
    learner = plain.get("train", {}).get("learner")
    schema = request.schema.of_learner(learner) if learner in LEARNER_KEYS else request.schema
    problems = check.check_types(plain, schema)
    if not problems:
        problems = check.task_file(plain, choices["task"])
        problems += randomization.check(plain)
        known = term_names(plain["task"]["name"])
        problems += [] if known is None else check.check_terms(plain["task"], known)
    if problems:
        raise ConfigError(problems)
    check.coerce_numbers(plain, schema)
    return _resolved(plain, machine or Machine.detect(), choices, overrides, request.config_name)


def from_yaml(text: str) -> Experiment:
    """Read back what `Experiment.to_yaml` wrote.

    The device is not checked again: a run may be looked at where it could not be trained.
    Raises ConfigError where a setting is unknown, missing or of the wrong type.
    """
    try:
        plain: Dict[str, Any] = yaml_text.load(text)
    except yaml_text.YamlError as error:
        raise ConfigError(
            [f"this is not a config.yaml that rlkit wrote: line {error.line}: {error}"]
        ) from error
    if not isinstance(plain, dict) or "composed" not in plain:
        raise ConfigError(["this is not a config.yaml that rlkit wrote: its section `composed` is missing"])
    composed = plain.pop("composed")
    plain.get("sim", {}).setdefault("maxContacts", 0)  # runs from before there was one
    learner = plain.get("train", {}).get("learner")
    if learner not in LEARNER_KEYS:
        raise ConfigError([f"train.learner={learner}: unknown; there is {', '.join(LEARNER_KEYS)}"])
    problems = check.check_types(plain, check.schema_of_run(plain, learner))
    if problems:
        raise ConfigError(problems)
    return freeze_experiment(
        plain,
        composed["choices"],
        tuple(composed["overrides"]),
        composed["config"],
        composed["asked"],
        tuple(check.notes(plain, composed["asked"])),
    )


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
    return _resolved(plain, machine, experiment.choices, experiment.overrides, experiment.config_name)


def _resolved(
    plain: Dict[str, Any],
    machine: Machine,
    choices: Mapping[str, str],
    overrides: Tuple[str, ...],
    config_name: str,
) -> Experiment:
    asked = resolve(plain, machine)
    problems = check.check_machine(plain, machine) + check.check_combinations(plain, machine)
    if problems:
        raise ConfigError(problems)
    notes = tuple(check.notes(plain, asked, machine))
    return freeze_experiment(plain, choices, overrides, config_name, asked, notes)


def _plain_message(error: Exception) -> str:
    """Hydra's own message, without its search path and its advice to append unknown keys with `+`."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    kept = [line for line in lines if not line.startswith(("Config search path", "provider=", "To append"))]
    unknown = re.match(r"Could not override '(.+)'", lines[0]) if lines else None
    if unknown:  # of a setting that another job of a sweep has
        return f"{unknown.group(1)}: the files chosen here have no such setting"
    where = getattr(error, "full_key", None)
    return (f"{where}: " if where else "") + "; ".join(kept)
