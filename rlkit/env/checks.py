"""What the terms of a task must return, and which of them gave a number that is not finite."""

from __future__ import annotations

from typing import Iterable, Mapping

import torch
from torch import Tensor

from rlkit.env.api import EnvError, EnvSpec, Observations, few

_NUMBER, _FLAG = torch.float32, torch.bool
DTYPES = {
    **dict.fromkeys(("observation", "reward", "metric", "fact"), _NUMBER),
    **dict.fromkeys(("success", "failure"), _FLAG),
}
# What evaluations and tables of episodes say of every task.
_TAKEN = {
    "return", "length", "success", "timeout", "video", "seconds", "env", "episode", "iteration", "trajectory",
}  # fmt: skip
_HINTS = {torch.float32: "; .float() makes it so", torch.bool: "; a comparison gives it"}


def check_value(task: str, kind: str, name: str, value: object, shape: tuple[int, ...], device: str) -> None:
    """Raise EnvError naming the term unless its value has this shape, its kind's dtype, and lives on the device.

    A reward of one number would otherwise be every env's, and a float64 observation all others' dtype.
    """
    dtype = DTYPES[kind]
    where = f"task {task}: the {kind} term {name}"
    wanted = f"{list(shape)} {_word(dtype)}"
    if not isinstance(value, Tensor):
        raise EnvError(f"{where} returns {type(value).__name__}, not a tensor {wanted}")
    if tuple(value.shape) != shape:
        why = ", one number for each env" if kind != "observation" else f", as @observation({shape[1]}) says"
        raise EnvError(f"{where} has shape {list(value.shape)}, must be {list(shape)}{why}")
    if value.dtype != dtype:
        raise EnvError(f"{where} is {_word(value.dtype)}, must be {_word(dtype)}{_HINTS[dtype]}")
    if value.device.type != device:
        raise EnvError(f"{where} is on {value.device}, must be on {device}, where self.device is")


def check_names(task: str, spec: EnvSpec) -> None:
    """Raise EnvError for a fact that is called as something else of an episode, and for scenarios of no good name."""
    taken = sorted({*spec.facts} & {*_TAKEN, spec.scenario_noun})
    if taken:
        raise EnvError(
            f"task {task}: a fact is called {taken[0]}, as something else of every episode; rename it"
        )
    if not spec.scenario_noun.isidentifier():
        raise EnvError(
            f"task {task}: scenario_noun is {spec.scenario_noun!r}; a file is called so: letters alone"
        )
    names = list(spec.scenarios)
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise EnvError(f"task {task}: two scenarios are called {twice}")


def bad_columns(obs: Tensor, layout: Iterable[tuple[str, int]]) -> list[str]:
    """ "term is nan in env 3" for the terms of `obs` `[N, size]` with a number that is not finite."""
    found, column = [], 0
    for name, size in layout:
        part = obs[:, column : column + size]
        found += _bad(f"the observation term {name}", part)
        column += size
    return found


def bad_groups(obs: Observations, layouts: Mapping[str, Iterable[tuple[str, int]]]) -> list[str]:
    """The same for several groups `[N, size]`, each term once."""
    return list(
        dict.fromkeys(line for name, group in obs.items() for line in bad_columns(group, layouts[name]))
    )


def bad_rows(terms: Tensor, names: Iterable[str]) -> list[str]:
    """The same for reward terms `[terms, N]`."""
    return [line for name, row in zip(names, terms) for line in _bad(f"the reward term {name}", row[:, None])]


def ended_and(ended: Tensor, total: Tensor) -> tuple[Tensor, bool]:
    """The ids of the envs that ended `[k]`, and whether `total` is finite: with one look at the device for both."""
    n = len(ended)
    bad = (total - total) != 0  # NaN unless it is finite; torch's isfinite takes twice as many kernels
    ids = torch.cat((ended, bad.expand(n + 1))).nonzero().squeeze(-1)  # more than n of them where it is not
    return (ids, True) if len(ids) <= n else (ids[ids < n], False)


def _bad(what: str, values: Tensor) -> list[str]:
    wrong = ~values.isfinite()
    rows = wrong.any(dim=-1).nonzero().squeeze(-1)
    if not len(rows):
        return []
    first = values[rows[0]][wrong[rows[0]]][0].item()
    return [f"{what} is {first} in env {few(rows.tolist())}"]


def _word(dtype: torch.dtype) -> str:
    return str(dtype).replace("torch.", "")
