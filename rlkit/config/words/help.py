"""`python train.py --help`: what can be chosen, the short names, every setting with its default."""

from __future__ import annotations

import os
import textwrap
from typing import Any, Iterator, Sequence

from rlkit.config.files.conf import Conf
from rlkit.config.schema import keys, randomization, types
from rlkit.config.schema.schema import Schema
from rlkit.config.schema.tree import flatten, merge
from rlkit.config.words.chosen import schema_for, used
from rlkit.config.words.command_line import conf_of, parse
from rlkit.errors import ConfigError
from rlkit.packages import completion_command, test_command, train_command

WIDTH = 100
USAGE = """\
{train} [name=value ...]      train a policy
{test} checkpoint=latest      test the newest one

Examples
  {train} task=BoxGrasping numEnvs=2048
  {train} task=BoxGrasping physics=fast maxIter=500
  {train} task=BoxGrasping train=FastTD3   another learner
  {train} task=Gym env.id=HalfCheetah-v5   any Gymnasium environment
  {train} config=train_headless
  {train} -m seed=1,2,3                    one run for each seed
  {train} -m seed=1,2,3 hydra/launcher=joblib hydra.launcher.n_jobs=2    two at a time
  {train} -m sweep=latest                  go on with what a sweep has left
"""
MORE = """\
Names may be written in camelCase or snake_case. `--help train.` shows one section,
`task=<name> --help` that task's settings and defaults, --cfg job the composed configuration,
--hydra-help Hydra's own options; eval "$({completion} -sc install=bash)" turns on completion."""
TITLES = {
    "sim": "the simulator and its physics",
    "env": "environments, viewers and videos",
    "task": "what there is to do",
    "train": "the learner",
    "training": "a run: how long, what is saved and evaluated",
    "testing": "a test and what is recorded of it",
    "logging": "what is told while a run goes on",
    "experiment": "the window runs/ on the archive runs_all/",
}


def print_help(words: Sequence[str]) -> None:
    """Print the help for the task that the command line chooses; of one section alone where one is named.

    Raises ConfigError where there is no such section.
    """
    rest = [word for word in words if word not in ("-h", "--help", "help")]
    wanted = [word for word in rest if "=" not in word and not word.startswith("-")]
    line = parse([word for word in rest if word not in wanted])
    conf = conf_of(line)
    conf.with_packages()
    root = line.config_name if line.config_name in conf.roots() else "config"
    schema = schema_for(line, conf, root)
    defaults = _defaults(conf, root, used(line, conf, root))
    settings = list(_settings(schema, defaults, [keys.ALIASES.get(word, word) for word in wanted]))
    if wanted and not settings:
        raise ConfigError(
            f"--help {types.echo(wanted[0])}: there are the sections {', '.join(f'{s}.' for s in keys.SECTIONS)}"
        )
    aliases = ["Short names", *(f"  {alias:<12}{name}" for alias, name in keys.ALIASES.items())]
    usage, more = (
        text.format(train=train_command(), test=test_command(), completion=completion_command())
        for text in (USAGE, MORE)
    )
    parts = settings if wanted else [usage, *_choices(conf), "", *aliases, "", *settings, more]
    print("\n".join(parts))


def _defaults(conf: Conf, root: str, used: dict[str, list[str]]) -> dict[str, Any]:
    """Full name -> value in the files: the base, the choices, then the root configuration on top."""
    base, *above = conf.chain(root)
    choices = [
        file
        for group in keys.GROUPS
        for option in used[group][:1]
        for file in conf.chain(f"{group}/{option}")
    ]
    merged: dict[str, Any] = {}
    for file in (base, *choices, *above):
        merge(merged, file.tree())
    return flatten(merged, keep_empty=True)


def _choices(conf: Conf) -> Iterator[str]:
    yield "Choices"
    groups = {
        group: [_of_package(conf, group, name) for name in conf.options(group)] for group in keys.GROUPS
    }
    for name, options in (("config", conf.roots()), *groups.items()):
        yield from _wrapped(f"  {name + '=':<10}", " | ".join(options), 12)


def _of_package(conf: Conf, group: str, option: str) -> str:
    """An option with the installed package that its file comes from, where that is not rlkit."""
    folder = next(place for place in conf.places if os.path.lexists(place / group / f"{option}.yaml"))
    return option if folder in conf.folders else f"{option} ({folder.parent.name})"


def _settings(schema: Schema, defaults: dict[str, Any], wanted: Sequence[str]) -> Iterator[str]:
    """The settings by section, all or those that begin with a wanted word."""
    names = randomization.own_first(schema.names)
    for section in keys.SECTIONS:
        inside = [
            name
            for name in names
            if name.startswith(section + ".")
            and (not wanted or any(name == w or name.startswith(w.rstrip(".") + ".") for w in wanted))
        ]
        if inside:
            yield f"{section}: {TITLES[section]}"
            for name in inside:
                yield from _setting(name, schema, defaults)
            yield ""


def _setting(name: str, schema: Schema, defaults: dict[str, Any]) -> Iterator[str]:
    key = schema.key(name)
    unit = f"  [{key.unit}]" if key is not None and key.unit else ""
    given = "=" + types.show(defaults[name]).replace("'", "") if name in defaults else ""
    if len(name + given + unit) > WIDTH - 2:  # a list: it is cut between its items
        given = given.replace(",", ", ")
    yield from _wrapped(f"  {name}", given + unit, 10)
    kind = schema.type_of(name) or ""
    yield from _wrapped("      ", f"{kind}; {key.meaning}" if key is not None and key.meaning else kind, 6)


def _wrapped(head: str, text: str, indent: int) -> list[str]:
    return textwrap.wrap(head + text, WIDTH, subsequent_indent=" " * indent, break_on_hyphens=False)
