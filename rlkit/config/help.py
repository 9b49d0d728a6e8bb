"""`python train.py --help`: what can be chosen, the short names, every setting."""

from __future__ import annotations

from typing import Dict, List, Sequence

from rlkit.config import command_line, keys, preflight, randomization
from rlkit.config.conf import Conf, find_conf
from rlkit.config.schema import Schema

USAGE = """\
python train.py [name=value ...]      train a policy
python train.py test=true checkpoint=latest      test the newest one

Examples
  python train.py task=BoxGrasping numEnvs=2048
  python train.py task=BoxGrasping physics=fast maxIter=500
  python train.py task=BoxGrasping train=FastTD3   another learner
  python train.py task=Gym env.id=HalfCheetah-v5   any Gymnasium environment
  python train.py config=train_headless
  python train.py -m seed=1,2,3                    one run for each seed
"""
MORE = """\
Names may be written in camelCase or snake_case. `task=<name> --help` lists that task's settings.
--cfg job shows the composed configuration, --hydra-help Hydra's own options, and
eval "$(python train.py -sc install=bash)" turns on completion."""


def print_help(words: Sequence[str]) -> None:
    """Print the help for the task that the command line chooses."""
    line = command_line.parse([word for word in words if word not in ("-h", "--help", "help")])
    conf = Conf(find_conf())
    schema = preflight.schema_for(line, conf, line.config_name or "config", [])
    print("\n".join([USAGE, *_choices(conf), "", *_aliases(), "", *_settings(schema), MORE]))


def _choices(conf: Conf) -> List[str]:
    rows = [f"  {group + '=':<10}{' | '.join(conf.options(group))}" for group in keys.GROUPS]
    return ["Choices", f"  {'config=':<10}{' | '.join(conf.roots())}", *rows]


def _aliases() -> List[str]:
    return ["Short names", *(f"  {alias:<12}{name}" for alias, name in keys.ALIASES.items())]


def _settings(schema: Schema) -> List[str]:
    sections: Dict[str, List[str]] = {section: [] for section in keys.SECTIONS}
    for name in randomization.own_first(schema.names):
        key = schema.key(name)
        unit = f" [{key.unit}]" if key is not None and key.unit else ""
        meaning = "" if key is None else key.meaning
        row = f"  {name + unit:<46} {schema.type_of(name) or '':<34} {meaning}".rstrip()
        sections[name.partition(".")[0]].append(row)
    return ["Settings", *(line for section in keys.SECTIONS for line in [*sections[section], ""])]
