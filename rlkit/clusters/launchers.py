"""Launchers of others that Hydra finds where they are installed: said by name where they are not."""

from __future__ import annotations

from importlib.util import find_spec

from rlkit.clusters.request import chosen
from rlkit.config.words.preflight import CheckedWords
from rlkit.errors import ConfigError
from rlkit.packages import how_to_install

_SUBMITIT = ("hydra_plugins.hydra_submitit_launcher", "", "hydra/launcher=slurm needs nothing but sbatch")
# launcher: its module, our extra with it, what does without it
_OTHERS = {
    "ray": ("hydra_plugins.hydra_ray_launcher", "ray", "without Ray, on SLURM: hydra/launcher=slurm"),
    "submitit_slurm": _SUBMITIT,
    "submitit_local": _SUBMITIT,
}


def require_launcher(request: CheckedWords) -> None:
    """Raise ConfigError where a request takes a launcher that is known and not installed."""
    name = chosen(request)
    if request.shows or name not in _OTHERS:
        return
    module, extra, instead = _OTHERS[name]
    if _is_there(module):
        return
    package = module.partition(".")[2].replace("_", "-")
    install = how_to_install(extra) if extra else f"pip install {package}"
    raise ConfigError([f"hydra/launcher={name}: there is no {package} here: {install}; {instead}"])


def _is_there(module: str) -> bool:
    """find_spec of a package within one that may be missing raises."""
    return find_spec(module.partition(".")[0]) is not None and find_spec(module) is not None
