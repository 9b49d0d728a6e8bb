"""What can be known to be wrong before Hydra is imported: names, options, values of single settings."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Mapping, Sequence

from rlkit.config.files import checks as files
from rlkit.config.files.conf import Conf
from rlkit.config.schema import keys, types
from rlkit.config.schema.schema import Schema
from rlkit.config.schema.spelling import camel
from rlkit.config.words import values
from rlkit.config.words.chosen import schema_for, typed_groups, used
from rlkit.config.words.command_line import CommandLine, Override, conf_of, parse
from rlkit.config.words.hints import Known, bare, chosen_by_path, instead, option_instead, options_are
from rlkit.config.words.inherit import Asked, Base
from rlkit.errors import ConfigError, raise_for
from rlkit.nearest import nearest
from rlkit.packages import train_command
from rlkit.plugins import source
from rlkit.plugins.modules import is_name
from rlkit.sims.facts import simulator_facts

_SHOWING = ("--cfg", "--info", "--hydra-help", "--version")
_NAME = re.compile(r"[A-Za-z_][\w$-]*(\.[A-Za-z0-9_$][\w$-]*)*$", re.ASCII)  # a key of Hydra's grammar


@dataclass(frozen=True)
class CheckedWords:
    """A command line that passed the preflight, in full names, and what it was checked against."""

    options: tuple[str, ...]  # for Hydra
    overrides: tuple[str, ...]
    config_name: str
    conf: Conf
    schema: Schema
    sweep: bool
    argv: tuple[str, ...]  # the words for Hydra: options, then overrides
    bases: Mapping[Asked, Base] = field(default_factory=dict)
    files: tuple[str, ...] = ()  # the options that say which files are composed

    @property
    def shows(self) -> bool:
        """Whether its options show something, and nothing is run."""
        return any(option.startswith(_SHOWING) for option in self.options)


def read_words(argv: Sequence[str], conf_dir: Path | None = None) -> CheckedWords:
    """Take apart and check a command line that starts from no run. Raises ConfigError with every mistake."""
    line = parse(argv)
    return check_words(line, conf_of(line, conf_dir))


def check_words(line: CommandLine, conf: Conf, bases: Mapping[Asked, Base] | None = None) -> CheckedWords:
    """Check a command line and write it in full names.

    bases: what each checkpoint that it asks for starts from. Raises ConfigError with every mistake that shows without
    composing.
    """
    bases = bases or {}
    wrong_root = _root_problem(line, conf)
    root = "config" if wrong_root else line.config_name or "config"
    problems = [*line.problems, *wrong_root]
    try:
        schema = schema_for(line, conf, root, tuple(bases.values()))
        chosen = typed_groups(line, conf) if bases else used(line, conf, root)
        problems += files.check(conf, root, chosen, schema)
        known = Known(schema, conf, line.sweep)
        problems += [_misspelt(override, known) for override in line.misspelt]
        found = [rewritten(override, known) for override in line.overrides]
    except ConfigError as error:  # a file that this request uses cannot be read
        raise ConfigError(list(dict.fromkeys([*problems, *error.messages]))) from error
    problems += [problem for problem in found if isinstance(problem, str)]
    raise_for(problems)
    right = [override for override in found if isinstance(override, Override)]
    line = replace(line, overrides=[_on_top(override) for override in right] if bases else right)
    overrides = tuple(override.text() for override in line.overrides)
    return CheckedWords(
        tuple(line.options),
        overrides,
        root,
        conf,
        schema,
        line.sweep,
        tuple(line.argv()),
        bases,
        tuple(line.files()),
    )


def _root_problem(line: CommandLine, conf: Conf) -> list[str]:
    """What is wrong with the root configuration that is asked for."""
    root = line.config_name or "config"
    if root in conf.roots():
        return []
    roots = conf.sound_roots()
    if not roots:
        folder = conf.folders[-1]
        raise ConfigError(
            f"{folder} holds no root configuration; to add to conf/ write --config-dir={folder}"
        )
    near = nearest(root, roots)
    there_are = f"; did you mean config={near[0]}? There are " if near else "; there are "
    return [f"config={types.echo(root)}: no such root configuration in conf/{there_are}{', '.join(roots)}"]


def _on_top(override: Override) -> Override:
    """The same on top of a run, which may have settings that the files here have not."""
    is_setting = override.key.partition(".")[0] in keys.SECTIONS and override.key not in keys.GROUPS
    return replace(override, prefix="++") if is_setting else override


def _misspelt(override: Override, known: Known) -> str:
    """What is wrong with a setting that was not written as name=value."""
    found = rewritten(override, known)
    return f"{override.complaint}: " + (found if isinstance(found, str) else f"write {override.typed}")


def rewritten(override: Override, known: Known) -> Override | str:
    """The override as Hydra takes it, in full names; what is wrong with it where it is."""
    if override.key.startswith(("hydra.", "hydra/")):
        return _hydras_own(override, known.schema)
    if override.key.startswith("/"):
        override = replace(override, key=override.key[1:])
    if override.value is None and override.prefix != "~":
        return bare(override.key, known)
    if override.key in keys.GROUPS:
        return _group(override, known)
    name = "task.class" if override.key == "task.class" else known.schema.canonical(override.key)
    return _unknown(override, known) if name is None else _setting(override, name, known)


def _hydras_own(override: Override, schema: Schema) -> Override | str:
    """Quote what Hydra's grammar cannot read; the values are for Hydra to check, but for one that it does not."""
    if override.key == "hydra.run.dir":
        return f"{override.typed}: runs lie in runs_all/; to name one write logging.experimentName=<name>"
    if override.value is None:
        return override if override.prefix == "~" else f"{override.typed}: a value is missing"
    if not _NAME.match(override.key.replace("/", ".")):
        return f"{override.typed}: Hydra has no such setting"
    value = values.quote_foreign(override.value)
    for name in re.findall(r"\$\{([\w.]+)", value):
        if not name.startswith(("hydra", "oc.", "now")) and schema.canonical(name) is None:
            return f"{override.typed}: there is no setting {types.echo(name)}"
    verbose = "bool or text or list of text"
    if override.key == "hydra.verbose" and types.problem(verbose, values.parse(value)) is not None:
        return f"{override.typed}: needs {verbose}; rlkit's own is logLevel=debug"
    return replace(override, value=value)


def _group(override: Override, known: Known) -> Override | str:
    """The choice of an option."""
    key, value = override.key, override.value or ""
    if override.prefix == "~":
        return f"{override.typed}: the group {key} cannot be left out; {options_are(key, known.conf)}"
    if values.parse(value) is values.UNREAD:
        return replace(override, prefix="")
    found = known.conf.typed.get(key) or (value if key == "sim" and is_name(value) else None)
    problem = None if found is None else source.problem(found)
    if problem is not None:
        return f"{key}={found}: {problem}"
    if key == "sim" and known.conf.option(key, value) is None and simulator_facts(value) is not None:
        return replace(override, prefix="", key="sim.name")
    for option in values.split(value) if known.sweep else [value]:
        if known.conf.option(key, option) is None:
            shown = types.echo(option)
            hint = option_instead(key, option, known.conf)
            return f"{key}={shown}: there is no conf/{key}/{shown}.yaml; {hint}"
    return replace(override, prefix="", value=values.quote_foreign(value))


def _unknown(override: Override, known: Known) -> Override | str:
    """A name that no setting has: a section as a whole, or a mistake."""
    key, schema = override.key, known.schema
    option = chosen_by_path(key, known.conf)
    if option is not None:
        return f"{override.typed}: to choose an option write {option}"
    spelt = (key, camel(key))
    section = next((name for name in spelt if schema.is_section(name) or name in keys.SECTIONS), None)
    return _no_setting(override, known) if section is None else _section(override, section, schema)


def _section(override: Override, section: str, schema: Schema) -> Override | str:
    """All that is in a section, as `{…}`."""
    value = override.value or ""
    if value.startswith("{"):
        prefix = "++" if schema.is_free(section) else ""
        return replace(override, prefix=prefix, key=section, value=values.quote_foreign(value))
    inside = [name.replace("*", "<name>") for name in schema.names if name.startswith(section + ".")]
    example = f"; set what is in it, as {inside[0]}=<value>" if inside else ""
    return f"{override.typed}: {section} is a section{example}"


def _no_setting(override: Override, known: Known) -> str:
    shown = types.echo(override.key)
    start = f"{override.typed}: there is no setting {shown}"
    if override.prefix.startswith("+"):
        start = f"{override.typed}: would add a setting {shown} that nothing reads"
    homes = known.conf.homes(override.key) if override.key.startswith("task.") else []
    if homes:
        return f"{start}; it belongs to task={homes[0]}"
    hint = instead(override.key, override.value or "", known)
    return start + (hint or f"; `{train_command()} --help` lists every setting")


def _setting(override: Override, name: str, known: Known) -> Override | str:
    """The value of a setting, by its full name."""
    typed, free = override.typed.lstrip("+"), known.schema.is_free(name)
    if override.prefix == "~":
        return f"{typed}: settings cannot be removed; give another value, as {name}=..."
    if name == "task.name":
        return f"{typed}: the name follows the task's file: write task={types.echo(str(override.value))}"
    if name == "task.class":
        return f"{typed}: a task is chosen with its class: write task={types.echo(str(override.value))}"
    if name == "task.engine":
        return f"{typed}: what steps a task is for its file to say; choose another task, as task=Gym"
    if not _NAME.match(name):
        return (
            f"{typed}: names on the command line are of letters a to z, digits and _; set it in a YAML file"
        )
    full = replace(override, key=name, prefix="++" if free else "")
    return _value(full, str(known.schema.type_of(name)), known.sweep)


def _value(override: Override, spec: str, sweep: bool) -> Override | str:
    """Check the value of a known setting; quote free text for Hydra's grammar."""
    text = override.value or ""
    parts = values.split(text) if sweep else [text]
    if not sweep and not types.is_text(spec) and len(values.split(text)) > 1:
        return f"{override.typed}: several values need a sweep: add -m"
    parts = [_quoted(part, spec) for part in parts]
    for part in parts:
        value = values.parse(part)
        found = None if value is values.UNREAD else types.problem(spec, value)
        if found is not None:
            name = "" if override.typed.startswith(override.key) else f"{override.key} "
            return f"{override.typed}: {name}{found}"
    return replace(override, value=values.quote_foreign(",".join(parts)))


def _quoted(text: str, spec: str) -> str:
    """A value as Hydra's grammar takes it."""
    if types.is_text(spec):
        return values.quote(text, "path" in spec)
    if spec == "any" and isinstance(values.parse(text), str):  # text alone: `2.0` must stay a number
        return values.quote(text, False)
    return text
